"""Append-only files: numbered entries, written and synced in groups, told in order once they are safe.

`append` numbers an entry and returns; the committer writes what waits with one sync; only then is
the entry told, in the order of the numbers. Rooms keep their histories this way, and all documents
together their journal. A file is a segment, named by the number of its first entry.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from soyuz import runtime
from soyuz.store import system
from soyuz.store.disk import FILE_MODE, Disk, SyncFailed

log = logging.getLogger("soyuz.store")


class Numbered(Protocol):
    """What a log holds."""

    @property
    def seq(self) -> int: ...


E = TypeVar("E", bound=Numbered)


class CommitLog(Generic[E]):
    """See the module. `written` and `refused` are called on the event loop."""

    def __init__(
        self,
        folder: Path,
        suffix: str,
        disk: Disk,
        segment_bytes: int,
        *,
        line: Callable[[E, int], bytes],
        written: Callable[[Sequence[E]], None],
        refused: Callable[[Sequence[E], OSError], None],
        undo: Callable[[Sequence[E]], None] = lambda batch: None,
    ) -> None:
        """`line(entry, unsynced)` is its text; so many entries before it had not been synced.

        `undo` is called before `refused`, while nothing can be appended.
        """
        self.folder = folder
        self.last_seq = 0  # on the disk
        self.lock = threading.RLock()
        self.segments: list[int] = []  # first number of each, ascending
        self._suffix = suffix
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._line = line
        self._written = written
        self._refused = refused
        self._undo = undo
        self.next_seq = 1  # of the next entry; read it under `lock`
        self._synced_seq = 0
        self._waiting: deque[E] = deque()
        self._unwritten: Sequence[E] = ()
        self._is_refusing = False
        self._fd = -1
        self._size = 0
        self._has_rest = False  # of a write that failed half-way and is still to be cut off

    def find(self) -> None:
        """See which segments there are. Raises OSError."""
        self._disk.make_folder(self.folder)
        names = (path.stem for path in self.folder.glob(f"*{self._suffix}"))
        self.segments = sorted(int(name) for name in names if name.isdigit())

    def go_on_after(self, seq: int) -> None:
        """Number the next entry `seq` + 1, once everything up to `seq` is safe. Raises OSError."""
        if self.segments:
            self._take_up_last(self._disk)
        self.last_seq = self._synced_seq = seq
        self.next_seq = seq + 1

    def path(self, first: int) -> Path:
        """Give the file of a segment."""
        return self.folder / f"{first:012d}{self._suffix}"

    def append(self, make: Callable[[int], E]) -> E:
        """Take in the entry that `make(seq)` gives. Returns before the disk has it."""
        with self.lock:
            entry = make(self.next_seq)
            self.next_seq += 1
            self._waiting.append(entry)
        self._disk.hand_over(self)
        return entry

    def commit(self, disk: Disk) -> Sequence[E]:
        """Committer's thread: write all that waits with one sync; gives it."""
        batch: list[E] = []
        if self._unwritten:  # a failed batch is still to be refused, and all that waits with it
            return batch
        while self._waiting:
            batch.append(self._waiting.popleft())
        if not batch:
            return batch
        try:
            self._open_segment(disk, batch[0].seq)
            if disk.has_synced(self._fd):
                self._synced_seq = batch[0].seq - 1
            first = self._synced_seq + 1
            content = b"".join(self._line(entry, entry.seq - first) for entry in batch)
            self._has_rest = True
            system.write(self._fd, content)
            is_synced = disk.sync(self._fd)
        except Exception as error:  # whatever it is, those who wait must hear of it
            self._unwritten = batch
            self._cut_rest(disk, error)
            raise
        self._has_rest = False
        self._size += len(content)
        if is_synced:
            self._synced_seq = batch[-1].seq
        return batch

    def committed(self, batch: Sequence[E] | None, error: OSError | None) -> None:
        """Event loop: tell what is on the disk, in order; refuse what is not."""
        if error is not None:
            self._refuse_all(error)
        elif batch:
            if self._is_refusing:
                log.info("%s is written again", self.folder.name)
            self._is_refusing = False
            self.last_seq = batch[-1].seq
            self._written(batch)

    def close(self) -> None:
        """Let the open segment go."""
        if self._fd >= 0:
            self._disk.forget(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _refuse_all(self, error: OSError) -> None:
        # Whatever was numbered after the failed lines goes with them, or the numbers would gap.
        with self.lock:
            refused = [*self._unwritten, *self._waiting]
            self._waiting.clear()
            self._unwritten = ()
            self.next_seq = self.last_seq + 1
            self._undo(refused)
        if not self._is_refusing:  # the first of a row; the disk that is full may hold the log
            log.error("%s could not be written: %s", self.folder.name, error.strerror or error)
        self._is_refusing = True
        self._refused(refused, error)

    def _open_segment(self, disk: Disk, first: int) -> None:
        self._notice_hands()
        if self._fd < 0 and self.segments:
            self._take_up_last(disk)
        if self._has_rest:
            self._truncate(disk)
        if self._fd >= 0 and self._size < self._segment_bytes:
            return
        fd = system.create(self.path(first), os.O_APPEND, FILE_MODE)
        try:
            disk.sync_folder(self.folder)
            if self._fd >= 0:
                disk.forget(self._fd)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size = fd, 0
        self.segments.append(first)

    def _cut_rest(self, disk: Disk, error: Exception) -> None:
        """Cut off what is about to be refused, or the next start would find it."""
        if not self._has_rest:
            return
        if isinstance(error, SyncFailed):  # what is on the disk is unknown for good
            with contextlib.suppress(OSError):
                system.truncate(self._fd, self._size)
            return
        try:
            self._truncate(disk)
        except SyncFailed:
            raise
        except OSError:  # the next commit tries again
            _say("%s: an unfinished write could not be cut off yet", self.folder.name)

    def _truncate(self, disk: Disk) -> None:
        system.truncate(self._fd, self._size)
        disk.sync(self._fd)
        self._has_rest = False

    def _take_up_last(self, disk: Disk) -> None:
        """Open the last segment. Whoever wrote it, a killed process or a hand, may not have synced."""
        path = self.path(self.segments[-1])
        fd = system.create(path, os.O_APPEND, FILE_MODE)
        try:
            if path.read_bytes()[-1:] not in (b"", b"\n"):
                system.write(fd, b"\n")  # an editor left the last line without its end
            disk.sync(fd)
            disk.sync_folder(self.folder)
        except BaseException:
            os.close(fd)
            raise
        self._fd, self._size = fd, os.fstat(fd).st_size

    def _notice_hands(self) -> None:
        """Let go of a segment somebody has replaced or changed: what goes there now nobody finds."""
        if self._fd < 0 or self._has_rest:
            return
        path, mine = self.path(self.segments[-1]), os.fstat(self._fd)
        try:
            there = os.stat(path)
        except FileNotFoundError:
            self.segments.pop()
        else:
            if os.path.samestat(there, mine) and there.st_size == self._size:
                return
        _say("%s/%s was changed by hand while in use", self.folder.name, path.name)
        self._disk.forget(self._fd)
        os.close(self._fd)
        self._fd = -1


def _say(*words: str) -> None:
    # On the loop: a handler's lock is green, and the committer's thread must not wait for one.
    runtime.on_loop(log.error, *words)
