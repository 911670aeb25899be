"""Everything from outside is hostile until checked: each wrong payload is answered, nobody is cut."""

from __future__ import annotations

import inspect
import json
import time
from typing import Any, get_args

import pytest
import socketio
import websocket

from soyuz.domain.errors import Code
from soyuz.domain.events import CLIENT_EVENTS
from soyuz.live import wire
from tests.conftest import MakePerson, Person, Server, StartServer

RIGHT: dict[str, dict[str, Any]] = {
    "message:post": {"room": "lobby", "text": "hi", "client_id": "c"},
    "typing:set": {"room": "lobby", "on": True},
    "history:page": {"room": "lobby", "limit": 5},
    "history:since": {"room": "lobby", "seq": 0},
    "user:get": {"usernames": ["a"]},
}
WRONG_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**70, "", "x", "x" * 5_000, "\0", "é" * 70, [], [[]], ["x"] * 300,
    [None], {}, {"$ne": 1}, b"bytes", float("1e300"),
]  # fmt: skip
RIGHT_ANYWAY = (("text", "x"), ("text", "é" * 70), ("client_id", "x"))
WRONG_PAYLOADS: list[Any] = [
    None, True, 5, "text", "x" * 70_000, [], [{}], {}, {"rooms": "lobby"}, b"\0\1",
    {"room": {"room": "lobby"}}, {"": ""}, {"room": "../../etc"},
]  # fmt: skip


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def is_refusal(ack: Any) -> bool:
    return ack["ok"] is False and ack["error"]["code"] in get_args(Code) and ack["error"]["message"]


def test_the_table_covers_every_event() -> None:
    assert RIGHT.keys() == CLIENT_EVENTS.keys()


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_a_wrong_payload_is_refused_and_the_connection_lives(alice: Person, event: str) -> None:
    for payload in WRONG_PAYLOADS:
        assert is_refusal(alice.asks(event, payload)), payload
    assert is_refusal(alice.asks(event, RIGHT[event], RIGHT[event])), "two payloads"
    assert is_refusal(alice.asks(event)), "no payload"
    assert is_refusal(
        alice.asks(event, {**RIGHT[event], "room": deep(400), "usernames": deep(400)})
    )
    assert alice.says("still here")["ok"]


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_a_wrong_field_is_refused_unless_it_is_right(alice: Person, event: str) -> None:
    assert alice.asks(event, RIGHT[event])["ok"], "the table's right payload is right"
    for field, right in RIGHT[event].items():
        for value in WRONG_VALUES:
            if type(value) is type(right) and event != "message:post":
                continue  # it may be right by chance
            if (field, value) in RIGHT_ANYWAY:
                continue
            ack = alice.asks(event, {**RIGHT[event], field: value})
            assert is_refusal(ack), (field, value)
    assert alice.says("still here")["ok"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"room": "attic", "text": "x", "client_id": "c"}, "not_found"),
        ({"room": "lobby", "text": " ", "client_id": "c"}, "invalid"),
        ({"room": "lobby", "text": "x" * 4_001, "client_id": "c"}, "too_large"),
        ({"room": "lobby", "text": "x" * 200_000, "client_id": "c"}, "too_large"),
        ({"room": "lobby", "text": "x", "client_id": "é"}, "invalid"),
        ({"room": "lobby", "text": "x", "client_id": "x" * 65}, "invalid"),
        ({"room": "lobby", "text": "x", "client_id": "c", "seen": -1}, "invalid"),
    ],
)
def test_each_refusal_has_its_code(alice: Person, payload: dict[str, Any], code: str) -> None:
    assert alice.asks("message:post", payload)["error"]["code"] == code


def test_pages_have_bounds_and_one_direction(alice: Person) -> None:
    for asked in ({"limit": 0}, {"limit": 101}, {"before": 5, "after": 1}, {"before": -1}):
        ack = alice.asks("history:page", {"room": "lobby", **asked})
        assert ack["error"]["code"] == "invalid", asked


@pytest.mark.parametrize("event", ["nope", "connect", "message:posted", "__class__", "", "*"])
def test_an_event_that_is_not_in_the_contract_is_invalid(alice: Person, event: str) -> None:
    assert alice.asks(event, {})["error"]["code"] == "invalid"


class Raw:
    """A WebSocket that speaks Engine.IO by hand."""

    def __init__(self, someone: Person) -> None:
        self.socket = websocket.create_connection(
            someone.server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
            cookie=someone.browser.cookie,
            timeout=5,
        )
        self.everything = ""
        self.reads()

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown()

    def reads(self) -> str:
        """Give the next packet that is no ping, "" when the server has hung up."""
        while True:
            try:
                packet = self.socket.recv()
            except (websocket.WebSocketException, OSError):
                return ""
            self.everything += str(packet)
            if packet != "2":
                return str(packet)

    def connects(self) -> None:
        self.socket.send("40")
        assert self.reads().startswith("40")

    def is_closed(self) -> bool:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            packet = self.reads()
            if packet in ("", "1"):
                return True
        return False


@pytest.mark.parametrize(
    "frame", ["4", "4zzz", "49", "42[", "42{}", "47", "45", "4151-[1]", b"\4x"]
)
def test_the_third_frame_that_is_no_socketio_ends_the_connection(alice: Person, frame: Any) -> None:
    with Raw(alice) as raw:
        raw.connects()
        for _ in range(12):
            try:
                (raw.socket.send_binary if isinstance(frame, bytes) else raw.socket.send)(frame)
            except (websocket.WebSocketException, OSError):
                break
        if frame not in ("42[", "42{}"):  # these are events without a name: refused, not counted
            assert raw.is_closed()
        assert "Traceback" not in raw.everything
        assert alice.says("the server goes on")["ok"]


def test_an_event_before_connect_is_not_heard(alice: Person) -> None:
    with Raw(alice) as raw:
        post = json.dumps(["message:post", {"room": "lobby", "text": "early", "client_id": "e"}])
        for _ in range(3):
            raw.socket.send("421" + post)
        assert raw.is_closed()
        texts = [m["text"] for m in alice.asks("history:page", {"room": "lobby"})["messages"]]
        assert "early" not in texts


def test_an_ack_number_of_any_length_is_survived(alice: Person) -> None:
    with Raw(alice) as raw:
        raw.connects()
        raw.socket.send("42" + "9" * 200 + '["user:get",{"usernames":[]}]')
        raw.socket.send('427["user:get",{"usernames":[]}]')
        packet = raw.reads()
        while packet and not packet.startswith("437"):
            packet = raw.reads()
        assert packet.startswith("437") or raw.is_closed()
        assert alice.says("the server goes on")["ok"]


def test_without_a_session_a_socket_is_refused(server: Server) -> None:
    for cookie in ("", "soyuz=nonsense", "soyuz=\xe9"):
        client = socketio.Client(reconnection=False)
        refused: list[Any] = []
        client.on("connect_error", refused.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(server.url, headers={"Cookie": cookie}, transports=["websocket"])
        assert refused[0]["message"] == "signed_out"


def test_a_socket_of_another_site_is_refused(alice: Person) -> None:
    for origin, is_let_in in (("https://evil.example", False), (alice.server.url, True)):
        client = socketio.Client(reconnection=False)
        headers = {"Cookie": alice.browser.cookie, "Origin": origin}
        try:
            client.connect(alice.server.url, headers=headers, transports=["polling"])
            assert is_let_in
            client.disconnect()
        except socketio.exceptions.ConnectionError:
            assert not is_let_in, origin


def test_the_oldest_of_too_many_sockets_is_replaced(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server(SOYUZ_SOCKETS_PER_USER="2"))
    first, second, third = ann.opens_tab(), ann.opens_tab(), ann.opens_tab()
    assert first.hears("session:ended")["reason"] == "replaced"
    first.hears("disconnect")
    assert second.says("I stay")["ok"]
    assert third.says("so do I")["ok"]


def test_the_server_leans_on_these_names_of_the_library() -> None:
    stock = socketio.Server
    for name, parameters in {
        "_handle_eio_message": ["self", "eio_sid", "data"],
        "_handle_connect": ["self", "eio_sid", "namespace", "data"],
        "_handle_event": ["self", "eio_sid", "namespace", "id", "data"],
        "_handle_eio_disconnect": ["self", "eio_sid", "reason"],
        "_send_packet": ["self", "eio_sid", "pkt"],
    }.items():
        assert list(inspect.signature(getattr(stock, name)).parameters) == parameters, name
    assert hasattr(stock(async_mode="threading"), "packet_class")
    assert issubclass(wire.Server, stock)
