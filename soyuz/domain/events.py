"""The wire contract: every event, in both directions, and the shape of what clients send."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

PAGE_DEFAULT = 50
PAGE_MAX = 100
SEQ_MAX = 2**53 - 1  # what a JavaScript number holds exactly

RoomId = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
ClientId = Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,64}\Z")]
Username = Annotated[str, Meta(min_length=1, max_length=64)]


class PostMessage(msgspec.Struct):
    """`seen`: the room's `seq` when this was first sent; a duplicate can only lie after it."""

    room: RoomId
    text: str
    client_id: ClientId
    seen: Seq | None = None


class SetTyping(msgspec.Struct):
    room: RoomId
    on: bool


class HistoryPage(msgspec.Struct):
    """At most one of the bounds, each exclusive; none asks for the newest messages."""

    room: RoomId
    before: Seq | None = None
    after: Seq | None = None
    around: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT

    def __post_init__(self) -> None:
        if sum(bound is not None for bound in (self.before, self.after, self.around)) > 1:
            raise ValueError("before, after and around exclude each other")


class HistorySince(msgspec.Struct):
    room: RoomId
    seq: Seq


class GetUsers(msgspec.Struct):
    usernames: Annotated[list[Username], Meta(max_length=200)]


CLIENT_EVENTS: dict[str, type[msgspec.Struct]] = {
    "message:post": PostMessage,
    "typing:set": SetTyping,
    "history:page": HistoryPage,
    "history:since": HistorySince,
    "user:get": GetUsers,
}

SERVER_EVENTS = (
    "session:ready",
    "session:ended",
    "message:posted",
    "typing:changed",
    "presence:changed",
    "user:changed",
    "system:alert",
)
