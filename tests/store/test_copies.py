"""A copy of the folder, taken at any moment and in any order, is a sound backup; so is `backup`."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from soyuz.paths import DataFolder
from soyuz.store import document, journal, room_history, snapshot
from soyuz.store.backup import make
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.restore import restore
from soyuz.store.room_history import RoomHistory
from tests.conftest import eventually
from tests.store.conftest import rows_of_numbers

COPIES = 100
ALIVE = 30  # so many of the rows that come and go are there at a time
PAUSE_S = 0.004
KEPT_S = 1.0  # as a copy of hours is to a day, so is one of a part of a second to it
SEGMENT_BYTES = 4_000
SMALL_BYTES = 500  # with it, a checkpoint after every 2,000 bytes


class Server:
    """The store at work on a folder: rows that count up, rows that come and go, and a room."""

    def __init__(self, root: Path) -> None:
        self.disk = Disk(DataFolder(root))
        self.disk.open()
        self.journal = Journal(self.disk)
        self.journal.open()
        self.people = Document(root / "users.json", rows_of_numbers, self.journal)
        self.people.load()
        self.journal.forget_replayed()
        self.room = RoomHistory(root / "history" / "lobby", self.disk, recent=10)
        self.room.load()
        self.acknowledged = 0
        self.heard = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def works(self) -> None:
        """Change things until it closes."""
        self.room.follow = self._hear
        for work in (self._count, self._talk, self._keep_the_books):
            self._threads.append(threading.Thread(target=work))
            self._threads[-1].start()

    def closes(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        eventually(lambda: not self.people._busy.locked())
        self.disk.close()
        self.journal.close()
        self.room.close()

    def is_whole(self, since: int) -> None:
        """Raise unless every change up to some moment is there, each as a whole, and no later one.

        Where the file is newer than the journal beside it, it is merged like an edit. So what came
        and went within the copying may still be there: rows that were alive after change `since`.
        """
        rows = dict(self.people.value)
        assert self.people.trouble is None
        last = rows["one"]["n"]
        assert rows.pop("two")["n"] == rows.pop("one")["n"] == last
        numbers = {row["n"] for row in rows.values()}
        assert rows == {f"row{n}": {"n": n} for n in numbers}
        assert set(range(max(1, last - ALIVE + 1), last + 1)) <= numbers
        assert since - ALIVE < min(numbers)
        assert max(numbers) == last
        lines = [entry.seq for entry in self.room.page(None, 0, 1_000_000)]
        assert lines == list(range(1, len(lines) + 1))

    @property
    def counted(self) -> int:
        return self.people.value["one"]["n"] if "one" in self.people.value else 0

    def _count(self) -> None:
        number = self.counted
        while not self._stop.is_set():
            number += 1
            changes = {"one": {"n": number}, "two": {"n": number}, f"row{number}": {"n": number}}
            gone = {f"row{number - ALIVE}": None} if number > ALIVE else {}
            self.people.update(lambda rows, new=changes, old=gone: {**new, **old})  # type: ignore[misc]
            self.acknowledged = number
            self._stop.wait(PAUSE_S)

    def _talk(self) -> None:
        while not self._stop.is_set():
            self.room.append("message:posted", lambda seq: {"seq": seq, "text": "hi" * 20})
            self._stop.wait(PAUSE_S)

    def _hear(self, batch: object) -> None:
        self.heard = self.room.last_seq

    def _keep_the_books(self) -> None:
        while not self._stop.wait(0.005):
            self.people.poll()
            needed = self.people.needed_from or self.journal.last_seq + 1
            self.journal.announce(needed, time.monotonic())
            self.journal.drop_old(time.monotonic())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server at work, whose files are tiny and change all the time."""
    monkeypatch.setattr(journal, "SEGMENT_BYTES", SEGMENT_BYTES)
    monkeypatch.setattr(room_history, "SEGMENT_BYTES", SEGMENT_BYTES)
    for module in (document, snapshot):
        monkeypatch.setattr(module, "SMALL_BYTES", SMALL_BYTES)
    monkeypatch.setattr(snapshot, "BIG_FILE_S", 0.02)
    monkeypatch.setattr(journal, "KEPT_LEAST_S", 0.0)
    monkeypatch.setattr(journal, "KEPT_S", KEPT_S)
    running = Server(tmp_path / "data")
    running.works()
    eventually(lambda: running.acknowledged > ALIVE)
    yield running
    running.closes()


def copied(source: Path, target: Path, dice: random.Random) -> None:
    """Copy as `cp -r` does, a piece at a time, in an order nobody chose."""
    folders = [source, *(path for path in source.rglob("*") if path.is_dir())]
    for folder in folders:
        (target / folder.relative_to(source)).mkdir()
    dice.shuffle(folders)
    for folder in folders:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
        dice.shuffle(names)
        for name in names:
            there = target / folder.relative_to(source) / name
            with (
                contextlib.suppress(FileNotFoundError),
                open(folder / name, "rb") as file,
                open(there, "wb") as copy,
            ):
                while part := file.read(1_500):
                    copy.write(part)
                    time.sleep(dice.choice((0, 0, 0.001)))


def opens(folder: Path, since: int) -> Server:
    """Start a server on a copy that was begun after a change, look at it, and stop it again."""
    server = Server(folder)
    try:
        server.is_whole(since)
    finally:
        server.closes()
    return server


def test_a_copy_in_any_order_holds_all_that_was_acknowledged_before(
    server: Server, tmp_path: Path
) -> None:
    dice = random.Random(3)
    for number in range(COPIES):
        acknowledged, heard = server.acknowledged, server.heard
        copied(server.disk.folder.root, tmp_path / str(number), dice)
        found = opens(tmp_path / str(number), acknowledged)
        assert found.counted >= acknowledged
        assert found.room.last_seq >= heard
        if number % 10 == 0:  # and again: the first start has spoiled nothing
            opens(tmp_path / str(number), acknowledged)
        shutil.rmtree(tmp_path / str(number))
    assert len(server.room._log.segments) > 5
    assert server.journal._log.segments[0] > 1, "nothing was deleted meanwhile"


def test_a_backup_made_at_work_comes_back_whole(server: Server, tmp_path: Path) -> None:
    for number in range(5):
        acknowledged, heard = server.acknowledged, server.heard
        archive = tmp_path / f"{number}.tar.gz"
        make(server.disk.folder, archive)
        restore(archive, tmp_path / str(number))
        found = opens(tmp_path / str(number), acknowledged)
        assert found.counted >= acknowledged
        assert found.room.last_seq >= heard
