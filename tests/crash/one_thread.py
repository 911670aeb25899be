"""The whole store in one thread, so that a run repeats to the letter: the committer works when asked."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from soyuz import runtime
from soyuz.paths import DataFolder
from soyuz.store import journal as journal_module
from soyuz.store import looks
from soyuz.store import room_history as room_history_module
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.history_lines import Entry
from soyuz.store.journal import Journal, Ticket
from soyuz.store.room_history import RoomHistory
from tests.store.conftest import rows_of_numbers

FILES = ("people.json", "bans.json")  # the admin edits the first; nobody but the store the second
SEGMENT_BYTES = 700


class Committer:
    """Stands for the native thread and for the event loop."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self._work = work
        waiting.append(self)

    def wake(self) -> None:
        if self not in waiting:
            waiting.append(self)

    def stop(self, timeout_s: float) -> None:
        self.wake()
        work_now()

    def work(self) -> None:
        self._work()


waiting: deque[Any] = deque()


def work_now() -> None:
    """Let the committer and the event loop do all there is to do."""
    while waiting:
        waiting.popleft().work()


class Call:
    def __init__(self, fn: Callable[..., object], *args: Any) -> None:
        self.work = lambda: fn(*args)


@contextlib.contextmanager
def one_thread() -> Iterator[pytest.MonkeyPatch]:
    """Have the store in one thread, with segments that are soon full and an admin who is quick."""
    with pytest.MonkeyPatch.context() as patched:
        waiting.clear()
        wait = Ticket.wait
        patched.setattr(Ticket, "wait", lambda ticket: (work_now(), wait(ticket)))
        patched.setattr(runtime, "NativeThread", Committer)
        patched.setattr(runtime, "open_door", lambda: None)
        patched.setattr(runtime, "on_loop", lambda fn, *args: waiting.append(Call(fn, *args)))
        patched.setattr(looks, "SETTLE_S", 0.0)
        patched.setattr(journal_module, "SEGMENT_BYTES", SEGMENT_BYTES)
        patched.setattr(journal_module, "KEPT_BYTES", 0)
        patched.setattr(journal_module, "KEPT_S", 0.0)
        patched.setattr(room_history_module, "SEGMENT_BYTES", SEGMENT_BYTES)
        yield patched


class Store:
    """Two documents, their journal and a room, as one process holds them."""

    def __init__(self, root: Path) -> None:
        """Start on what lies there. Raises OSError."""
        self.root = root
        self.fatal: list[OSError] = []
        self.disk = Disk(DataFolder(root))
        self.disk.on_fatal = self.fatal.append
        self.journal = Journal(self.disk)
        self.documents: dict[str, Document] = {}
        try:
            self.disk.open()
            self.journal.open()
            for name in FILES:
                document = Document(root / name, rows_of_numbers, self.journal)
                document.load()
                self.documents[name] = document
            self.journal.forget_replayed()
            self.room = RoomHistory(self.disk.folder.history / "lobby", self.disk, recent=5)
            self.room.load()
        except BaseException:
            self.dies()
            raise
        self.room.follow = self._settle
        work_now()

    def rows(self) -> dict[str, dict[str, Any]]:
        """Give every row of every document."""
        return {name: dict(document.value) for name, document in self.documents.items()}

    def texts(self) -> list[tuple[int, str]]:
        """Give what was said in the room, each with its number."""
        entries = self.room.since(0, 1_000_000)
        assert entries is not None
        return [(entry.seq, entry.data["text"]) for entry in entries]

    def looks_at_files(self) -> None:
        """Do what the server does twice a second."""
        for document in self.documents.values():
            document._busy.acquire()
            document._work()

    def drops_old_segments(self) -> None:
        """Do what the server does now and then."""
        needed = [d.needed_from for d in self.documents.values() if d.needed_from is not None]
        self.journal.announce(min([self.journal.last_seq + 1, *needed]), 0.0)
        work_now()
        self.journal.drop_old(now=4e9)

    def stops(self) -> None:
        """End in good order."""
        self.disk.close()
        self.dies()

    def dies(self) -> None:
        """End without another word to the disk."""
        waiting.clear()
        self.disk._lock.release()
        logs = [self.journal._log, *([self.room._log] if hasattr(self, "room") else [])]
        for log in logs:
            if log._fd >= 0:
                os.close(log._fd)
                log._fd = -1
        for document in self.documents.values():
            for readership in [
                document._readership,
                *(o.readership for o in document._replaced._old),
            ]:
                readership.close()

    def _settle(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            if entry.settled:
                entry.settled(None)
