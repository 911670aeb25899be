"""Typing: who is writing just now, told in ticks and forgotten by itself."""

from __future__ import annotations

from flask import Flask

from soyuz import runtime
from soyuz.domain.errors import Refused
from soyuz.domain.events import SetTyping
from soyuz.domain.room import LOBBY
from soyuz.domain.user import Actor
from soyuz.live.commands import Ack, Answer, Command
from soyuz.live.typing import PEOPLE_MAX, TICK_S, Typing
from soyuz.messenger import Messenger


def register(messenger: Messenger, app: Flask) -> None:
    """Add the event and start the ticks."""
    typing = Typing()

    def on_set(actor: Actor, asked: SetTyping, ack: Ack) -> Answer:
        if asked.room != LOBBY.id:
            raise Refused("not_found", "not_found.room")
        if len(messenger.presence) <= PEOPLE_MAX or not asked.on:
            typing.set(asked.room, actor.id, asked.on, messenger.clock.monotonic())
        return {}

    def tick() -> None:
        for room, users in typing.tick(messenger.clock.monotonic()):
            messenger.hub.publish(room, "typing:changed", {"room": room, "users": users})

    messenger.commands.add("typing:set", Command(on_set, cost="typing"))
    messenger.hub.on_gone.append(typing.gone)
    runtime.every(TICK_S, tick, messenger.stopping)
