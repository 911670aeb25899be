"""A connection is somebody's within ten seconds, or it is closed."""

from __future__ import annotations

import json
import time

import websocket

from soyuz.live.deadlines import Deadlines
from soyuz.live.wire import ENTER_WITHIN_S
from tests.conftest import Person, Server

SLACK_S = 3.0  # two ticks, and a busy machine


def opens(server: Server, cookie: str = "") -> websocket.WebSocket:
    """Open a WebSocket, and say nothing on it."""
    url = server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    socket = websocket.create_connection(url, cookie=cookie, timeout=ENTER_WITHIN_S + SLACK_S)
    assert str(socket.recv()).startswith("0")
    return socket


def enters(socket: websocket.WebSocket) -> str:
    """Ask to enter the namespace and give the answer."""
    socket.send("40")
    return str(socket.recv())


def closes_after(socket: websocket.WebSocket) -> float:
    """Wait until the server hangs up; gives the seconds."""
    since = time.monotonic()
    while socket.recv() not in ("", "1"):
        pass
    return time.monotonic() - since


def test_who_never_enters_or_has_left_again_is_closed_and_nobody_else(alice: Person) -> None:
    cookie = alice.browser.cookie
    silent, left, here = (opens(alice.server, cookie) for _ in range(3))
    assert enters(left).startswith("40")
    left.send("41")
    assert enters(here).startswith("40")
    assert ENTER_WITHIN_S - 0.5 < closes_after(silent) < ENTER_WITHIN_S + SLACK_S
    assert closes_after(left) < SLACK_S
    here.send('421["user:get",{"usernames":[]}]')
    while not (packet := str(here.recv())).startswith("431"):
        assert packet not in ("", "1")
    here.close()


def test_who_was_refused_is_told_why_and_closed(server: Server) -> None:
    refused = opens(server)
    answer = enters(refused)
    assert answer.startswith("44")
    assert json.loads(answer[2:])["message"] == "signed_out"
    assert closes_after(refused) < SLACK_S


def test_who_was_refused_and_enters_after_all_may_stay(alice: Person) -> None:
    socket = opens(alice.server, alice.browser.cookie)
    socket.send("40/elsewhere,")
    assert str(socket.recv()).startswith("44/elsewhere")
    assert enters(socket).startswith("40")
    time.sleep(SLACK_S)
    socket.send('421["user:get",{"usernames":[]}]')
    while not (packet := str(socket.recv())).startswith("431"):
        assert packet not in ("", "1")
    socket.close()


def test_each_key_is_due_once_after_its_time() -> None:
    deadlines = Deadlines(10.0)
    deadlines.add("first")
    assert deadlines.tick(100.0) == []
    deadlines.add("second")
    assert deadlines.tick(105.0) == []
    assert deadlines.tick(109.9) == []
    assert deadlines.tick(110.0) == ["first"]
    assert deadlines.tick(200.0) == ["second"]
    assert deadlines.tick(300.0) == []
