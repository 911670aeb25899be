"""A disk on paper: what of a recorded run may lie on the platter after the power was cut.

A file's content is safe once the file is synced, a folder's entries once the folder is. Of all the
rest anything may be there: each 512-byte sector of each write, or zeros in its place; each name,
old or new. Only an exchange of two names happens whole. As on every journaling file system, what
was written after a truncation is not there without the truncation.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SECTOR_BYTES = 512

Names = dict[str, int]  # path below the root: the file it leads to
Contents = dict[int, bytes]


class Op(Protocol):
    """One operation of a recorded run."""

    def done_to(self, disk: PaperDisk) -> None: ...


@dataclass(frozen=True)
class Write:
    file: int
    offset: int
    content: bytes

    def done_to(self, disk: PaperDisk) -> None:
        disk.unsynced.setdefault(self.file, []).append(self)


@dataclass(frozen=True)
class Truncate:
    file: int
    size: int

    def done_to(self, disk: PaperDisk) -> None:
        disk.unsynced.setdefault(self.file, []).append(self)


@dataclass(frozen=True)
class Sync:
    file: int

    def done_to(self, disk: PaperDisk) -> None:
        disk.contents[self.file] = disk.content_now(self.file)
        disk.unsynced.pop(self.file, None)


@dataclass(frozen=True)
class Enter:
    """Names are bound to files (None: no longer), all at once; they lie in one folder."""

    folder: str
    bound: dict[str, int | None]
    only_if: dict[str, int] = field(default_factory=dict)  # a removed name must still lead there

    def done_to(self, disk: PaperDisk) -> None:
        disk.unsynced_names.setdefault(self.folder, []).append(self)

    def bind(self, names: Names) -> None:
        for path, file in self.bound.items():
            if file is not None:
                names[path] = file
            elif names.get(path) == self.only_if.get(path):
                names.pop(path, None)


@dataclass(frozen=True)
class SyncFolder:
    folder: str

    def done_to(self, disk: PaperDisk) -> None:
        for entry in disk.unsynced_names.pop(self.folder, []):
            entry.bind(disk.names)


FOLDER = -1  # the "file" that a folder's own name leads to


class PaperDisk:
    """What is safe by now, and what is on its way."""

    def __init__(self) -> None:
        self.names: Names = {}
        self.contents: Contents = {}
        self.unsynced: dict[int, list[Write | Truncate]] = {}
        self.unsynced_names: dict[str, list[Enter]] = {}

    def content_now(self, file: int) -> bytes:
        """Give a file as a process reads it."""
        content = bytearray(self.contents.get(file, b""))
        for op in self.unsynced.get(file, []):
            _apply(content, op)
        return bytes(content)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes | None]:
        """Give one thing that may lie there: paths with their contents, None for a folder."""
        names = dict(self.names)
        for entries in self.unsynced_names.values():
            for entry in _some(entries, chance):
                entry.bind(names)
        found = {path: self._content_after(file, chance) for path, file in names.items()}
        # What lies in a folder that was never entered into its own folder cannot be reached.
        return {
            path: content
            for path, content in sorted(found.items())
            if all(str(above) in found for above in Path(path).parents if str(above) != ".")
        }

    def _content_after(self, file: int, chance: random.Random) -> bytes | None:
        if file == FOLDER:
            return None
        ops = self.unsynced.get(file, [])
        content = bytearray(self.contents.get(file, b""))
        for op in self._without_late_truncations(ops, chance):
            if isinstance(op, Truncate):
                _apply(content, op)
            else:
                _write_some_sectors(content, op, chance)
        return bytes(content)

    def _without_late_truncations(
        self, ops: list[Write | Truncate], chance: random.Random
    ) -> list[Write | Truncate]:
        cuts = [at for at, op in enumerate(ops) if isinstance(op, Truncate)]
        return ops[: chance.choice([*cuts, len(ops)])]


def _some(entries: list[Enter], chance: random.Random) -> list[Enter]:
    if chance.random() < 0.5:
        return entries[: chance.randint(0, len(entries))]
    return [entry for entry in entries if chance.random() < 0.5]


def _write_some_sectors(content: bytearray, op: Write, chance: random.Random) -> None:
    fate: Callable[[], str] = chance.choice(
        [lambda: "written", lambda: "lost", lambda: chance.choice(["written", "lost", "zeros"])]
    )
    end = op.offset + len(op.content)
    start = op.offset
    last = chance.choice([end, end, chance.randint(start, end)])  # or it was cut short
    while start < last:
        stop = min(last, start - start % SECTOR_BYTES + SECTOR_BYTES)
        what = fate()
        if what == "written":
            _put(content, start, op.content[start - op.offset : stop - op.offset])
        elif what == "zeros":
            _put(content, start, bytes(stop - start))
        start = stop


def _apply(content: bytearray, op: Write | Truncate) -> None:
    if isinstance(op, Truncate):
        content[:] = content[: op.size].ljust(op.size, b"\0")
    else:
        _put(content, op.offset, op.content)


def _put(content: bytearray, offset: int, written: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(written)] = written


def materialise(found: dict[str, bytes | None], root: Path) -> None:
    """Make a data folder of what was found, with the word of an owner who could not take it back."""
    root.mkdir(parents=True)
    (root / ".soyuz.owner").touch()
    for path, content in found.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)
