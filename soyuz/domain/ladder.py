"""The ladder of answers to someone who keeps going over the limit: a warning, then longer bans."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

WARNING_HOLDS_S = 60.0
CLEAN_DAY_S = 86_400.0
WARN = 0.0  # the rung that bans nobody


class Strikes(msgspec.Struct, frozen=True):
    """Where an account stands: `rung` counts from 0, `at` is the last offence in UTC seconds."""

    rung: int
    at: float


def climb(ladder: Sequence[float], strikes: Strikes | None, now: float) -> Strikes:
    """Give where an offence at `now` leads; `ladder[rung]` is then the ban in seconds, or WARN."""
    rung = settle(strikes, now)
    if rung is None or strikes is None:
        return Strikes(0, now)
    rung = min(rung, len(ladder) - 1)  # the ladder may have been longer then
    warned_long_ago = ladder[rung] == WARN and now - strikes.at > WARNING_HOLDS_S
    return Strikes(rung if warned_long_ago else min(rung + 1, len(ladder) - 1), now)


def settle(strikes: Strikes | None, now: float) -> int | None:
    """Give the rung that is left at `now`: each clean day takes one away; None is the ground."""
    if strikes is None:
        return None
    days = max(0, int((now - strikes.at) // CLEAN_DAY_S))
    rung = strikes.rung - days
    return rung if rung >= 0 else None
