"""The interface's words: filled, in the right number, and harmless where they are embedded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soyuz import catalogue as catalogue_module
from soyuz.catalogue import Catalogue

ENGLISH = {
    "hello": "Hello {name}",
    "sum": "{n} of {most}",
    "new": {"one": "{n} new message", "other": "{n} new messages"},
    "only.english": "Only here",
    "script": "</script><!-- & \u2028",
}
PERSIAN = {"hello": "سلام {name}"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an English and a Persian catalogue."""
    for language, strings in (("en", ENGLISH), ("fa", PERSIAN)):
        (tmp_path / f"{language}.json").write_text(json.dumps(strings), "utf-8")
    monkeypatch.setattr(catalogue_module, "CATALOGUES", tmp_path)
    return tmp_path


def test_places_are_filled(folder: Path) -> None:
    say = Catalogue().say
    assert say("hello", {"name": "Ann"}) == "Hello Ann"
    assert say("sum", {"n": 3, "most": 4.6}) == "3 of 5"
    assert say("sum", {"n": "{most}", "most": 5}) == "{most} of 5"
    assert say("hello") == "Hello {name}"


@pytest.mark.parametrize(
    ("n", "words"), [(0, "messages"), (1, "message"), (2, "messages"), (11, "messages")]
)
def test_a_plural_is_chosen_by_n(folder: Path, n: int, words: str) -> None:
    assert Catalogue().say("new", {"n": n}) == f"{n} new {words}"


def test_a_missing_string_falls_back_to_english_and_then_to_its_key(folder: Path) -> None:
    persian = Catalogue("fa")
    assert persian.say("hello", {"name": "آن"}) == "سلام آن"
    assert persian.say("only.english") == "Only here"
    assert persian.say("no.such.key") == "no.such.key"
    assert json.loads(persian.json)["only.english"] == "Only here"


def test_a_language_without_a_file_is_an_error(folder: Path) -> None:
    with pytest.raises(OSError, match=r"xx\.json"):
        Catalogue("xx")


def test_no_string_can_end_the_script_that_carries_it(folder: Path) -> None:
    text = Catalogue().json
    assert "<" not in text
    assert json.loads(text) == ENGLISH
