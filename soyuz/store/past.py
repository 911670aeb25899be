"""The journal as it lies on the disk, sound or not: read without changing anything, and mended.

What a start refuses to guess about is told apart here: an end that a crash left unfinished, which
was never acknowledged, and damage to what had been safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from soyuz.paths import DataFolder
from soyuz.store import checkpoint
from soyuz.store.checkpoint import Checkpoint
from soyuz.store.findings import Finding, Keep
from soyuz.store.journal_lines import NULL, Line, Says, encode, lines
from soyuz.store.snapshot import KNOWN_TEXTS_KEPT

Texts = dict[str, bytes]


@dataclass(frozen=True)
class Hole:
    """Entries `first` to `last` cannot be read, from a byte of a segment on."""

    first: int
    last: int
    segment: Path
    offset: int
    is_damage: bool  # else it is an end that was never acknowledged

    @property
    def entries(self) -> str:
        """Say what is wrong with which."""
        if self.last < self.first:
            return f"something that does not belong there, before entry {self.first}"
        many = f"entries {self.first} to {self.last} are"
        return f"{many if self.last > self.first else f'entry {self.first} is'} damaged"


class Past:
    """All entries that can be read, in order."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder.journal
        self.segments = sorted(path for path in folder.journal.glob("*.log") if path.stem.isdigit())
        self.entries: list[tuple[int, Says]] = []
        self.holes: list[Hole] = []
        self._read()

    @property
    def is_damaged(self) -> bool:
        """Say whether entries are lost that had been safe."""
        return any(hole.is_damage for hole in self.holes)

    @property
    def last_seq(self) -> int:
        """The number of the last entry that can be read."""
        return self.entries[-1][0] if self.entries else 0

    @property
    def begin(self) -> int:
        """The number before the first entry that can be read."""
        return self.entries[0][0] - 1 if self.entries else 0

    @property
    def is_complete(self) -> bool:
        """Say whether it holds everything that was ever written."""
        numbers = [number for number, _ in self.entries]
        gaps = numbers != list(range(1, len(numbers) + 1))
        skips = any(says.skipped_from is not None for _, says in self.entries)
        return bool(numbers) and not (gaps or skips or self.holes)

    def knows(self, name: str) -> bool:
        """Say whether there is anything about a document."""
        mentions = (name in says.rows for _, says in self.entries)
        return (self._folder / name).exists() or any(mentions)

    def seq_of(self, name: str, content: bytes) -> int | None:
        """Give the number as of which a text that was written by us holds the rows, else None."""
        mark = sha256(content).hexdigest()
        for number, says in reversed(self.entries):
            text = says.text
            if text and text.file == name and text.sha256 == mark:
                # The text of an edit comes in one entry with what was made of it, which may be more.
                return text.seq if text.seq < number else None
        return None

    def rows(self, name: str, seq: int | None = None) -> Texts:
        """Give a document's rows as of a number, or of the end. Raises checkpoint.Spoiled, OSError."""
        kept = self.checkpoint(name)
        rows = dict(kept.rows)
        for number, says in self.entries:
            if number > kept.seq and (seq is None or number <= seq):
                for key, row in says.rows.get(name, {}).items():
                    if bytes(row) == NULL:
                        rows.pop(key, None)
                    else:
                        rows[key] = bytes(row)
        return rows

    def checkpoint(self, name: str) -> Checkpoint:
        """Give a document's checkpoint, an empty one without. Raises checkpoint.Spoiled, OSError."""
        return checkpoint.read(self._folder / name) or Checkpoint(0, {}, ())

    def texts(self, name: str) -> list[str]:
        """Give the sums of the texts of a document that were ours, the oldest first."""
        texts = (says.text for _, says in self.entries)
        ours = [text.sha256 for text in texts if text and text.sha256 and text.file == name]
        return ours[-KNOWN_TEXTS_KEPT:]

    def last_rows(self, name: str) -> Texts:
        """Give the last of each row that any entry tells of, without those that were deleted."""
        rows: Texts = {}
        for _, says in self.entries:
            rows.update((key, bytes(row)) for key, row in says.rows.get(name, {}).items())
        return {key: row for key, row in rows.items() if row != NULL}

    def deleted(self, name: str) -> set[str]:
        """Give the rows that the entries say were deleted."""
        told = {key for _, says in self.entries for key in says.rows.get(name, {})}
        return told - self.last_rows(name).keys()

    def findings(self, is_in_use: bool) -> Iterator[Finding]:
        """Give what is wrong. A server that is at work may be in the middle of the last line."""
        for hole in self.holes:
            where = f"byte {hole.offset}"
            if hole.is_damage:
                yield Finding(
                    f"journal/{hole.segment.name}",
                    f"{where}: {hole.entries}, though safe before; the server does not start so",
                    "save everything else, and set the damaged segments aside",
                    self.mend,
                )
            elif not is_in_use:
                yield Finding(
                    f"journal/{hole.segment.name}",
                    f"{where}: it ends in what a crash left unfinished; nobody was told it was done",
                    "cut it off, as the next start does too",
                    self.keep_copies,
                )

    def keep_copies(self, keep: Keep) -> None:
        """Keep what the next start cuts. Raises OSError."""
        for path in {hole.segment for hole in self.holes}:
            keep.copy(path)

    def mend(self, keep: Keep) -> None:
        """Write segments without what is damaged, which says that it is missing. Raises OSError."""
        expected = int(self.segments[0].stem)
        for path in self.segments:
            content = path.read_bytes()
            parts: list[bytes] = []
            for offset, end, line, says in _sound(content, expected):
                if says.skipped_from != expected and line.seq > expected:
                    gap = msgspec.json.encode(Says(skipped_from=expected))
                    parts.append(encode(Line(line.seq - 1, 0, gap)))
                parts.append(content[offset:end])
                expected = line.seq + 1
            if (mended := b"".join(parts)) != content:
                keep.replace(path, mended)

    def _read(self) -> None:
        if not self.segments:
            return
        found: list[tuple[int, int, Path, int]] = []  # first, last, where
        safe = 0  # what the lines say had been synced
        bad: tuple[Path, int] | None = None
        expected = int(self.segments[0].stem)
        for path in self.segments:
            content = path.read_bytes()
            end = 0
            for offset, after, line, says in _sound(content, expected):
                if offset > end:
                    bad = bad or (path, end)
                is_gap = says.skipped_from != expected and line.seq > expected
                if bad or is_gap:
                    found.append((expected, line.seq - 1, *(bad or (path, end))))
                safe = max(safe, line.seq - line.unsynced)
                self.entries.append((line.seq, says))
                expected, end, bad = line.seq + 1, after, None
            if end < len(content):
                bad = bad or (path, end)
        if bad:
            found.append((expected, expected, *bad))
        unneeded = max((says.unneeded_before or 0 for _, says in self.entries), default=0)
        self.holes = [
            Hole(*hole, is_damage=safe > hole[0]) for hole in found if hole[1] >= unneeded
        ]


def _sound(content: bytes, expected: int) -> Iterator[tuple[int, int, Line, Says]]:
    """Give (begin, end, line, what it says) of each line that can be read and comes in order."""
    for offset, line in lines(content):
        if line is None or line.seq < expected:
            continue
        try:
            says = msgspec.json.decode(line.says, type=Says)
        except ValueError:
            continue
        yield offset, content.find(b"\n", offset) + 1, line, says
        expected = line.seq + 1
