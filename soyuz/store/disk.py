"""The engine under every file: one owner, atomic replacement, and a committer that syncs in groups.

Whatever changes is changed in memory first and handed to the committer, a native thread of its
own. It writes all that waits, syncs once per file, and reports back on the event loop; only then
may anything be acknowledged or published.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from soyuz import runtime
from soyuz.paths import DataFolder
from soyuz.store import system

log = logging.getLogger("soyuz.store")

FILE_MODE = 0o600
FOLDER_MODE = 0o700
INTERVAL_S = 1.0  # SOYUZ_FSYNC=interval
LOOK_EVERY_S = 0.02
LOOK_S = 0.3  # someone who only looks whether the folder is held lets go of it sooner


class Unavailable(Exception):
    """The disk did not take a change, so the change has not happened."""


class Owned(Exception):
    """Another process holds the data folder; the text says which."""


class SyncFailed(OSError):
    """A sync failed: nobody knows what is on disk now, and asking again would hide it."""


class File(Protocol):
    """What the committer works for."""

    def commit(self, disk: Disk) -> Any:
        """On the committer's thread: write and sync what waits; gives what `committed` is told."""

    def committed(self, result: Any, error: OSError | None) -> None:
        """On the event loop: the outcome."""


Outcome = tuple[File, Any, OSError | None]


class Disk:
    """The folder's owner lock and the committer. `fsync` is always, interval or off."""

    def __init__(self, folder: DataFolder, fsync: str = "always") -> None:
        self.folder = folder
        self.failed = False
        self.was_killed = False  # the last owner, who left its word behind
        self.on_fatal: Callable[[OSError], None] = lambda error: None
        self._fsync = fsync
        self._lock = FileLock(str(folder.lock), timeout=0)
        self._waiting: deque[File] = deque()
        self._wake_is_due = False
        self._temporaries = itertools.count(1)
        self._unsynced: dict[int, float] = {}
        self._committer: runtime.NativeThread | None = None

    def open(self) -> None:
        """Own the folder and start the committer. Raises Owned, OSError."""
        self.folder.root.mkdir(parents=True, exist_ok=True)
        self._own()
        for folder in (self.folder.journal, self.folder.history, self.folder.uploads):
            self.make_folder(folder)
            system.keep_private(folder)
        runtime.open_door()
        self._committer = runtime.NativeThread("committer", self._commit_waiting)

    def close(self, timeout_s: float = 4.0, in_good_order: bool = False) -> None:
        """Write what waits and give the folder up.

        After a kill its word stays in the folder until a start has been seen through to its end, for
        the next one must know: then every document is `in_good_order` again.
        """
        if self._committer:
            self._committer.stop(timeout_s)
        if in_good_order or not self.was_killed:
            self.folder.owner.unlink(missing_ok=True)
        self._lock.release()

    def owner(self) -> str:
        """Say which process holds the folder, "" when none does. The folder stays as it is."""
        if not self.folder.owner.exists():
            return ""
        try:
            self._lock.acquire()
        except Timeout:
            return _who_owns(self.folder.owner)
        except OSError:  # it may not be ours to lock
            return ""
        self._lock.release()
        return ""

    def hand_over(self, file: File) -> None:
        """Have `file.commit` called; everything handed over in one round shares one wake."""
        # Every time, for the committer may be at work and have taken the last one already.
        self._waiting.append(file)
        if not self._wake_is_due:
            self._wake_is_due = True
            runtime.at_end_of_round(self._wake)

    def sync(self, fd: int) -> bool:
        """Bring a file's content to the disk as the setting says; gives whether. Raises SyncFailed."""
        if self._fsync == "interval":
            self._unsynced.setdefault(fd, time.monotonic())
        elif self._fsync == "always":
            _synced(system.sync, fd)
        return self._fsync == "always"

    def has_synced(self, fd: int) -> bool:
        """Say whether all that was written so far has been synced since, as `interval` does."""
        return self._fsync == "interval" and fd not in self._unsynced

    def forget(self, fd: int) -> None:
        """Sync a descriptor that is about to be closed. Raises SyncFailed."""
        if self._unsynced.pop(fd, None) is not None:
            _synced(system.sync, fd)

    def sync_folder(self, folder: Path) -> None:
        """Bring a folder's entries to the disk. Raises SyncFailed."""
        if self._fsync == "always":
            _synced(system.sync_folder, folder)

    def make_folder(self, folder: Path) -> None:
        """Make a folder if it is not there; either way its name is on the disk. Raises OSError."""
        with contextlib.suppress(FileExistsError):
            system.make_folder(folder, FOLDER_MODE)
        self.sync_folder(folder.parent)  # a killed process may have made it and come no further

    def replace(self, path: Path, content: bytes | Iterable[bytes], mode: int = FILE_MODE) -> None:
        """Put `content`, or its parts, in place of a file, whole or not at all. Raises OSError."""
        parts = [content] if isinstance(content, bytes) else content
        temporary, _ = self.prepare(path, parts, mode)
        try:
            system.rename(temporary, path)
        except BaseException:
            system.remove(temporary)
            raise
        self.sync_folder(path.parent)

    def prepare(
        self, path: Path, parts: Iterable[bytes], mode: int = FILE_MODE
    ) -> tuple[Path, os.stat_result]:
        """Write what is to take a file's place beside it; gives its path and stat. Raises OSError."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(self._temporaries)}.new")
        fd = system.create(temporary, os.O_TRUNC, mode)
        try:
            try:
                for part in parts:
                    system.write(fd, part)
                if self._fsync != "off":
                    _synced(system.sync, fd)
                return temporary, os.fstat(fd)
            finally:
                os.close(fd)
        except BaseException:
            system.remove(temporary)
            raise

    def trouble(self) -> str:
        """Try a small write and say what is wrong with the disk, in words; empty when nothing is."""
        if self.failed:
            return "a sync has failed; restart the server after checking the disk"
        folder = self.folder
        for place in (folder.root, folder.journal, *folder.rooms(), folder.uploads):
            try:
                runtime.off_loop(self._probe, place)
            except OSError as error:
                return f"{place} cannot be written: {error.strerror or error}"
        return ""

    def _probe(self, place: Path) -> None:
        temporary, _ = self.prepare(place / "probe", [b"ok\n"])
        system.remove(temporary)

    def _own(self) -> None:
        try:
            self._lock.acquire(timeout=LOOK_S, poll_interval=LOOK_EVERY_S)
        except Timeout:
            raise Owned(_who_owns(self.folder.owner)) from None
        self.was_killed = self.folder.owner.exists()
        owner = {"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        self.folder.owner.write_text(json.dumps(owner), "utf-8")

    def _wake(self) -> None:
        self._wake_is_due = False
        if self._committer:
            self._committer.wake()

    def _commit_waiting(self) -> float | None:
        while self._waiting:
            files = dict.fromkeys(self._waiting.popleft() for _ in range(len(self._waiting)))
            # Reported batch by batch: under a steady load there is always more waiting.
            runtime.on_loop(_report, [self._outcome(file) for file in files])
        return self._sync_due()

    def _outcome(self, file: File) -> Outcome:
        try:
            if self.failed:
                raise Unavailable
            return file, file.commit(self), None
        except SyncFailed as error:
            self.failed = True
            runtime.on_loop(self.on_fatal, error)
            return file, None, error
        except OSError as error:
            return file, None, error
        except Unavailable:
            return file, None, OSError("the disk has failed")
        except Exception as bug:  # this thread must outlive even our own mistakes
            return file, None, OSError(f"a bug: {bug!r}")

    def _sync_due(self) -> float | None:
        now = time.monotonic()
        try:
            for fd, since in list(self._unsynced.items()):
                if now - since >= INTERVAL_S:
                    self.forget(fd)
        except SyncFailed as error:
            self.failed = True
            runtime.on_loop(self.on_fatal, error)
        return INTERVAL_S if self._unsynced else None


def _synced(sync: Callable[[Any], None], what: Any) -> None:
    try:
        sync(what)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):  # nothing was synced, nothing is hidden
            raise
        raise SyncFailed(error.errno, f"sync: {error.strerror}") from error


def _report(outcomes: list[Outcome]) -> None:
    for file, result, error in outcomes:
        try:
            file.committed(result, error)
        except Exception:
            log.exception("what follows a commit failed")


def _who_owns(owner: Path) -> str:
    try:
        told = json.loads(owner.read_text("utf-8"))
        return f"process {told['pid']}, running since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
