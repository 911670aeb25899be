"""A JSON file held in memory: changed only through `update`, edited by hand at any time.

`value` maps keys to rows and is never altered in place. The file is the truth an admin reads; a
copy of the last good state lies in journal/, for the day the file is found broken at a start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from soyuz import runtime
from soyuz.domain.errors import Malformed
from soyuz.domain.merge import changed_keys, merge
from soyuz.domain.versions import Versions
from soyuz.store.disk import FILE_MODE, Disk, Unavailable
from soyuz.store.handwritten import Spoiled, find_key, read
from soyuz.store.readership import Readership
from soyuz.store.snapshot import Stamp, look, render, settled_look, stamp_of, stamp_on_disk

log = logging.getLogger("soyuz.store")

Rows = Mapping[str, Any]
Changes = Mapping[str, Any]  # key to its whole new row, or to None to delete it
Parse = Callable[[Any, float], dict[str, Any]]  # (decoded JSON, when it was saved in UTC seconds)


@dataclass(frozen=True)
class Trouble:
    """A file that cannot be used as it lies on the disk; the last good state stays in force."""

    file: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, column {self.column}: {self.problem}"


class _Foreign(Exception):
    """Someone else has changed the file since we last read or wrote it."""


@dataclass(frozen=True)
class _Staged:
    version: int
    value: Rows
    write_file: bool
    replaced_was_read: bool = False  # the version it was written over


_NOTHING = _Staged(-1, {}, False)


class Document:
    """See the module. `on_change(before, after)` and `on_trouble(trouble or None)` run on the loop."""

    def __init__(
        self, path: Path, parse: Parse, disk: Disk, *, complete_by_hand: bool = False
    ) -> None:
        """`complete_by_hand`: write what an admin wrote short back in full, at once."""
        self.path = path
        self._complete_by_hand = complete_by_hand
        self.value: Rows = {}
        self.trouble: Trouble | None = None
        self.on_change: list[Callable[[Rows, Rows], None]] = []
        self.on_trouble: list[Callable[[Trouble | None], None]] = []
        self._parse = parse
        self._disk = disk
        self._good = disk.folder.journal / path.name
        self._lock = threading.RLock()
        self._version = 0
        self._durable: Rows = {}
        self._durable_from = 0  # the version; what is older has no more say
        self._is_refusing = False
        self._staged = _Staged(0, {}, False)
        self._tickets: list[tuple[int, _Ticket]] = []
        self._stamp: Stamp | None = None
        self._coming: Stamp | None = None  # of the file we are about to rename into place
        self._versions = Versions({})
        self._readership = Readership()
        self._settling = False

    def load(self) -> None:
        """Read the file at the start, or make it. Raises OSError."""
        content, stamp = look(self.path)
        try:
            if content is None:
                raise Spoiled("the file is missing", 1, 1)
            value, normalised = self._read(content, stamp)
        except Spoiled as spoiled:
            value, normalised = self._last_good(spoiled), content is None
            if content is not None:
                self._keep_aside(content, spoiled)
        self.value = self._durable = value
        self._stamp = stamp
        self._versions = Versions(value)
        if normalised and not self.trouble:
            self._stamp = stamp_of(self._disk.replace(self.path, render(value), FILE_MODE))
        self._disk.replace(self._good, render(value))
        self._readership.watch(self.path)

    def update(self, change: Callable[[Rows], Changes]) -> None:
        """Apply a change and wait until it is on the disk. Raises Unavailable, and what `change` does.

        `change` is pure, may run twice, and gives the rows to put and the keys to delete (None).
        """
        ticket = self.begin_update(change)
        if ticket:
            ticket.wait()

    def begin_update(self, change: Callable[[Rows], Changes]) -> _Ticket | None:
        """Apply a change in memory at once and give the ticket of its way to the disk."""
        with self._lock:
            before = self.value
            after = _applied(before, change(before))
            if after == before:
                return None
            self._version += 1
            self.value = after
            ticket = _Ticket()
            self._tickets.append((self._version, ticket))
            self._stage(write_file=True)
        self._tell(before, after)
        return ticket

    def poll(self) -> None:
        """Take over what was edited by hand since the last look; called about once a second."""
        stamp = stamp_on_disk(self.path)
        is_ours = stamp == self._stamp or (stamp is not None and stamp == self._coming)
        if not self._settling and not is_ours:
            self._take_over()

    def commit(self, disk: Disk) -> _Staged | None:
        """Committer's thread: write the staged value; gives what it was, None if the file is foreign."""
        if self._is_refusing:  # a failed change is still to be undone, and all that came with it
            return _NOTHING
        staged = self._staged
        content = render(staged.value)
        readership = Readership()

        def about_to_replace(temporary: Path) -> None:
            if stamp_on_disk(self.path) not in (self._stamp, None):
                raise _Foreign
            readership.watch(temporary)  # before anyone can read it
            self._coming = stamp_on_disk(temporary)

        try:
            disk.replace(self._good, content)
            if staged.write_file:
                stat = disk.replace(self.path, content, just_before=about_to_replace)
        except _Foreign:
            return None
        except OSError:
            self._is_refusing = True
            readership.close()
            raise
        if staged.write_file:
            self._stamp = stamp_of(stat)
            self._readership, replaced = readership, self._readership
            staged = replace(staged, replaced_was_read=replaced.was_read())
            replaced.close()
        return staged

    def committed(self, staged: _Staged | None, error: OSError | None) -> None:
        """Event loop: settle the tickets, or undo what could not be written."""
        if error is not None:
            self._undo(error)
        elif staged is None:
            runtime.spawn(self._take_over)
        else:
            self._settle(staged)

    def _settle(self, staged: _Staged) -> None:
        version = staged.version
        with self._lock:
            if version >= self._durable_from:
                self._durable, self._durable_from = staged.value, version
            if staged.replaced_was_read:
                self._versions.newest_was_read()
            self._versions.add(self._durable)
            settled = [ticket for at, ticket in self._tickets if at <= version]
            self._tickets = [(at, ticket) for at, ticket in self._tickets if at > version]
        if staged.write_file:
            self._report(None)  # a broken text was replaced; its copy lies beside the file
        for ticket in settled:
            ticket.settle(None)

    def _undo(self, error: OSError) -> None:
        with self._lock:
            before, self.value = self.value, self._durable
            tickets, self._tickets = self._tickets, []
            self._version += 1
            self._durable_from = self._version
            self._staged = _Staged(self._version, self.value, False)
            self._is_refusing = False
        log.error("%s could not be written: %s", self.path.name, error.strerror or error)
        for _, ticket in tickets:
            ticket.settle(error)
        self._tell(before, self.value)

    def _take_over(self) -> None:
        if self._settling:
            return
        self._settling = True
        if self._readership.was_read():  # asked before we read what lies there now
            with self._lock:
                self._versions.newest_was_read()
        try:
            content, stamp = settled_look(self.path)
        finally:
            self._settling = False
        if stamp == self._stamp:  # it was our own write after all
            self._disk.hand_over(self)
            return
        try:
            if content is None:
                raise Spoiled("the file is missing", 1, 1)
            theirs, normalised = self._read(content, stamp)
        except Spoiled as spoiled:
            self._keep_aside(content, spoiled)
            with self._lock:
                self._stamp = stamp
                self._readership.close()
                self._stage(write_file=bool(self._tickets))
            return
        self._adopt(theirs, stamp, normalised)

    def _adopt(self, theirs: Rows, stamp: Stamp | None, normalised: bool) -> None:
        with self._lock:
            before = self.value
            base = self._versions.base_of(theirs)
            after = self._checked(merge(base, before, theirs), theirs)
            self._version += 1
            self.value = after
            self._durable, self._durable_from = theirs, self._version
            self._stamp = stamp
            self._versions.add(theirs)
            self._versions.newest_was_read()  # by whoever wrote it
            self._readership.watch(self.path)
            self._stage(write_file=normalised or after != theirs)
        log.info("%s was edited: %d changed", self.path.name, len(changed_keys(before, after)))
        self._report(None)
        self._tell(before, after)

    def _checked(self, merged: dict[str, Any], theirs: Rows) -> Rows:
        try:
            return self._parse(merged, time.time())
        except Malformed:
            return theirs  # two good halves can make a bad whole only where one row is in both

    def _read(self, content: bytes, stamp: Stamp | None) -> tuple[dict[str, Any], bool]:
        decoded = read(content)
        written_at = stamp[0] / 1e9 if stamp else 0.0
        try:
            value = self._parse(decoded, written_at)
        except Malformed as malformed:
            raise Spoiled(malformed.problem, *find_key(content, malformed.key)) from None
        return value, self._complete_by_hand and value != decoded

    def _last_good(self, spoiled: Spoiled) -> dict[str, Any]:
        try:
            value, _ = self._read(self._good.read_bytes(), None)
        except FileNotFoundError:
            if self.path.exists():
                raise OSError(f"{self.path.name}, {spoiled}, and there is no good copy") from None
            return {}
        except Spoiled as worse:
            raise OSError(f"{self.path.name}, {spoiled}; its good copy, {worse}") from None
        log.warning("%s: %s; started from the last good copy", self.path.name, spoiled)
        return value

    def _keep_aside(self, content: bytes | None, spoiled: Spoiled) -> None:
        if content:
            mark = f"{time.strftime('%Y%m%d-%H%M%S')}-{sha256(content).hexdigest()[:4]}"
            name = f"{self.path.name}.broken-{mark}"
            runtime.off_loop(self._disk.replace, self.path.with_name(name), content)
        self._report(Trouble(self.path.name, spoiled.line, spoiled.column, spoiled.problem))

    def _stage(self, write_file: bool) -> None:
        still_due = bool(self._tickets) and self._staged.write_file
        self._staged = _Staged(self._version, self.value, write_file or still_due)
        self._disk.hand_over(self)

    def _report(self, trouble: Trouble | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble:
            log.error("%s; the last good state stays in force", trouble)
        for tell in self.on_trouble:
            tell(trouble)

    def _tell(self, before: Rows, after: Rows) -> None:
        if before != after:
            for tell in self.on_change:
                try:
                    tell(before, after)
                except Exception:  # the change has happened; the others must hear of it
                    log.exception("what follows a change of %s failed", self.path.name)


class _Ticket:
    """One change's way to the disk."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._error: OSError | None = None

    def settle(self, error: OSError | None) -> None:
        self._error = error
        self._done.set()

    def wait(self) -> None:
        """Wait for the outcome. Raises Unavailable."""
        self._done.wait()
        if self._error:
            raise Unavailable(str(self._error)) from self._error


def _applied(rows: Rows, changes: Changes) -> dict[str, Any]:
    after = dict(rows)
    for key, row in changes.items():
        if row is None:
            after.pop(key, None)
        else:
            after[key] = row
    return after
