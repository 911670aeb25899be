"""Without an event loop every socket has a thread, and they all meet in the same live state."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from soyuz.features import presence as feature
from soyuz.live.hub import Connection, Hub
from soyuz.live.presence import GRACE_S, Presence
from soyuz.live.typing import Typing

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


class Moment(float):
    """A moment; while it is looked at, something happens on another thread, or tries to."""

    def while_looked_at(self, work: Callable[[], object]) -> Moment:
        self.thread = threading.Thread(target=work)
        return self

    def __sub__(self, earlier: float) -> float:
        if self.thread.ident is None:
            self.thread.start()
            self.thread.join(0.2)
        return float(self) - earlier


def test_who_returns_while_the_tick_says_goodbye_is_here() -> None:
    presence = Presence(0.0)
    presence.came("ann", 1.0, 1.0)
    presence.closed_last("ann", 1.0)
    now = Moment(1.0 + GRACE_S).while_looked_at(lambda: presence.came("ann", 4.0, 1.0))
    presence.tick(now)
    now.thread.join()
    assert "ann" in presence


def test_no_typist_is_forgotten_between_two_ticks() -> None:
    typing = Typing()

    def types(thread: int) -> Callable[[int], None]:
        def once(number: int) -> None:
            typing.set(f"room {number % 3}", f"t{thread}", True, 1.0)
            typing.gone(f"t{thread}")

        return once

    def ticks(number: int) -> None:
        typing.tick(1.0)

    def writes_alone(number: int) -> None:
        typing.set("attic", "ann", True, 1.0)
        assert "ann" in typing._typists["attic"]
        typing.set("attic", "ann", False, 1.0)

    at_once(ticks, writes_alone, *map(types, range(THREADS)))


def test_who_returns_while_their_departure_is_told_stays() -> None:
    hub, presence, stopping = Hub(None), Presence(0.0), threading.Event()  # type: ignore[arg-type]
    stopping.set()  # no ticks but ours
    clock: Any = SimpleNamespace(monotonic=lambda: 1.0)
    messenger: Any = SimpleNamespace(clock=clock, hub=hub, presence=presence, stopping=stopping)
    first, second = (Connection(s, "ann", "s", "127.0.0.1", 0.0, 0.0) for s in ("a", "b"))
    hub.on_gone.append(lambda username: hub.add(second))  # what another thread does meanwhile
    feature.register(messenger, None)  # type: ignore[arg-type]
    hub.add(first)
    presence.came("ann", 1.0, 1.0)
    hub.remove("a")
    presence.tick(1.0 + GRACE_S)
    assert "ann" in presence
