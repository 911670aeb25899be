"""Bans: enforced on everyone who is here, the moment a ban file changes, whoever changed it."""

from __future__ import annotations

from flask import Flask, g, request

from soyuz.domain.bans import Ban
from soyuz.domain.instant import iso
from soyuz.features.accounts import Page, banned_page
from soyuz.features.alerts import to_all, to_one
from soyuz.live.http import address_of
from soyuz.live.hub import Connection, Ending
from soyuz.messenger import Messenger


def register(messenger: Messenger, app: Flask) -> None:
    """Enforce bans on live connections and on pages."""
    enforcer = _Enforcer(messenger)
    messenger.bans.on_change.append(enforcer.enforce)

    @app.before_request
    def keep_out() -> Page | None:
        view = app.view_functions.get(request.endpoint or "")
        if g.user is None or getattr(view, "open_to_all", False):
            return None
        ban = messenger.gate.banned(g.user.username, address_of(request.environ))
        return banned_page(messenger, messenger.gate.refusal(ban)) if ban else None


def ending_of(messenger: Messenger, ban: Ban) -> Ending:
    """Give what a banned person's connections are told."""
    until = None if ban.until is None else iso(ban.until)
    key = "ended.banned" if ban.reason else "ended.banned.without_reason"
    message = messenger.say(key, reason=ban.reason)
    return Ending("banned", message, until=until, params={"reason": ban.reason})


def write_ban_told(messenger: Messenger, connection: Connection) -> Ban | None:
    """Give the ban from writing that a connection is about to be told of, if there is one.

    It is remembered, so that its lifting reaches also those who came while it held.
    """
    ban = messenger.gate.write_ban(connection.username, connection.address)
    if ban:
        messenger.silenced[connection.username] = ban
    return ban


class _Enforcer:
    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    def enforce(self) -> None:
        """Compare everyone who is connected with what the files say now."""
        messenger = self._messenger
        connections = messenger.hub.all()
        silenced: dict[str, Ban] = {}
        expelled: set[str] = set()
        for connection in connections:
            ban = messenger.gate.banned(connection.username, connection.address)
            if ban:
                self._expel(connection, ban)
                expelled.add(connection.username)
            elif ban := messenger.gate.write_ban(connection.username, connection.address):
                silenced[connection.username] = ban
        for username in expelled:
            if messenger.hub.of(username):
                continue  # an address is banned, and the person is here from another, too
            messenger.presence.drop(username, messenger.clock.monotonic())
            to_all(messenger, "banned", username=username, name=self._name(username))
        self._tell_silenced(silenced)

    def _expel(self, connection: Connection, ban: Ban) -> None:
        self._messenger.hub.expel([connection], ending_of(self._messenger, ban))

    def _tell_silenced(self, silenced: dict[str, Ban]) -> None:
        before, self._messenger.silenced = self._messenger.silenced, silenced
        now = self._messenger.clock.now()
        for username, ban in silenced.items():
            if before.get(username) != ban:
                until = None if ban.until is None else iso(ban.until)
                params = {"until": until, "reason": ban.reason}
                to_one(self._messenger, username, "write_banned", "warning", **params)
        for username, ban in before.items():
            if username not in silenced and ban.holds(now):
                to_one(self._messenger, username, "write_ban_lifted")

    def _name(self, username: str) -> str:
        user = self._messenger.users.get(username)
        return user.display_name if user else username
