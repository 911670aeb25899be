"""An exact sliding window: at most `limit` events of one key in any stretch of `window_s` seconds.

Only the moments of the last `limit` accepted events are kept, so an event costs O(1) and a key at
most `limit` numbers. Time is an argument, in seconds of a clock that never goes back.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

MAX_KEYS = 100_000


@dataclass(frozen=True)
class Rate:
    """So many events in so many seconds."""

    limit: int
    window_s: float


class SlidingWindow:
    """The accepted events of many keys; keys that have fallen silent are forgotten."""

    def __init__(self, rate: Rate, max_keys: int = MAX_KEYS) -> None:
        self.rate = rate
        self._max_keys = max_keys
        self._accepted: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accepted)

    def wait(self, key: Hashable, now: float) -> float:
        """Give the seconds until `key` may have another event; 0 when it may now."""
        moments = self._accepted.get(key)
        if moments is None or len(moments) < self.rate.limit:
            return 0.0
        return max(0.0, moments[0] + self.rate.window_s - now)

    def accept(self, key: Hashable, now: float) -> None:
        """Count an event that `wait` allowed."""
        self._forget_silent(now)
        moments = self._accepted.get(key)
        if moments is None:
            moments = self._accepted[key] = deque(maxlen=self.rate.limit)
        moments.append(now)
        self._accepted.move_to_end(key)

    def take_back(self, key: Hashable) -> None:
        """Uncount the latest event."""
        if moments := self._accepted.get(key):
            moments.pop()
            if not moments:
                del self._accepted[key]

    def empty(self, key: Hashable) -> None:
        """Forget what `key` has done."""
        self._accepted.pop(key, None)

    def empty_where(self, wanted: Callable[[Any], bool]) -> None:
        """Forget what each wanted key has done; looks at every key, so for rare occasions."""
        for key in [key for key in self._accepted if wanted(key)]:
            del self._accepted[key]

    def _forget_silent(self, now: float) -> None:
        # The oldest key is the one that has been silent longest: at most two looks an event.
        for _ in range(2):
            if not self._accepted:
                return
            key, moments = next(iter(self._accepted.items()))
            if moments[-1] + self.rate.window_s > now and len(self._accepted) < self._max_keys:
                return
            del self._accepted[key]
