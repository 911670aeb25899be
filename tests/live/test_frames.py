"""Whatever bytes come, on WebSocket or polling, the server answers calmly and goes on."""

from __future__ import annotations

import inspect
import json
import time
from typing import Any

import pytest
import requests
import socketio
import websocket
from flask import Flask

from soyuz.live import wire
from tests.conftest import PATIENCE_S, Person, Server


class Raw:
    """A WebSocket that speaks Engine.IO by hand."""

    def __init__(self, someone: Person) -> None:
        self.socket = websocket.create_connection(
            someone.server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
            cookie=someone.browser.cookie,
            timeout=PATIENCE_S,
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
            except websocket.WebSocketTimeoutException:
                raise AssertionError("neither a packet nor the end") from None
            except (websocket.WebSocketException, OSError):
                return ""
            self.everything += str(packet)
            if packet != "2":
                return str(packet)

    def connects(self) -> None:
        """Enter the namespace."""
        self.socket.send("40")
        assert self.reads().startswith("40")

    def asks(self, number: int, event: str, payload: str) -> dict[str, Any]:
        """Send an event whose payload is this very text, and give its ack."""
        self.socket.send(f'42{number}["{event}",{payload}]')
        return self.reads_ack(number)

    def reads_ack(self, number: int) -> dict[str, Any]:
        """Give an event's ack; what comes before it is passed over."""
        while packet := self.reads():
            if packet.startswith(f"43{number}["):
                return dict(json.loads(packet.removeprefix(f"43{number}"))[0])
        raise AssertionError("hung up")

    def is_closed(self) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            packet = self.reads()
            if packet in ("", "1"):
                return True
        return False


@pytest.mark.parametrize("frame", ["4", "4zzz", "49", "47", "45", "45999-[1]", b"\4x"])
def test_the_third_frame_that_is_no_socketio_ends_the_connection(alice: Person, frame: Any) -> None:
    with Raw(alice) as raw:
        raw.connects()
        for _ in range(12):
            try:
                (raw.socket.send_binary if isinstance(frame, bytes) else raw.socket.send)(frame)
            except (websocket.WebSocketException, OSError):
                break
        assert raw.is_closed()
        assert "Traceback" not in raw.everything
        assert alice.says("the server goes on")["ok"]


@pytest.mark.parametrize("frame", ["zzz", "2[]", b"\4", '51-["x"]'])
def test_nothing_is_kept_of_what_comes_after_the_end(frame: Any) -> None:
    server: wire.Server = wire.socketio_for(Flask("test"), lambda *_: True, "threading").server
    server._handle_eio_connect("here", {})
    server._handle_eio_message("here", frame)
    assert server._strikes.keys() | server._unwanted.keys() == {"here"}, "it means something"
    server._handle_eio_disconnect("here", "")
    server._handle_eio_message("here", frame)
    assert server._strikes.keys() | server._unwanted.keys() == set()


@pytest.mark.parametrize("frame", ["42[", "42{}", "42[5]"])
def test_an_event_without_a_name_is_refused_and_not_counted(alice: Person, frame: str) -> None:
    with Raw(alice) as raw:
        raw.connects()
        for _ in range(12):
            raw.socket.send(frame)
        assert raw.asks(1, "user:get", '{"usernames":[]}')["ok"]


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
        assert raw.asks(7, "user:get", '{"usernames":[]}')["ok"], "one such frame ends nothing"
        assert alice.says("the server goes on")["ok"]


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xff\xff",  # all flags at once, and no mask
        b"\x83\x80abcd",  # an opcode that does not exist
        b"\x89\xff" + b"\xff" * 8,  # a ping of 2^64 bytes
        b"\x81\xff\x7f" + b"\xff" * 7 + b"abcd",  # a text of 2^63 bytes
        b"\x81\x05hello",  # not masked
        b"\x81\x82\0\0\0\0\xff\xfe",  # not UTF-8
        b"\xc1\x82\0\0\0\0ab",  # compressed, though nobody agreed to that
    ],
)
def test_bytes_that_are_no_websocket_end_the_connection_quietly(alice: Person, junk: bytes) -> None:
    with Raw(alice) as raw:
        raw.connects()
        raw.socket.sock.sendall(junk)
        received = b""
        while chunk := raw.socket.sock.recv(4_096):
            received += chunk
        assert b"Traceback" not in received
    assert alice.says("the server goes on")["ok"]


def test_a_frame_of_a_megabyte_ends_the_connection(alice: Person) -> None:
    with Raw(alice) as raw:
        raw.connects()
        try:
            raw.socket.send("42" + "x" * 1_200_000)
        except (websocket.WebSocketException, OSError):
            return
        assert raw.is_closed()


@pytest.mark.parametrize(
    "text", ["[" * 30_000 + "]" * 30_000, '"a\\ud800b"', '"\\u0000 "', "1e999"]
)
def test_json_no_client_library_would_send_is_invalid(alice: Person, text: str) -> None:
    with Raw(alice) as raw:
        raw.connects()
        payload = f'{{"room":"lobby","client_id":"q","text":{text}}}'
        assert raw.asks(5, "message:post", payload)["error"]["code"] == "invalid"
        assert raw.asks(6, "user:get", '{"usernames":[]}')["ok"]


@pytest.mark.parametrize("namespace", ["", "/,"])
def test_what_is_refused_unread_is_answered_however_it_is_addressed(
    alice: Person, namespace: str
) -> None:
    with Raw(alice) as raw:
        raw.connects()
        for number in range(wire.STRIKES):
            raw.socket.send(f'42{namespace}{number}["user:get","{"x" * 70_000}"]')
            assert raw.reads_ack(number)["error"]["code"] == "too_large"
            raw.socket.send(f'451-{namespace}9{number}["user:get",{{"_placeholder":true,"num":0}}]')
            raw.socket.send_binary(b"\4")
            assert raw.reads_ack(90 + number)["error"]["code"] == "invalid"


def test_control_characters_go_and_line_ends_are_one(alice: Person) -> None:
    alice.hears("session:ready")
    receipt = alice.says("a\r\nb\rc\0\x07\x85d\te\u0301 ")
    assert alice.hears("message:posted", id=receipt["id"])["text"] == "a\nb\ncdé "


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"zzz", [400] * 4),
        (b"9", [400] * 4),
        (b"\x1e" * 50, [400] * 4),
        (b"\xff\xfe", [400] * 4),
        (b"4zz", [200, 200, 200, 400]),  # three strikes, and then nobody is there any more
        (b"x" * 2_000_000, [400] * 4),
    ],
)
def test_a_post_that_is_no_engineio_is_answered_at_once(
    alice: Person, body: bytes, codes: list[int]
) -> None:
    url = alice.server.url + "/socket.io/?EIO=4&transport=polling"
    headers = {"Cookie": alice.browser.cookie}
    opened = requests.get(url, headers=headers, timeout=PATIENCE_S).text
    url += "&sid=" + json.loads(opened[1:])["sid"]
    assert requests.post(url, data="40", headers=headers, timeout=PATIENCE_S).ok
    answers = [requests.post(url, data=body, headers=headers, timeout=PATIENCE_S) for _ in codes]
    assert [answer.status_code for answer in answers] == codes
    assert not any("Traceback" in answer.text for answer in answers)
    assert alice.says("the server goes on")["ok"]


def test_a_handshake_that_is_none_is_refused(server: Server) -> None:
    for query in (
        "",
        "?EIO=3&transport=polling",
        "?EIO=4&transport=nope",
        "?EIO=4&transport=polling&sid=x",
    ):
        answer = requests.get(f"{server.url}/socket.io/{query}", timeout=5)
        assert answer.status_code == 400, query


def test_the_server_leans_on_these_names_of_the_library() -> None:
    stock = socketio.Server
    for name, parameters in {
        "_handle_eio_connect": ["self", "eio_sid", "environ"],
        "_handle_disconnect": ["self", "eio_sid", "namespace", "reason"],
        "_handle_eio_message": ["self", "eio_sid", "data"],
        "_handle_connect": ["self", "eio_sid", "namespace", "data"],
        "_handle_event": ["self", "eio_sid", "namespace", "id", "data"],
        "_handle_eio_disconnect": ["self", "eio_sid", "reason"],
        "_send_packet": ["self", "eio_sid", "pkt"],
    }.items():
        assert list(inspect.signature(getattr(stock, name)).parameters) == parameters, name
    made = stock(async_mode="threading")
    assert hasattr(made, "packet_class")
    made._handle_eio_connect("e", {"the": "request"})
    assert made.environ == {"e": {"the": "request"}}
    made._handle_eio_disconnect("e", "")
    assert made.environ == {}
    assert issubclass(wire.Server, stock)
