"""Restoring a backup: everything is checked before anything stands where a server would look."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from soyuz.store import schema, system
from soyuz.store.archive import (
    MANIFEST,
    Item,
    Manifest,
    Progress,
    Unfit,
    compared,
    decoded,
    members,
)
from soyuz.store.disk import FILE_MODE, FOLDER_MODE


def restore(archive: Path, target: Path, progress: Progress = lambda done: None) -> Manifest:
    """Unpack a backup into a folder that is empty or does not exist. Raises Unfit, OSError."""
    target = target.resolve()
    _refuse_used(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.restoring-{os.getpid()}")
    os.mkdir(beside, FOLDER_MODE)
    try:
        manifest = _unpack(archive, beside, progress)
        if manifest.schema > schema.SCHEMA:
            raise Unfit(schema.newer(manifest.schema))
        _put_in_place(beside, target)
        return manifest
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _refuse_used(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise Unfit(f"{target} is not a folder")
    there = sorted(os.listdir(target)) if target.exists() else []
    if there:
        few = ", ".join(there[:3]) + (" and more" if len(there) > 3 else "")
        raise Unfit(
            f"{target} is not empty: it holds {few}. Name a folder that does not exist yet: --data DIR"
        )


def _unpack(archive: Path, folder: Path, progress: Progress) -> Manifest:
    found: dict[str, Item] = {}
    manifest: Manifest | None = None
    folders = {folder}
    for name, parts in members(archive):
        if name == MANIFEST:
            manifest = decoded(b"".join(parts))
            continue
        path = folder / name
        for parent in reversed(path.relative_to(folder).parents):
            (folder / parent).mkdir(mode=FOLDER_MODE, exist_ok=True)
            folders.add(folder / parent)
        digest, size = hashlib.sha256(), 0
        fd = system.create(path, os.O_EXCL, FILE_MODE)
        try:
            for part in parts:
                system.write(fd, part)
                digest.update(part)
                size += len(part)
                progress(len(part))
            system.sync(fd)
        finally:
            os.close(fd)
        found[name] = Item(size, digest.hexdigest())
    for made in folders:
        system.sync_folder(made)
    return compared(manifest, found)


def _put_in_place(beside: Path, target: Path) -> None:
    if target.exists():
        try:
            os.rmdir(target)
        except OSError as error:
            raise Unfit(
                f"{target} cannot be replaced ({error.strerror}); name a folder inside it: --data DIR"
            ) from None
    system.rename(beside, target)
    system.sync_folder(target.parent)
