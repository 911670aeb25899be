"""The disk under eventlet, in a process of its own: everything completes and the loop never stalls."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

STALL_MAX_S = 0.5  # generous: what blocks the loop by mistake blocks it for seconds

SCRIPT = """
from soyuz import runtime
runtime.patch()
import json, sys, threading, time
from pathlib import Path
from argon2 import PasswordHasher
from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.room_history import RoomHistory

blocked_s = float(sys.argv[2])
disk = Disk(DataFolder(Path(sys.argv[1])))
disk.open()
journal = Journal(disk)
journal.open()
document = Document(disk.folder.users, lambda rows, at: rows, journal)
document.load()
room = RoomHistory(disk.folder.history / "lobby", disk, 100)
room.load()
heard, delays, hashed, gaps = [], [], [], []
def follow(batch):
    for entry in batch:
        heard.append(entry.seq)
        entry.settled(None)
room.follow = follow
working = True

def heart():
    before = time.monotonic()
    while working:
        time.sleep(0.005)
        now = time.monotonic()
        gaps.append(now - before)
        before = now

def talk(name):
    for number in range(100):
        began, done = time.monotonic(), threading.Event()
        room.append("x", lambda seq: {"seq": seq}, lambda error: done.set())
        done.wait()
        delays.append(time.monotonic() - began)

def sign_up(number):
    password = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    hashed.append(pool.run(password.hash, "correct horse"))
    document.update(lambda rows: {f"p{number}": {"password": hashed[-1]}})

def slow(number):
    runtime.off_loop(native_sleep, 0.2)

native_sleep = runtime.original("time").sleep
pool = runtime.Pool(2, 50)
runtime.spawn(heart)
runtime.sleep(0.05)
threads = [threading.Thread(target=talk, args=(n,)) for n in range(5)]
threads += [threading.Thread(target=sign_up, args=(n,)) for n in range(20)]
threads += [threading.Thread(target=slow, args=(n,)) for n in range(5)]
began = time.monotonic()
for thread in threads: thread.start()
if blocked_s: native_sleep(blocked_s)
for thread in threads: thread.join()
working = False
runtime.sleep(0.05)
document.catch_up()
disk.close()
print(json.dumps({
    "in_order": heard == list(range(1, 501)),
    "people": len(json.loads(disk.folder.users.read_text())),
    "stall_s": max(gaps),
    "delay_s": sorted(delays)[len(delays) // 2],
    "beats": len(gaps),
}))
"""


def under_eventlet(folder: Path, blocked_s: float = 0.0) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(blocked_s)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_twenty_sign_ups_hash_and_save_while_a_conversation_goes_on(tmp_path: Path) -> None:
    told = under_eventlet(tmp_path)
    assert told["in_order"]
    assert told["people"] == 20
    assert told["beats"] > 20
    assert told["stall_s"] < STALL_MAX_S
    assert told["delay_s"] < STALL_MAX_S


def test_a_blocked_loop_would_be_noticed(tmp_path: Path) -> None:
    assert under_eventlet(tmp_path, blocked_s=STALL_MAX_S * 2)["stall_s"] >= STALL_MAX_S


HANDED_OVER_TWICE = """
from soyuz import runtime
runtime.patch()
import sys, threading, time
from pathlib import Path
from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
from soyuz.store.room_history import RoomHistory

disk = Disk(DataFolder(Path(sys.argv[1])))
disk.open()
room = RoomHistory(disk.folder.history / "lobby", disk, 100)
room.load()
room.follow = lambda batch: [entry.settled(None) for entry in batch]
done = []
class Slow:
    def commit(self, disk): runtime.original("time").sleep(0.1)
    def committed(self, result, error): pass
disk.hand_over(Slow())
time.sleep(0.02)  # the committer is at it
room.append("x", lambda seq: {"seq": seq}, done.append)
runtime.original("time").sleep(0.3)  # a long round of the loop, in which it finds the room waiting
room.append("x", lambda seq: {"seq": seq}, done.append)
time.sleep(0.5)
assert done == [None, None], done
disk.close()
"""


@pytest.mark.timeout(30)
def test_two_messages_of_one_round_are_both_committed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANDED_OVER_TWICE, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
