"""Rows by key, held in memory as their JSON; a change counts once it is in the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from soyuz.store.journal import Changes, Journal, Ticket

log = logging.getLogger("soyuz.store")

Row = dict[str, Any]
Wanted = Mapping[str, Row | None]  # key to its whole new row, or to None to delete it
Delta = Mapping[str, tuple[Row | None, Row | None]]  # key to its row before and after


class Rows(Mapping[str, Row]):
    """The rows as they are now, each decoded when it is asked for; altering one alters nothing."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> Row:
        return decode(self._texts[key])

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


class Table:
    """See the module.

    `on_apply(key, before, after)` is called with each change in memory and with its undoing;
    `on_change(delta)` on the event loop, when it is on the disk.
    """

    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self.value = Rows({})
        self.on_apply: list[Callable[[str, Row | None, Row | None], None]] = []
        self.on_change: list[Callable[[Delta], None]] = []
        self._journal = journal
        self._texts: dict[str, bytes] = {}
        self.value = Rows(self._texts)

    def update(self, change: Callable[[Rows], Wanted]) -> None:
        """Apply a change and wait until it is on the disk. Raises Unavailable, and what `change` does.

        `change` is handed the rows and gives those to put and the keys to delete (None).
        """
        ticket = self.begin_update(change)
        if ticket:
            ticket.wait()

    def begin_update(self, change: Callable[[Rows], Wanted]) -> Ticket | None:
        """Apply a change in memory at once; gives its way to the disk, None when nothing changes."""
        with self._journal.lock:
            wanted = {key: encode(row) for key, row in change(self.value).items()}
            return self._begin(wanted)

    def restore(self, key: str, row: bytes | None) -> None:
        """Put a row back as it was: the disk did not take its change."""
        self._apply(key, self._texts.get(key), row)

    def tell(self, changes: Changes) -> None:
        """Changes are on the disk."""
        delta = {key: (decoded(before), decoded(after)) for key, (before, after) in changes.items()}
        for hear in self.on_change:
            try:
                hear(delta)
            except Exception:  # the change has happened; the others must hear of it
                log.exception("what follows a change of %s failed", self.name)

    def _begin(
        self,
        wanted: Mapping[str, bytes | None],
        text_sha256: str | None = None,
        differs: Mapping[str, bytes | None] = {},
    ) -> Ticket | None:
        changes = {
            key: (self._texts.get(key), row)
            for key, row in wanted.items()
            if row != self._texts.get(key)
        }
        if not changes and text_sha256 is None:
            return None
        for key, (before, row) in changes.items():
            self._apply(key, before, row)
        return self._journal.put(self, changes, text_sha256, differs)

    def _apply(self, key: str, before: bytes | None, after: bytes | None) -> None:
        if after is None:
            self._texts.pop(key, None)
        else:
            self._texts[key] = after
        for follow in self.on_apply:
            follow(key, decoded(before), decoded(after))


def encode(row: Row | None) -> bytes | None:
    """Give a row's one encoding."""
    return None if row is None else msgspec.json.encode(row)


def decode(text: bytes) -> Row:
    """Give a row of a document."""
    row: Row = msgspec.json.decode(text)
    return row


def decoded(text: bytes | None) -> Row | None:
    """Give a row, if there is one."""
    return None if text is None else decode(text)
