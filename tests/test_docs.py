"""The documents say what the code does: events, codes, settings, files, examples, excerpts and links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from soyuz.domain.bans import parse_permanent, parse_temporary
from soyuz.domain.errors import Code
from soyuz.domain.events import CLIENT_EVENTS, SERVER_EVENTS
from soyuz.domain.message import Message
from soyuz.paths import DataFolder
from soyuz.settings import Settings, load
from tests.conftest import PASSWORD, ROOT, MakePerson

DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
PROTOCOL = (ROOT / "docs/protocol.md").read_text("utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text("utf-8")
OUTSIDE_SETTINGS_TOML = {"SOYUZ_DATA", "SOYUZ_RUNTIME"}
PARSERS = {
    "perma_banned.json": lambda content: parse_permanent(content),
    "temp_bans.json": lambda content: parse_temporary(content, 0.0, None),
}


def blocks(text: str, info: str) -> list[Any]:
    """Give the fenced blocks whose line after the fence matches: (its groups…, the block)."""
    return re.findall(rf"^ *```{info}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def section(event: str) -> str:
    """Give what the protocol says of one event."""
    return PROTOCOL.partition(f"### `{event}`\n")[2].partition("\n## ")[0].partition("\n### ")[0]


# The protocol


def test_every_event_and_no_other_stands_in_the_protocol() -> None:
    assert set(re.findall(r"`(\w+:\w+)`", PROTOCOL)) == {*CLIENT_EVENTS, *SERVER_EVENTS}
    assert all(section(event) for event in (*CLIENT_EVENTS, *SERVER_EVENTS))


def test_every_error_code_stands_in_the_protocol() -> None:
    assert {f"| `{code}` |" for code in get_args(Code)} <= set(re.findall(r"\| `\w+` \|", PROTOCOL))


def test_every_detail_the_protocol_names_has_its_sentence() -> None:
    strings = json.loads((ROOT / "static/i18n/en.json").read_text("utf-8"))
    details = re.findall(rf"`((?:{'|'.join(get_args(Code))})\.[\w.]+)`", PROTOCOL)
    assert {"too_fast.message", "banned.write"} <= set(details)
    assert {f"error.{detail}" for detail in details} <= strings.keys()


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_every_field_a_client_may_send_is_explained(event: str) -> None:
    explained = re.findall(r"^\| `(\w+)` \|", section(event), re.MULTILINE)
    assert explained == [field.name for field in msgspec.structs.fields(CLIENT_EVENTS[event])]


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_the_example_of_what_a_client_sends_is_right(event: str) -> None:
    (example,) = blocks(PROTOCOL, f"json {event}")
    msgspec.convert(json.loads(example), CLIENT_EVENTS[event], strict=True)


def test_the_example_of_a_message_is_one() -> None:
    (example,) = blocks(PROTOCOL, "json message:posted")
    assert json.loads(example).keys() == {f.name for f in msgspec.structs.fields(Message)}


def test_the_example_of_the_first_words_has_what_a_connection_hears(person: MakePerson) -> None:
    (example,) = blocks(PROTOCOL, "json session:ready")
    alice = person("alice")
    ready, shown = alice.hears("session:ready"), json.loads(example)
    assert shown.keys() == ready.keys()
    assert shown["me"].keys() == ready["me"].keys()
    assert shown["people"][0].keys() == ready["people"][0].keys()
    assert shown["rooms"][0].keys() == ready["rooms"][0].keys()
    assert shown["limits"].keys() == ready["limits"].keys()


def test_the_bot_of_the_protocol_answers(person: MakePerson, tmp_path: Path) -> None:
    (code,) = blocks(PROTOCOL, "python")
    (tmp_path / "bot.py").write_text(code, "utf-8")
    alice, robot = person("alice"), person("robot")
    alice.hears("session:ready")
    command = [sys.executable, tmp_path / "bot.py", robot.server.url, robot.name, PASSWORD]
    bot = subprocess.Popen(command)
    try:
        # others may have come in the same tick
        while robot.name not in alice.hears("presence:changed", 15.0)["joined"]:
            pass
        alice.says("!echo hello")
        assert alice.hears("message:posted", 15.0, author=robot.name)["text"] == "hello"
        assert bot.poll() is None
    finally:
        bot.kill()
        bot.wait()


# Settings


def test_every_setting_and_no_other_is_documented() -> None:
    documented = re.findall(r"^\| `(SOYUZ_\w+)`", SETTINGS, re.MULTILINE)
    expected = {f"SOYUZ_{field.name.upper()}" for field in fields(Settings)} | {"SOYUZ_RUNTIME"}
    assert len(documented) == len(set(documented))
    assert set(documented) == expected
    for document in DOCUMENTS:
        named = set(re.findall(r"SOYUZ_\w+", document.read_text("utf-8")))
        assert named <= expected, document.name


def test_defaults_and_examples_of_settings_are_what_the_code_reads(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `(SOYUZ_\w+)` \| `([^`]+)` \|.*\| `([^`]+)`", SETTINGS, re.MULTILINE)
    rows = [row for row in rows if row[0] not in OUTSIDE_SETTINGS_TOML]
    assert len(rows) == len(fields(Settings)) - 1, "all but the data folder"
    for variable, default, example in rows:
        name, data = variable.removeprefix("SOYUZ_").lower(), str(tmp_path)
        read = load({variable: default, "SOYUZ_DATA": data})
        assert getattr(read, name) == getattr(Settings(), name), variable
        load({variable: example, "SOYUZ_DATA": data})


def test_the_example_of_settings_toml_can_be_read(tmp_path: Path) -> None:
    (example,) = blocks(SETTINGS, "toml settings.toml")
    (tmp_path / "settings.toml").write_text(example, "utf-8")
    assert load({"SOYUZ_DATA": str(tmp_path)}).port == 8080


def test_the_defaults_in_the_readme_are_those_of_the_settings() -> None:
    row = re.compile(r"^\| `(SOYUZ_\w+)` \| (\S+|the checkout) \|", re.MULTILINE)
    defaults = dict(row.findall(SETTINGS))
    shown = row.findall((ROOT / "README.md").read_text("utf-8"))
    assert shown
    for variable, default in shown:
        assert default == defaults[variable], variable


# Files


def test_every_file_of_the_data_folder_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs/files.md").read_text("utf-8")
    names = [path.name for path in vars(DataFolder(tmp_path / "data")).values()]
    for name in names[1:]:  # the first is the folder itself
        assert f"`{name}" in text, name


def test_the_ban_examples_can_be_saved() -> None:
    count = 0
    for document in DOCUMENTS:
        for name, parse in PARSERS.items():
            for example in blocks(document.read_text("utf-8"), f"json {re.escape(name)}"):
                count += 1
                assert parse(json.loads(example)), f"{document.name}: {name}"
    assert count >= 6


# The command line


def test_verbs_are_shown_with_what_finds_the_libraries() -> None:
    for document in DOCUMENTS:
        commands = re.findall(r"(\S*python) (?:server\.py|-m soyuz)", document.read_text("utf-8"))
        assert all(python.lstrip("`").startswith(".venv") for python in commands), document.name


# All of them


def test_json_in_the_documents_is_json() -> None:
    for document in DOCUMENTS:
        for _, example in blocks(document.read_text("utf-8"), r"json( \S+)?"):
            json.loads(example)


def test_excerpts_stand_in_the_files_they_name() -> None:
    pages = sorted(ROOT.glob("docs/learn/0*.md"))
    assert len(pages) == 4
    for page in pages:
        excerpts = blocks(page.read_text("utf-8"), r"(?:python|js) (\S+)")
        assert excerpts, page.name
        for path, excerpt in excerpts:
            # The formatter sets an excerpt flush left and may break its lines anew.
            code = _squeezed((ROOT / path).read_text("utf-8"))
            assert _squeezed(excerpt) in code, f"{page.name}: {path}"


def test_links_lead_to_files_and_headings() -> None:
    for document in DOCUMENTS:
        links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", document.read_text("utf-8"))
        for target, heading in links:
            path = document.parent / target if target else document
            assert path.exists(), f"{document.name}: {target}"
            if heading:
                assert heading in _headings(path), f"{document.name}: {target}#{heading}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, to_read = set(), [ROOT / "README.md"]
    while to_read:
        document = to_read.pop().resolve()
        if document not in reached:
            reached.add(document)
            links = re.findall(r"\]\((?!https?:)([^)#]+\.md)", document.read_text("utf-8"))
            to_read += [document.parent / link for link in links]
    assert {d.resolve() for d in DOCUMENTS} <= reached


def _headings(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _squeezed(code: str) -> str:
    return re.sub(r"\s+|,(?=\s*\))", "", code)
