"""perma_banned.json and temp_bans.json as one list of who is kept out, asked at every door."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from soyuz.domain.bans import (
    ADDRESS_PREFIX,
    Ban,
    Banned,
    Scope,
    bannable_network,
    effective,
    parse_permanent,
    parse_temporary,
)
from soyuz.domain.instant import iso
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.table import Delta

log = logging.getLogger("soyuz.store")


class Bans:
    """Both files. `on_change()` is called when what holds may have changed."""

    def __init__(self, journal: Journal) -> None:
        folder = journal.disk.folder
        self.permanent = Document(
            folder.permanent_bans,
            lambda rows, at: parse_permanent(rows),
            journal,
            absence_deletes=True,
        )
        self.temporary = Document(
            folder.temporary_bans,
            lambda rows, at: parse_temporary(rows, at, None),
            journal,
            complete_by_hand=True,
            absence_deletes=True,
        )
        self.on_change: list[Callable[[], None]] = []
        self.on_refused: list[Callable[[str, str], None]] = []  # (file, key)
        self._banned = Banned({}, [])

    def load(self) -> None:
        """Read both files. Raises OSError."""
        for document in (self.permanent, self.temporary):
            document.load()
            document.on_change.append(lambda delta: self._changed())
            document.on_change.append(self._refuse_shared(document))
            for key in document.value:
                if _is_refused(key):
                    log.warning("%s: %s bans nobody, many people share it", document.name, key)
        self._banned = effective(self.permanent.value, self.temporary.value)

    def of(self, username: str | None, address: str, scope: Scope, now: float) -> Ban | None:
        """Give the ban of `scope` that holds at `now` (UTC seconds) for an account or an address."""
        ban = self._banned.of_account(username, scope, now) if username else None
        return ban or self._banned.of_address(address, scope, now)

    def ban(
        self, key: str, *, reason: str, by: str, at: float, until: float | None, scope: Scope
    ) -> None:
        """Write a ban of a folded name or an `ip:` key. Raises Unavailable."""
        row: dict[str, Any] = {"reason": reason, "by": by, "at": iso(at), "scope": scope}
        if until is None:
            self.permanent.update(lambda rows: {key: row})
        else:
            self.temporary.update(lambda rows: {key: {**row, "until": iso(until)}})

    def lift(self, key: str) -> bool:
        """Take a key out of both files; says whether it was there. Raises Unavailable."""
        found = False
        for document in (self.permanent, self.temporary):
            if key in document.value:
                found = True
                document.update(lambda rows: {key: None})
        return found

    def _changed(self) -> None:
        self._banned = effective(self.permanent.value, self.temporary.value)
        for tell in self.on_change:
            tell()

    def _refuse_shared(self, document: Document) -> Callable[[Delta], None]:
        def check(delta: Delta) -> None:
            for key, (before, _) in delta.items():
                if before is None and _is_refused(key):
                    for tell in self.on_refused:
                        tell(document.path.name, key)

        return check


def _is_refused(key: str) -> bool:
    return key.startswith(ADDRESS_PREFIX) and bannable_network(key) is None
