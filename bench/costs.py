"""What single steps cost, measured inside one process: rules and lines."""

from __future__ import annotations

import itertools
import timeit
from collections.abc import Callable

from bench.table import show
from soyuz.domain.budgets import Budgets
from soyuz.domain.names import fold
from soyuz.domain.sliding_window import Rate, SlidingWindow
from soyuz.domain.text import clean_message
from soyuz.store.history_lines import encode

CROWD = 100_000
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
        ("encoding a history line", microseconds(lambda: encode("message:posted", message))),
    ]


def main() -> None:
    """Print the table."""
    show("per message", ("us",), rules())


if __name__ == "__main__":
    main()
