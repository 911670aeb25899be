"""Without an event loop every socket has a thread, and they all meet in the same live state."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from soyuz.live.hub import Connection, Hub

THREADS = 4
STRESS_S = 1.0


@pytest.fixture(autouse=True)
def eager_threads() -> Iterator[None]:
    """Have the interpreter change threads as often as it can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def at_once(*works: Callable[[int], object], seconds: float = STRESS_S) -> None:
    """Have each piece of work done over and over on a thread of its own, with a running number."""
    failures: list[BaseException] = []
    deadline = time.monotonic() + seconds

    def repeat(work: Callable[[int], object]) -> None:
        number = 0
        try:
            while time.monotonic() < deadline and not failures:
                work(number)
                number += 1
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_the_hub_loses_nobody_and_keeps_nobody() -> None:
    hub = Hub(None)  # type: ignore[arg-type]

    def comes_and_goes(thread: int) -> Callable[[int], None]:
        def once(number: int) -> None:
            sid = f"{thread}-{number}"
            hub.add(Connection(sid, "ann", "old", "127.0.0.1", 0.0, 0.0))
            assert sid in [connection.sid for connection in hub.of("ann")]
            hub.remove(sid)

        return once

    def renews(number: int) -> None:
        hub.move_session("old", "new")

    at_once(renews, *map(comes_and_goes, range(THREADS)))
    assert (len(hub), hub.all(), hub.of("ann")) == (0, [], [])
