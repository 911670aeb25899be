"""Chat: the page, and `post`, the one body through which every message comes, whoever brings it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec
from flask import Flask, render_template

from soyuz.domain.errors import Refused
from soyuz.domain.events import PostMessage
from soyuz.domain.instant import epoch, iso
from soyuz.domain.message import Message
from soyuz.domain.room import LOBBY
from soyuz.domain.text import clean_message
from soyuz.domain.user import Actor
from soyuz.live.commands import Ack, Command
from soyuz.messenger import Messenger
from soyuz.store.journal import Entry, Journal

RECEIPTS_KEPT_S = 86_400.0
RECEIPTS_MAX = 100_000


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
        messenger.history.follow = self._committed
        for entry in messenger.history.of(LOBBY.id).page(None, None, RECEIPTS_MAX):
            self._remember(LOBBY.id, entry)

    def post(self, actor: Actor, message: PostMessage, settled: Settled) -> None:
        """Take a message in; `settled` hears of its fate. Raises Refused.

        A `client_id` the author has used before is answered with the first receipt: it costs
        nothing and posts nothing.
        """
        journal = self._journal(message.room)
        text = clean_message(message.text)
        key = (message.room, actor.id, message.client_id)
        if key in self._pending:
            self._pending[key].append(settled)
            return
        if receipt := self._receipts.get(key) or self._on_disk(journal, key, message.seen):
            settled(receipt)
            return
        self._messenger.gate.may_speak(actor, "message", text)
        if key in self._pending:  # another tab's resend came while the ban was being written
            self._pending[key].append(settled)
            return
        self._pending[key] = [settled]
        at = iso(self._messenger.clock.now())

        def fill(seq: int) -> dict[str, object]:
            posted = Message(message.room, seq, seq, actor.id, text, at, message.client_id)
            return msgspec.structs.asdict(posted)

        journal.append("message:posted", fill, lambda error: self._settle(key, error))

    def on_post(self, actor: Actor, message: PostMessage, ack: Ack) -> None:
        """Answer `message:post`, as soon as the message is on the disk."""

        def settled(outcome: Receipt | Refused) -> None:
            if isinstance(outcome, Refused):
                ack.refuse(outcome)
            else:
                ack.ok(id=outcome.id, at=outcome.at)

        self.post(actor, message, settled)

    def _journal(self, room: str) -> Journal:
        if room != LOBBY.id:
            raise Refused("not_found", "not_found.room")
        return self._messenger.history.of(room)

    def _on_disk(self, journal: Journal, key: Key, seen: int | None) -> Receipt | None:
        if seen is None or seen >= journal.last_seq:
            return None
        _, author, client_id = key
        entry = journal.find(
            seen, lambda e: e.data["author"] == author and e.data["client_id"] == client_id
        )
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
        outcome: Receipt | Refused | None = self._receipts.get(key)
        if error is not None or outcome is None:
            outcome = Refused("unavailable", "unavailable.disk")
        for settled in self._pending.pop(key, ()):
            settled(outcome)


class _Receipts:
    """The receipts of a day, the oldest forgotten first."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[Key, Receipt] = OrderedDict()

    def get(self, key: Key) -> Receipt | None:
        return self._by_key.get(key)

    def put(self, key: Key, receipt: Receipt) -> None:
        self._by_key[key] = receipt
        oldest = next(iter(self._by_key.values()))
        is_old = epoch(receipt.at) - epoch(oldest.at) > RECEIPTS_KEPT_S
        if is_old or len(self._by_key) > RECEIPTS_MAX:
            self._by_key.popitem(last=False)


def register(messenger: Messenger, app: Flask) -> None:
    """Add the page and the event."""
    chat = Chat(messenger)
    messenger.commands.add("message:post", Command(chat.on_post))

    @app.get("/", endpoint="chat")
    def page() -> str:
        return render_template("chat.html", room=LOBBY)
