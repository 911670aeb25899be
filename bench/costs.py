"""What single steps cost, measured inside one process: rules, lines, documents."""

from __future__ import annotations

import itertools
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

from bench.crowd import account
from bench.table import percentile, show
from soyuz.domain.budgets import Budgets
from soyuz.domain.names import fold
from soyuz.domain.sliding_window import Rate, SlidingWindow
from soyuz.domain.text import clean_message
from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Entry, encode

CROWD = 100_000
SIZES = (10, 1_000, 10_000)
UPDATES = 20
SENTENCE = "Shall we meet at the launch site tomorrow at eight, or is that too early for you?"


def microseconds(work: Callable[[], object]) -> float:
    """Give what one call costs, the best of five rounds."""
    timer = timeit.Timer(work)
    calls, _ = timer.autorange()
    calls = max(1, calls // 4)
    return min(timer.repeat(5, calls)) / calls * 1e6


def rules() -> list[tuple[str, float]]:
    """Give the costs of what every message goes through."""
    rate, moments = Rate(8, 10.0), itertools.count()
    alone, crowded = SlidingWindow(rate), SlidingWindow(rate)
    for key in range(CROWD):
        crowded.accept(key, 0.0)
    budgets = Budgets(Rate(8, 10.0))
    message = {
        "room": "lobby",
        "id": 1042,
        "seq": 1042,
        "author": "alice",
        "text": SENTENCE,
        "at": "2026-11-22T21:05:07.123Z",
        "client_id": "0a1b2c3d",
    }
    entry = Entry(1042, "message:posted", message)

    def event(window: SlidingWindow, step: float) -> None:
        now = next(moments) * step
        window.wait("alice", now)
        window.accept("alice", now)

    return [
        ("sliding window, one account", microseconds(lambda: event(alone, 1e-6))),
        (f"sliding window among {CROWD:,}", microseconds(lambda: event(crowded, 0.0))),
        (
            "all budgets of a message",
            microseconds(lambda: budgets.spend("message", "alice", next(moments) * 20.0, SENTENCE)),
        ),
        ("cleaning 80 characters", microseconds(lambda: clean_message(SENTENCE))),
        ("cleaning 4,000 characters", microseconds(lambda: clean_message("word " * 800))),
        ("folding a username", microseconds(lambda: fold("Alice"))),
        ("encoding a journal line", microseconds(lambda: encode(entry))),
    ]


def document(rows: int) -> tuple[float, float]:
    """Give the milliseconds of one change of so many accounts: on the event loop, and to the disk.

    Nothing is synced, so that the processor's part is seen and not the disk's.
    """
    with tempfile.TemporaryDirectory() as root:
        disk = Disk(DataFolder(Path(root)), fsync="off")
        disk.open()
        users = Document(disk.folder.users, lambda content, at: dict(content), disk)
        users.load()
        users.update(lambda _: {f"person{n}": account(f"person{n}") for n in range(rows)})
        held, whole = [], []
        for turn in range(UPDATES):
            began = time.perf_counter()
            ticket = users.begin_update(lambda _, turn=turn: {"person1": account(f"turn{turn}")})
            held.append((time.perf_counter() - began) * 1_000)
            assert ticket
            ticket.wait()
            whole.append((time.perf_counter() - began) * 1_000)
        disk.close()
    return percentile(held, 0.5), percentile(whole, 0.5)


def main() -> None:
    """Print the tables."""
    show("per message", ("us",), rules())
    rows = [(f"one change of {size:,} accounts", *document(size)) for size in SIZES]
    show("per change of users.json", ("ms on the loop", "ms to the file"), rows)


if __name__ == "__main__":
    main()
