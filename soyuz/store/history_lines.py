"""A room's segment as lines: one event each, found by number without an index.

Numbers grow from line to line, so a line is found by halving, as in a printed dictionary. A line
spoiled by hand is passed over; its neighbours stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zlib import crc32

import msgspec

_CRC = b',"crc":"'
Spoiled = Callable[[int], None]  # told the offset of each line that is not what was written


class Entry(msgspec.Struct, frozen=True):
    """One event of a room. `settled(error)` is the author's; None outside the append's own run."""

    seq: int
    event: str
    data: dict[str, Any]
    settled: Callable[[OSError | None], None] | None = None
    line: bytes = b""


def encode(event: str, data: Mapping[str, Any]) -> bytes:
    """Give an event's line."""
    body = b'{"event":"%s","data":%s' % (event.encode(), msgspec.json.encode(data))
    return b'%s%s%08x"}\n' % (body, _CRC, crc32(body))


def decode(line: bytes) -> Entry:
    """Read a line. Raises ValueError when it is not what was written."""
    body, mark, rest = line.rpartition(_CRC)
    if not mark or rest.rstrip(b"\r") != b'%08x"}' % crc32(body):
        raise ValueError("checksum")
    row = msgspec.json.decode(body + b"}")
    return Entry(row["data"]["seq"], row["event"], row["data"])


def forwards(content: bytes, first: int, spoiled: Spoiled) -> Iterator[Entry]:
    """Give the entries from number `first` on, in order."""
    offset = _offset_of(content, first)
    while offset < len(content):
        end = _end(content, offset)
        entry = _entry(content, offset, end, spoiled)
        if entry and entry.seq >= first:
            yield entry
        offset = end + 1


def backwards(content: bytes, before: int, spoiled: Spoiled) -> Iterator[Entry]:
    """Give the entries below number `before`, the last first."""
    end = _offset_of(content, before) - 1
    while end > 0:
        offset = content.rfind(b"\n", 0, end) + 1
        entry = _entry(content, offset, end, spoiled)
        if entry and entry.seq < before:
            yield entry
        end = offset - 1


def _offset_of(content: bytes, seq: int) -> int:
    """Give where the first line with a number of at least `seq` begins, else the content's end."""
    found = high = len(content)
    low = 0  # where a line begins, as `high`; what is looked for begins between them or at `found`
    while low < high:
        offset = content.rfind(b"\n", low, (low + high) // 2) + 1 or low
        begin, end, entry = _next_sound(content, offset, high)
        if entry is None:
            high = offset
        elif entry.seq >= seq:
            found, high = begin, offset
        else:
            low = min(end + 1, high)
    return found


def _next_sound(content: bytes, offset: int, high: int) -> tuple[int, int, Entry | None]:
    """Give where the first sound line from `offset` on begins and ends, and what it says."""
    end = offset
    while offset < high:
        end = _end(content, offset)
        if entry := _entry(content, offset, end, _ignore):
            return offset, end, entry
        offset = end + 1
    return offset, end, None


def _end(content: bytes, offset: int) -> int:
    end = content.find(b"\n", offset)
    return len(content) if end < 0 else end


def _entry(content: bytes, offset: int, end: int, spoiled: Spoiled) -> Entry | None:
    try:
        return decode(content[offset:end])
    except ValueError:
        if content[offset:end].strip():
            spoiled(offset)
        return None


def _ignore(offset: int) -> None:
    return
