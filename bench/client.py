"""A client that costs next to nothing, so that what is measured is the server."""

from __future__ import annotations

import itertools
import json
import select
import time
from typing import Any

import websocket

TIMEOUT_S = 30.0


class Client:
    """One signed-in WebSocket that speaks just enough Socket.IO."""

    def __init__(self, url: str, cookie: str) -> None:
        """Connect and wait for `session:ready`."""
        self._ids = itertools.count(1)
        self._ws = websocket.create_connection(
            url.replace("http:", "ws:") + "/socket.io/?EIO=4&transport=websocket",
            timeout=TIMEOUT_S,
            cookie=cookie,
            suppress_origin=True,
            enable_multithread=False,
            skip_utf8_validation=True,  # in Python, and dearer than all the server does
        )
        self._ws.recv()
        self._ws.send("40")
        while not self.reads().startswith('42["session:ready"'):
            pass

    def fileno(self) -> int:
        return int(self._ws.sock.fileno())

    def reads(self) -> str:
        """Give the next frame, answering pings on the way."""
        while (frame := str(self._ws.recv())) == "2":
            self._ws.send("3")
        return frame

    def reads_what_is_due(self) -> None:
        """Read one frame, whatever it is."""
        if self._ws.recv() == "2":
            self._ws.send("3")

    def sends(self, event: str, payload: dict[str, Any]) -> str:
        """Send an event; gives how the frame of its ack begins."""
        number = next(self._ids)
        self._ws.send(f"42{number}{json.dumps([event, payload])}")
        return f"43{number}["

    def closes(self) -> None:
        self._ws.close(timeout=1)


def way(author: Client, reader: Client, text: str) -> tuple[float, float]:
    """Post a message; gives the milliseconds until `reader` heard it and until its ack came."""
    heard = acked = 0.0
    began = time.perf_counter()
    ack = author.sends("message:post", {"room": "lobby", "text": text, "client_id": text})
    while not (heard and acked):
        ready, _, _ = select.select([author, reader], [], [], TIMEOUT_S)
        now = time.perf_counter()
        if not ready:
            raise TimeoutError(f"{text!r} was not heard or not acknowledged")
        for client in ready:
            frame = client.reads()
            if client is author and frame.startswith(ack):
                if not frame.startswith(ack + '{"ok":true'):
                    raise RuntimeError(frame)
                acked = now
            elif client is reader and text in frame:
                heard = now
    return (heard - began) * 1_000, (acked - began) * 1_000


def rest(clients: list[Client], seconds: float) -> None:
    """Let clients be idle for a while: they read what comes and answer pings."""
    poll = select.poll()
    by_fd = {client.fileno(): client for client in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1_000):
            by_fd[fd].reads_what_is_due()
