"""Who is online, counted as people; told in ticks, so that a class arriving is one event.

Time is an argument throughout: monotonic seconds.
"""

from __future__ import annotations

import threading

import msgspec

TICK_S = 1.0
GRACE_S = 3.0  # a reload closes and opens within this; with the tick, gone in under 5 s
ALERT_AFTER_S = 5.0
QUIET_START_S = 15.0  # after a restart everyone returns at once, and has not really joined
ALERTS_UP_TO_PEOPLE = 100


class Change(msgspec.Struct, frozen=True):
    """What a tick has to tell: the count, who came and went, and whose coming or going is news."""

    online: int
    joined: list[str]
    left: list[str]
    alerts: list[tuple[str, str]]  # ("joined" or "left", username)


class Presence:
    """The people who are here, the connections' openings and closings smoothed.

    Sockets and the tick may call from threads of their own.
    """

    def __init__(self, now: float) -> None:
        self._started = now
        self._lock = threading.Lock()
        self._here: set[str] = set()
        self._leaving: dict[str, float] = {}  # when the last connection closed
        self._returned: set[str] = set()
        self._known: set[str] = set()  # whose being here is no news
        self._unsettled: dict[str, float] = {}  # when their being here last changed
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._here)

    def __contains__(self, username: object) -> bool:
        return username in self._here

    def online(self) -> list[str]:
        """Give everyone who is here."""
        with self._lock:
            return list(self._here)

    def came(self, username: str, now: float, signed_in_at: float) -> None:
        """A person has a connection; someone who was signed in before a restart only returns."""
        with self._lock:
            self._leaving.pop(username, None)
            if username in self._here:
                return
            self._here.add(username)
            self._note(username, now)
            is_return = signed_in_at <= self._started and now < self._started + QUIET_START_S
            if is_return and username not in self._returned:
                self._returned.add(username)  # once: whoever then leaves and comes again is news
                self._known.add(username)

    def closed_last(self, username: str, now: float) -> None:
        """A person's last connection has closed; they may be back in a moment."""
        with self._lock:
            if username in self._here:
                self._leaving[username] = now

    def stays(self, username: str) -> None:
        """A person had another connection when the last one seemed to close."""
        with self._lock:
            self._leaving.pop(username, None)

    def drop(self, username: str, now: float) -> None:
        """A person is gone for good: expelled or deleted."""
        with self._lock:
            self._drop(username, now)

    def tick(self, now: float) -> Change | None:
        """Give what has changed since the last tick, None when nothing has."""
        with self._lock:
            for username, closed_at in list(self._leaving.items()):
                if now - closed_at >= GRACE_S:
                    self._drop(username, now)
            # Also who came and left since: whoever was welcomed in between has seen them.
            joined, left = self._changed & self._here, self._changed - self._here
            self._changed.clear()
            alerts = self._alerts(now)
            if not (joined or left or alerts):
                return None
            return Change(len(self._here), sorted(joined), sorted(left), alerts)

    # Under the lock

    def _drop(self, username: str, now: float) -> None:
        self._leaving.pop(username, None)
        if username in self._here:
            self._here.remove(username)
            self._note(username, now)

    def _note(self, username: str, now: float) -> None:
        self._changed.add(username)
        self._unsettled[username] = now

    def _alerts(self, now: float) -> list[tuple[str, str]]:
        alerts: list[tuple[str, str]] = []
        for username, since in list(self._unsettled.items()):
            if now - since < ALERT_AFTER_S:
                continue
            del self._unsettled[username]
            is_here, was_here = username in self._here, username in self._known
            (self._known.add if is_here else self._known.discard)(username)
            if is_here != was_here and len(self._here) <= ALERTS_UP_TO_PEOPLE:
                alerts.append(("joined" if is_here else "left", username))
        return alerts
