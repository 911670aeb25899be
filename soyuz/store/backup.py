"""Backups: the data folder as one dated, compressed file, made while the server runs or does not.

A copy of the folder taken at any moment is a sound one, because the journal in it tells what the
other files lack. So a backup needs no lock: it takes the journal last, reads each file up to the
size it first had, writes the SHA-256 of all it took into the last member, and reads itself back.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import secrets
import shutil
import stat
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, cast

import msgspec

from soyuz import __version__, runtime
from soyuz.domain.instant import epoch
from soyuz.paths import DataFolder
from soyuz.store import schema, system
from soyuz.store.archive import CHUNK_BYTES, MANIFEST, Item, Manifest, Progress, Unfit, check
from soyuz.store.disk import FILE_MODE, FOLDER_MODE

COMPRESSION = 6  # of 9; what lies above costs twice the time for a hundredth
TRIES = 3
MISSING_LOOKS = 4
MISSING_S = 0.1
DAY_S = 86_400.0
SPARE_FOLD = 2  # the disk must have so many times the size of the data free
_TEMPORARY = re.compile(r"\..*\.new|\.probe.*|\.#.*|.*\.(?:lock|sock)")  # `.#` is an editor's lock
_DAILY = re.compile(r"daily-(\d{8}T\d{6})Z\.tar\.gz")
_native_time = runtime.original("time")  # a backup is made on a thread outside the event loop
_MOMENT = "%Y%m%dT%H%M%SZ"


class _Moved(Exception):
    """The folder changed in a way that makes what was taken so far useless."""


def dated_name(what: str, now: float) -> str:
    """Give `soyuz-20261123T024525Z.tar.gz`; `now` is UTC seconds."""
    return f"{what}-{datetime.fromtimestamp(now, UTC).strftime(_MOMENT)}.tar.gz"


def files_in(folder: DataFolder) -> Iterator[tuple[Path, int]]:
    """Give what a backup holds, with sizes in bytes, in the order it is taken.

    The journal comes last, and is looked for only then: it knows of all that was taken before.
    """
    tops = [path for path in folder.lasting() if path != folder.journal]
    asides = [path for top in tops for path in folder.root.glob(f"{top.name}.*")]
    names = dict.fromkeys([*tops, *sorted(asides), *sorted(folder.root.glob("repaired-*"))])
    for name in names:
        yield from _below(name)
    yield from sorted(_below(folder.journal), key=lambda file: (file[0].suffix == ".log", file[0]))


def size_of(folder: DataFolder) -> int:
    """Give the size of the data, in bytes."""
    return sum(size for _, size in files_in(folder))


def make(folder: DataFolder, target: Path, progress: Progress = lambda done: None) -> Manifest:
    """Make a backup at `target`, which must not exist, and read it back. Raises Unfit, OSError."""
    if os.path.lexists(target):
        raise Unfit(f"{target} exists already")
    if not folder.holds_data():
        raise Unfit(f"{folder.root} holds no data of Soyuz Messenger. Is that the right folder?")
    target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    # FILE may be in a folder that others write to as well, so nobody must know this name before.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
    try:
        for _ in range(TRIES):
            try:
                written = _write(folder, temporary, progress)
                break
            except _Moved as moved:
                why = moved
                system.remove(temporary)
        else:
            raise Unfit(f"the folder kept changing while it was read: {why}")
        if check(temporary) != written:
            raise Unfit("the backup does not hold what was written into it; is the disk sound?")
        try:
            system.rename_to_new(temporary, target)
        except FileExistsError:
            raise Unfit(f"{target} exists already") from None
        system.sync_folder(target.parent)
        return written
    finally:
        system.remove(temporary)


class Daily:
    """The running server's own backups: one a day, so many kept. Times are UTC seconds."""

    def __init__(self, folder: DataFolder, place: Path, kept: int) -> None:
        self._folder = folder
        self._place = place
        self._kept = kept

    def make_if_due(self, now: float) -> Path | None:
        """Make one if the last is a day old; gives its path. Raises Unfit, OSError."""
        if any(now - DAY_S < made_at <= now for made_at, _ in self._all(now)):
            return None
        self._place.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        size, free = size_of(self._folder), shutil.disk_usage(self._place).free
        if free < size * SPARE_FOLD:
            raise Unfit(f"{free // 10**6} MB are free, and the data has {size // 10**6} MB")
        path = self._place / dated_name("daily", now)
        make(self._folder, path)
        for _, old in self._all(now)[self._kept :]:
            system.remove(old)
        return path

    def _all(self, now: float) -> list[tuple[float, Path]]:
        found = ((_DAILY.fullmatch(path.name), path) for path in self._place.glob("daily-*.tar.gz"))
        dated = [(epoch(match[1] + "Z"), path) for match, path in found if match]
        # The clock was wrong when one of the future was made: then it is the first to go.
        return sorted(dated, key=lambda one: one[0] if one[0] <= now else 0.0, reverse=True)


def _below(top: Path) -> list[tuple[Path, int]]:
    paths = [top]
    if top.is_dir():
        paths = sorted(_walked(top))
    found: list[tuple[Path, int]] = []
    for path in paths:
        if _TEMPORARY.fullmatch(path.name):
            continue
        try:
            status = path.stat()
        except FileNotFoundError:
            if path.is_symlink():  # a disk that is not mounted, say
                raise Unfit(f"{path} is a link that leads nowhere") from None
            continue  # it has just gone
        if stat.S_ISREG(status.st_mode):
            found.append((path, status.st_size))
    return found


def _walked(top: Path) -> Iterator[Path]:
    """Give the files below a folder, also those in folders that links lead to. Raises Unfit, OSError."""
    seen: set[tuple[int, int]] = set()
    for folder, _, names in os.walk(top, onerror=_fail, followlinks=True):
        try:
            status = os.stat(folder)
        except FileNotFoundError:  # it has just gone
            continue
        if (status.st_dev, status.st_ino) in seen:  # a circle would have no end
            raise Unfit(f"{folder} is a folder that is in the data twice, because of a link")
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names)


def _fail(error: OSError) -> None:
    if not isinstance(
        error, FileNotFoundError
    ):  # what cannot be read must not be left out in silence
        raise error


def _write(folder: DataFolder, target: Path, progress: Progress) -> Manifest:
    number = schema.found_in(folder)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    items: dict[str, Item] = {}
    sink = _Sink(target)
    try:
        with (
            gzip.GzipFile("", "wb", COMPRESSION, cast(IO[bytes], sink)) as packed,
            tarfile.open(fileobj=packed, mode="w|", bufsize=CHUNK_BYTES) as tar,
        ):
            for path, _ in files_in(folder):
                name = path.relative_to(folder.root).as_posix()
                item = _take(tar, path, name, progress)
                if item:
                    items[name] = item
                elif path.parent == folder.journal:
                    raise _Moved(f"{name} is gone")
            manifest = Manifest(number, __version__, made_at, items)
            content = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            tar.addfile(_member(MANIFEST, len(content), time.time()), BytesIO(content))
        system.sync(sink.fd)
    finally:
        os.close(sink.fd)
    return manifest


def _take(tar: tarfile.TarFile, path: Path, name: str, progress: Progress) -> Item | None:
    source = _opened(path)
    if source is None:
        return None
    with source:
        status = os.fstat(source.fileno())
        reader = _Reader(source, status.st_size, progress)
        member = _member(name, status.st_size, status.st_mtime)
        tar.addfile(member, cast(IO[bytes], reader))
        return Item(status.st_size, reader.digest.hexdigest())


def _opened(path: Path) -> IO[bytes] | None:
    for _ in range(MISSING_LOOKS):
        try:
            return open(path, "rb")
        except FileNotFoundError:  # some editors take a file away and write it anew
            _native_time.sleep(MISSING_S)
    return None


def _member(name: str, size: int, mtime: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(mtime), FILE_MODE
    return member


class _Reader:
    """A file up to the size it had, whatever is added to it meanwhile."""

    def __init__(self, source: IO[bytes], size: int, progress: Progress) -> None:
        self.digest = hashlib.sha256()
        self._source = source
        self._left = size
        self._progress = progress

    def read(self, most: int) -> bytes:
        part = self._source.read(min(most, self._left, CHUNK_BYTES))
        if not part and self._left:
            raise _Moved(f"{self._source.name} was cut")
        self.digest.update(part)
        self._left -= len(part)
        self._progress(len(part))
        return part


class _Sink:
    """The new file, written as all our files are."""

    def __init__(self, path: Path) -> None:
        self.fd = system.create(path, os.O_EXCL, FILE_MODE)

    def write(self, content: bytes) -> int:
        system.write(self.fd, content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""
