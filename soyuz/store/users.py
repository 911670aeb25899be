"""users.json as people: looked up by any spelling, unique also among look-alikes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from soyuz.domain.errors import Refused
from soyuz.domain.names import fold, skeleton
from soyuz.domain.user import User, parse_users, removes_too_many, user_from_row
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.table import Delta, Row


class Users:
    """The accounts. `on_change(before, after)` hears of each account, None where it is not."""

    def __init__(self, journal: Journal) -> None:
        path = journal.disk.folder.users
        self.document = Document(
            path, lambda rows, at: parse_users(rows), journal, doubtful=removes_too_many
        )
        self.on_change: list[Callable[[User | None, User | None], None]] = []
        self._by_skeleton: dict[str, tuple[str, ...]] = {}  # an edit by hand may make twins
        self._admins: set[str] = set()

    def load(self) -> None:
        """Read the file. Raises OSError."""
        self.document.load()
        for name, row in self.document.value.items():
            self._index(name, None, row)
        self.document.on_apply.append(self._index)
        self.document.on_change.append(self._tell)

    def __len__(self) -> int:
        return len(self.document.value)

    def get(self, name: str) -> User | None:
        """Give the account of a name in any spelling."""
        folded = fold(name)
        row = self.document.value.get(folded)
        return None if row is None else user_from_row(folded, row)

    def iterate(self) -> Iterator[User]:
        """Give every account, one by one, in the file's order."""
        return (user_from_row(name, row) for name, row in self.document.value.items())

    def has_admin(self) -> bool:
        """Say whether anyone is an admin yet."""
        return bool(self._admins)

    def look_alike(self, folded: str) -> str | None:
        """Give the account a name could be mistaken for, itself included."""
        if folded in self.document.value:
            return folded
        return next(iter(self._by_skeleton.get(skeleton(folded), ())), None)

    def create(self, user: User) -> None:
        """Add an account. Raises Refused `invalid`, detail `taken`, and Unavailable."""

        def add(rows: Mapping[str, Any]) -> dict[str, Any]:
            name = user.username
            if self.look_alike(name):  # of two who come at once, one is first
                raise Refused("invalid", "taken", username=name)
            row = {k: v for k, v in msgspec.structs.asdict(user).items() if k != "username"}
            return {user.username: row}

        self.document.update(add)

    def change(self, username: str, **fields: Any) -> None:
        """Set fields of an account. Raises Refused `not_found`, and Unavailable."""

        def put(rows: Mapping[str, Any]) -> dict[str, Any]:
            if username not in rows:
                raise Refused("not_found", "not_found.user", username=username)
            return {username: {**rows[username], **fields}}

        self.document.update(put)

    def _index(self, name: str, before: Row | None, after: Row | None) -> None:
        mark = skeleton(name)
        others = tuple(alike for alike in self._by_skeleton.get(mark, ()) if alike != name)
        alike = others if after is None else (*others, name)
        if alike:
            self._by_skeleton[mark] = alike
        else:
            self._by_skeleton.pop(mark, None)
        is_admin = after is not None and after.get("role") == "admin"
        (self._admins.add if is_admin else self._admins.discard)(name)

    def _tell(self, delta: Delta) -> None:
        for name, (before, after) in delta.items():
            was = None if before is None else user_from_row(name, before)
            now = None if after is None else user_from_row(name, after)
            for tell in self.on_change:
                tell(was, now)
