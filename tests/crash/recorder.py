"""Records what the store asks of the system, and may end the process before any of its calls."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import system
from tests.crash.disk_model import FOLDER, Enter, Op, Sync, SyncFolder, Truncate, Write

CALLS = (
    "create",
    "write",
    "truncate",
    "sync",
    "sync_folder",
    "rename",
    "rename_to_new",
    "exchange",
    "remove",
    "make_folder",
)


class Killed(BaseException):
    """The process is no more: nothing it does from now on reaches the disk."""


class Recorder:
    """Stands between the store and `system` and keeps the trace, which others may add events to."""

    def __init__(self, root: Path, patched: pytest.MonkeyPatch) -> None:
        self.trace: list[Any] = []
        self.before_exchange: Callable[[Path], object] = lambda target: None
        self.calls = 0
        self._killed_at: int | None = None
        self._is_dead = False
        self._root = root
        self._real = {name: getattr(system, name) for name in CALLS}
        self._numbers: dict[int, int] = {}  # by inode, which a later file may have again
        self._count = 0
        for name in CALLS:
            patched.setattr(system, name, self._standing_for(name))

    def kill_in(self, calls: int) -> None:
        """End the process before it makes so many calls more."""
        self._killed_at = self.calls + calls

    def lives_again(self) -> None:
        """A new process has been started."""
        self._killed_at, self._is_dead = None, False

    def admin_saves(self, path: Path, content: bytes) -> None:
        """An editor empties the file and writes it, without a sync."""
        number = self._number(path)
        path.write_bytes(content)
        self.trace += [Truncate(number, 0), Write(number, 0, content)]

    def admin_renames_over(self, path: Path, content: bytes) -> None:
        """An editor writes a new file and puts it in place of the old one, without a sync."""
        new = path.with_name("4913")
        new.write_bytes(content)
        number = self._number_new(new)
        self.trace += [self._enter({new: number}), Write(number, 0, content)]
        self._rename(new, path)

    def _standing_for(self, name: str) -> Callable[..., Any]:
        special = getattr(self, f"_{name}")

        def call(*args: Any) -> Any:
            if self._is_dead or self.calls == self._killed_at:
                self._is_dead = True
                raise Killed
            self.calls += 1
            return special(*args)

        return call

    def _create(self, path: Path, flags: int, mode: int) -> int:
        is_new = not path.exists()
        fd: int = self._real["create"](path, flags, mode)
        if is_new:
            number = self._number_new(path)
            self.trace.append(self._enter({path: number}))
        elif flags & os.O_TRUNC:
            self.trace.append(Truncate(self._number(path), 0))
        return fd

    def _write(self, fd: int, content: bytes) -> None:
        offset = os.fstat(fd).st_size  # the store only ever appends
        self._real["write"](fd, content)
        self.trace.append(Write(self._numbers[os.fstat(fd).st_ino], offset, bytes(content)))

    def _truncate(self, fd: int, size: int) -> None:
        self._real["truncate"](fd, size)
        self.trace.append(Truncate(self._numbers[os.fstat(fd).st_ino], size))

    def _sync(self, fd: int) -> None:
        self.trace.append(Sync(self._numbers[os.fstat(fd).st_ino]))

    def _sync_folder(self, folder: Path) -> None:
        self.trace.append(SyncFolder(self._below(folder)))

    def _make_folder(self, path: Path, mode: int) -> None:
        self._real["make_folder"](path, mode)
        self.trace.append(self._enter({path: FOLDER}))

    def _rename(self, source: Path, target: Path) -> None:
        number = self._number(source)
        self._real["rename"](source, target)
        self.trace.append(self._enter({source: None, target: number}, {source: number}))

    def _rename_to_new(self, source: Path, target: Path) -> None:
        number = self._number(source)
        os.link(source, target)
        self.trace.append(self._enter({target: number}))
        system.remove(source)

    def _exchange(self, one: Path, other: Path) -> bool:
        self.before_exchange(other)
        numbers = {}
        if other.exists():
            numbers = {one: self._number(other), other: self._number(one)}
        is_done: bool = self._real["exchange"](one, other)
        if is_done:
            self.trace.append(self._enter(numbers))
        return is_done

    def _remove(self, path: Path) -> None:
        if path.exists():
            number = self._number(path)
            self._real["remove"](path)
            self.trace.append(self._enter({path: None}, {path: number}))

    def _enter(self, bound: Any, only_if: Any = None) -> Op:
        folder = self._below(next(iter(bound)).parent)
        return Enter(
            folder,
            {self._below(path): number for path, number in bound.items()},
            {self._below(path): number for path, number in (only_if or {}).items()},
        )

    def _below(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    def _number(self, path: Path) -> int:
        return self._numbers[path.stat().st_ino]

    def _number_new(self, path: Path) -> int:
        self._count += 1
        self._numbers[path.stat().st_ino] = self._count
        return self._count
