"""Chat: the page, and `post`, the one body through which every message comes, whoever brings it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec
from flask import Flask, render_template

from soyuz import runtime
from soyuz.domain.errors import Refused
from soyuz.domain.events import PostMessage
from soyuz.domain.instant import epoch, iso
from soyuz.domain.message import Message
from soyuz.domain.room import LOBBY
from soyuz.domain.text import clean_message
from soyuz.domain.user import Actor
from soyuz.live.commands import Ack, Command
from soyuz.messenger import Messenger
from soyuz.store.history_lines import Entry
from soyuz.store.room_history import RoomHistory

RECEIPTS_KEPT_S = 86_400.0
RECEIPTS_MAX = 100_000
SEARCHES_AT_ONCE = 1  # each may read the whole history
SEARCHES_WAITING = 20
BUSY_S = 5.0


class Receipt(msgspec.Struct, frozen=True):
    """What the author of a message is told."""

    id: int
    at: str


# Called once: with the receipt when the message is on the disk, or with the reason it is not.
Settled = Callable[[Receipt | Refused], None]
Key = tuple[str, str, str]  # room, author, client_id


class Chat:
    """Posting, and what follows the commit feed."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._receipts = _Receipts()
        self._pending: dict[Key, list[Settled]] = {}
        self._searching = runtime.Pool(SEARCHES_AT_ONCE, SEARCHES_WAITING)
        messenger.history.follow = self._committed
        history = messenger.history.of(LOBBY.id)
        entries = history.page(None, None, RECEIPTS_MAX)
        self._receipts.begin(LOBBY.id, entries[0].seq if entries else history.last_seq + 1)
        for entry in entries:
            self._remember(LOBBY.id, entry)

    def post(self, actor: Actor, message: PostMessage, settled: Settled) -> None:
        """Take a message in; `settled` hears of its fate. Raises Refused.

        A `client_id` the author has used before is answered with the first receipt: it costs
        nothing and posts nothing.
        """
        history = self._history_of(message.room)
        text = clean_message(message.text)
        room, key = message.room, (message.room, actor.id, message.client_id)
        if self._is_answered(key, message.seen, settled):
            return
        if message.seen is not None and not self._receipts.has_all_after(room, message.seen):
            if receipt := self._on_disk(actor, history, key, message.seen):
                settled(receipt)
                return
            # Another copy may have come and been posted while this one was searching.
            if self._is_answered(key, message.seen, settled):
                return
        self._messenger.gate.may_speak(actor, "message", text)
        self._pending[key] = [settled]
        at = iso(self._messenger.clock.now())

        def fill(seq: int) -> dict[str, object]:
            posted = Message(message.room, seq, seq, actor.id, text, at, message.client_id)
            return msgspec.structs.asdict(posted)

        history.append("message:posted", fill, lambda error: self._settle(key, error))

    def on_post(self, actor: Actor, message: PostMessage, ack: Ack) -> None:
        """Answer `message:post`, as soon as the message is on the disk."""

        def settled(outcome: Receipt | Refused) -> None:
            if isinstance(outcome, Refused):
                ack.refuse(outcome)
            else:
                ack.ok(id=outcome.id, at=outcome.at)

        self.post(actor, message, settled)

    def _history_of(self, room: str) -> RoomHistory:
        if room != LOBBY.id:
            raise Refused("not_found", "not_found.room")
        return self._messenger.history.of(room)

    def _is_answered(self, key: Key, seen: int | None, settled: Settled) -> bool:
        """See to a message that is known already: on its way to the disk, or there."""
        if key in self._pending:
            self._pending[key].append(settled)
            return True
        receipt = self._receipts.get(key, seen, self._messenger.clock.now())
        if receipt:
            settled(receipt)
        return receipt is not None

    def _on_disk(self, actor: Actor, history: RoomHistory, key: Key, seen: int) -> Receipt | None:
        """Search what is older than the receipts in memory. Raises Refused.

        That may take a second of a core, and whoever asks has proved nothing: it costs a request
        for history, one runs at a time, and none for people who may not write anyway.
        """
        _, author, client_id = key
        gate = self._messenger.gate
        if ban := gate.write_ban(actor.id, actor.address):
            raise gate.refusal(ban)
        gate.may_speak(actor, "history")

        def is_it(entry: Entry) -> bool:
            return bool(entry.data["author"] == author and entry.data["client_id"] == client_id)

        try:
            entry = self._searching.run(history.find, seen, is_it)
        except runtime.Busy:
            raise Refused("unavailable", retry_after=BUSY_S) from None
        return Receipt(entry.seq, entry.data["at"]) if entry else None

    def _committed(self, room: str, batch: Sequence[Entry]) -> None:
        # The commit feed: first everyone hears a message, then its author is told it is safe.
        for entry in batch:
            self._messenger.hub.publish(room, entry.event, entry.data)
            self._remember(room, entry)
            if entry.settled:
                entry.settled(None)

    def _remember(self, room: str, entry: Entry) -> None:
        key = (room, entry.data["author"], entry.data["client_id"])
        self._receipts.put(key, Receipt(entry.seq, entry.data["at"]))

    def _settle(self, key: Key, error: OSError | None) -> None:
        now = self._messenger.clock.now()
        outcome: Receipt | Refused | None = self._receipts.get(key, 0, now)
        if error is not None or outcome is None:
            outcome = Refused("unavailable", "unavailable.disk")
        for settled in self._pending.pop(key, ()):
            settled(outcome)


class _Receipts:
    """The receipts of a day, the oldest forgotten first. `now` is UTC seconds."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[Key, Receipt] = OrderedDict()
        self._forgotten: dict[str, int] = {}  # by room, the newest `seq` of which there is none

    def begin(self, room: str, first: int) -> None:
        """Say which `seq` of a room the receipts begin with."""
        self._forgotten[room] = first - 1

    def has_all_after(self, room: str, seq: int) -> bool:
        """Say whether a message after `seq` that has no receipt here does not exist."""
        return seq >= self._forgotten.get(room, 0)

    def get(self, key: Key, seen: int | None, now: float) -> Receipt | None:
        """Give the receipt of a day's message, with `seen` of any message after that."""
        receipt = self._by_key.get(key)
        if receipt is None or (seen is not None and receipt.id > seen):
            return receipt
        return receipt if now - epoch(receipt.at) <= RECEIPTS_KEPT_S else None

    def put(self, key: Key, receipt: Receipt) -> None:
        self._by_key[key] = receipt
        self._by_key.move_to_end(key)
        newest = epoch(receipt.at)
        while True:
            oldest_key, oldest = next(iter(self._by_key.items()))
            is_old = newest - epoch(oldest.at) > RECEIPTS_KEPT_S
            if not is_old and len(self._by_key) <= RECEIPTS_MAX:
                return
            del self._by_key[oldest_key]
            self._forgotten[oldest_key[0]] = oldest.id


def register(messenger: Messenger, app: Flask) -> None:
    """Add the page and the event."""
    chat = Chat(messenger)
    messenger.commands.add("message:post", Command(chat.on_post))

    @app.get("/", endpoint="chat")
    def page() -> str:
        return render_template("chat.html", room=LOBBY)
