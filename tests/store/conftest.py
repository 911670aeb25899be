"""The vocabulary of the disk's tests: a data folder, a document, and an admin with any editor."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from soyuz import runtime
from soyuz.domain.errors import Malformed
from soyuz.paths import DataFolder
from soyuz.store import looks
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from tests.conftest import eventually

SETTLE_S = 0.04  # so that the tests are quick; the editors below are quicker or slower than it


class Admin:
    """Whoever edits a data file, in the manner of the editors people use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manners: list[Callable[[bytes], None]] = [
            self.saves,
            self.saves_slowly,
            self.empties_and_takes_their_time,
            self.renames_over,
            self.moves_away_and_writes_anew,
            self.keeps_a_backup_and_a_swap_file,
        ]

    def reads(self) -> Any:
        """What the file holds for a person who opens it."""
        return json.loads(self.path.read_text("utf-8-sig"))

    def saves(self, content: bytes) -> None:
        with self._emptied() as file:
            file.write(content)

    def saves_slowly(self, content: bytes) -> None:
        step = max(1, len(content) // 3)
        with self._emptied() as file:
            for start in range(0, len(content), step):
                file.write(content[start : start + step])
                time.sleep(SETTLE_S / 4)

    def empties_and_takes_their_time(self, content: bytes) -> None:
        with self._emptied() as file:
            time.sleep(SETTLE_S * 5)
            file.write(content)

    def renames_over(self, content: bytes) -> None:
        new = self.path.with_name("4913")
        new.write_bytes(content)
        os.replace(new, self.path)

    def moves_away_and_writes_anew(self, content: bytes) -> None:
        os.replace(self.path, self.path.with_name(self.path.name + "~"))
        self.path.write_bytes(content)

    def keeps_a_backup_and_a_swap_file(self, content: bytes) -> None:
        self.path.with_name(f".{self.path.name}.swp").write_bytes(b"\0swap")
        self.path.with_name(self.path.name + ".bak").write_bytes(self.path.read_bytes())
        self.saves(content)

    def _emptied(self) -> FileIO:
        return FileIO(self.path, "w")


class Loop:
    """The event loop, held for a while so that what the committer reports has to wait."""

    def __init__(self) -> None:
        self._go_on = threading.Event()

    def __enter__(self) -> Loop:
        held = threading.Event()

        def hold() -> None:
            held.set()
            self._go_on.wait(10)

        runtime.on_loop(hold)
        assert held.wait(5)
        return self

    def __exit__(self, *args: object) -> None:
        self._go_on.set()


def rows_of_numbers(content: object, written_at: float) -> dict[str, Any]:
    """The parse of the test document: names to objects."""
    if not isinstance(content, dict):
        raise Malformed("the file must hold an object")
    for key, row in content.items():
        if not isinstance(row, dict):
            raise Malformed("a row must be an object", key)
    return content


def encoded(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def polled(document: Document) -> None:
    """The server looks at the file once, and does what there is to do."""
    document.poll()
    eventually(lambda: not document._busy.locked())


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "SETTLE_S", SETTLE_S)


class Folder:
    """A data folder, and the servers that own it one after the other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.starts()

    def starts(self) -> None:
        """Own the folder and read its journal."""
        self.disk = Disk(DataFolder(self._root))
        self.disk.open()
        self.journal = Journal(self.disk)
        self.journal.open()

    def stops(self) -> None:
        """Give it up without another word, as a killed process does."""
        self.disk.close()
        self.journal.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    opened = Folder(tmp_path / "data")
    yield opened
    opened.stops()


@pytest.fixture
def disk(folder: Folder) -> Disk:
    """An open data folder."""
    return folder.disk


@pytest.fixture
def journal(folder: Folder) -> Journal:
    """Its journal."""
    return folder.journal


@pytest.fixture
def document(journal: Journal) -> Document:
    """An open document that holds ann."""
    path = journal.disk.folder.root / "people.json"
    path.write_bytes(encoded({"ann": {"role": "admin"}}))
    opened = Document(path, rows_of_numbers, journal)
    opened.load()
    return opened


@pytest.fixture
def reopened(folder: Folder) -> Callable[[Document], Document]:
    """The same file as a server finds it after the last one was killed."""

    def reopen(document: Document) -> Document:
        folder.stops()
        folder.starts()
        again = Document(document.path, rows_of_numbers, folder.journal)
        again.load()
        return again

    return reopen


@pytest.fixture
def admin(document: Document) -> Admin:
    return Admin(document.path)


@pytest.fixture
def watched(document: Document) -> Iterator[Document]:
    """The document while the server looks for hand edits."""
    stop = threading.Event()
    runtime.every(0.01, document.poll, stop)
    yield document
    stop.set()
    eventually(lambda: not document._busy.locked())


@pytest.fixture
def held_loop() -> Callable[[], Loop]:
    return Loop
