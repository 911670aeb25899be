"""Moments as the wire and the files write them: UTC, ISO 8601, milliseconds, a final Z (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(epoch_s: float) -> str:
    """Write seconds since 1970 as `2026-11-22T21:05:07.123Z`."""
    moment = datetime.fromtimestamp(epoch_s, UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def epoch(text: str) -> float:
    """Read any ISO 8601 moment; one without a zone is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
