"""The hub by itself: whose connections there are, and under which session."""

from __future__ import annotations

from typing import Any

import pytest

from soyuz.live.hub import Connection, Ending, Hub


class Wire:
    """A server without a network, and what it was told to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def emit(self, event: str, data: Any, to: str) -> None:
        self.said.append((to, event))

    def close(self, sid: str) -> None:
        pass


def tab(sid: str, username: str = "ann", session_id: str = "old") -> Connection:
    return Connection(sid, username, session_id, "127.0.0.1", 0.0, 0.0)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def hub(wire: Wire) -> Hub:
    return Hub(wire)  # type: ignore[arg-type]


def test_a_renewed_session_takes_its_connections_along(hub: Hub, wire: Wire) -> None:
    for connection in (
        tab("a"),
        tab("phone", session_id="phone"),
        tab("b"),
        tab("c", "ben", "bens"),
    ):
        hub.add(connection)
    hub.move_session("old", "new")
    assert [(c.sid, c.session_id) for c in hub.of("ann")] == [
        ("a", "new"),
        ("phone", "phone"),
        ("b", "new"),
    ], "still the oldest first"
    assert [c.session_id for c in hub.all()] == ["new", "phone", "new", "bens"]
    assert hub.get("a") is hub.of("ann")[0]
    assert wire.said == []
    hub.expel([c for c in hub.of("ann") if c.session_id == "old"], Ending("signed_out", ""))
    assert len(hub) == 4, "the old session's end meets nobody"
    hub.move_session("unknown", "new")
    hub.remove("a"), hub.remove("b"), hub.remove("phone")
    assert hub.of("ann") == []


def test_a_person_is_gone_with_their_last_connection(hub: Hub) -> None:
    gone: list[str] = []
    hub.on_gone.append(gone.append)
    hub.add(tab("a")), hub.add(tab("b"))
    hub.remove("a"), hub.remove("a")
    assert gone == []
    hub.remove("b")
    assert gone == ["ann"]
