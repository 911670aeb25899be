"""The engine under every file: one owner, atomic replacement, and a committer that syncs in groups.

Whatever changes is changed in memory first and handed to the committer, a native thread of its
own. It writes all that waits, syncs once per file, and reports back on the event loop; only then
may anything be acknowledged or published.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from soyuz import runtime
from soyuz.paths import DataFolder

log = logging.getLogger("soyuz.store")
_os = runtime.original("os")  # eventlet's own write would look at the event loop from outside it

FILE_MODE = 0o600
FOLDER_MODE = 0o700
INTERVAL_S = 1.0  # SOYUZ_FSYNC=interval


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
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        runtime.open_door()
        self._committer = runtime.NativeThread("committer", self._commit_waiting)

    def close(self, timeout_s: float = 4.0) -> None:
        """Write what waits and give the folder up."""
        if self._committer:
            self._committer.stop(timeout_s)
        self.folder.owner.unlink(missing_ok=True)
        self._lock.release()

    def hand_over(self, file: File) -> None:
        """Have `file.commit` called; everything handed over in one round shares one wake."""
        # Every time, for the committer may be at work and have taken the last one already.
        self._waiting.append(file)
        if not self._wake_is_due:
            self._wake_is_due = True
            runtime.at_end_of_round(self._wake)

    def sync(self, fd: int) -> None:
        """Bring a file's content to the disk, as the setting says. Raises SyncFailed."""
        if self._fsync == "interval":
            self._unsynced[fd] = time.monotonic()
        elif self._fsync == "always":
            self._sync_now(fd)

    def forget(self, fd: int) -> None:
        """Sync a descriptor that is about to be closed."""
        if self._unsynced.pop(fd, None) is not None:
            self._sync_now(fd)

    def sync_folder(self, folder: Path) -> None:
        """Bring a folder's entries to the disk. Raises SyncFailed."""
        if self._fsync != "always" or sys.platform == "win32":  # no handle on a folder there
            return
        fd = os.open(folder, os.O_RDONLY)
        try:
            self._sync_now(fd)
        finally:
            os.close(fd)

    def replace(
        self,
        path: Path,
        content: bytes,
        mode: int = FILE_MODE,
        just_before: Callable[[Path], None] = lambda temporary: None,
    ) -> os.stat_result:
        """Put `content` in place of a file, whole or not at all; gives the new file's stat.

        `just_before` is called with the finished new file right before the rename, and may raise to
        leave all as it was.
        """
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(self._temporaries)}.new")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            try:
                write_all(fd, content)
                if self._fsync == "always":
                    self._sync_now(fd)
                stat = os.fstat(fd)
            finally:
                os.close(fd)
            just_before(temporary)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self.sync_folder(path.parent)
        return stat

    def trouble(self) -> str:
        """Try a small write and say what is wrong with the disk, in words; empty when nothing is."""
        if self.failed:
            return "a sync has failed; restart the server after checking the disk"
        try:
            runtime.off_loop(self.replace, self.folder.journal / "probe", b"ok\n")
        except OSError as error:
            return f"the data folder cannot be written: {error.strerror or error}"
        return ""

    def _own(self) -> None:
        try:
            self._lock.acquire()
        except Timeout:
            raise Owned(_who_owns(self.folder.owner)) from None
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

    def _sync_now(self, fd: int) -> None:
        try:
            _full_sync(fd)
        except OSError as error:
            raise SyncFailed(error.errno, f"sync: {error.strerror}") from error


def write_all(fd: int, content: bytes) -> None:
    """Write every byte. Raises OSError, having possibly written some."""
    view = memoryview(content)
    while view:
        view = view[_os.write(fd, view) :]


def _report(outcomes: list[Outcome]) -> None:
    for file, result, error in outcomes:
        try:
            file.committed(result, error)
        except Exception:
            log.exception("what follows a commit failed")


def _full_sync(fd: int) -> None:
    if sys.platform == "darwin":  # fsync there leaves data in the drive's own cache
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


def _who_owns(owner: Path) -> str:
    try:
        told = json.loads(owner.read_text("utf-8"))
        return f"process {told['pid']}, running since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
