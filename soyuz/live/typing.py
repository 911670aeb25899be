"""Who is typing where, forgotten by itself; told in ticks. Time is an argument, monotonic seconds."""

from __future__ import annotations

import threading

TICK_S = 0.3
FORGOTTEN_AFTER_S = 6.0
PEOPLE_MAX = 100  # in a fuller room nobody could read it


class Typing:
    """The typists of every room; sockets and the tick may call from threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._typists: dict[str, dict[str, float]] = {}  # room, username: forgotten at
        self._told: dict[str, list[str]] = {}
        self._stopped: set[str] = set()  # rooms where someone stopped since the last tick

    def set(self, room: str, username: str, on: bool, now: float) -> None:
        """Note that a person types in a room, or has stopped."""
        with self._lock:
            typists = self._typists.setdefault(room, {})
            if on:
                typists[username] = now + FORGOTTEN_AFTER_S
            elif typists.pop(username, None):
                self._stopped.add(room)

    def gone(self, username: str) -> None:
        """Forget a person everywhere."""
        with self._lock:
            for typists in self._typists.values():
                typists.pop(username, None)

    def tick(self, now: float) -> list[tuple[str, list[str]]]:
        """Give the rooms whose typists have changed since the last tick, each with all of them.

        Who stopped and began again between two ticks is told too: pages hide whoever has just sent.
        """
        changed: list[tuple[str, list[str]]] = []
        with self._lock:
            for room, typists in list(self._typists.items()):
                for username in [u for u, until in typists.items() if until <= now]:
                    del typists[username]
                users = sorted(typists)
                if users != self._told.get(room, []) or (users and room in self._stopped):
                    changed.append((room, users))
                    self._told[room] = users
                if not users:
                    self._typists.pop(room)
                    self._told.pop(room, None)
            self._stopped.clear()
        return changed
