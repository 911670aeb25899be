"""A room's history: numbered without a gap, on the disk before it is heard, hard to spoil."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soyuz.store import room_history as room_history_module
from soyuz.store import system
from soyuz.store.disk import Disk
from soyuz.store.history import History
from soyuz.store.history_lines import Entry, decode, encode
from soyuz.store.room_history import RoomHistory
from tests.conftest import eventually

RECENT = 10


class Room:
    """A journal, what its follower heard, and what the authors were told."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.folder = disk.folder.history / "lobby"
        self.starts()

    def starts(self) -> None:
        """As a server finds it at its start."""
        self.heard: list[int] = []
        self.settled: dict[int, OSError | None] = {}
        self.history = RoomHistory(self.folder, self.disk, RECENT)
        self.history.load()
        self.history.follow = self._follow

    def says(self, *texts: str) -> list[int]:
        """Append, and wait until the disk has it."""
        seqs = [self.append(text) for text in texts]
        eventually(lambda: all(seq in self.settled for seq in seqs))
        return seqs

    def append(self, text: str) -> int:
        told: list[int] = []

        def fill(seq: int) -> dict[str, Any]:
            told.append(seq)
            return {"seq": seq, "text": text}

        def settle(error: OSError | None) -> None:
            self.settled[told[0]] = error

        return self.history.append("message:posted", fill, settle)

    def restarts(self) -> None:
        self.history.close()
        self.starts()

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def texts(self, entries: Sequence[Entry] | None) -> list[str]:
        assert entries is not None
        return [entry.data["text"] for entry in entries]

    def everything(self) -> list[str]:
        return self.texts(self.history.since(0, 10_000))

    def _follow(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            self.heard.append(entry.seq)
            if entry.settled:
                entry.settled(None)


@pytest.fixture
def room(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A room whose segments are full after a few messages."""
    monkeypatch.setattr(room_history_module, "SEGMENT_BYTES", 500)
    opened = Room(disk)
    yield opened
    opened.history.close()


def full_disk(room: Room, patched: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, content: bytes) -> None:
        os.write(fd, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(system, "write", refuse)


def test_a_message_is_on_the_disk_before_it_is_heard(room: Room) -> None:
    lines: list[bytes] = []
    room.history.follow = lambda batch: lines.extend(room.files[0].read_bytes().splitlines())
    room.append("hello")
    eventually(lambda: lines)
    row = json.loads(lines[0])
    assert (row["event"], row["data"]) == ("message:posted", {"seq": 1, "text": "hello"})


def test_numbers_grow_by_one_in_the_order_everyone_hears(room: Room) -> None:
    def talk(name: str) -> None:
        for number in range(50):
            room.append(f"{name} {number}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    eventually(lambda: len(room.settled) == 300)
    assert room.heard == list(range(1, 301))
    told = room.everything()
    for name in "abcdef":
        assert [t for t in told if t[0] == name] == [f"{name} {n}" for n in range(50)]


def test_a_burst_shares_one_sync(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_history_module, "SEGMENT_BYTES", 1_000_000)
    room.says("the file is open")
    syncs: list[int] = []
    monkeypatch.setattr(room.disk, "sync", syncs.append)
    monkeypatch.setattr("soyuz.runtime.at_end_of_round", lambda fn: None)
    for number in range(100):
        room.append(f"{number}")
    monkeypatch.undo()
    assert room.disk._committer
    room.disk._committer.wake()
    eventually(lambda: len(room.settled) == 101)
    assert len(syncs) <= 1


@pytest.mark.parametrize("restarted", [False, True])
def test_pages_hold_what_was_asked_for_however_old(room: Room, restarted: bool) -> None:
    for number in range(1, 61):
        room.says(f"{number}")
    assert len(room.files) > 3
    if restarted:
        room.restarts()
    numbers = [f"{number}" for number in range(1, 61)]
    page = room.history.page
    assert room.texts(page(None, None, 5)) == numbers[-5:]
    assert room.texts(page(None, None, 100)) == numbers
    for bound in (1, 2, 7, 20, 51, 55, 60, 61, 500):
        for limit in (1, 5, 30):
            older = [n for n in numbers if int(n) < bound][-limit:]
            newer = [n for n in numbers if int(n) > bound][:limit]
            assert room.texts(page(bound, None, limit)) == older, ("before", bound, limit)
            assert room.texts(page(None, bound, limit)) == newer, ("after", bound, limit)
    assert room.texts(page(None, 0, 3)) == numbers[:3]


def test_a_reader_knows_whether_there_is_more(room: Room) -> None:
    assert not room.history.has_before(1)
    room.says(*(f"{number}" for number in range(40)))
    assert room.history.has_before(2)
    assert not room.history.has_before(1)
    assert room.history.last_seq == 40


def test_catching_up_gives_everything_after_or_says_it_is_too_much(room: Room) -> None:
    room.says(*(f"{number}" for number in range(1, 31)))
    assert room.texts(room.history.since(28, 5)) == ["29", "30"]
    assert room.texts(room.history.since(25, 5)) == ["26", "27", "28", "29", "30"]
    assert room.history.since(24, 5) is None
    assert room.history.since(30, 5) == room.history.since(99, 5) == []


def test_a_message_is_found_among_the_recent_and_on_the_disk(room: Room) -> None:
    for text in ("needle", *(f"{number}" for number in range(1, 40)), "needle", "last"):
        room.says(text)

    def needle(entry: Entry) -> bool:
        return entry.data["text"] == "needle"

    found = [room.history.find(after, needle) for after in (0, 40, 41)]
    assert [entry and entry.seq for entry in found] == [41, 41, None]
    oldest = room.history.find(0, lambda entry: entry.data["text"] == "1")
    assert oldest
    assert oldest.seq == 2
    assert room.history.find(2, lambda entry: entry.data["text"] == "1") is None


def test_many_read_while_many_write(room: Room) -> None:
    """In the threading runtime the readers are not on the loop."""
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                last = room.history.last_seq
                entries = room.history.page(last + 1, None, 5)
                if [e.seq for e in entries] != list(range(max(1, last - 4), last + 1)):
                    wrong.append(entries)
                room.history.find(max(0, last - 5), lambda entry: False)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(40):
        room.says(*("x" for _ in range(5)))
    stop.set()
    for reader in readers:
        reader.join(5)
    assert wrong == []


def test_a_restart_goes_on_where_it_ended(room: Room) -> None:
    room.says("one", "two")
    room.restarts()
    assert room.says("three") == [3]
    assert room.everything() == ["one", "two", "three"]


@pytest.mark.parametrize("torn", [b'{"event":"message:posted","da', b"\0\0\0", b'{"a":1}'])
def test_a_torn_last_line_is_cut_off_and_kept_aside(room: Room, torn: bytes) -> None:
    room.says("one", "two")
    with open(room.files[-1], "ab") as file:
        file.write(torn)
    room.restarts()
    assert room.everything() == ["one", "two"]
    assert [path.read_bytes() for path in room.folder.glob("*.torn-*")] == [torn]
    assert room.says("three") == [3]
    room.restarts()
    assert room.everything() == ["one", "two", "three"]


def test_a_whole_last_line_without_its_end_is_no_torn_one(room: Room) -> None:
    """Some editors leave no line end at the end of a file."""
    room.says("one", "two")
    room.files[-1].write_bytes(room.files[-1].read_bytes().rstrip(b"\n"))
    room.restarts()
    assert room.says("three") == [3]
    room.restarts()
    assert room.everything() == ["one", "two", "three"]


@pytest.mark.parametrize(
    "spoiled", [b"rude words removed", b'{"event":"x","data":{"seq":2}}', b"\xff"]
)
@pytest.mark.parametrize("where", [1, 2])
def test_a_line_spoiled_by_hand_is_missing_and_its_number_is_not_given_again(
    room: Room, where: int, spoiled: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    room.says("one", "two", "three")
    lines = room.files[0].read_bytes().splitlines()
    lines[where] = spoiled
    room.files[0].write_bytes(b"\n".join(lines) + b"\n")
    room.restarts()
    left = ["one", "two", "three"]
    del left[where]
    assert room.everything() == left
    assert room.says("four") == [4]
    eventually(lambda: f"line {where + 1} is spoiled" in caplog.text)


def test_an_altered_message_is_not_shown_as_its_authors(room: Room) -> None:
    room.says("I said yes", "then")
    path = room.files[0]
    path.write_bytes(path.read_bytes().replace(b"yes", b"no "))
    room.restarts()
    assert room.everything() == ["then"]


def test_line_ends_of_another_system_spoil_nothing(room: Room) -> None:
    room.says("one", "two\r\nlines")
    room.files[0].write_bytes(room.files[0].read_bytes().replace(b"\n", b"\r\n"))
    room.restarts()
    assert room.everything() == ["one", "two\r\nlines"]


def test_a_full_disk_refuses_everyone_waiting_and_leaves_no_gap(room: Room) -> None:
    room.says("one")
    with pytest.MonkeyPatch.context() as patched:
        full_disk(room, patched)
        for seq in room.says("two", "three", "four"):
            assert isinstance(room.settled.pop(seq), OSError)
    assert room.heard == [1]
    assert room.says("five") == [2]
    assert room.everything() == ["one", "five"]
    room.restarts()
    assert room.everything() == ["one", "five"]
    assert not list(room.folder.glob("*.torn-*"))


def test_nothing_is_numbered_past_a_failure_that_is_not_yet_told(
    room: Room, held_loop: Callable[[], Any]
) -> None:
    room.says("one")
    with held_loop():
        with pytest.MonkeyPatch.context() as patched:
            full_disk(room, patched)
            room.append("two")
            eventually(lambda: room.history._log._unwritten)
        room.append("three")
        threading.Event().wait(0.05)
    eventually(lambda: {2, 3} <= room.settled.keys())
    assert isinstance(room.settled[2], OSError)
    assert isinstance(room.settled[3], OSError)
    room.settled.clear()
    assert room.says("four") == [2]
    assert room.everything() == ["one", "four"]


def test_no_new_segment_can_be_opened_and_then_it_can(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.says(*("x" * 100 for _ in range(5)))
    files, opened = len(room.files), os.open

    def refuse(path: Any, flags: int, *mode: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(path, flags, *mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        refused = room.says("y")[0]
        assert isinstance(room.settled.pop(refused), OSError)
    assert room.says("z") == [refused]
    assert len(room.files) == files + 1
    assert room.everything()[-1] == "z"


def test_every_segment_is_named_by_its_first_number(room: Room) -> None:
    for number in range(30):
        room.says("x" * (number * 5))
    assert len(room.files) > 5
    for path in room.files:
        assert int(path.stem) == decode(path.read_bytes().splitlines()[0]).seq
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in room.files)


def test_memory_is_bounded_by_the_setting_not_by_the_history(room: Room) -> None:
    room.says(*(f"{number}" for number in range(200)))
    assert len(room.history._recent) == RECENT
    room.restarts()
    assert len(room.history._recent) == RECENT


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(1, 2**53))
def test_a_line_gives_back_what_was_written_on_one_line(text: str, seq: int) -> None:
    line = encode("message:posted", {"seq": seq, "text": text})
    assert line.count(b"\n") == 1
    assert decode(line.rstrip(b"\n")) == Entry(seq, "message:posted", {"seq": seq, "text": text})
    assert json.loads(line)["data"]["text"] == text


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_bit_is_noticed(at: int, flip: int) -> None:
    line = bytearray(encode("message:posted", {"seq": 7, "text": "hello"}).rstrip(b"\n"))
    line[at % len(line)] ^= flip
    with pytest.raises(ValueError):  # noqa: PT011  any kind of it means: not what was written
        decode(bytes(line))


def test_each_room_has_a_history_of_its_own(disk: Disk) -> None:
    history = History(disk, RECENT)
    heard: list[tuple[str, int]] = []
    history.follow = lambda room, batch: heard.extend((room, entry.seq) for entry in batch)
    for room in ("lobby", "garden", "lobby"):
        history.of(room).append("message:posted", lambda seq: {"seq": seq})
    eventually(lambda: len(heard) == 3)
    assert sorted(heard) == [("garden", 1), ("lobby", 1), ("lobby", 2)]
    history.close()


def test_a_mistake_of_ours_leaves_nobody_waiting(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(room.history._log, "_line", lambda entry, unsynced: 1 / 0)
        assert [str(room.settled.pop(seq)) for seq in room.says("one", "two")]
    assert room.says("three") == [1]
    assert room.everything() == ["three"]
