"""Why a folder cannot be used, in a sentence that says what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from soyuz.store.system import user_name


def why_not(folder: Path, error: OSError) -> str:
    """Explain what the system said about something in a folder."""
    place = error.filename or folder
    if error.errno == errno.EROFS:
        return (
            f"{place} cannot be written: its disk is mounted read-only. Mount it for writing, "
            "or name another folder: --data DIR"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{place} cannot be used: {_whose(Path(place), folder)}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place} cannot be written: the disk is full. Make room, then start again"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{folder} is not a folder. Name another one: --data DIR"
    return f"cannot use the data folder: {error}"


def _whose(place: Path, folder: Path) -> str:
    """Say who has what stands in the way, who asks, and what helps."""
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        owner, mine = place.stat().st_uid, os.geteuid()
    except (OSError, AttributeError):  # Windows has no such numbers
        return "this account may not. Give it access, or name another folder: --data DIR"
    if owner == mine:
        return f"its mode does not allow it. Allow it: chmod u+rwX {place}"
    me, them = user_name(mine), user_name(owner)
    advice = f"Run this as {them}, or name another folder: --data DIR"
    if place == folder or folder in place.parents:  # never advise it for what is not ours
        advice = f"Run this as {them}, or make the folder yours: sudo chown -R {me} {folder}"
    return f"{place} belongs to {them}, and this is {me}. {advice}"
