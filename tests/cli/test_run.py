"""Ending in good order, at whatever moment the signal comes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from soyuz.cli.run import _Ending
from soyuz.messenger import Messenger
from soyuz.settings import Settings


@pytest.fixture
def ending(tmp_path: Path) -> _Ending:
    return _Ending(Messenger(Settings(data=tmp_path)), [])


@pytest.mark.parametrize("outcome", [OSError(9, "Bad file descriptor"), None])
def test_a_signal_before_serving_has_begun_still_ends_in_good_order(
    ending: _Ending, outcome: OSError | None
) -> None:
    left: list[str] = []

    def serve() -> None:
        ending._begun = True  # by the signal, which closes the sockets
        if outcome:
            raise outcome

    def main() -> None:
        ending.comes_first(serve)
        left.append("before the writes were finished")

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    thread.join(0.3)
    assert left == []
    assert thread.is_alive()


def test_without_a_signal_a_failure_is_one(ending: _Ending) -> None:
    def serve() -> None:
        raise OSError(9, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file"):
        ending.comes_first(serve)
