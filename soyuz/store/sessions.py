"""sessions.json: who is signed in where. Only the SHA-256 of a cookie's token is ever stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from soyuz.domain.errors import Malformed
from soyuz.domain.instant import epoch, iso
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.table import Delta, Row

IDLE_S = 14 * 86_400.0
ABSOLUTE_S = 90 * 86_400.0
SEEN_EVERY_S = 3_600.0  # how old the written "last seen" may be


class Session(msgspec.Struct, frozen=True):
    """One sign-in. `id` is the token's hash; moments are UTC seconds."""

    id: str
    username: str
    created_at: float
    seen_at: float
    address: str
    browser: str


class Sessions:
    """The sign-ins. `on_end(session)` is called for each that is ended."""

    def __init__(self, journal: Journal) -> None:
        path = journal.disk.folder.sessions
        self.document = Document(path, lambda rows, at: _parse(rows), journal)
        self._by_user: dict[str, set[str]] = {}
        self.on_end: list[Callable[[Session], None]] = []
        self._seen: dict[str, float] = {}

    def load(self) -> None:
        """Read the file. Raises OSError."""
        self.document.load()
        for key, row in self.document.value.items():
            self._index(key, None, row)
        self.document.on_apply.append(self._index)
        self.document.on_change.append(self._tell_ended)

    def start(self, token: str, username: str, now: float, address: str, browser: str) -> None:
        """Remember a sign-in. Raises Unavailable."""
        row = {
            "user": username,
            "created_at": iso(now),
            "seen_at": iso(now),
            "address": address,
            "browser": browser[:200],
        }
        self.document.update(lambda rows: {_id(token): row})

    def find(self, token: str, now: float) -> Session | None:
        """Give the session of a cookie's token unless it has run out."""
        session = self._session(_id(token))
        if session is None:
            return None
        if now - session.seen_at > IDLE_S or now - session.created_at > ABSOLUTE_S:
            return None
        self._seen[session.id] = now
        return session

    def of(self, username: str) -> list[Session]:
        """Give a person's sign-ins, the latest seen first."""
        sessions = [s for s in map(self._session, self._by_user.get(username, ())) if s]
        return sorted(sessions, key=lambda session: session.seen_at, reverse=True)

    def usernames(self) -> set[str]:
        """Give everyone who is signed in somewhere."""
        return set(self._by_user)

    def end(self, session_id: str) -> None:
        """End one sign-in. Raises Unavailable."""
        self.document.update(lambda rows: {session_id: None})

    def end_all(self, username: str, keep: str | None = None) -> None:
        """End a person's sign-ins but `keep`. Raises Unavailable."""

        def drop(rows: Mapping[str, Any]) -> dict[str, None]:
            return {i: None for i in self._by_user.get(username, ()) if i != keep}

        self.document.update(drop)

    def write_seen(self, now: float) -> None:
        """Write down who was seen, where that is old news on the disk, and drop what has run out."""
        seen, self._seen = self._seen, {}

        def put(rows: Mapping[str, Any]) -> dict[str, Any]:
            changes: dict[str, Any] = {}
            for key, row in rows.items():
                seen_at = max(epoch(row["seen_at"]), seen.get(key, 0.0))
                if now - seen_at > IDLE_S or now - epoch(row["created_at"]) > ABSOLUTE_S:
                    changes[key] = None
                elif seen_at - epoch(row["seen_at"]) > SEEN_EVERY_S:
                    changes[key] = {**row, "seen_at": iso(seen_at)}
            return changes

        self.document.update(put)

    def _session(self, session_id: str) -> Session | None:
        row = self.document.value.get(session_id)
        return None if row is None else self._from_row(session_id, row)

    def _from_row(self, session_id: str, row: Mapping[str, Any]) -> Session:
        seen_at = max(epoch(row["seen_at"]), self._seen.get(session_id, 0.0))
        created_at = epoch(row["created_at"])
        return Session(session_id, row["user"], created_at, seen_at, row["address"], row["browser"])

    def _index(self, key: str, before: Row | None, after: Row | None) -> None:
        if before is not None:
            mine = self._by_user[before["user"]]
            mine.discard(key)
            if not mine:
                del self._by_user[before["user"]]
        if after is not None:
            self._by_user.setdefault(after["user"], set()).add(key)

    def _tell_ended(self, delta: Delta) -> None:
        for key, (before, after) in delta.items():
            if before is not None and after is None:
                self._seen.pop(key, None)
                for tell in self.on_end:
                    tell(self._from_row(key, before))


def _id(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _parse(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Malformed("the file must hold an object of sessions")
    for key, row in content.items():
        try:
            epoch(row["seen_at"]), epoch(row["created_at"])
            texts = (row["user"], row["address"], row["browser"])
        except (TypeError, KeyError, ValueError):
            raise Malformed(
                "a session needs user, created_at, seen_at, address, browser", key
            ) from None
        if not all(isinstance(text, str) for text in texts):
            raise Malformed("user, address and browser must be text", key)
    return content
