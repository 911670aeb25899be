"""How much of each kind of event one account may send, and which of them lead up the ladder."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

from soyuz.domain.sliding_window import Rate, SlidingWindow

Kind = Literal["message", "typing", "history"]

SAME_TEXT = Rate(4, 60.0)
TYPING = Rate(30, 10.0)
HISTORY = Rate(60, 10.0)
CONNECTS = Rate(30, 60.0)


class Budgets:
    """One sliding window per kind of event; a refused event is not counted."""

    def __init__(self, messages: Rate) -> None:
        self._windows: dict[Kind, SlidingWindow] = {
            "message": SlidingWindow(messages),
            "typing": SlidingWindow(TYPING),
            "history": SlidingWindow(HISTORY),
        }
        self._same_text = SlidingWindow(SAME_TEXT)

    def spend(self, kind: Kind, account: str, now: float, text: str = "") -> tuple[str, float]:
        """Count one event and give ("", 0), or refuse it: the rule broken and seconds to wait."""
        window = self._windows[kind]
        wait = window.wait(account, now)
        if wait:
            return kind, wait
        if kind == "message":
            said = (account, blake2b(text.strip().encode(), digest_size=8).digest())
            wait = self._same_text.wait(said, now)
            if wait:
                return "same_text", wait
            self._same_text.accept(said, now)
        window.accept(account, now)
        return "", 0.0

    def empty(self, account: str) -> None:
        """Forget the account's events, as a ban does: whoever returns starts afresh."""
        for window in self._windows.values():
            window.empty(account)
        self._same_text.empty_where(lambda said: said[0] == account)

    def rate(self, rule: str) -> Rate:
        """Give the rate a broken rule stands for."""
        return SAME_TEXT if rule == "same_text" else self._windows[rule].rate  # type: ignore[index]
