"""Every call that changes what lies on the disk, and what differs between systems about them.

Nothing else in the store calls the system to write, so here tests record, fail and kill.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from soyuz import runtime

_os = runtime.original("os")  # eventlet's own write would look at the event loop from outside it

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn each line end into two bytes
_AT_FDCWD = -2 if sys.platform == "darwin" else -100
_SWAP = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS are the same number


def create(path: Path, flags: int, mode: int) -> int:
    """Open a file for writing, made if need be; gives its descriptor. Raises OSError."""
    return os.open(path, flags | os.O_WRONLY | os.O_CREAT | _BINARY, mode)


def write(fd: int, content: bytes) -> None:
    """Write every byte. Raises OSError, having possibly written some."""
    view = memoryview(content)
    while view:
        view = view[_os.write(fd, view) :]


def truncate(fd: int, size: int) -> None:
    """Cut a file to `size` bytes. Raises OSError."""
    os.ftruncate(fd, size)


def sync(fd: int) -> None:
    """Bring a file's content to the disk itself. Raises OSError."""
    if sys.platform == "darwin":  # fsync there leaves data in the drive's own cache
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk. Raises OSError."""
    if sys.platform == "win32":  # no handle on a folder there; NTFS logs such changes itself
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path, mode: int) -> None:
    """Make a folder. Raises FileExistsError, OSError."""
    path.mkdir(mode)


def rename(source: Path, target: Path) -> None:
    """Put a file in place of another, whole or not at all. Raises OSError."""
    os.replace(source, target)


def exchange(one: Path, other: Path) -> bool:
    """Swap two files in one step; False where that cannot be done or one is missing. Raises OSError."""
    swap = _exchanger(sys.platform)
    if swap is None:
        return False
    if swap(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOENT):
        return False
    raise OSError(number, os.strerror(number), str(other))


def rename_to_new(source: Path, target: Path) -> None:
    """Give a file a name nobody has taken meanwhile. Raises FileExistsError, OSError."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.replace(source, target)
    else:
        remove(source)


def user_name(uid: int) -> str:
    """Give an account of the system by its name, if it has one."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"


def keep_private(folder: Path) -> None:
    """Close a folder to other accounts, if it is ours to close; a checkout makes it open to all."""
    if sys.platform != "win32" and folder.stat().st_mode & 0o077:
        with contextlib.suppress(OSError):
            folder.chmod(0o700)


def remove(path: Path) -> None:
    """Delete a file, if it is there. Raises OSError."""
    path.unlink(missing_ok=True)


@cache
def _exchanger(platform: str) -> Callable[[bytes, bytes], int] | None:
    names = {"linux": "renameat2", "darwin": "renameatx_np"}
    if platform not in names:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, names[platform], None)  # musl has none
    if call is None:
        return None
    return lambda one, other: int(call(_AT_FDCWD, one, _AT_FDCWD, other, ctypes.c_uint(_SWAP)))
