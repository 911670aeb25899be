"""What must be looked at again after a while. Time is an argument, monotonic seconds."""

from __future__ import annotations

from collections import deque


class Deadlines:
    """Keys, each due once, in the order they came; one tick serves any number of them."""

    def __init__(self, after_s: float) -> None:
        """`after_s` counts from the tick that first sees a key, so whoever adds needs no clock."""
        self._after_s = after_s
        self._new: deque[str] = deque()
        self._waiting: deque[tuple[float, str]] = deque()

    def add(self, key: str) -> None:
        """Have a key looked at; callable from any thread, also while a tick runs."""
        self._new.append(key)

    def tick(self, now: float) -> list[str]:
        """Give the keys that are due."""
        while self._new:
            self._waiting.append((now + self._after_s, self._new.popleft()))
        due: list[str] = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(self._waiting.popleft()[1])
        return due
