"""A short run that is the same each time: each of its steps may be refused, and says what came of it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import system
from soyuz.store.disk import Unavailable
from tests.crash.one_thread import FILES, Store, work_now
from tests.crash.recorder import CALLS

Rows = dict[str, dict[str, Any]]


class ShortRun:
    """Two starts, changes, messages, an edit, snapshots and a checkpoint."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: Rows = {name: {} for name in FILES}  # as acknowledged
        self.said: list[str] = []  # the same
        self.edited: dict[str, Any] = {}  # by hand, and perhaps not taken over yet
        self.store: Store | None = None
        self.fatal: list[OSError] = []
        self.refused = 0

    def run(self) -> None:
        """Do every step; one that is refused holds up no other."""
        for steps in (self._first_steps(), self._later_steps()):
            try:
                self.store = Store(self.root)
            except OSError:
                self.refused += 1
                continue
            for step in steps:
                step()
            self.fatal += self.store.fatal
            with contextlib.suppress(OSError):
                self.store.stops()
            self.store.dies()

    def wrong(self) -> str:
        """Start once more and say what is not as it was acknowledged; empty when all is."""
        try:
            store = Store(self.root)
        except OSError as refused:
            return f"it does not start: {refused}"
        try:
            found = {name: dict(rows) for name, rows in store.rows().items()}
            for key in self.edited:
                found[FILES[0]].pop(key, None)
            if found != self.rows:
                return f"{found} is not {self.rows}"
            texts = [text for _, text in store.texts()]
            return "" if texts == self.said else f"{texts} is not {self.said}"
        finally:
            store.stops()

    def changes(self, name: str, wanted: dict[str, Any]) -> bool:
        assert self.store
        try:
            self.store.documents[name].update(lambda rows: wanted)
        except Unavailable:
            self.refused += 1
            return False
        for key, row in wanted.items():
            self.rows[name].pop(key, None)
            if row is not None:
                self.rows[name][key] = row
        return True

    def says(self, *texts: str) -> None:
        assert self.store

        def settle(text: str, error: OSError | None) -> None:
            if error is None:
                self.said.append(text)
            else:
                self.refused += 1

        for text in texts:
            self.store.room.append(
                "message",
                lambda seq, text=text: {"seq": seq, "text": text},  # type: ignore[misc]
                lambda error, text=text: settle(text, error),  # type: ignore[misc]
            )
        work_now()

    def _first_steps(self) -> list[Callable[[], object]]:
        people, bans = FILES
        return [
            lambda: self.changes(people, {"ann": {"n": 1}, "ben": {"n": 1}}),
            lambda: self.says("one", "two"),
            self._looks,
            lambda: self.changes(bans, {"eve": {"n": 2, "about": "x" * 200}}),
            lambda: self.says("three"),
        ]

    def _later_steps(self) -> list[Callable[[], object]]:
        people, bans = FILES
        return [
            lambda: self.changes(people, {"ann": None, "dan": {"n": 3, "about": "y" * 300}}),
            self._edits,
            self._looks,
            lambda: self.says("four " + "z" * 300, "five " + "z" * 300, "six"),
            self._checkpoints,
            lambda: self.changes(bans, {"eve": None, "kim": {"n": 4, "about": "x" * 400}}),
            lambda: self.says("seven"),
            lambda: self.changes(people, {"last": {"n": 5}}),
            self._looks,
            lambda: self.says("eight " + "z" * 300, "nine " + "z" * 300),
        ]

    def _looks(self) -> None:
        assert self.store
        self.store.looks_at_files()

    def _edits(self) -> None:
        path = self.root / FILES[0]
        self.edited = {"hand": {}}
        path.write_text(json.dumps(json.loads(path.read_bytes()) | self.edited))

    def _checkpoints(self) -> None:
        assert self.store
        for document in self.store.documents.values():
            with contextlib.suppress(OSError, Unavailable):
                document.write_checkpoint()


@contextlib.contextmanager
def failing(should: Callable[[str, tuple[Any, ...]], OSError | None]) -> Iterator[None]:
    """Have calls of the system fail, before they do anything, where `should` gives an error."""
    with pytest.MonkeyPatch.context() as patched:
        for name in CALLS:
            real = getattr(system, name)

            def call(*args: Any, name: str = name, real: Callable[..., Any] = real) -> Any:
                error = should(name, args)
                if error:
                    raise error
                return real(*args)

            patched.setattr(system, name, call)
        yield


class Space:
    """So many bytes are left on the disk."""

    def __init__(self, left: int) -> None:
        self.left, self.taken = left, 0


@contextlib.contextmanager
def space_for(size: int) -> Iterator[Space]:
    """Have the disk full after so many bytes more."""
    space = Space(size)
    write = system.write

    def fill(fd: int, content: bytes) -> None:
        fits = min(space.left, len(content))
        write(fd, content[:fits])
        space.left -= fits
        space.taken += fits
        if fits < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(system, "write", fill)
        yield space
