"""A message as it travels and as a room's history keeps it."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True):
    """`id` is the `seq` of the posting; `at` is UTC, ISO 8601; `client_id` is the sender's own."""

    room: str
    id: int
    seq: int
    author: str
    text: str
    at: str
    client_id: str
