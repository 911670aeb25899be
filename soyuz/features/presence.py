"""Presence: what a connection is told first, and who comes and goes after that."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
from flask import Flask

from soyuz import __version__, runtime
from soyuz.domain.budgets import HISTORY
from soyuz.domain.instant import iso
from soyuz.domain.room import LOBBY
from soyuz.domain.text import MESSAGE_MAX_CODE_POINTS
from soyuz.domain.user import User, profile
from soyuz.features.alerts import to_all
from soyuz.features.bans import write_ban_told
from soyuz.features.profile import AVATAR_MAX_BYTES
from soyuz.live.hub import Connection
from soyuz.live.presence import TICK_S
from soyuz.live.typing import PEOPLE_MAX
from soyuz.messenger import Messenger

PEOPLE_SHOWN = 200


def register(messenger: Messenger, app: Flask) -> None:
    """Start the ticks."""
    now = messenger.clock.monotonic

    def gone(username: str) -> None:
        messenger.presence.closed_last(username, now())
        if messenger.hub.of(username):  # back already, on another thread
            messenger.presence.stays(username)

    def tick() -> None:
        change = messenger.presence.tick(now())
        if change is None:
            return
        if change.joined or change.left:
            news = {"online": change.online, "joined": change.joined, "left": change.left}
            messenger.hub.broadcast("presence:changed", news)
        for code, username in change.alerts:
            user = messenger.users.get(username)
            name = user.display_name if user else username
            to_all(messenger, code, username=username, name=name)

    messenger.hub.on_gone.append(gone)
    runtime.every(TICK_S, tick, messenger.stopping)
    runtime.every(TICK_S, lambda: messenger.hub.close_strangers(now()), messenger.stopping)


def welcome(messenger: Messenger, connection: Connection, user: User, build: str) -> None:
    """Let a connection hear its rooms and tell it where it is: `session:ready`."""
    messenger.hub.join(connection.sid, LOBBY.id)
    now = messenger.clock.monotonic()
    signed_in_at = now - (messenger.clock.now() - connection.signed_in_at)
    messenger.presence.came(user.username, now, signed_in_at)
    messenger.hub.tell_one(
        connection.sid, "session:ready", _ready(messenger, connection, user, build)
    )


def _ready(messenger: Messenger, connection: Connection, user: User, build: str) -> dict[str, Any]:
    ban = write_ban_told(messenger, connection)
    write_ban = ban and {"until": ban.until and iso(ban.until), "reason": ban.reason}
    return {
        "me": {**msgspec.structs.asdict(profile(user)), "write_ban": write_ban},
        "people": _people(messenger),
        "rooms": [_room(messenger)],
        "online": len(messenger.presence),
        "limits": _limits(messenger),
        "version": __version__,
        "build": build,
        "now": iso(messenger.clock.now()),
    }


def _people(messenger: Messenger) -> list[dict[str, Any]]:
    here = (u for u in map(messenger.users.get, messenger.presence.online()) if u)
    others = (u for u in messenger.users.iterate() if u.username not in messenger.presence)
    shown = list(islice(here, PEOPLE_SHOWN))
    shown += islice(others, PEOPLE_SHOWN - len(shown))
    return [
        {**msgspec.structs.asdict(profile(u)), "online": u.username in messenger.presence}
        for u in shown
    ]


def _room(messenger: Messenger) -> dict[str, Any]:
    last_seq = messenger.history.of(LOBBY.id).last_seq
    return {
        **msgspec.structs.asdict(LOBBY),
        "last_seq": last_seq,
        "read_id": last_seq,
        "members": len(messenger.users),
    }


def _limits(messenger: Messenger) -> dict[str, Any]:
    rate = messenger.settings.spam_limit
    return {
        "text_max": MESSAGE_MAX_CODE_POINTS,
        "spam": {"messages": rate.limit, "window_s": rate.window_s} if rate else None,
        "history": {"events": HISTORY.limit, "window_s": HISTORY.window_s} if rate else None,
        "typing_max_people": PEOPLE_MAX,
        "upload_max_bytes": AVATAR_MAX_BYTES,
    }
