"""Files we have put another in place of: an editor may have saved just before, or be about to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from soyuz import runtime
from soyuz.store import system
from soyuz.store.disk import Disk
from soyuz.store.handwritten import Spoiled
from soyuz.store.looks import Stamp, stamp_on_disk
from soyuz.store.readership import Readership

WATCHED_S = 10.0  # so long an editor may still write into the file it had opened


@dataclass
class _Old:
    """One such file. `aside` is where it lies if it had been edited when we replaced it."""

    readership: Readership
    until: float
    aside: Path | None = None
    seen_at: int | None = None  # written by someone, but perhaps not finished
    taken_at: int | None = None
    spoiled: Spoiled | None = None


class Replaced:
    """Those of one document, each watched for a while through a descriptor that outlives its name."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._old: list[_Old] = []

    def keep(self, version: Readership, swapped_out: Path, stamp: Stamp | None) -> None:
        """Watch the `version` that was replaced. What came out of the swap should be as `stamp`."""
        until = time.monotonic() + WATCHED_S
        self._old.append(_Old(version, until))
        if not swapped_out.exists():  # not swapped but renamed over
            return
        if stamp_on_disk(swapped_out) == stamp:
            system.remove(swapped_out)
            return
        aside = beside(self._path, "edited", swapped_out.read_bytes())
        system.rename(swapped_out, aside)
        if version.holds(aside):
            self._old[-1].aside = aside
            return
        edited = Readership()
        edited.hold(aside)
        self._old.append(_Old(edited, until, aside))

    def take_over(self, adopt: Callable[[bytes], None], report: Callable[[Spoiled], None]) -> None:
        """Have texts adopted that were saved into such files and have settled.

        `adopt` raises Spoiled, which is reported in the end, and Unavailable, which is let out and
        leaves the text for later.
        """
        for old in list(self._old):
            written_at = old.readership.written_at()
            if written_at is not None and written_at != old.taken_at:
                if written_at == old.seen_at:
                    self._adopt(old, written_at, adopt)
                old.seen_at = written_at
            elif time.monotonic() > old.until:
                self._let_go(old, report)

    def _adopt(self, old: _Old, written_at: int, adopt: Callable[[bytes], None]) -> None:
        try:
            adopt(old.readership.content())
            old.spoiled = None
        except Spoiled as spoiled:  # perhaps it is half saved
            old.spoiled = spoiled
        old.taken_at = written_at

    def _let_go(self, old: _Old, report: Callable[[Spoiled], None]) -> None:
        if old.spoiled:
            content = old.readership.content()
            aside = beside(self._path, "broken", content)
            runtime.off_loop(self._disk.replace, aside, content)
            where = f"{old.spoiled.problem}; it was saved as we wrote, and is kept as {aside.name}"
            report(Spoiled(where, old.spoiled.line, old.spoiled.column))
        if old.aside:
            system.remove(old.aside)
        old.readership.close()
        self._old.remove(old)


def beside(path: Path, what: str, content: bytes) -> Path:
    """Give a dated name beside a file for a copy of some text of it."""
    mark = sha256(content).hexdigest()[:8]
    return path.with_name(f"{path.name}.{what}-{time.strftime('%Y%m%d-%H%M%S')}-{mark}")
