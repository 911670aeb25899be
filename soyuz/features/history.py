"""History: pages of a room, and whatever a client has missed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask

from soyuz.domain.errors import Refused
from soyuz.domain.events import GetUsers, HistoryPage, HistorySince
from soyuz.domain.room import LOBBY
from soyuz.domain.user import Actor, Profile, profile
from soyuz.live.commands import Ack, Answer, Command
from soyuz.messenger import Messenger
from soyuz.store.history_lines import Entry
from soyuz.store.room_history import RoomHistory

CATCH_UP_MAX = 500  # beyond this a fresh page is cheaper than the events


def profiles(messenger: Messenger, usernames: Iterable[str]) -> dict[str, Profile]:
    """Give the public side of people, also of those whose account is gone."""
    return {name: _profile(messenger, name) for name in sorted(set(usernames))}


def register(messenger: Messenger, app: Flask) -> None:
    """Add the events."""
    history = _History(messenger)
    messenger.commands.add("history:page", Command(history.on_page, cost="history"))
    messenger.commands.add("history:since", Command(history.on_since, cost="history"))
    messenger.commands.add("user:get", Command(history.on_users, cost="history"))


class _History:
    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def on_page(self, actor: Actor, asked: HistoryPage, ack: Ack) -> Answer:
        history = self._history_of(asked.room)
        if asked.around is None:
            entries = history.page(asked.before, asked.after, asked.limit)
        else:
            older = history.page(asked.around, None, asked.limit // 2)
            newer = history.page(None, max(asked.around - 1, 0), asked.limit - len(older))
            entries = older + newer
        first, last = _edges(asked, entries, history.last_seq)
        return {
            "messages": [entry.data for entry in entries],
            "users": profiles(self._messenger, (e.data["author"] for e in entries)),
            "has_more": history.has_before(first),
            "has_newer": last < history.last_seq,
        }

    def on_since(self, actor: Actor, asked: HistorySince, ack: Ack) -> Answer:
        entries = self._history_of(asked.room).since(asked.seq, CATCH_UP_MAX)
        if entries is None or asked.seq > self._history_of(asked.room).last_seq:  # an older folder
            return {"events": [], "users": {}, "reset": True}
        users = profiles(self._messenger, (e.data["author"] for e in entries))
        return {"events": [_event(entry) for entry in entries], "users": users}

    def on_users(self, actor: Actor, asked: GetUsers, ack: Ack) -> Answer:
        known = [name for name in asked.usernames if self._messenger.users.get(name)]
        return {"users": profiles(self._messenger, known)}

    def _history_of(self, room: str) -> RoomHistory:
        if room != LOBBY.id:
            raise Refused("not_found", "not_found.room")
        return self._messenger.history.of(room)


def _edges(asked: HistoryPage, entries: list[Entry], last_seq: int) -> tuple[int, int]:
    """Give the first and last `seq` of a page; an empty one lies where it was asked for."""
    if entries:
        return entries[0].seq, entries[-1].seq
    if asked.after is not None:
        return min(asked.after, last_seq) + 1, last_seq
    return 0, 0


def _event(entry: Entry) -> dict[str, Any]:
    return {"event": entry.event, "data": entry.data}


def _profile(messenger: Messenger, username: str) -> Profile:
    user = messenger.users.get(username)
    return profile(user) if user else Profile(username, username, None, "member")
