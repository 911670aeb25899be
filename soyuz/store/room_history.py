"""A room's history: append-only JSON lines in segments, one event a line, numbered without a gap.

A line is `{"event":…,"data":{…},"crc":"…"}`: `data` is what travels on the wire, `crc` is the
CRC-32 of all that stands before it. `append` gives the `seq` at once; the entry is published by
whoever follows the room, in `seq` order, once its line is on the disk.
"""

from __future__ import annotations

import logging
import os
import re
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from soyuz import runtime
from soyuz.domain.events import SEQ_MAX
from soyuz.store import system
from soyuz.store.commit_log import CommitLog
from soyuz.store.disk import FILE_MODE, Disk
from soyuz.store.history_lines import Entry, backwards, decode, encode, forwards

log = logging.getLogger("soyuz.store")

_ZEROS = re.compile(rb"\0+")

SECTOR_BYTES = 512  # what a disk writes whole; its blocks are multiples of it
SEGMENT_BYTES = 1_000_000  # small enough to be read whole for one page, so no index is needed


class RoomHistory:
    """One room's events. `follow` gets every batch, in order, once it is on the disk."""

    def __init__(self, folder: Path, disk: Disk, recent: int) -> None:
        self.folder = folder
        self.follow: Callable[[Sequence[Entry]], None] = lambda batch: None
        self._disk = disk
        self._recent: deque[Entry] = deque(maxlen=recent)
        self._log: CommitLog[Entry] = CommitLog(
            folder,
            ".jsonl",
            disk,
            SEGMENT_BYTES,
            line=lambda entry, unsynced: entry.line,
            written=self._written,
            refused=_refuse,
        )

    @property
    def last_seq(self) -> int:
        """The number of the last event that is on the disk."""
        return self._log.last_seq

    def load(self) -> None:
        """Find the last good line and cut off a torn one. Raises OSError."""
        self._log.find()
        segments = self._log.segments
        if not segments:
            return
        self._cut_torn_tail(self._log.path(segments[-1]))
        self._recent.extend(self._read_before(SEQ_MAX, self._recent.maxlen or 0))
        self._log.go_on_after(max(self._last_number(), segments[-1] - 1))

    def append(
        self,
        event: str,
        fill: Callable[[int], dict[str, Any]],
        settled: Callable[[OSError | None], None] | None = None,
    ) -> int:
        """Take an event in and give its `seq`; `fill(seq)` is its data. Returns before the disk does."""

        def make(seq: int) -> Entry:
            data = fill(seq)
            return Entry(seq, event, data, settled, encode(event, data))

        return self._log.append(make).seq

    def page(self, before: int | None, after: int | None, limit: int) -> list[Entry]:
        """Give up to `limit` entries, oldest first: the last below a bound or the first above."""
        if limit < 1:
            return []
        if after is not None:
            return self._from(after + 1, limit)
        before = self.last_seq + 1 if before is None else before
        recent = [entry for entry in list(self._recent) if entry.seq < before]
        if len(recent) >= limit or self._recent_from() <= 1:
            return recent[-limit:]
        return runtime.off_loop(self._read_before, before, limit)

    def has_before(self, seq: int) -> bool:
        """Say whether the room has anything older."""
        return seq > (self._log.segments[0] if self._log.segments else self._recent_from())

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

    def close(self) -> None:
        """Let the open segment go."""
        self._log.close()

    def _written(self, batch: Sequence[Entry]) -> None:
        self._recent.extend(Entry(e.seq, e.event, e.data) for e in batch)
        self.follow(batch)

    def _recent_from(self) -> int:
        return self._recent[0].seq if self._recent else self.last_seq + 1

    def _from(self, first: int, limit: int) -> list[Entry]:
        if first >= self._recent_from():
            return [entry for entry in list(self._recent) if entry.seq >= first][:limit]
        return runtime.off_loop(self._read_from, first, limit)

    def _read_from(self, first: int, limit: int) -> list[Entry]:
        start = max(0, bisect_right(self._log.segments, first) - 1)
        found: list[Entry] = []
        for segment in self._log.segments[start:]:
            entries = forwards(*self._content(segment, first))
            found += islice(entries, limit - len(found))
            if len(found) == limit:
                break
        return [entry for entry in found if entry.seq <= self.last_seq]

    def _read_before(self, before: int, limit: int) -> list[Entry]:
        found: list[Entry] = []
        for segment in reversed(self._log.segments[: bisect_right(self._log.segments, before - 1)]):
            entries = backwards(*self._content(segment, before))
            found += islice(entries, limit - len(found))
            if len(found) == limit:
                break
        return found[::-1]

    def _search_disk(self, after: int, wanted: Callable[[Entry], bool]) -> Entry | None:
        start = max(0, bisect_right(self._log.segments, after) - 1)
        for segment in reversed(self._log.segments[start:]):
            for entry in backwards(*self._content(segment, SEQ_MAX)):
                if entry.seq <= after:
                    return None
                if wanted(entry):
                    return entry
        return None

    def _content(self, first: int, seq: int) -> tuple[bytes, int, Callable[[int], None]]:
        content = self._log.path(first).read_bytes()

        def spoiled(offset: int) -> None:
            line = content.count(b"\n", 0, offset) + 1
            where = (self.folder.name, first, line)
            runtime.on_loop(log.warning, "%s/%012d.jsonl, line %d is spoiled", *where)

        return content, seq, spoiled

    def _last_number(self) -> int:
        # A number is never given twice: a line spoiled by hand still holds its own, or its place.
        lines = self._log.path(self._log.segments[-1]).read_bytes().splitlines()
        by_place = self._log.segments[-1] - 1 + sum(1 for line in lines if line.strip())
        for line in reversed(lines):
            try:
                return max(by_place, int(msgspec.json.decode(line)["data"]["seq"]))
            except (ValueError, KeyError, TypeError):
                continue
        return by_place

    def _cut_torn_tail(self, path: Path) -> None:
        content = path.read_bytes()
        whole = _whole_bytes(content)
        if whole == len(content):
            return
        fd = system.create(path, os.O_APPEND, FILE_MODE)
        try:
            if _is_whole(content[whole:]):  # an editor that leaves no line end at the end of a file
                system.write(fd, b"\n")
                return
            aside = path.with_name(f"{path.stem}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
            self._disk.replace(aside, content[whole:])
            system.truncate(fd, whole)
            system.sync(fd)
        finally:
            os.close(fd)
        log.warning(
            "%s/%s ended in %d unfinished bytes, never acknowledged; cut off, kept as %s",
            self.folder.name,
            path.name,
            len(content) - whole,
            aside.name,
        )


def _refuse(batch: Sequence[Entry], error: OSError) -> None:
    for entry in batch:
        if entry.settled:
            entry.settled(error)


def _whole_bytes(content: bytes) -> int:
    """Give where the last line ends that the disk had finished.

    A power cut leaves zeros in sectors it had not got to; what was written behind them, even a whole
    line, belongs to the same write, which nobody was told of. A zero elsewhere is mere damage.
    """
    for zeros in _ZEROS.finditer(content):
        start, end = zeros.span()
        begins_there = start % SECTOR_BYTES == 0 or content[start - 1 : start] == b"\n"
        if begins_there and (end % SECTOR_BYTES == 0 or end == len(content)):
            return content.rfind(b"\n", 0, start) + 1
    return content.rfind(b"\n") + 1


def _is_whole(line: bytes) -> bool:
    try:
        decode(line)
    except ValueError:
        return False
    return True
