"""Who is connected, and the only way to say something to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from soyuz import runtime
from soyuz.live.wire import Server


class Connection(msgspec.Struct, frozen=True, eq=False):
    """One socket of one signed-in person.

    `since` is monotonic seconds, `signed_in_at`, when the session was made, UTC seconds.
    """

    sid: str
    username: str
    session_id: str
    address: str
    since: float
    signed_in_at: float


class Ending(msgspec.Struct, frozen=True):
    """Why connections are closed: the payload of `session:ended`."""

    reason: str
    message: str
    code: str = ""
    until: str | None = None
    params: dict[str, Any] = {}


class Hub:
    """The live connections; `on_gone(username)` is called when a person's last one closes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        # Sockets open and close on threads of their own where there is no event loop. Whoever is
        # told of something is told outside the lock.
        self._lock = threading.Lock()
        self._by_sid: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, Connection]] = {}
        self.on_gone: list[Callable[[str], None]] = []

    def __len__(self) -> int:
        return len(self._by_sid)

    def add(self, connection: Connection) -> None:
        """Take a connection in."""
        with self._lock:
            self._put(connection)

    def remove(self, sid: str) -> None:
        """Forget a connection that has closed."""
        with self._lock:
            connection = self._by_sid.pop(sid, None)
            if connection is None:
                return
            mine = self._by_user[connection.username]
            del mine[sid]
            if mine:
                return
            del self._by_user[connection.username]
        for tell in self.on_gone:
            tell(connection.username)

    def move_session(self, old_id: str, new_id: str) -> None:
        """Hand a session's connections to the one that takes its place in the same browser.

        For sessions of one and the same person, after the start of the new one and before the end of
        the old one. The connections hear nothing of it.
        """
        with self._lock:
            for connection in list(self._by_sid.values()):
                if connection.session_id == old_id:
                    self._put(msgspec.structs.replace(connection, session_id=new_id))

    def get(self, sid: str) -> Connection | None:
        """Give a live connection."""
        return self._by_sid.get(sid)

    def of(self, username: str) -> list[Connection]:
        """Give a person's connections, the oldest first."""
        with self._lock:
            return list(self._by_user.get(username, {}).values())

    def all(self) -> list[Connection]:
        """Give every connection."""
        with self._lock:
            return list(self._by_sid.values())

    def join(self, sid: str, room: str) -> None:
        """Let a connection hear a room."""
        self._server.enter_room(sid, room)

    def publish(self, room: str, event: str, data: Any) -> None:
        """Tell everyone in a room."""
        self._server.emit(event, data, room=room)

    def broadcast(self, event: str, data: Any) -> None:
        """Tell everyone."""
        self._server.emit(event, data)

    def tell(self, username: str, event: str, data: Any) -> None:
        """Tell one person, wherever they are connected."""
        for connection in self.of(username):
            self._server.emit(event, data, to=connection.sid)

    def tell_one(self, sid: str, event: str, data: Any) -> None:
        """Tell one connection."""
        self._server.emit(event, data, to=sid)

    def expel(self, connections: Iterable[Connection], ending: Ending) -> None:
        """Tell connections why, and close them; whoever reads slowly holds up nobody."""
        for connection in connections:
            self._server.emit("session:ended", _payload(ending), to=connection.sid)
            # Forgotten at once: whatever else it sends is no longer from a signed-in person.
            self.remove(connection.sid)
            runtime.spawn(self._server.close, connection.sid)

    def close_strangers(self, now: float) -> None:
        """Close connections that are nobody's and should be somebody's by now; for a ticker."""
        self._server.close_strangers(now)

    def _put(self, connection: Connection) -> None:
        self._by_sid[connection.sid] = connection
        self._by_user.setdefault(connection.username, {})[connection.sid] = connection


def _payload(ending: Ending) -> dict[str, Any]:
    payload = msgspec.structs.asdict(ending)
    payload["code"] = ending.code or ending.reason
    if ending.until is None:
        del payload["until"]
    return payload
