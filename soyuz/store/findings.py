"""What the doctor finds, and where it keeps what it changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from soyuz.store import system
from soyuz.store.disk import FOLDER_MODE, Disk


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `file` is below the data folder, "" for the folder itself.

    `advice` says what `mend` does; without a `mend`, what a person can do. `mend` may change several
    files; it is run while nothing else uses the folder. A note is nothing wrong: the start sees to it.
    """

    file: str
    problem: str
    advice: str
    mend: Callable[[Keep], None] | None = field(default=None, compare=False)
    line: int = 0  # from 1; 0 where there is none
    column: int = 0
    is_note: bool = False

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f", line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.problem}" if place else self.problem


class Keep:
    """`repaired-<time>/` in the data folder, made when the first file comes into it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.hoped_for: dict[str, set[str]] = {}  # rows of a file that the start may not find
        root = disk.folder.root
        self.folder = root / f"repaired-{time.strftime('%Y%m%d-%H%M%S')}"

    def copy(self, path: Path) -> None:
        """Keep a file as it is, before it is changed; the first copy is the one. Raises OSError."""
        kept = self._place_of(path)
        if not kept.exists():
            with open(path, "rb") as source:
                self.disk.replace(kept, iter(lambda: source.read(1_000_000), b""))

    def take(self, path: Path) -> None:
        """Take a file out of the data folder. Raises OSError."""
        self.copy(path)
        system.remove(path)
        self.disk.sync_folder(path.parent)

    def replace(self, path: Path, content: bytes) -> None:
        """Keep a file and put other content in its place. Raises OSError."""
        self.copy(path)
        self.disk.replace(path, content)

    def _place_of(self, path: Path) -> Path:
        below = path.relative_to(self.disk.folder.root)
        kept = self.folder / below
        for parent in reversed(below.parents):
            (self.folder / parent).mkdir(mode=FOLDER_MODE, exist_ok=True)
        return kept
