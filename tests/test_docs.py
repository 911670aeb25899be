"""The documents say what the code does: events, codes, settings, files and links."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import get_args

from soyuz.domain.bans import parse_permanent, parse_temporary
from soyuz.domain.errors import Code
from soyuz.domain.events import CLIENT_EVENTS, SERVER_EVENTS
from soyuz.settings import Settings
from tests.conftest import ROOT

PROTOCOL = (ROOT / "docs/protocol.md").read_text("utf-8")


def test_every_event_and_no_other_stands_in_the_protocol() -> None:
    named = set(re.findall(r"`(\w+:\w+)`", PROTOCOL))
    assert named == {*CLIENT_EVENTS, *SERVER_EVENTS}


def test_every_error_code_stands_in_the_protocol() -> None:
    assert {f"| `{code}` |" for code in get_args(Code)} <= set(re.findall(r"\| `\w+` \|", PROTOCOL))


def test_every_setting_and_no_other_is_documented() -> None:
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `SOYUZ_(\w+)`", text, re.MULTILINE))
    assert documented == {field.name.upper() for field in fields(Settings)} | {"RUNTIME"}


def test_links_lead_to_files() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_ban_examples_of_the_readme_can_be_saved() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 3
    assert len(parse_temporary(json.loads(blocks[0]), 0.0, None)) == 4
    assert parse_permanent(json.loads(blocks[1]))
    assert parse_permanent(json.loads(blocks[2]))


def test_excerpts_stand_in_the_files_they_name() -> None:
    count = 0
    for document in ROOT.glob("docs/learn/*.md"):
        found = re.findall(r"```python (\S+)\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
        for path, excerpt in found:
            count += 1
            code = (ROOT / path).read_text("utf-8")
            # The formatter sets an excerpt flush left and may break its lines anew.
            assert _squeezed(excerpt) in _squeezed(code), f"{document.name}: {path}"
    assert count >= 4


def _squeezed(code: str) -> str:
    return re.sub(r"\s+|,(?=\s*\))", "", code)
