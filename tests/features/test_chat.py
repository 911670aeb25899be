"""Posting: a message sent again is the same message, and finding that out harms nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import asdict

from auth import Gatekeeper
from soyuz.clock import Clock
from soyuz.domain.errors import Refused
from soyuz.domain.events import PostMessage
from soyuz.domain.message import Message
from soyuz.domain.sliding_window import Rate
from soyuz.domain.user import Actor
from soyuz.features import chat
from soyuz.features.chat import Chat, Receipt
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from soyuz.store.history_lines import encode
from tests.conftest import MakePerson, StartServer, eventually

DAY_S = 86_400.0
LONG_AGO = "2020-01-01T00:00:00.000Z"
KEPT = 20  # receipts in memory, so that what is older must be searched on the disk
ANN = Actor("person", "ann", "member", "203.0.113.7")


class Later(Clock):
    """A clock that can be put forward."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Room:
    """The lobby of a messenger that nobody is connected to."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.clock = Later()
        self.messenger = Messenger(Settings(data=data, **settings), self.clock)
        self.messenger.open()
        self.messenger.gate = Gatekeeper(self.messenger)
        self.messenger.hub = SimpleNamespace(publish=lambda *args: None)  # type: ignore[assignment]
        self.chat = Chat(self.messenger)
        self.history = self.messenger.history.of("lobby")
        self.searches = 0
        self._find = self.history.find
        self.history.find = self._finds  # type: ignore[method-assign]
        self.while_searching: Callable[[], object] = lambda: None

    def _finds(self, *args: Any) -> Any:
        self.searches += 1
        found = self._find(*args)
        self.while_searching()
        return found

    def posts(self, client_id: str, seen: int | None = None, text: str = "") -> list[Any]:
        """Post as ann; gives where the outcome will be."""
        outcome: list[Any] = []
        message = PostMessage("lobby", text or client_id, client_id, seen)
        self.chat.post(ANN, message, outcome.append)
        return outcome

    def receipt(self, client_id: str, seen: int | None = None) -> Receipt:
        outcome = self.posts(client_id, seen)
        eventually(lambda: bool(outcome))
        assert isinstance(outcome[0], Receipt), outcome
        return outcome[0]


@pytest.fixture
def open_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Room]]:
    monkeypatch.setattr(chat, "RECEIPTS_MAX", KEPT)
    opened: list[Room] = []

    def open_(**settings: Any) -> Room:
        chosen = {"spam_limit": None, "recent_messages": KEPT, **settings}
        opened.append(Room(tmp_path / "data", **chosen))
        return opened[-1]

    yield open_
    for room in opened:
        room.messenger.close()


@pytest.fixture
def room(open_room: Callable[..., Room]) -> Room:
    """A room whose first messages are on the disk alone."""
    room = open_room()
    for number in range(3 * KEPT):
        room.receipt(f"m{number}")
    return room


def refusal(fn: Callable[..., object], *args: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        fn(*args)
    return refused.value


def test_an_old_message_is_found_on_the_disk_and_a_recent_one_without_it(room: Room) -> None:
    assert room.receipt("m3", seen=0).id == 4
    assert room.searches == 1
    assert room.receipt(f"m{3 * KEPT - 1}", seen=0).id == 3 * KEPT
    new = room.receipt("new", seen=3 * KEPT - KEPT)
    assert new.id == 3 * KEPT + 1
    assert room.searches == 1, "whatever is so recent has its receipt in memory"


def test_a_search_is_not_for_those_who_may_not_write(room: Room) -> None:
    room.messenger.bans.ban("ann", reason="", by="", at=0, until=None, scope="write")
    assert refusal(room.posts, "new", 0).code == "banned"
    assert room.searches == 0


def test_a_search_costs_a_request_for_history(open_room: Callable[..., Room]) -> None:
    room = open_room(spam_limit=Rate(1_000, 10.0))
    for number in range(2 * KEPT):
        room.receipt(f"m{number}")
    for _ in range(60):
        assert room.receipt("m3", seen=0).id == 4
    assert refusal(room.posts, "m3", 0).detail == "too_fast.history"
    assert room.searches == 60


def test_one_searches_at_a_time_and_a_crowd_is_sent_away(room: Room) -> None:
    inside, most, outcomes = 0, 0, []
    lock = threading.Lock()

    def searching() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.02)
        with lock:
            inside -= 1

    def asks() -> None:
        try:
            outcomes.append(room.receipt("m3", seen=0).id)
        except Refused as refused:
            outcomes.append(refused.code)

    room.while_searching = searching
    crowd = [threading.Thread(target=asks) for _ in range(30)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(20)
    assert most == 1
    assert set(outcomes) == {4, "unavailable"}


def test_two_copies_are_one_message_though_one_was_searching(room: Room) -> None:
    copy: list[Any] = []
    room.while_searching = lambda: copy.append(room.receipt("precious"))
    assert room.receipt("precious", seen=0) == copy[0]
    assert room.history.last_seq == 3 * KEPT + 1


def test_a_copy_that_was_searching_costs_nothing(open_room: Callable[..., Room]) -> None:
    room = open_room(spam_limit=Rate(2 * KEPT + 1, 3_600.0))
    for number in range(2 * KEPT):
        room.receipt(f"m{number}")
    copy: list[Any] = []
    room.while_searching = lambda: copy.append(room.receipt("the last I may send"))
    assert room.receipt("the last I may send", seen=0) == copy[0]


def test_without_seen_a_client_id_is_remembered_for_a_day(open_room: Callable[..., Room]) -> None:
    room = open_room()
    first = room.receipt("one")
    room.clock.ahead = DAY_S - 60
    assert room.receipt("one") == first
    room.clock.ahead = DAY_S + 60
    assert room.receipt("one", seen=0) == first, "seen has no such bound"
    assert room.receipt("one").id == first.id + 1


def test_after_a_quiet_day_all_that_is_old_is_forgotten_at_once(
    open_room: Callable[..., Room],
) -> None:
    room = open_room()
    for number in range(KEPT // 2):
        room.receipt(f"m{number}")
    room.clock.ahead = DAY_S + 60
    room.receipt("new")
    assert len(room.chat._receipts._by_key) == 1
    assert room.receipt("m3", seen=0).id == 4


@pytest.mark.parametrize("runtime", ["eventlet", "threading"])
def test_a_resend_of_long_ago_is_found_by_a_real_server(
    start_server: StartServer, person: MakePerson, tmp_path: Path, runtime: str
) -> None:
    folder = tmp_path / "old/history/lobby"
    folder.mkdir(parents=True)
    lines = [
        encode("message:posted", asdict(Message("lobby", n, n, "ann", "x", LONG_AGO, f"m{n}")))
        for n in range(1, 301)
    ]
    (folder / "000000000001.jsonl").write_bytes(b"".join(lines))
    server = start_server(
        tmp_path / "old", SOYUZ_RECENT_MESSAGES="100", SOYUZ_SPAM_LIMIT="off", SOYUZ_RUNTIME=runtime
    )
    ann = person("ann", at=server)
    for _ in range(5):
        assert ann.says("x", client_id="m3", seen=0) == {"ok": True, "id": 3, "at": LONG_AGO}
    assert ann.says("x", client_id="m3", seen=3)["id"] == 301, "that one was seen before"
