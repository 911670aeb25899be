"""A verb is known or unknown, done or refused; a mistake of ours is called one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soyuz.cli import control
from soyuz.cli.control import Failed, perform
from soyuz.messenger import Messenger
from soyuz.settings import Settings


@pytest.fixture
def messenger(tmp_path: Path) -> Iterator[Messenger]:
    messenger = Messenger(Settings(data=tmp_path / "data"))
    messenger.open()
    yield messenger
    messenger.close()


@pytest.mark.parametrize(
    ("verb", "args"), [("fly", {}), ("unban", {}), ("unban", {"key": "bob", "much": True})]
)
def test_another_versions_verb_is_not_known(
    messenger: Messenger, verb: str, args: dict[str, Any]
) -> None:
    with pytest.raises(Failed, match="another version"):
        perform(messenger, verb, args)


@pytest.mark.parametrize("bug", [KeyError("x"), TypeError("x"), AttributeError("x")])
def test_a_mistake_inside_a_verb_is_logged_and_not_blamed_on_the_version(
    messenger: Messenger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    bug: Exception,
) -> None:
    def unban(messenger: Messenger, key: str) -> None:
        raise bug

    monkeypatch.setitem(control.VERBS, "unban", unban)
    with caplog.at_level(logging.ERROR), pytest.raises(Failed, match="mistake of ours"):
        perform(messenger, "unban", {"key": "bob"})
    assert caplog.records[0].exc_info
