"""The history of every room: a journal each, opened when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soyuz.store.disk import Disk
from soyuz.store.journal import Entry, Journal


class History:
    """Journals by room id. `follow(room, batch)` hears every batch once it is on the disk."""

    def __init__(self, disk: Disk, recent: int) -> None:
        self.follow: Callable[[str, Sequence[Entry]], None] = lambda room, batch: None
        self._disk = disk
        self._recent = recent
        self._journals: dict[str, Journal] = {}

    def of(self, room: str) -> Journal:
        """Give a room's journal. Raises OSError when its files cannot be read."""
        journal = self._journals.get(room)
        if journal is None:
            journal = Journal(self._disk.folder.history / room, self._disk, self._recent)
            journal.load()
            journal.follow = lambda batch: self.follow(room, batch)
            self._journals[room] = journal
        return journal

    def close(self) -> None:
        """Let every file go."""
        for journal in self._journals.values():
            journal.close()
