"""Rooms: for now the one everyone starts in."""

from __future__ import annotations

from typing import Literal

import msgspec


class Room(msgspec.Struct, frozen=True):
    """A place to talk. `id` never changes and names the room's folder below history/."""

    id: str
    name: str
    kind: Literal["open", "closed", "direct"] = "open"
    topic: str = ""


LOBBY = Room("lobby", "Lobby")
