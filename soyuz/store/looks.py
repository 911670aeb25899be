"""A document's file as it lies on the disk: which version, what is in it, and when it has settled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soyuz import runtime

SETTLE_S = 0.2  # an editor may save in several steps; two equal looks this far apart end it
SETTLE_LOOKS = 15

Stamp = tuple[int, int, int]  # mtime in ns, size, inode: two writes never share one
Look = tuple[bytes | None, Stamp | None]  # both None when there is no file


def render(rows: Mapping[str, Any]) -> bytes:
    """Give the text an admin reads."""
    return (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()


def stamp_of(stat: os.stat_result) -> Stamp:
    """Give what tells one version of a file from the next."""
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def stamp_on_disk(path: Path) -> Stamp | None:
    """Give the stamp of what lies there now, None when nothing does."""
    try:
        return stamp_of(os.stat(path))
    except OSError:
        return None


def quietly(path: str, flags: int) -> int:
    """Open without the file counting as read, where the system lets us."""
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only a file's owner may
        return os.open(path, flags)


def look(path: Path) -> Look:
    """Read a file and its stamp as one. Raises OSError but for a missing file."""
    try:
        with open(path, "rb", opener=quietly) as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            return file.read(), stamp
    except FileNotFoundError:
        return None, None


def settled_look(path: Path) -> Look:
    """Read a file once nobody is in the middle of saving it; waits, 3 s at the most."""
    content, stamp = look(path)
    for _ in range(SETTLE_LOOKS):
        runtime.sleep(SETTLE_S)
        again, stamp = look(path)
        if again == content != b"":  # some empty the file first and take their time
            break
        content = again
    return content, stamp
