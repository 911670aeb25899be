"""A JSON file an admin reads and edits with any editor while the server changes it too.

The rows are in memory, their changes in the journal; the file follows them, soon while it is small
and seldom once it is big. Whatever else is found in it was written by hand, and is merged.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from soyuz import runtime
from soyuz.domain.versions import Back, Texts, Versions, different_keys
from soyuz.store import checkpoint, system
from soyuz.store.checkpoint import Checkpoint
from soyuz.store.disk import Unavailable
from soyuz.store.handwritten import Spoiled
from soyuz.store.journal import Journal
from soyuz.store.journal_lines import Text
from soyuz.store.looks import Stamp, look, settled_look, stamp_of, stamp_on_disk
from soyuz.store.merging import Parse, merged, rows_of
from soyuz.store.readership import Readership
from soyuz.store.replaced import Replaced, beside
from soyuz.store.table import Table

log = logging.getLogger("soyuz.store")

SMALL_BYTES = 1_000_000  # a file below it follows every change at once
BIG_FILE_S = 600.0  # one above it follows after so long, or when half of it has changed
_BEGUN = -1  # in place of the number of the entry with a text's sum
KEPT_NAMED = 5
RETRY_S = 0.25
RETRY_MOST_S = 30.0
KNOWN_TEXTS = 5_000
KNOWN_TEXTS_KEPT = 100  # in a checkpoint; the journal has the later ones

Removal = Callable[[int, int], bool]  # (rows an edit removes, rows there are): is it doubtful?


@dataclass(frozen=True)
class Trouble:
    """A file that cannot be used as it lies on the disk; the last good state stays in force."""

    file: str
    line: int
    column: int
    problem: str
    is_held: bool = False  # nothing is wrong with it, but it must be confirmed

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, column {self.column}: {self.problem}"


class _Doubtful(Spoiled):
    """An edit that may well be a slip."""


class Document(Table):
    """See the module. `on_trouble(trouble or None)` is called on the event loop."""

    def __init__(
        self,
        path: Path,
        parse: Parse,
        journal: Journal,
        *,
        complete_by_hand: bool = False,
        absence_deletes: bool = False,
        doubtful: Removal = lambda removed, rows: False,
    ) -> None:
        """`complete_by_hand`: write what an admin wrote short back in full, at once.

        `absence_deletes`: take what an edit lacks for deleted where it may also have come since.

        An edit whose removals are `doubtful` waits until it is confirmed.
        """
        super().__init__(path.name, journal)
        self.path = Path(os.path.realpath(path))  # a link stays, and what it leads to is the file
        self.trouble: Trouble | None = None
        self.on_trouble: list[Callable[[Trouble | None], None]] = []
        self._parse = parse
        self._disk = journal.disk
        self._complete_by_hand = complete_by_hand
        self._doubtful = doubtful
        self._is_confirmed = False
        self._checkpoint = journal.disk.folder.journal / path.name
        self.needed_from: int | None = None  # the first change since the checkpoint
        self._unwritten_from: int | None = None  # the first change the file does not have
        self._journaled_bytes = 0  # since the checkpoint
        self._versions = Versions(absence_deletes)
        self._absence_deletes = absence_deletes
        self._touched: set[str] | None = None  # keys changed while an edit is taken over
        self._stamp: Stamp | None = None  # of the text we wrote or took in last
        self._is_due = False  # the file is behind
        self._behind_since = 0.0
        self._behind_bytes = 0
        self._readership = Readership()
        self._replaced = Replaced(path, journal.disk)
        self._known: deque[str] = deque(maxlen=KNOWN_TEXTS)  # sums of the texts that were ours
        self._problem = ""
        self._patience_s = RETRY_S
        self._retry_at = 0.0  # not before this is the file or a checkpoint tried again
        self._busy = threading.Lock()

    # At the start

    def load(self) -> None:
        """Take the rows from the journal, then look at the file. Raises OSError."""
        try:
            self._load()
        except Unavailable as error:
            raise OSError(f"{self.name} cannot be taken in: {error}") from error

    def _load(self) -> None:
        content, stamp, unreadable = self._first_look()
        text_sha256 = sha256(content or b"").hexdigest()
        # An edit that waited to be confirmed may well be, to the letter, an older text of ours.
        was_held = any(self.path.parent.glob(f"{self.name}.broken-*-{text_sha256[:8]}"))
        unplaced = self._unplaced()
        known = self._restore("" if was_held else text_sha256, unplaced)
        has_past = self._checkpoint.exists() or bool(known)
        if unreadable:
            if not has_past:
                raise OSError(f"{self.name} cannot be read: {unreadable}")
            self._report(Trouble(self.name, 1, 1, f"it cannot be read: {unreadable}"))
        elif content is None or not content.strip(b"\0 \t\r\n"):
            if has_past:
                log.warning("%s is missing or empty; it is written again", self.name)
            self._stamp, self._is_due = stamp, True
            if content is not None:  # perhaps an editor has emptied it and is about to write
                self._readership.watch(self.path, stamp)
        elif text_sha256 in known and not was_held:
            self._stamp = stamp
            self._readership.watch(self.path, stamp)
            # The next one may be known, and yet not have taken its place any more.
            self._is_due = self._is_due or text_sha256 != self._known[-1]
        else:
            # Who edits while no server runs has mostly read the newest version; who was editing when
            # the server was killed may not have.
            if not self._disk.was_killed or self._absence_deletes or was_held:
                self._versions.newest_was_read()
            try:
                self._adopt(content, stamp)
            except Spoiled as spoiled:
                if not has_past:
                    raise OSError(f"{self.name}, {spoiled}, and nothing is known of it") from None
                log.warning("%s: %s; started from the last good state", self.name, spoiled)
                self._set_aside(content, stamp, spoiled)
        for path in unplaced:
            self._put_aside(path, known)
        try:
            if self._is_due and not self.trouble:
                self._write()
            if not self._checkpoint.exists():
                self.write_checkpoint()
        except (OSError, Unavailable) as error:
            if not has_past:
                raise
            log.error("%s: %s; the server starts, and tries again", self.name, error)

    def _first_look(self) -> tuple[bytes | None, Stamp | None, str]:
        try:
            return *look(self.path), ""
        except OSError as error:  # the journal may know all that is in it
            return None, None, error.strerror or str(error)

    def _put_aside(self, path: Path, known: Set[str]) -> None:
        """Keep what a killed process left beside the file, unless it is a text of our own.

        It may be an edit that was swapped out just before the end, or an old text of ours that nobody
        knows any more: only a person can tell, for merged as an edit that would undo what came since.
        """
        content = path.read_bytes()
        if _sum(content) in known or b"".join(checkpoint.chunks(self._texts)).startswith(content):
            system.remove(path)
            return
        aside = beside(self.path, "edited", content)
        system.rename(path, aside)
        log.warning("%s: was this an edit of %s? It was left by a crash", aside.name, self.name)

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
        begun: int | None = None  # of a text that may be there, though its sum was not written down
        for number, said in self._journal.replayed(self.name):
            if isinstance(said, Text) and not said.sha256:
                begun = said.seq
            elif isinstance(said, Text):
                begun = None
                self._know(said.sha256, number)
                texts.append((number, said))
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
                    if _sum(begun_text) != in_place:
                        continue
                    sums.append(in_place)
                    self._know(in_place, seq)
                self._versions.add(self._versions.begin())
                # What came by hand may lack what was merged with it.
                self._is_due = seq == number
                if not self._is_due:
                    self._unwritten_from = None
                continue
            self.needed_from = min(self.needed_from or number, number)
            self._unwritten_from = self._unwritten_from or number
            for key, row in changes.items():
                self._apply(key, self._texts.get(key), row)
        return {*kept.texts, *sums}

    # Every half second

    def poll(self) -> None:
        """Have hand edits taken over, and the file brought up to date when that is due."""
        if self._busy.acquire(blocking=False):
            runtime.spawn(self._work)

    def catch_up(self) -> None:
        """Bring the file up to date now, unless what lies there is an admin's and in trouble."""
        with self._busy:
            try:
                # An edit that came last is for the next start to take in.
                if self._is_due and not self.trouble and self._is_as_left():
                    self._write()
            except (OSError, Unavailable) as error:
                log.error("%s: %s; it is written at the next start", self.name, error)

    def confirm(self) -> bool:
        """Have a doubtful edit taken over after all, at the next look; says whether there is one."""
        is_held = self.trouble is not None and self.trouble.is_held
        has_one = is_held and stamp_on_disk(self.path) == self._stamp
        self._is_confirmed = has_one
        if has_one:
            self._stamp = None
        return has_one

    # For whoever only looks

    def rows_in(self, content: bytes, stamp: Stamp | None) -> dict[str, bytes]:
        """Give the rows of a text of the file, which changes nothing. Raises Spoiled."""
        return rows_of(content, stamp[0] / 1e9 if stamp else time.time(), self._parse)[0]

    def _is_as_left(self) -> bool:
        return stamp_on_disk(self.path) in (self._stamp, None)

    def _work(self) -> None:
        try:
            self._replaced.take_over(self._adopt_late, self._tell_trouble)
            stamp = stamp_on_disk(self.path)
            is_missing = stamp is None
            if stamp != self._stamp and not (is_missing and self._is_due):
                self._take_over()
            elif time.monotonic() < self._retry_at:
                return
            elif self._is_due and self._is_time() and (is_missing or not self.trouble):
                self._write()
            is_behind = (self.needed_from or self._journal.kept_from) < self._journal.kept_from
            if is_behind or self._journaled_bytes > max(SMALL_BYTES * 4, self._size() / 2):
                self.write_checkpoint()
            self._problem, self._patience_s = "", RETRY_S
        except (OSError, Unavailable) as error:
            problem = getattr(error, "strerror", None) or str(error)
            if problem != self._problem:
                self._problem = problem
                log.error("%s: %s; it is tried again and again", self.name, problem)
            # Each try costs a line of the journal and perhaps a whole file.
            self._retry_at = time.monotonic() + self._patience_s
            self._patience_s = min(2 * self._patience_s, RETRY_MOST_S)
        finally:
            self._busy.release()

    def _is_time(self) -> bool:
        size = self._size()
        return (
            size < SMALL_BYTES
            or self._behind_bytes > size / 2
            or time.monotonic() - self._behind_since > BIG_FILE_S
        )

    def _size(self) -> int:
        return self._stamp[1] if self._stamp else 0

    # Our own changes

    def _apply(self, key: str, before: bytes | None, after: bytes | None) -> None:
        super()._apply(key, before, after)
        self._versions.changed(key, before)
        if self._touched is not None:
            self._touched.add(key)
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
        self._report(None)
        # The text is in its place, whatever happens from here on.
        self._replaced.keep(replaced, temporary, replaced_stamp)
        runtime.off_loop(self._disk.sync_folder, self.path.parent)
        return rows, seq

    def _put_in_place(self, rows: Mapping[str, bytes], seq: int) -> Path:
        """Put the text in place; gives where what it replaced may lie. Raises OSError, Unavailable."""
        digest = sha256()

        def parts() -> Any:
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

    def write_checkpoint(self) -> None:
        """Keep the rows as the file has them, so that older segments are not needed.

        While an admin's trouble keeps the file behind nothing is kept: without those segments nobody
        could tell what the edit began from. Raises OSError, Unavailable.
        """
        with self._journal.lock:
            written = None if self._is_due else (dict(self._texts), self._journal.last_seq)
        if written is None and self.trouble:
            return
        rows, seq = written or self._write()
        # What the disk has not taken must not be in it.
        self._journal.sync().wait()
        kept = Checkpoint(seq, rows, list(self._known)[-KNOWN_TEXTS_KEPT:])
        runtime.off_loop(checkpoint.write, self._disk, self._checkpoint, kept)
        with self._journal.lock:
            self.needed_from, self._journaled_bytes = self._unwritten_from, 0

    # Edits by hand

    def _take_over(self) -> None:
        if self._readership.was_read():  # asked before we read what lies there now
            self._versions.newest_was_read()
        try:
            content, stamp = settled_look(self.path)
        except OSError as error:
            self._report(Trouble(self.name, 1, 1, f"it cannot be read: {error.strerror}"))
            return
        self.path = Path(os.path.realpath(self.path))  # it may have become a link
        if stamp == self._stamp:
            return
        try:
            if content is None:
                raise Spoiled("the file is missing", 1, 1)
            self._adopt(content, stamp)
        except Spoiled as spoiled:
            self._set_aside(content, stamp, spoiled)

    def _adopt_late(self, content: bytes) -> None:
        try:
            self._adopt(content, None)
        except _Doubtful as doubtful:  # what is not in place cannot be confirmed
            again = f"{doubtful.problem.partition(';')[0]}; if that is meant, save it once more"
            raise Spoiled(again, 1, 1) from None

    def _adopt(self, content: bytes, stamp: Stamp | None) -> None:
        """Merge a text, which lies at the path unless `stamp` is None. Raises Spoiled, Unavailable."""
        saved_at = stamp[0] / 1e9 if stamp else time.time()
        theirs, is_complete = runtime.off_loop(rows_of, content, saved_at, self._parse)
        try:
            self._merge(content, stamp, theirs, is_complete)
        finally:
            self._touched = None

    def _merge(
        self, content: bytes, stamp: Stamp | None, theirs: dict[str, bytes], is_complete: bool
    ) -> None:
        text_sha256 = runtime.off_loop(_sum, content)
        with self._journal.lock:
            before, self._touched = dict(self._texts), set()
        # Off the loop, for it looks at every row; what changes meanwhile is looked at again.
        different = runtime.off_loop(different_keys, theirs, before)
        with self._journal.lock:
            different = self._still_different(theirs, different)
            base = self._versions.base_of(theirs, different)
            wanted = merged(self.name, base, self._texts, theirs, different, self._parse)
            self._refuse_doubtful(wanted)
            ticket = self._begin(wanted, text_sha256)
            self._know(text_sha256, self._journal.last_seq)
        assert ticket
        ticket.wait()
        self._is_confirmed = False
        log.info("%s was edited: %d changed", self.name, len(wanted))
        self._tell_kept(theirs, base, different)
        if stamp is None:
            return
        with self._journal.lock:
            different = self._still_different(theirs, different)
            self._versions.edited(theirs, self._texts, different)
            self._stamp = stamp
            self._is_due = bool(different) or (self._complete_by_hand and not is_complete)
            if not self._is_due:
                self._unwritten_from = None
        self._readership.watch(self.path, stamp)
        self._report(None)

    def _tell_kept(self, theirs: Texts, base: Back, different: Set[str]) -> None:
        """Tell which rows an edit lacks and yet are kept: they seem to have come after its base."""
        kept = [key for key in different if key not in theirs and key in self._texts]
        kept = [key for key in kept if base.get(key, b"") is None]
        if kept:
            names = ", ".join(sorted(kept)[:KEPT_NAMED]) + (" …" if len(kept) > KEPT_NAMED else "")
            problem = f"not in what was saved, but kept, for they seem to have come since: {names}"
            self._tell_trouble(Spoiled(f"{problem}; to delete them, save that alone", 1, 1))

    def _still_different(self, theirs: Mapping[str, bytes], different: set[str]) -> set[str]:
        keys = different | (self._touched or set())
        return {key for key in keys if theirs.get(key) != self._texts.get(key)}

    def _refuse_doubtful(self, wanted: Mapping[str, bytes | None]) -> None:
        removed, rows = sum(row is None for row in wanted.values()), len(self._texts)
        if self._doubtful(removed, rows) and not self._is_confirmed:
            raise _Doubtful(
                f"it removes {removed} of {rows}; nothing changes until you confirm it with the "
                f"command line's verb: confirm {self.name}",
                1,
                1,
            )

    def _set_aside(self, content: bytes | None, stamp: Stamp | None, spoiled: Spoiled) -> None:
        if content:
            aside = beside(self.path, "broken", content)
            try:
                if not list(self.path.parent.glob(f"{self.name}.broken-*{aside.name[-9:]}")):
                    runtime.off_loop(self._disk.replace, aside, content)
            except OSError as error:  # the text itself stays where it is
                log.error("%s cannot be copied aside: %s", self.name, error.strerror or error)
        self._stamp = stamp
        self._readership.close()
        self._is_confirmed = False
        self.trouble = None  # it was saved again: the same mistake is told again
        is_held = isinstance(spoiled, _Doubtful)
        self._report(Trouble(self.name, spoiled.line, spoiled.column, spoiled.problem, is_held))

    def _report(self, trouble: Trouble | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble:
            log.error("%s; the last good state stays in force", trouble)
        for tell in self.on_trouble:
            tell(trouble)

    def _tell_trouble(self, spoiled: Spoiled) -> None:
        """Tell of a text that does not lie in the file's place."""
        trouble = Trouble(self.name, spoiled.line, spoiled.column, spoiled.problem)
        log.error("%s", trouble)
        for tell in self.on_trouble:
            tell(trouble)


def _sum(content: bytes) -> str:
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
