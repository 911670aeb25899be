"""Engine.IO by hand: what a POST may carry, what a poll brings, and how a session ends."""

from __future__ import annotations

import inspect
import io
import json
import time
from collections.abc import Callable
from typing import Any

import engineio
import engineio.payload
import engineio.server
import engineio.socket
import pytest
import requests

from soyuz.live import engine
from tests.conftest import Person


class Poller:
    """A polling client that speaks Engine.IO by hand."""

    def __init__(self, someone: Person) -> None:
        self._web = requests.Session()
        self._web.headers["Cookie"] = someone.browser.cookie
        self._url = someone.server.url + "/socket.io/?EIO=4&transport=polling"
        self._url += "&sid=" + json.loads(self.polls()[0][1:])["sid"]

    def polls(self) -> list[str]:
        """Give the packets of the next answer; none when the session is over."""
        answer = self._web.get(self._url, timeout=10)
        return answer.text.split("\x1e") if answer.ok else []

    def posts(self, *packets: str, **headers: str) -> requests.Response:
        """Send packets in one POST."""
        return self.sends("\x1e".join(packets), **headers)

    def sends(self, body: Any, **headers: str) -> requests.Response:
        """POST a body as it is."""
        return self._web.post(self._url, data=body, headers=headers, timeout=10)

    def enters(self) -> None:
        """Connect to the namespace and read what comes first."""
        assert self.posts("40").ok
        while not any(packet.startswith('42["session:ready"') for packet in self.polls()):
            pass

    def acks(self, number: int) -> dict[int, Any]:
        """Poll until so many acks have come; gives each by its number."""
        acks: dict[int, Any] = {}
        while len(acks) < number:
            packets = self.polls()
            assert packets, f"the session ended after {len(acks)} acks"
            for head, _, rest in (packet.partition("[") for packet in packets):
                if head.startswith("43"):
                    acks[int(head[2:])] = json.loads("[" + rest)[0]
        return acks


def question(number: int) -> str:
    return f'42{number}["user:get",{{"usernames":[]}}]'


@pytest.fixture
def poller(alice: Person) -> Poller:
    return Poller(alice)


def test_every_event_of_a_large_post_is_answered(poller: Poller) -> None:
    poller.enters()
    assert poller.posts(*map(question, range(200))).ok
    acks = poller.acks(200)
    assert acks.keys() == set(range(200))
    assert all(ack["ok"] for ack in acks.values())


def test_a_post_of_too_many_packets_is_refused_whole_and_ends_the_session(poller: Poller) -> None:
    poller.enters()
    answer = poller.posts(*map(question, range(engine.POST_MAX_PACKETS + 1)))
    assert answer.status_code == 400
    assert poller.posts(question(1)).status_code == 400, "the session is over"


@pytest.mark.parametrize(
    "body",
    [
        b"zzz",
        b"9",
        b"\x1e",
        b"\xff\xfe",
        b"x" * 1_000_001,
        iter([b"42", b'1["user:get",{}]']),  # in chunks, without an announced length
    ],
    ids=["junk", "type 9", "empty packets", "not UTF-8", "too long", "chunked"],
)
def test_a_post_that_cannot_be_read_is_never_called_ok(poller: Poller, body: Any) -> None:
    poller.enters()
    assert poller.sends(body).status_code == 400


def test_a_goodbye_is_a_good_post(poller: Poller) -> None:
    poller.enters()
    assert poller.posts(question(1), "41", "1").status_code == 200


def test_what_follows_the_end_of_a_session_is_not_called_ok(poller: Poller) -> None:
    poller.enters()
    assert poller.posts("1", question(1)).status_code == 400


def test_a_post_to_a_session_that_has_just_closed_is_400(poller: Poller) -> None:
    poller.enters()
    assert poller.posts("4zz", "4zz", "4zz").status_code == 200, "the third strike is the last"
    answer = poller.posts(question(1))
    assert (answer.status_code, answer.text) == (400, '"Invalid session"')


def test_an_answer_to_a_poll_is_one_that_clients_can_read(poller: Poller) -> None:
    poller.enters()
    poller.posts(*map(question, range(40)))
    sizes = []
    while sum(sizes) < 40:
        sizes.append(len(poller.polls()))
    assert max(sizes) == engine.POLL_MAX_PACKETS
    assert engineio.payload.Payload.max_decode_packets >= engine.POLL_MAX_PACKETS


def test_a_polling_client_of_the_library_survives_a_busy_room(alice: Person, bob: Person) -> None:
    tab = bob.opens_tab("polling")
    tab.hears("session:ready")
    for number in range(300):
        payload = {"room": "lobby", "text": f"busy {number}", "client_id": f"busy{number}"}
        alice.tab.client.emit("message:post", payload)
    heard = [tab.hears("message:posted", author=alice.name)["text"] for _ in range(300)]
    assert heard == [f"busy {number}" for number in range(300)]
    assert tab.client.connected


def test_a_goodbye_behind_many_packets_is_still_read(alice: Person, poller: Poller) -> None:
    poller.enters()
    poller.posts(*map(question, range(60)))
    alice.browser.sends("/logout")
    time.sleep(0.1)
    packets: list[str] = []
    while more := poller.polls():
        packets += more
        time.sleep(0.1)
    assert any(packet.startswith('42["session:ended"') for packet in packets)


class InProcess:
    """An engine without a network: requests are calls."""

    def __init__(self) -> None:
        self.engine = engine.Engine(async_mode="threading", monitor_clients=False)
        self.received: list[str] = []
        self.engine.on("message", lambda sid, data: self.received.append(data))
        self.sid = json.loads(self.asks("GET")[1][1:])["sid"]

    def asks(self, method: str, body: bytes = b"", length: int | None = None) -> tuple[int, str]:
        """Make a request and give status and body."""
        query = f"EIO=4&transport=polling&sid={getattr(self, 'sid', '')}".removesuffix("&sid=")
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body) if length is None else length),
            "wsgi.input": io.BytesIO(body),
        }
        answer = self.engine.handle_request(
            environ, lambda status, headers: statuses.append(status)
        )
        return int(statuses[0].split()[0]), b"".join(answer).decode()


def test_half_a_post_is_not_taken_for_a_whole_one() -> None:
    client = InProcess()
    assert client.asks("POST", b"4one\x1e4tw", length=9)[0] == 400
    assert client.received == []


def test_nothing_is_polled_after_the_end() -> None:
    client = InProcess()
    for number in range(20):
        client.engine.send(client.sid, str(number))
    connection = client.engine.sockets[client.sid]
    connection.close(wait=False)
    assert [len(connection.poll()) for _ in range(3)] == [16, 5, 0], "the fifth is the goodbye"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_closed_session_is_invalid(method: str) -> None:
    client = InProcess()
    client.engine.disconnect(client.sid)
    assert client.asks(method)[0] == 400


def test_the_engine_leans_on_these_names_of_the_library() -> None:
    stock_socket = engine.Socket.__mro__[1]
    methods: dict[Callable[..., Any], list[str]] = {
        stock_socket.close: ["self", "wait", "abort", "reason"],
        stock_socket.poll: ["self"],
        stock_socket.receive: ["self", "pkt"],
        stock_socket.handle_post_request: ["self", "environ"],
        engineio.Server.disconnect: ["self", "sid"],
        engineio.Server.handle_request: ["self", "environ", "start_response"],
        engineio.Server._get_socket: ["self", "sid"],
        engineio.Server._bad_request: ["self", "message"],
    }
    for method, parameters in methods.items():
        assert list(inspect.signature(method).parameters) == parameters, method
    server = engine.Engine(async_mode="threading")
    assert server.sockets == {}
    assert engineio.server.socket.Socket is engine.Socket
    assert engineio.socket.Socket(server, "sid").queue.empty()
    assert engineio.payload.Payload.max_decode_packets == engine.POLL_MAX_PACKETS
