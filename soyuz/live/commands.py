"""The table of what clients may ask, and the one guard that checks all of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from soyuz.domain.budgets import Kind
from soyuz.domain.errors import Refused
from soyuz.domain.events import CLIENT_EVENTS
from soyuz.domain.permissions import may
from soyuz.domain.user import Actor
from soyuz.live.wire import MALFORMED

log = logging.getLogger("soyuz.live")

Answer = Mapping[str, Any]
Say = Callable[[str, Mapping[str, Any]], str]  # (catalogue key, params) to an English sentence


class Ack:
    """The answer to one event, given once: by `ok` or by `refuse`."""

    def __init__(self, reply: Callable[[Any], None], say: Say) -> None:
        self._reply = reply
        self._say = say

    def ok(self, **fields: Any) -> None:
        """Answer that it was done."""
        self._reply({"ok": True, **fields})

    def refuse(self, refused: Refused) -> None:
        """Answer why it was not done."""
        error: dict[str, Any] = {"code": refused.code}
        if refused.detail != refused.code:
            error["detail"] = refused.detail
        if refused.params:
            error["params"] = refused.params
        if refused.retry_after is not None:
            error["retry_after"] = round(refused.retry_after, 3)
        params = {**refused.params, "retry_after": error.get("retry_after", 0)}
        error["message"] = self._say(f"error.{refused.detail}", params)
        self._reply({"ok": False, "error": error})


# A handler gives its answer, or None when it will use the ack later.
Handler = Callable[[Actor, Any, Ack], Answer | None]


class Command(msgspec.Struct, frozen=True):
    """One row: who may send the event, which budget it costs, and who does it."""

    handler: Handler
    permission: str = "chat"
    cost: Kind | None = None


class Commands:
    """The rows by event, and `receive`, through which every event of every client comes."""

    def __init__(self, say: Say, spend: Callable[[Actor, Kind], None]) -> None:
        """`spend` counts an event against a person's budget. It raises Refused."""
        self._say = say
        self._spend = spend
        self._rows: dict[str, Command] = {}

    def add(self, event: str, command: Command) -> None:
        """Register the one handler of an event of the contract. Raises KeyError for another."""
        assert event not in self._rows, event
        assert CLIENT_EVENTS[event]
        self._rows[event] = command

    def receive(
        self, actor: Actor, event: str, args: list[Any], reply: Callable[[Any], None]
    ) -> None:
        """Check an event and have it done; every outcome but a lost connection is answered."""
        ack = Ack(reply, self._say)
        try:
            command, payload = self._checked(actor, event, args)
            answer = command.handler(actor, payload, ack)
            if answer is not None:
                ack.ok(**answer)
        except Refused as refused:
            ack.refuse(refused)
        except Exception:
            log.exception("%.64r failed", event)
            ack.refuse(Refused("unavailable"))

    def refuse(self, refused: Refused, reply: Callable[[Any], None]) -> None:
        """Answer an event whose sender is no longer anyone."""
        Ack(reply, self._say).refuse(refused)

    def _checked(self, actor: Actor, event: str, args: list[Any]) -> tuple[Command, Any]:
        if event == f"{MALFORMED}:too_large":
            raise Refused("too_large")
        command = self._rows.get(event)
        if command is None or len(args) != 1 or not isinstance(args[0], dict):
            raise Refused("invalid")
        try:
            payload = msgspec.convert(args[0], CLIENT_EVENTS[event])
        except (msgspec.ValidationError, RecursionError):
            raise Refused("invalid") from None
        if not may(actor, command.permission):
            raise Refused("forbidden")
        if command.cost:
            self._spend(actor, command.cost)
        return command, payload
