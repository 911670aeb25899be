"""The history of every room, each opened when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soyuz.store.disk import Disk
from soyuz.store.history_lines import Entry
from soyuz.store.room_history import RoomHistory


class History:
    """Histories by room id. `follow(room, batch)` hears every batch once it is on the disk."""

    def __init__(self, disk: Disk, recent: int) -> None:
        self.follow: Callable[[str, Sequence[Entry]], None] = lambda room, batch: None
        self._disk = disk
        self._recent = recent
        self._rooms: dict[str, RoomHistory] = {}

    def of(self, room: str) -> RoomHistory:
        """Give a room's history. Raises OSError when its files cannot be read."""
        history = self._rooms.get(room)
        if history is None:
            history = RoomHistory(self._disk.folder.history / room, self._disk, self._recent)
            history.load()
            history.follow = lambda batch: self.follow(room, batch)
            self._rooms[room] = history
        return history

    def close(self) -> None:
        """Let every file go."""
        for history in self._rooms.values():
            history.close()
