"""One measurement of the store, on eventlet as the server runs; prints a line of JSON."""

from __future__ import annotations

from soyuz import runtime

runtime.patch()

import gc
import json
import os
import random
import sqlite3
import sys
import threading
import time
from pathlib import Path

import msgspec

from soyuz.domain.user import parse_users
from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.history_lines import encode
from soyuz.store.journal import Journal
from soyuz.store.room_history import RoomHistory
from soyuz.store.users import Users

CHANGES = {1: 400, 16: 4_000, 256: 20_000}
SNAPSHOTS = 10
HEARTBEAT_S = 0.002
PAGES = 50


def row(number: int) -> dict[str, object]:
    """Give an account as users.json holds it."""
    return {
        "display_name": f"Person Number {number}",
        "password": f"$argon2id$v=19$m=19456,t=2,p=1${number:064d}",
        "role": "member",
        "avatar": None,
        "created_at": "2026-11-23T02:45:23.315Z",
    }


def crowd(size: int) -> dict[str, dict[str, object]]:
    """Give so many accounts."""
    return {f"person{number}": row(number) for number in range(size)}


def change_soyuz(folder: Path, size: int, writers: int) -> dict[str, float]:
    """Durable changes a second, by so many who each wait for theirs."""
    disk, users = opened(folder, size)
    each = CHANGES[writers] // writers

    def write(start: int) -> None:
        for number in range(each):
            name = f"person{(start * 7919 + number) % size}"
            users.update(lambda rows: {name: row(size + number + start)})  # noqa: B023  done at once

    threads = [threading.Thread(target=write, args=(start,)) for start in range(writers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    users.catch_up()
    users.write_checkpoint()
    disk.close()
    return {"per_s": each * writers / taken}


def change_sqlite(folder: Path, size: int, writers: int) -> dict[str, float]:
    """The same by one writer to SQLite, which is safe to the same degree."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "users.db", isolation_level=None) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, row TEXT)")
        db.execute("BEGIN")
        texts = ((name, json.dumps(person)) for name, person in crowd(size).items())
        db.executemany("INSERT OR REPLACE INTO users VALUES (?, ?)", texts)
        db.execute("COMMIT")
        began = time.perf_counter()
        for number in range(CHANGES[writers]):
            text = json.dumps(row(number + 1))
            db.execute("UPDATE users SET row=? WHERE name=?", (text, f"person{number % size}"))
        taken = time.perf_counter() - began
    db.close()
    return {"per_s": CHANGES[writers] / taken}


def change_rewrite(folder: Path, size: int, writers: int) -> dict[str, float]:
    """The same as most programs do it with JSON files."""
    disk = Disk(DataFolder(folder))
    disk.open()
    people, turns = crowd(size), 20 if size < 10_000 else 3
    began = time.perf_counter()
    for number in range(turns):
        people[f"person{number}"] = row(number + 1)
        disk.replace(folder / "users.json", json.dumps(people, indent=2).encode())
    taken = time.perf_counter() - began
    disk.close()
    return {"per_s": turns / taken}


def start(folder: Path, size: int) -> dict[str, float]:
    """How long a start takes, and what the accounts cost in memory."""
    before = resident_mb()
    began = time.perf_counter()
    disk = Disk(DataFolder(folder))
    disk.open()
    journal = Journal(disk)
    journal.open()
    users = Users(journal)
    users.load()
    journal.forget_replayed()
    taken = time.perf_counter() - began
    assert len(users) == size, len(users)
    gc.collect()
    memory = resident_mb() - before
    disk.close()
    return {"start_s": taken, "memory_mb": memory}


def stall(folder: Path, size: int) -> dict[str, float]:
    """How late the event loop is while the whole file is written, over and over."""
    disk, users = opened(folder, size)
    late: list[float] = []
    beating = True

    def beat() -> None:
        while beating:
            began = time.perf_counter()
            time.sleep(HEARTBEAT_S)
            late.append((time.perf_counter() - began - HEARTBEAT_S) * 1_000)

    runtime.spawn(beat)
    time.sleep(0.2)
    late.clear()
    taken = 0.0
    for turn in range(SNAPSHOTS):
        users.update(lambda rows: {"person1": row(turn + 2)})  # noqa: B023  done at once
        began = time.perf_counter()
        users.catch_up()
        taken += time.perf_counter() - began
    beating = False
    ordered = sorted(late)
    disk.close()
    return {
        "snapshot_s": taken / SNAPSHOTS,
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "worst_ms": ordered[-1],
    }


def messages(folder: Path, size: int) -> dict[str, float]:
    """An append and a page among so many messages."""
    disk = Disk(DataFolder(folder))
    disk.open()
    room = folder / "history" / "lobby"
    room.mkdir(parents=True)
    first = 1
    while first <= size:  # as the server would have written it, but without a sync each
        last = min(size, first + 4_999)
        lines = (encode("message:posted", message(seq)) for seq in range(first, last + 1))
        (room / f"{first:012d}.jsonl").write_bytes(b"".join(lines))
        first = last + 1
    began = time.perf_counter()
    history = RoomHistory(room, disk, 1_000)
    history.load()
    started = time.perf_counter() - began
    waiting = []
    began = time.perf_counter()
    for _ in range(2_000):
        waiting.append(history.append("message:posted", message))
    while history.last_seq < waiting[-1]:
        time.sleep(0.001)
    appended = time.perf_counter() - began
    began = time.perf_counter()
    chosen = random.Random(1)
    for _ in range(PAGES):
        assert history.page(chosen.randrange(60, size), None, 50)
    paged = time.perf_counter() - began
    disk.close()
    return {
        "append_us": appended / 2_000 * 1e6,
        "page_ms": paged / PAGES * 1e3,
        "start_ms": started * 1e3,
    }


def message(seq: int) -> dict[str, object]:
    """Give a message as it travels."""
    return {
        "room": "lobby",
        "id": seq,
        "seq": seq,
        "author": "alice",
        "text": "Shall we meet at the launch site tomorrow at eight, or is that too early?",
        "at": "2026-11-22T21:05:07.123Z",
        "client_id": f"c{seq}",
    }


def opened(folder: Path, size: int) -> tuple[Disk, Document]:
    """Open the accounts, made when they are not there yet."""
    disk = Disk(DataFolder(folder))
    disk.open()
    journal = Journal(disk)
    journal.open()
    users = Document(disk.folder.users, lambda content, at: parse_users(content), journal)
    users.load()
    journal.forget_replayed()
    if not len(users.value):
        users.update(lambda rows: crowd(size))
        users.catch_up()
        users.write_checkpoint()
    return disk, users


def resident_mb() -> float:
    """Give the memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    what, where, *numbers = sys.argv[1:]
    told = globals()[what](Path(where), *map(int, numbers))
    print(msgspec.json.encode(told).decode())
