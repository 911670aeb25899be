"""The door for sockets: a cookie becomes a connection of a person, and its events their actions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from socketio.exceptions import ConnectionRefusedError as Refusal

from soyuz.domain.errors import Refused
from soyuz.domain.user import Actor, User
from soyuz.live.commands import Commands
from soyuz.live.http import address_of, token_of
from soyuz.live.hub import Connection, Ending, Hub
from soyuz.live.wire import Reply

log = logging.getLogger("soyuz.live")


class Door:
    """Listens to the wire. `who` knows tokens, `admit` raises Refused, `welcome` follows a connect."""

    def __init__(
        self,
        hub: Hub,
        commands: Commands,
        *,
        who: Callable[[str | None], tuple[Any, User] | None],
        admit: Callable[[str, str], None],
        user_of: Callable[[str], User | None],
        welcome: Callable[[Connection, User], None],
        now: Callable[[], float],
        per_user: int,
        replaced: Ending,
    ) -> None:
        self._hub = hub
        self._commands = commands
        self._who = who
        self._admit = admit
        self._user_of = user_of
        self._welcome = welcome
        self._now = now
        self._per_user = per_user
        self._replaced = replaced

    def admit(self, sid: str, environ: dict[str, Any]) -> None:
        """Let a signed-in person in. Raises socketio's refusal with the code as its message."""
        found = self._who(token_of(environ))
        if found is None:
            raise Refusal("signed_out")
        session, user = found
        address = address_of(environ)
        try:
            self._admit(user.username, address)
        except Refused as refused:
            raise Refusal(refused.code, {"retry_after": refused.retry_after}) from None
        oldest_first = self._hub.of(user.username)
        too_many = len(oldest_first) + 1 - self._per_user
        self._hub.expel(oldest_first[: max(0, too_many)], self._replaced)
        self._hub.add(
            Connection(sid, user.username, session.id, address, self._now(), session.created_at)
        )

    def connected(self, sid: str) -> None:
        """Welcome a connection that has been told it is in."""
        connection = self._hub.get(sid)
        user = self._user_of(connection.username) if connection else None
        if connection and user:
            self._welcome(connection, user)

    def disconnected(self, sid: str) -> None:
        """Forget a connection."""
        self._hub.remove(sid)

    def received(self, sid: str, event: str, args: list[Any], reply: Reply) -> None:
        """Have an event done in its sender's name, with the role they have now."""
        connection = self._hub.get(sid)
        user = self._user_of(connection.username) if connection else None
        if connection is None or user is None:
            self._commands.refuse(Refused("signed_out"), reply)
            return
        actor = Actor("person", user.username, user.role, connection.address)
        self._commands.receive(actor, event, args, reply)
