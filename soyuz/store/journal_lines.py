"""A line of the journal: `crc seq unsynced {…}`.

The CRC-32 of all that follows it, its number, how many entries before it were not yet synced when it
was written, and what it says:

    {"rows":{"users.json":{"ann":{…},"bob":null}}}       rows put or deleted, all or none
    {"text":{"file":"users.json","sha256":"…","seq":7}}  a text of the file that stands for `seq`
    {"text":{"file":"users.json","sha256":"","seq":7}}   the text for `seq` is being made
    {"skipped_from":130}                                 130 and what follows it were never here
    {"unneeded_before":90}                               what came before 90 may be missing
    {"rows":{…},"schema":2}                              the rows are in a new form from here on
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import msgspec

NULL = b"null"
_HEAD = re.compile(rb"([0-9a-f]{8}) (\d+) (\d+) ")


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text of a document's file, told by its SHA-256: it stands for the rows as of `seq`.

    The sum is empty while the text is being made. A copy of the folder may end there and still have
    the text, since the file was copied later.
    """

    file: str
    sha256: str
    seq: int
    differs: dict[str, msgspec.Raw] = {}  # of an edit: rows in which it is not what was made of it


class Says(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one line says."""

    rows: dict[str, dict[str, msgspec.Raw]] = {}  # a row that is deleted is null
    text: Text | None = None
    skipped_from: int | None = None
    unneeded_before: int | None = None
    schema: int | None = None


@dataclass(frozen=True)
class Line:
    """A line as it was found. `unsynced` entries before it had not been synced."""

    seq: int
    unsynced: int
    says: bytes


def encode(line: Line) -> bytes:
    """Give a line's text."""
    body = b"%d %d %b" % (line.seq, line.unsynced, line.says)
    return b"%08x %b\n" % (crc32(body), body)


def decode(text: bytes) -> Line | None:
    """Read a line without its end; None when it is not what was written."""
    head = _HEAD.match(text)
    if head is None or int(head[1], 16) != crc32(memoryview(text)[9:]):
        return None
    return Line(int(head[2]), int(head[3]), text[head.end() :])


def lines(content: bytes) -> Iterator[tuple[int, Line | None]]:
    """Give each line with the offset at which it begins; None for one that is no whole line."""
    offset = 0
    while offset < len(content):
        end = content.find(b"\n", offset)
        if end < 0:
            yield offset, None
            return
        yield offset, decode(content[offset:end])
        offset = end + 1
