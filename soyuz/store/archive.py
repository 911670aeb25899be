"""A backup as a file: what it says is in it, and reading it without trusting it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

MANIFEST = "MANIFEST.json"
CHUNK_BYTES = 262_144

Progress = Callable[[int], object]  # told how many bytes more are done


class Item(msgspec.Struct, frozen=True):
    """One file as it was taken."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The last member: what the others must be. `made_at` is UTC, ISO 8601."""

    schema: int
    program: str
    made_at: str
    files: dict[str, Item]


class Unfit(Exception):
    """A backup could not be made, or a file is not a whole backup; the text says why."""


def check(archive: Path) -> Manifest:
    """Read a whole backup, comparing every checksum. Raises Unfit, OSError."""
    found: dict[str, Item] = {}
    manifest: Manifest | None = None
    for name, parts in members(archive):
        if name == MANIFEST:
            manifest = decoded(b"".join(parts))
            continue
        digest, size = hashlib.sha256(), 0
        for part in parts:
            digest.update(part)
            size += len(part)
        found[name] = Item(size, digest.hexdigest())
    return compared(manifest, found)


def compared(manifest: Manifest | None, found: dict[str, Item]) -> Manifest:
    """Give the manifest of a backup in which `found` was found. Raises Unfit."""
    if manifest is None:
        raise Unfit("it has no list of what is in it: it is no backup of Soyuz, or not a whole one")
    for name in dict.fromkeys([*manifest.files, *found]):
        if name not in found:
            raise Unfit(f"{name} is missing in it")
        if manifest.files.get(name) != found[name]:
            raise Unfit(f"{name} in it is not what was put there")
    return manifest


def decoded(content: bytes) -> Manifest:
    """Read the last member. Raises Unfit."""
    try:
        return msgspec.json.decode(content, type=Manifest)
    except ValueError:
        raise Unfit("its list of what is in it is damaged") from None


def members(archive: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give the name and the content of each file in a backup. Raises Unfit, OSError.

    Nothing but plain files in their places is ever given: no links, no devices, no way out.
    """
    seen: set[str] = set()
    with _told(), tarfile.open(archive, "r|gz", bufsize=CHUNK_BYTES) as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isreg() else None
            if source is None:
                raise Unfit(f"{member.name!r} in it is not a plain file")
            if not _stays_inside(member.name) or member.name.casefold() in seen:
                raise Unfit(f"{member.name!r} in it would not stay in its place")
            seen.add(member.name.casefold())
            yield member.name, _parts(source, member.size)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in one way what the libraries say in four."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise Unfit(f"it cannot be read: {error}") from None


def _parts(source: IO[bytes], size: int) -> Iterator[bytes]:
    with _told():
        while part := source.read(CHUNK_BYTES):
            size -= len(part)
            yield part
    if size:
        raise Unfit("it ends too early")


def _stays_inside(name: str) -> bool:
    parts = name.split("/")
    is_plain = all(part not in ("", ".", "..") and part[-1] not in " ." for part in parts)
    return is_plain and not re.search(r"[\\:\0-\x1f]", name)
