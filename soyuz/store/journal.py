"""The store's own journal: every change of every document, on the disk before it counts."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from soyuz.store import checkpoint, system
from soyuz.store.commit_log import CommitLog
from soyuz.store.disk import FILE_MODE, Disk, Unavailable
from soyuz.store.journal_lines import NULL, Line, Says, Text, encode, lines

log = logging.getLogger("soyuz.store")

SEGMENT_BYTES = 4_000_000
KEPT_S = 86_400.0  # a slow copy of the folder must still find the segments its snapshots need
KEPT_LEAST_S = 600.0  # however many there are
KEPT_BYTES = 64_000_000
KEPT_SEGMENTS = 2
REPLAYED_SEGMENTS = 8  # more than these no start should have to read


class Damaged(OSError):
    """The journal was altered where it had been safe; the text says where."""


class Follower(Protocol):
    """A document, as far as the journal knows it."""

    name: str

    def restore(self, key: str, row: bytes | None) -> None:
        """Undo: put a row back as it was."""

    def tell(self, changes: Changes) -> None:
        """Its changes are on the disk."""


Changes = Mapping[str, tuple[bytes | None, bytes | None]]  # key: the row before and after


class Ticket:
    """One entry's way to the disk."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._error: OSError | None = None

    def settle(self, error: OSError | None) -> None:
        """Tell the outcome."""
        self._error = error
        self._done.set()

    @property
    def is_safe(self) -> bool:
        """Say whether it has arrived."""
        return self._done.is_set() and self._error is None

    @property
    def is_refused(self) -> bool:
        """Say whether it was turned away."""
        return self._error is not None

    def wait(self) -> None:
        """Wait for the outcome. Raises Unavailable."""
        self._done.wait()
        if self._error:
            raise Unavailable(str(self._error)) from self._error


@dataclass(frozen=True)
class _Entry:
    seq: int
    says: bytes
    follower: Follower | None = None
    changes: Changes = field(default_factory=dict)
    ticket: Ticket = field(default_factory=Ticket)


@dataclass(frozen=True)
class _Announced:
    at: float
    unneeded_before: int
    ticket: Ticket


class Journal:
    """The lines of all documents, in one order."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._replay: list[tuple[int, Says]] = []
        self._announced: list[_Announced] = []
        self._log: CommitLog[_Entry] = CommitLog(
            disk.folder.journal,
            ".log",
            disk,
            SEGMENT_BYTES,
            line=lambda entry, unsynced: encode(Line(entry.seq, unsynced, entry.says)),
            written=self._written,
            refused=self._refused,
            undo=self._undo,
        )

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Held while rows are changed, so that they change in the order of their numbers."""
        return self._log.lock

    @property
    def first_seq(self) -> int:
        """The number of the oldest entry that is left."""
        return self._log.segments[0] if self._log.segments else 1

    @property
    def kept_from(self) -> int:
        """The number from which on documents may need the journal; older ones need a checkpoint."""
        segments = self._log.segments
        return segments[-REPLAYED_SEGMENTS] if len(segments) > REPLAYED_SEGMENTS else 0

    @property
    def bytes_kept(self) -> int:
        """How much the segments hold."""
        return sum(self._log.path(first).stat().st_size for first in self._log.segments)

    def open(self) -> None:
        """Read what a previous process left; the disk is open. Raises Damaged, OSError."""
        self._log.find()
        kept = checkpoint.seqs(self.disk.folder.journal)
        expected = self._read_all(kept)
        checkpointed = max([0, *kept.values()])
        self._log.go_on_after(max(expected - 1, checkpointed))
        if checkpointed >= expected:
            # A copy of a running folder may hold documents that are newer than its journal.
            skips = msgspec.json.encode(Says(skipped_from=expected))
            self._log.append(lambda seq: _Entry(seq, skips))

    def replayed(self, name: str) -> Iterator[tuple[int, dict[str, bytes | None] | Text]]:
        """Give, in order, changes of a document's rows and texts of it; until `forget_replayed`."""
        for seq, says in self._replay:
            if name in says.rows:
                rows = ((key, bytes(row)) for key, row in says.rows[name].items())
                yield seq, {key: None if row == NULL else row for key, row in rows}
            if says.text and says.text.file == name:
                yield seq, says.text

    def forget_replayed(self) -> None:
        """Every document has been read."""
        self._replay.clear()

    def put(
        self,
        follower: Follower,
        changes: Changes,
        text_sha256: str | None = None,
        differs: Mapping[str, bytes | None] = {},
    ) -> Ticket:
        """Write changes that have been made in memory, under `lock`; gives the way to the disk.

        `text_sha256`: they are the edit of a text, which from now on is known; it `differs` in some
        rows from what was made of it.
        """
        rows = {key: msgspec.Raw(NULL if row is None else row) for key, (_, row) in changes.items()}
        said = {follower.name: rows} if rows else {}
        apart = {key: msgspec.Raw(NULL if row is None else row) for key, row in differs.items()}

        def make(seq: int) -> _Entry:
            text = Text(follower.name, text_sha256, seq, apart) if text_sha256 else None
            return _Entry(seq, msgspec.json.encode(Says(said, text)), follower, changes)

        return self._log.append(make).ticket

    def begin_text(self, name: str, seq: int) -> None:
        """Write that a text of the rows as of `seq` is being made; its sum is not known yet."""
        says = msgspec.json.encode(Says(text=Text(name, "", seq)))
        self._log.append(lambda number: _Entry(number, says))

    def know_text(self, name: str, sha256: str, seq: int) -> Ticket:
        """Write that a text of a file stands for its rows as of `seq`."""
        says = msgspec.json.encode(Says(text=Text(name, sha256, seq)))
        return self._log.append(lambda number: _Entry(number, says)).ticket

    @property
    def schema(self) -> int:
        """The newest form of the rows an entry tells of, 0 when none does; until `forget_replayed`."""
        return max((says.schema or 0 for _, says in self._replay), default=0)

    def migrate(self, rows: dict[str, dict[str, msgspec.Raw]], schema: int) -> None:
        """Write rows in a new form, all files in one entry, before they are read. Raises Unavailable."""
        says = Says(rows, schema=schema)
        entry = self._log.append(lambda seq: _Entry(seq, msgspec.json.encode(says)))
        entry.ticket.wait()
        self._replay.append((entry.seq, says))

    def sync(self) -> Ticket:
        """Give the way to the disk of all that was put before."""
        return self._log.append(lambda number: _Entry(number, b"{}")).ticket

    @property
    def last_seq(self) -> int:
        """The number of the last entry, on the disk or not; read it under `lock`."""
        return self._log.next_seq - 1

    def announce(self, needed_from: int, now: float) -> None:
        """Write down which segments nothing needs, long before they are deleted.

        A copy of the folder that is made while they are deleted has some of them and not others:
        by this it knows that it lacks nothing. `now` is of a clock that never jumps.
        """
        self._announced = [a for a in self._announced if not a.ticket.is_refused]
        unneeded = [f for f in self._log.segments[1 : 1 - KEPT_SEGMENTS] if f <= needed_from]
        announced = self._announced[-1].unneeded_before if self._announced else 0
        if unneeded and unneeded[-1] > announced:
            says = msgspec.json.encode(Says(unneeded_before=unneeded[-1]))
            ticket = self._log.append(lambda number: _Entry(number, says)).ticket
            self._announced.append(_Announced(now, unneeded[-1], ticket))

    def drop_old(self, now: float) -> None:
        """Delete segments that were announced long ago, and the oldest of many sooner."""
        segments = self._log.segments
        for announced in list(self._announced):
            age = now - announced.at
            if age < KEPT_LEAST_S or not announced.ticket.is_safe:
                return
            while segments[0] < announced.unneeded_before:
                if age < KEPT_S and self.bytes_kept <= KEPT_BYTES:
                    return
                path = self._log.path(segments[0])
                system.remove(path)
                self.disk.sync_folder(path.parent)  # a later one gone and this one back: a gap
                del segments[0]
            self._announced.remove(announced)

    def close(self) -> None:
        """Let the open segment go."""
        self._log.close()

    def _written(self, batch: Sequence[_Entry]) -> None:
        for entry in batch:
            if entry.follower and entry.changes:
                entry.follower.tell(entry.changes)
            entry.ticket.settle(None)

    def _undo(self, batch: Sequence[_Entry]) -> None:
        for entry in reversed(batch):
            for key, (before, _) in entry.changes.items():
                assert entry.follower
                entry.follower.restore(key, before)

    def _refused(self, batch: Sequence[_Entry], error: OSError) -> None:
        for entry in batch:
            entry.ticket.settle(error)

    def _read_all(self, kept: Mapping[str, int]) -> int:
        """Read every segment; gives the number that comes next.

        What a checkpoint has (`kept`, by document) is not held: it may be many times what is needed.
        """
        expected = self._log.segments[0] if self._log.segments else 1
        for first in list(self._log.segments):
            for offset, line in lines(self._log.path(first).read_bytes()):
                says = msgspec.json.decode(line.says, type=Says) if line else Says()
                if line and says.skipped_from == expected:
                    expected = line.seq
                if line and offset == 0 and line.seq > expected and self._lacks_nothing(first):
                    self._forget_before(first)
                    expected = line.seq
                if line is None or line.seq != expected:
                    self._cut_off(first, offset, expected)
                    return expected
                needed = {
                    name: rows for name, rows in says.rows.items() if line.seq > kept.get(name, 0)
                }
                if needed or says.text or says.schema:
                    self._replay.append((line.seq, Says(needed, says.text, schema=says.schema)))
                expected += 1
        return expected

    def _lacks_nothing(self, first: int) -> bool:
        """Say whether nothing needs what came before a segment: it, or a later one, tells."""
        later = (self._log.path(segment) for segment in self._log.segments if segment >= first)
        said = (line for path in later for _, line in lines(path.read_bytes()) if line)
        return any(
            (msgspec.json.decode(line.says, type=Says).unneeded_before or 0) >= first
            for line in said
        )

    def _forget_before(self, first: int) -> None:
        segments = self._log.segments
        log.info("the journal begins with entry %d; nothing needs what came before", first)
        while segments[0] < first:
            system.remove(self._log.path(segments[0]))
            del segments[0]
        self._replay.clear()

    def _cut_off(self, first: int, offset: int, expected: int) -> None:
        """Set aside what a crash left unfinished. Raises Damaged if that had been safe.

        A batch that was being written may be there in parts, also later ones without earlier. But
        no line after the bad one may say that the bad one had been synced before it.
        """
        segments = self._log.segments
        later = segments[segments.index(first) :]
        for segment in later:
            start = offset if segment == first else 0
            for _, line in lines(self._log.path(segment).read_bytes()[start:]):
                if line and line.seq - line.unsynced > expected:
                    raise Damaged(
                        f"{self._log.path(first)}, byte {offset}: entry {expected} is damaged, though "
                        "it had been safe; the command line's verb doctor --repair saves the rest"
                    )
        for segment in reversed(later):
            self._set_aside(self._log.path(segment), offset if segment == first else 0)
        del segments[segments.index(first) + (offset > 0) :]

    def _set_aside(self, path: Path, offset: int) -> None:
        content = path.read_bytes()
        aside = path.with_name(f"{path.stem}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
        self.disk.replace(aside, content[offset:])
        if offset == 0:
            system.remove(path)
            self.disk.sync_folder(path.parent)
        else:
            fd = system.create(path, os.O_APPEND, FILE_MODE)
            try:
                system.truncate(fd, offset)
                system.sync(fd)
            finally:
                os.close(fd)
        log.warning(
            "journal/%s ended in %d unfinished bytes, never acknowledged; cut off, kept as %s",
            path.name,
            len(content) - offset,
            aside.name,
        )
