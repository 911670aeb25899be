"""A room's history: append-only JSON lines in segments, one event a line, numbered without a gap.

A line is `{"event":…,"data":{…},"crc":"…"}`: `data` is what travels on the wire, `crc` is the
CRC-32 of all that stands before it. `append` gives the `seq` at once; the entry is published by
whoever follows the journal, in `seq` order, once its line is on the disk.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from soyuz import runtime
from soyuz.store.disk import FILE_MODE, FOLDER_MODE, Disk, write_all

log = logging.getLogger("soyuz.store")

SEGMENT_BYTES = 1_000_000  # small enough to be read whole for one page, so no index is needed
_CRC = b',"crc":"'


class Entry(msgspec.Struct, frozen=True):
    """One event of a room. `settled(error)` is the author's; None outside the append's own run."""

    seq: int
    event: str
    data: dict[str, Any]
    settled: Callable[[OSError | None], None] | None = None


class Journal:
    """One room's events. `follow` gets every batch, in order, once it is on the disk."""

    def __init__(self, folder: Path, disk: Disk, recent: int) -> None:
        self.folder = folder
        self.last_seq = 0  # on the disk
        self.follow: Callable[[Sequence[Entry]], None] = lambda batch: None
        self._disk = disk
        self._lock = threading.RLock()
        self._next_seq = 1
        self._waiting: deque[tuple[Entry, bytes]] = deque()
        self._recent: deque[Entry] = deque(maxlen=recent)
        self._segments: list[int] = []  # first seq of each, ascending
        self._unwritten: Sequence[Entry] = ()
        self._fd = -1
        self._size = 0

    def load(self) -> None:
        """Find the last good line and cut off a torn one. Raises OSError."""
        self.folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self._segments = sorted(
            int(p.stem) for p in self.folder.glob("*.jsonl") if p.stem.isdigit()
        )
        if not self._segments:
            return
        self._cut_torn_tail(self._path(self._segments[-1]))
        for first in reversed(self._segments):
            for entry in reversed(list(self._entries(first))):
                if len(self._recent) < (self._recent.maxlen or 0):
                    self._recent.appendleft(entry)
            if len(self._recent) == self._recent.maxlen:
                break
        self.last_seq = max(self._last_number(), self._segments[-1] - 1)
        self._next_seq = self.last_seq + 1

    def append(
        self,
        event: str,
        fill: Callable[[int], dict[str, Any]],
        settled: Callable[[OSError | None], None] | None = None,
    ) -> int:
        """Take an event in and give its `seq`; `fill(seq)` is its data. Returns before the disk does."""
        with self._lock:
            seq = self._next_seq
            entry = Entry(seq, event, fill(seq), settled)
            line = encode(entry)
            self._next_seq += 1
            self._waiting.append((entry, line))
        self._disk.hand_over(self)
        return seq

    def page(self, before: int | None, after: int | None, limit: int) -> list[Entry]:
        """Give up to `limit` entries, oldest first: the last below a bound or the first above."""
        if after is not None:
            return self._from(after + 1, limit)
        before = self.last_seq + 1 if before is None else before
        recent = [entry for entry in list(self._recent) if entry.seq < before]
        if len(recent) >= limit or self._recent_from() <= 1:
            return recent[-limit:]
        return runtime.off_loop(self._read_before, before, limit)

    def has_before(self, seq: int) -> bool:
        """Say whether the room has anything older."""
        return seq > (self._segments[0] if self._segments else self._recent_from())

    def since(self, seq: int, most: int) -> list[Entry] | None:
        """Give every entry after `seq`, or None when there are more than `most`."""
        if self.last_seq - seq > most:
            return None
        return self._from(seq + 1, most)

    def find(self, after: int, wanted: Callable[[Entry], bool]) -> Entry | None:
        """Give the newest entry above `after` that is wanted."""
        for entry in reversed(list(self._recent)):
            if entry.seq <= after:
                return None
            if wanted(entry):
                return entry
        if self._recent_from() <= after + 1:
            return None
        return runtime.off_loop(self._search_disk, after, wanted)

    def commit(self, disk: Disk) -> list[Entry]:
        """Committer's thread: write all waiting lines with one sync; gives their entries."""
        batch: list[Entry] = []
        lines: list[bytes] = []
        if self._unwritten:  # a failed batch is still to be refused, and all that waits with it
            return batch
        while self._waiting:
            entry, line = self._waiting.popleft()
            batch.append(entry)
            lines.append(line)
        if not batch:
            return batch
        try:
            self._open_segment(disk, batch[0].seq)
            content = b"".join(lines)
            write_all(self._fd, content)
            disk.sync(self._fd)
        except OSError:
            self._unwritten = batch
            if self._fd >= 0:
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(content)
        return batch

    def committed(self, batch: list[Entry] | None, error: OSError | None) -> None:
        """Event loop: publish what is on the disk, in order; refuse what is not."""
        if error is not None:
            self._refuse_all(error)
        elif batch:
            self._recent.extend(Entry(e.seq, e.event, e.data) for e in batch)
            self.last_seq = batch[-1].seq
            self.follow(batch)

    def close(self) -> None:
        """Let the open segment go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _refuse_all(self, error: OSError) -> None:
        # Whatever was numbered after the failed lines goes with them, or the numbers would gap.
        with self._lock:
            refused = [*self._unwritten, *(entry for entry, _ in self._waiting)]
            self._waiting.clear()
            self._unwritten = ()
            self._next_seq = self.last_seq + 1
        log.error("history of %s could not be written: %s", self.folder.name, error)
        for entry in refused:
            if entry.settled:
                entry.settled(error)

    def _open_segment(self, disk: Disk, first: int) -> None:
        if self._fd >= 0 and self._size < SEGMENT_BYTES:
            return
        if self._fd < 0 and self._segments:
            path = self._path(self._segments[-1])
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND)
            self._size = os.fstat(self._fd).st_size
            if self._size < SEGMENT_BYTES:
                return
        if self._fd >= 0:
            disk.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._fd = os.open(self._path(first), os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
        self._size = 0
        disk.sync_folder(self.folder)
        self._segments.append(first)

    def _recent_from(self) -> int:
        return self._recent[0].seq if self._recent else self.last_seq + 1

    def _from(self, first: int, limit: int) -> list[Entry]:
        if first >= self._recent_from():
            return [entry for entry in list(self._recent) if entry.seq >= first][:limit]
        return runtime.off_loop(self._read_from, first, limit)

    def _read_from(self, first: int, limit: int) -> list[Entry]:
        start = max(0, bisect_right(self._segments, first) - 1)
        found: list[Entry] = []
        for segment in self._segments[start:]:
            found += [e for e in self._entries(segment) if first <= e.seq <= self.last_seq]
            if len(found) >= limit:
                break
        return found[:limit]

    def _read_before(self, before: int, limit: int) -> list[Entry]:
        found: list[Entry] = []
        for segment in reversed(self._segments[: bisect_right(self._segments, before - 1)]):
            bound = min(before, self.last_seq + 1)
            found = [e for e in self._entries(segment) if e.seq < bound] + found
            if len(found) >= limit:
                break
        return found[-limit:]

    def _search_disk(self, after: int, wanted: Callable[[Entry], bool]) -> Entry | None:
        start = max(0, bisect_right(self._segments, after) - 1)
        for segment in reversed(self._segments[start:]):
            for entry in reversed(list(self._entries(segment))):
                if entry.seq > after and wanted(entry):
                    return entry
        return None

    def _entries(self, first: int) -> Iterator[Entry]:
        for number, line in enumerate(self._path(first).read_bytes().splitlines(), start=1):
            try:
                yield decode(line)
            except ValueError:
                # Spoiled by hand: it is shown as missing, its neighbours stay.
                runtime.on_loop(
                    log.warning,
                    "%s/%012d.jsonl, line %d is spoiled",
                    self.folder.name,
                    first,
                    number,
                )

    def _last_number(self) -> int:
        # A number is never given twice: a line spoiled by hand still holds its own, or its place.
        lines = self._path(self._segments[-1]).read_bytes().splitlines()
        by_place = self._segments[-1] - 1 + sum(1 for line in lines if line.strip())
        for line in reversed(lines):
            try:
                return max(by_place, int(msgspec.json.decode(line)["data"]["seq"]))
            except (ValueError, KeyError, TypeError):
                continue
        return by_place

    def _cut_torn_tail(self, path: Path) -> None:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return
        if _is_whole(content[whole:]):  # an editor that leaves no line end at the end of a file
            with open(path, "ab") as file:
                file.write(b"\n")
            return
        aside = path.with_name(f"{path.stem}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
        self._disk.replace(aside, content[whole:])
        with open(path, "r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
        log.warning(
            "%s/%s ended in a torn line of %d bytes, never acknowledged; cut off, kept as %s",
            self.folder.name,
            path.name,
            len(content) - whole,
            aside.name,
        )

    def _path(self, first: int) -> Path:
        return self.folder / f"{first:012d}.jsonl"


def encode(entry: Entry) -> bytes:
    """Give an entry's line."""
    body = b'{"event":"%s","data":%s' % (entry.event.encode(), msgspec.json.encode(entry.data))
    return b'%s%s%08x"}\n' % (body, _CRC, crc32(body))


def _is_whole(line: bytes) -> bool:
    try:
        decode(line)
    except ValueError:
        return False
    return True


def decode(line: bytes) -> Entry:
    """Read a line. Raises ValueError when it is not what was written."""
    body, mark, rest = line.rpartition(_CRC)
    if not mark or rest != b'%08x"}' % crc32(body):
        raise ValueError("checksum")
    row = msgspec.json.decode(body + b"}")
    return Entry(row["data"]["seq"], row["event"], row["data"])
