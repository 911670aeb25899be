"""A crowd that is signed in before the server starts: accounts and sessions written by hand."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

Row = dict[str, object]


def gather(data: Path, count: int) -> list[str]:
    """Write so many accounts into a new data folder; gives the cookie of each, ready to send."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    data.mkdir(parents=True)
    names = [f"person{number}" for number in range(count)]
    tokens = {name: secrets.token_urlsafe(32) for name in names}
    users = {name: account(name, now) for name in names}
    sessions = {
        sha256(token.encode()).hexdigest(): {
            "user": name,
            "created_at": now,
            "seen_at": now,
            "address": "127.0.0.1",
            "browser": "bench",
        }
        for name, token in tokens.items()
    }
    (data / "users.json").write_text(json.dumps(users), "utf-8")
    (data / "sessions.json").write_text(json.dumps(sessions), "utf-8")
    return [f"soyuz={token}" for token in tokens.values()]


def account(name: str, now: str = "2026-11-22T21:05:07.123Z") -> Row:
    """Give an account's row as users.json holds it; no password opens it."""
    return {
        "display_name": name.title(),
        "password": "",
        "role": "member",
        "avatar": None,
        "created_at": now,
    }
