"""The file that follows a table's rows: what an admin opens, and what a start is rebuilt from.

Every change is in the journal first. The file is written anew soon after it while it is small and
seldom once it is big; a checkpoint keeps the rows so that older lines of the journal can go.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from soyuz import runtime
from soyuz.domain.versions import Back, Versions
from soyuz.store import checkpoint, system
from soyuz.store.checkpoint import Checkpoint
from soyuz.store.journal import Journal
from soyuz.store.journal_lines import NULL, Text
from soyuz.store.looks import Stamp, stamp_of, stamp_on_disk
from soyuz.store.readership import Readership
from soyuz.store.replaced import Replaced
from soyuz.store.table import Table

SMALL_BYTES = 1_000_000  # a file below it follows every change at once
BIG_FILE_S = 600.0  # one above it follows after so long, or when half of it has changed
KNOWN_TEXTS = 5_000
KNOWN_TEXTS_KEPT = 100  # in a checkpoint; the journal has the later ones
_BEGUN = -1  # in place of the number of the entry with a text's sum


class Snapshot(Table):
    """See the module."""

    def __init__(self, path: Path, journal: Journal, versions: Versions) -> None:
        super().__init__(path.name, journal)
        self.path = Path(os.path.realpath(path))  # a link stays, and what it leads to is the file
        self.needed_from: int | None = None  # the first change since the checkpoint
        self._disk = journal.disk
        self._checkpoint = journal.disk.folder.journal / path.name
        self._unwritten_from: int | None = None  # the first change the file does not have
        self._journaled_bytes = 0  # since the checkpoint
        self._versions = versions
        self._known: deque[str] = deque(maxlen=KNOWN_TEXTS)  # sums of the texts that were ours
        self._stamp: Stamp | None = None  # of the text we wrote or took in last
        self._is_due = False  # the file is behind
        self._behind_since = 0.0
        self._behind_bytes = 0
        self._readership = Readership()
        self._replaced = Replaced(self.path, journal.disk)

    @property
    def _may_write(self) -> bool:
        """Whether nothing lies in the file's place that must not be replaced."""
        return True

    def write_checkpoint(self) -> None:
        """Keep the rows as the file has them, so that older segments are not needed.

        While an admin's trouble keeps the file behind nothing is kept: without those segments nobody
        could tell what the edit began from. Raises OSError, Unavailable.
        """
        with self._journal.lock:
            written = None if self._is_due else (dict(self._texts), self._journal.last_seq)
        if written is None and not self._may_write:
            return
        rows, seq = written or self._write()
        # What the disk has not taken must not be in it.
        self._journal.sync().wait()
        kept = Checkpoint(seq, rows, list(self._known)[-KNOWN_TEXTS_KEPT:])
        runtime.off_loop(checkpoint.write, self._disk, self._checkpoint, kept)
        with self._journal.lock:
            self.needed_from, self._journaled_bytes = self._unwritten_from, 0

    def _unplaced(self) -> dict[Path, str]:
        """Give the texts that were about to take the file's place when a process ended."""
        paths = self.path.parent.glob(f".{self.name}.*.new")
        return {path: sha256(path.read_bytes()).hexdigest() for path in paths}

    def _restore(self, in_place: str, unplaced: Mapping[Path, str]) -> set[str]:
        """Rebuild the rows and the file's versions; gives the sums of the texts that were ours."""
        kept = checkpoint.read(self._checkpoint)
        if kept is None and self._journal.first_seq > 1 and any(self._journal.replayed(self.name)):
            raise OSError(
                f"journal/{self.name} is missing, and so is what came before it in the journal; "
                "the command line's verb doctor --repair saves what the file says"
            )
        kept = kept or Checkpoint(0, {}, ())
        self._texts.update(kept.rows)
        self._known.extend(kept.texts)
        # A text stands for the rows as they were at its `seq`, a little before it was written down.
        steps: list[tuple[int, int, Mapping[str, bytes | None] | None]] = []
        texts: list[tuple[int, Text]] = []
        edits: dict[int, Back] = {}  # by its number, how the text differed from what was made of it
        begun: int | None = None  # of a text that may be there, though its sum was not written down
        for number, said in self._journal.replayed(self.name):
            if isinstance(said, Text) and not said.sha256:
                begun = said.seq
            elif isinstance(said, Text):
                begun = None
                self._know(said.sha256, number)
                texts.append((number, said))
                apart = ((key, bytes(row)) for key, row in said.differs.items())
                edits[number] = {key: None if row == NULL else row for key, row in apart}
            elif number > kept.seq:
                steps.append((number, number, said))
        sums = [text.sha256 for _, text in texts]
        placed = _placed(sums, in_place, kept.texts, unplaced)
        steps += [(text.seq, number, None) for number, text in texts[:placed]]
        if begun is not None and begun >= kept.seq:
            steps.append((begun, _BEGUN, None))
        for seq, number, changes in sorted(steps, key=lambda step: (step[0], step[2] is None)):
            if changes is None:
                if number == _BEGUN:
                    begun_text = b"".join(checkpoint.chunks(self._texts))
                    # Whole or half written, it never took its place.
                    sums += [
                        s for p, s in unplaced.items() if begun_text.startswith(p.read_bytes())
                    ]
                    if sum_of(begun_text) != in_place:
                        continue
                    sums.append(in_place)
                    self._know(in_place, seq)
                self._versions.add(self._versions.begin())
                # What came by hand may lack what was merged with it.
                self._is_due = seq == number
                if not self._is_due:
                    self._unwritten_from = None
                self._versions.newest_was(edits.get(number, {}))
                continue
            self.needed_from = min(self.needed_from or number, number)
            self._unwritten_from = self._unwritten_from or number
            for key, row in changes.items():
                self._apply(key, self._texts.get(key), row)
        return {*kept.texts, *sums}

    def _is_time(self) -> bool:
        size = self._size()
        return (
            size < SMALL_BYTES
            or self._behind_bytes > size / 2
            or time.monotonic() - self._behind_since > BIG_FILE_S
        )

    def _size(self) -> int:
        return self._stamp[1] if self._stamp else 0

    def _apply(self, key: str, before: bytes | None, after: bytes | None) -> None:
        super()._apply(key, before, after)
        self._versions.changed(key, before)
        cost = len(key) + len(after or b"")
        if not self._is_due:
            self._is_due, self._behind_since, self._behind_bytes = True, time.monotonic(), 0
        self._behind_bytes += cost
        self._journaled_bytes += cost
        if self._unwritten_from is None:
            self._unwritten_from = self._journal.last_seq + 1
        if self.needed_from is None:
            self.needed_from = self._journal.last_seq + 1

    def _know(self, text_sha256: str, seq: int) -> None:
        self._known.append(text_sha256)
        self.needed_from = min(self.needed_from or seq, seq)

    def _write(self) -> tuple[dict[str, bytes], int]:
        """Write the file as the rows are; gives them and their `seq`. Raises OSError, Unavailable."""
        with self._journal.lock:
            rows, seq = dict(self._texts), self._journal.last_seq
            back, self._is_due = self._versions.begin(), False
            unwritten_from, self._unwritten_from = self._unwritten_from, None
            self._journal.begin_text(self.name, seq)
        replaced, replaced_stamp = self._readership, self._stamp
        try:
            temporary = self._put_in_place(rows, seq)
        except BaseException:
            with self._journal.lock:
                self._versions.drop(back)
                self._is_due = True
                self._unwritten_from = unwritten_from or self._unwritten_from
            raise
        with self._journal.lock:
            if replaced.was_read():
                self._versions.newest_was_read()
            self._versions.add(back)
        # The text is in its place, whatever happens from here on.
        self._replaced.keep(replaced, temporary, replaced_stamp)
        runtime.off_loop(self._disk.sync_folder, self.path.parent)
        return rows, seq

    def _put_in_place(self, rows: Mapping[str, bytes], seq: int) -> Path:
        """Put the text in place; gives where what it replaced may lie. Raises OSError, Unavailable."""
        digest = sha256()

        def parts() -> Iterator[bytes]:
            for chunk in checkpoint.chunks(rows):
                digest.update(chunk)
                yield chunk

        temporary, stat = runtime.off_loop(self._disk.prepare, self.path, parts())
        try:
            # Its name must be there before it is known: by it the next start sees that it has not
            # taken its place, so that nobody can have edited it.
            runtime.off_loop(self._disk.sync_folder, self.path.parent)
            # After this the text is known as ours, and all it says is safe.
            self._journal.know_text(self.name, digest.hexdigest(), seq).wait()
            self._know(digest.hexdigest(), seq)
            readership = Readership()
            readership.watch(temporary, stamp_of(stat))  # before anyone can read it
            self._take_its_place(temporary)
        except BaseException:
            system.remove(temporary)
            raise
        self._stamp, self._readership = stamp_of(stat), readership
        return temporary

    def _take_its_place(self, temporary: Path) -> None:
        if system.exchange(temporary, self.path):
            return
        there = stamp_on_disk(self.path)
        if there is None:
            system.rename_to_new(temporary, self.path)
        elif there == self._stamp:
            system.rename(temporary, self.path)
        else:
            raise OSError("it was edited just now")


def sum_of(content: bytes) -> str:
    """Give the sum by which a text is known again."""
    return sha256(content).hexdigest()


def _placed(
    sums: Sequence[str], in_place: str, checkpointed: Sequence[str], unplaced: Mapping[Path, str]
) -> int:
    """Give how many of the texts, told by their sums, took the file's place: nobody edited the rest."""
    if in_place in sums:
        return len(sums) - sums[::-1].index(in_place)
    if in_place in checkpointed:
        return 0
    return len(sums) - (bool(sums) and sums[-1] in unplaced.values())
