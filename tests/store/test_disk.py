"""The engine: one owner, replacement whole or not at all, and nothing handed over is forgotten."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from soyuz import runtime
from soyuz.paths import DataFolder
from soyuz.store import system
from soyuz.store.disk import Disk, Owned, SyncFailed
from tests.conftest import ROOT, eventually

OWNER = """
import sys, time
from pathlib import Path
from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
disk = Disk(DataFolder(Path(sys.argv[1])))
disk.open()
print("owned", flush=True)
time.sleep(60)
"""


class Counted:
    """A file whose changes are numbers; knows which of them the committer has taken."""

    def __init__(self) -> None:
        self.changes = self.taken = self.told = 0
        self.before_taking: Any = lambda: None

    def commit(self, disk: Disk) -> int:
        self.before_taking()
        self.taken = self.changes
        return self.taken

    def committed(self, result: Any, error: OSError | None) -> None:
        self.told = result


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout
        assert first.stdout.readline() == "owned\n"
        second = Disk(DataFolder(tmp_path))
        with pytest.raises(Owned, match=f"process {first.pid}, running since 20"):
            second.open()
    finally:
        first.kill()
        first.communicate()
    second.open()  # the lock of a killed process is free
    second.close()


def test_a_closed_folder_is_free_again(tmp_path: Path) -> None:
    for _ in range(2):
        disk = Disk(DataFolder(tmp_path))
        disk.open()
        disk.close()
    assert not (tmp_path / ".soyuz.owner").exists()


def test_a_replacement_is_synced_before_its_rename_and_the_folder_after(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    rename, sync = os.replace, os.fsync

    def renaming(source: Any, target: Any) -> None:
        calls.append("rename")
        rename(source, target)

    def syncing(fd: int) -> None:
        calls.append("folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "file")
        sync(fd)

    monkeypatch.setattr(os, "replace", renaming)
    monkeypatch.setattr(os, "fsync", syncing)
    disk.replace(disk.folder.root / "x.json", b"{}")
    assert calls == ["file", "rename", "folder"]


@pytest.mark.parametrize("moment", ["write", "sync", "rename"])
def test_a_replacement_that_fails_leaves_the_old_file_and_no_other(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = disk.folder.root / "x.json"
    path.write_bytes(b"old")
    before = set(os.listdir(path.parent))

    def fail(*args: Any) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(system, moment, fail)
        with pytest.raises(OSError, match="Input/output"):
            disk.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert set(os.listdir(path.parent)) == before


def test_whoever_reads_while_a_file_is_replaced_sees_the_old_or_the_new(disk: Disk) -> None:
    path = disk.folder.root / "x.json"
    texts = {letter.encode() * 50_000 for letter in "ab"}
    path.write_bytes(b"a" * 50_000)
    stop = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        for text in texts:
            disk.replace(path, text)
    stop.set()
    reader.join(5)
    assert seen == texts


def test_many_may_ask_for_trouble_at_once(disk: Disk) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(disk.trouble() for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [""] * 160


def test_trouble_is_told_in_words(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, content: bytes) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(system, "write", full)
    assert "No space left on device" in disk.trouble()


def test_a_write_the_system_takes_in_parts_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:7]))
    with open(tmp_path / "x", "wb") as file:
        system.write(file.fileno(), b"0123456789" * 10)
    assert (tmp_path / "x").read_bytes() == b"0123456789" * 10


def test_what_is_handed_over_while_the_committer_works_is_not_forgotten(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the event loop: two hand-overs in one round, the committer awake between them."""
    rounds: list[Any] = []
    monkeypatch.setattr(runtime, "at_end_of_round", rounds.append)
    busy, file = Counted(), Counted()
    at_work, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        at_work.set()
        assert go_on.wait(5)

    busy.before_taking = wait
    disk.hand_over(busy)
    rounds.pop()()
    assert at_work.wait(5)
    file.before_taking = lambda: None
    file.changes = 1
    disk.hand_over(file)
    go_on.set()
    eventually(lambda: file.taken == 1)
    file.changes = 2
    disk.hand_over(file)
    rounds.pop()()
    eventually(lambda: file.told == 2)


def test_outcomes_are_told_while_more_keeps_coming(disk: Disk) -> None:
    """Under a steady load the committer never finds its queue empty."""
    file = Counted()

    def more() -> None:
        if file.changes < 200:
            file.changes += 1
            disk.hand_over(file)

    told_at: list[int] = []
    file.committed = lambda result, error: told_at.append(result)  # type: ignore[method-assign]
    file.before_taking = lambda: (more(), threading.Event().wait(0.001))
    more()
    eventually(lambda: told_at)
    assert file.changes < 200, "nobody was told before the load ended"


def test_a_bug_in_one_file_stops_no_other(disk: Disk) -> None:
    broken, sound = Counted(), Counted()
    errors: list[Any] = []
    broken.before_taking = lambda: 1 / 0
    broken.committed = lambda result, error: errors.append(error)  # type: ignore[method-assign]
    sound.changes = 1
    disk.hand_over(broken)
    disk.hand_over(sound)
    eventually(lambda: sound.told == 1 and errors)
    assert "ZeroDivisionError" in str(errors[0])


@pytest.mark.parametrize(
    ("setting", "synced"), [("always", True), ("interval", True), ("off", False)]
)
def test_syncs_are_as_the_setting_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, synced: bool
) -> None:
    monkeypatch.setattr("soyuz.store.disk.INTERVAL_S", 0.05)
    disk = Disk(DataFolder(tmp_path), setting)
    disk.open()
    syncs: list[int] = []
    monkeypatch.setattr(system, "sync", syncs.append)
    with open(tmp_path / "x", "wb") as file:
        counted = Counted()
        counted.before_taking = lambda: disk.sync(file.fileno())
        disk.hand_over(counted)
        threading.Event().wait(0.3)
        disk.close()
    assert bool(syncs) is synced


def test_running_out_of_descriptors_is_no_failed_sync(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(folder: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(system, "sync_folder", none_left)
    with pytest.raises(OSError, match="Too many") as raised:
        disk.sync_folder(disk.folder.root)
    assert not isinstance(raised.value, SyncFailed)


def test_a_repair_after_a_kill_leaves_the_word_of_it_to_the_next_start(tmp_path: Path) -> None:
    (tmp_path / ".soyuz.owner").write_text("{}")
    repair = Disk(DataFolder(tmp_path))
    repair.open()
    repair.close()
    start = Disk(DataFolder(tmp_path))
    start.open()
    assert start.was_killed
    start.close(in_good_order=True)
    later = Disk(DataFolder(tmp_path))
    later.open()
    assert not later.was_killed
    later.close()
