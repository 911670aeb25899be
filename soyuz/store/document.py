"""A JSON file an admin reads and edits with any editor while the server changes it too.

The rows are in memory, their changes in the journal; the file follows them, soon while it is small
and seldom once it is big. Whatever else is found in it was written by hand, and is merged.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from soyuz import runtime
from soyuz.domain.versions import Back, Texts, Versions, different_keys
from soyuz.store import checkpoint, system
from soyuz.store.disk import Unavailable
from soyuz.store.handwritten import Spoiled
from soyuz.store.journal import Journal
from soyuz.store.looks import Stamp, look, settled_look, stamp_on_disk
from soyuz.store.merging import Parse, merged, rows_of
from soyuz.store.replaced import beside
from soyuz.store.snapshot import SMALL_BYTES, Snapshot, sum_of

log = logging.getLogger("soyuz.store")

KEPT_NAMED = 5
RETRY_S = 0.25
RETRY_MOST_S = 30.0

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


class Document(Snapshot):
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
        super().__init__(path, journal, Versions(absence_deletes))
        self.trouble: Trouble | None = None
        self.on_trouble: list[Callable[[Trouble | None], None]] = []
        self._parse = parse
        self._complete_by_hand = complete_by_hand
        self._absence_deletes = absence_deletes
        self._doubtful = doubtful
        self._is_confirmed = False
        self._touched: set[str] | None = None  # keys changed while an edit is taken over
        self._problem = ""
        self._patience_s = RETRY_S
        self._retry_at = 0.0  # not before this is the file or a checkpoint tried again
        self._busy = threading.Lock()

    @property
    def _may_write(self) -> bool:
        return self.trouble is None

    # At the start

    def load(self) -> None:
        """Take the rows from the journal, then look at the file. Raises OSError."""
        try:
            self._load()
        except Unavailable as error:
            raise OSError(f"{self.name} cannot be taken in: {error}") from error

    def _load(self) -> None:
        content, stamp, unreadable = self._first_look()
        text_sha256 = sum_of(content or b"")
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
            self._adopt_at_start(content, stamp, has_past, was_held)
        for path in unplaced:
            self._put_aside(path, known)
        self._write_at_start(has_past)

    def _adopt_at_start(
        self, content: bytes, stamp: Stamp | None, has_past: bool, was_held: bool
    ) -> None:
        # Who edits while no server runs has mostly read the newest version; who was editing when the
        # server was killed may not have.
        if not self._disk.was_killed or self._absence_deletes or was_held:
            self._versions.newest_was_read()
        try:
            self._adopt(content, stamp)
        except Spoiled as spoiled:
            if not has_past:
                raise OSError(f"{self.name}, {spoiled}, and nothing is known of it") from None
            log.warning("%s: %s; started from the last good state", self.name, spoiled)
            self._set_aside(content, stamp, spoiled)

    def _write_at_start(self, has_past: bool) -> None:
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
        if sum_of(content) in known or b"".join(checkpoint.chunks(self._texts)).startswith(content):
            system.remove(path)
            return
        aside = beside(self.path, "edited", content)
        system.rename(path, aside)
        log.warning("%s: was this an edit of %s? It was left by a crash", aside.name, self.name)

    # Four times a second

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

    # Our own changes

    def _apply(self, key: str, before: bytes | None, after: bytes | None) -> None:
        super()._apply(key, before, after)
        if self._touched is not None:
            self._touched.add(key)

    def _write(self) -> tuple[dict[str, bytes], int]:
        written = super()._write()
        self._report(None)
        return written

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
        text_sha256 = runtime.off_loop(sum_of, content)
        with self._journal.lock:
            before, self._touched = dict(self._texts), set()
        # Off the loop, for it looks at every row; what changes meanwhile is looked at again.
        different = runtime.off_loop(different_keys, theirs, before)
        with self._journal.lock:
            different = self._still_different(theirs, different)
            base = self._versions.base_of(theirs, different)
            wanted = merged(self.name, base, self._texts, theirs, different, self._parse)
            self._refuse_doubtful(wanted)

            def made(key: str) -> bytes | None:
                return wanted[key] if key in wanted else self._texts.get(key)

            apart = {key for key in different | wanted.keys() if theirs.get(key) != made(key)}
            ticket = self._begin(wanted, text_sha256, {key: theirs.get(key) for key in apart})
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
