"""users.json as people: looked up by any spelling, unique also among look-alikes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from soyuz.domain.errors import Refused
from soyuz.domain.merge import changed_keys
from soyuz.domain.names import fold, skeleton
from soyuz.domain.user import User, parse_users, user_from_row
from soyuz.store.disk import Disk
from soyuz.store.document import Document


class Users:
    """The accounts. `on_change(before, after)` hears of each account, None where it is not."""

    def __init__(self, disk: Disk) -> None:
        self.document = Document(disk.folder.users, lambda rows, at: parse_users(rows), disk)
        self.on_change: list[Callable[[User | None, User | None], None]] = []
        self._by_skeleton: dict[str, str] = {}
        self._admins: set[str] = set()

    def load(self) -> None:
        """Read the file. Raises OSError."""
        self.document.load()
        self._index({}, self.document.value)
        self.document.on_change.append(self._index)
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
        return self._by_skeleton.get(skeleton(folded))

    def create(self, user: User) -> None:
        """Add an account. Raises Refused `invalid`, detail `taken`, and Unavailable."""

        def add(rows: Mapping[str, Any]) -> dict[str, Any]:
            # Claimed here, under the document's lock, so that of two look-alikes one comes first.
            name = user.username
            if name in rows or self._by_skeleton.setdefault(skeleton(name), name) != name:
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

    def _index(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        for name in changed_keys(before, after):
            mark = skeleton(name)
            if name not in after and self._by_skeleton.get(mark) == name:
                del self._by_skeleton[mark]
            elif name in after:
                self._by_skeleton.setdefault(mark, name)
            is_admin = after.get(name, {}).get("role") == "admin"
            (self._admins.add if is_admin else self._admins.discard)(name)

    def _tell(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        for name in changed_keys(before, after):
            was = user_from_row(name, before[name]) if name in before else None
            now = user_from_row(name, after[name]) if name in after else None
            for tell in self.on_change:
                tell(was, now)
