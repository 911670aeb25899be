"""Whether anyone has read the version of a file that lies on the disk: an edit can only come of one
that was read.

Told by the access time, which Linux and macOS move on the first read after a write. Where it never
moves (noatime, Windows) nothing counts as read, and the merge goes by likeness alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from soyuz.store.looks import Stamp, stamp_of

_LONG_BEFORE_NS = 60 * 10**9


class Readership:
    """Watches one version at a time, through a descriptor that outlives a rename over the file."""

    def __init__(self) -> None:
        self._fd = -1
        self._armed_ns = 0
        self._written_ns = 0

    def watch(self, path: Path, stamp: Stamp | None) -> None:
        """Turn to the version of this stamp, as one nobody has read.

        If another lies at `path` by now, it counts as written since.
        """
        self.close()
        if sys.platform == "win32":  # an open file could not be replaced there
            return
        with contextlib.suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY)
            self._written_ns = stamp[0] if stamp else 0
            self._armed_ns = os.fstat(self._fd).st_atime_ns  # another's file: read from now on
            if stamp_of(os.fstat(self._fd)) == stamp:
                os.utime(self._fd, ns=(self._written_ns - _LONG_BEFORE_NS, self._written_ns))
                self._armed_ns = os.fstat(self._fd).st_atime_ns

    def hold(self, path: Path) -> None:
        """Turn to what someone else has put at `path`."""
        self.close()
        self._fd = os.open(path, os.O_RDONLY)
        self._written_ns = 0

    def holds(self, path: Path) -> bool:
        """Say whether `path` is the version that is watched."""
        return self._fd >= 0 and os.path.samestat(os.fstat(self._fd), os.stat(path))

    def was_read(self) -> bool:
        """Say whether someone has read the version since it is watched."""
        if self._fd < 0:
            return False
        # Also who came after someone wrote into it counts: that may hide who came before.
        return os.fstat(self._fd).st_atime_ns != self._armed_ns

    def written_at(self) -> int | None:
        """Give when someone has written into it since (ns), None when nobody has."""
        if self._fd < 0:
            return None
        now = os.fstat(self._fd).st_mtime_ns
        return None if now == self._written_ns else now

    def content(self) -> bytes:
        """Give what is in it now, also when nobody else can find it any more."""
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def close(self) -> None:
        """Let the version go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()
