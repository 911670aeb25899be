"""The one place that reads clocks; everything else is handed the time."""

from __future__ import annotations

import time


class Clock:
    """Real time. Tests hand in another with the same two readings."""

    def now(self) -> float:
        """UTC seconds since 1970; may jump when the machine's clock is set."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back, for windows and throttles."""
        return time.monotonic()
