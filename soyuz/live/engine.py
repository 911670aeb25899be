"""Engine.IO under Socket.IO: the stock one, but it loses no packet and waits for no reader.

It leans on these names of python-engineio 4.15: `Server.sockets`, `Server.disconnect`,
`Server.handle_request`, `Server._get_socket`, `Server._bad_request`, `socket.Socket`, its `poll`,
`handle_post_request`, `receive`, `close` and `queue`, and `Payload.max_decode_packets`; a test
holds them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import engineio
import engineio.exceptions
import engineio.payload
import engineio.socket

POST_MAX_PACKETS = 1_000  # the library's 16 is less than a browser sends after a pause
POLL_MAX_PACKETS = 16  # python-engineio's client hangs up on an answer with more
COMPLAINT_MAX_CHARACTERS = 120

log = logging.getLogger("soyuz.live.engine")
log.setLevel(logging.ERROR)  # below that the library tells of every packet


class Payload(engineio.payload.Payload):
    """What one POST carries."""

    max_decode_packets = POST_MAX_PACKETS


class Socket(engineio.socket.Socket):
    """One connection; what it cannot take of a POST ends it, and never passes for taken."""

    def poll(self) -> list[Any]:
        """Wait for packets and give the first few; none means that the connection is closed.

        Raises QueueEmpty.
        """
        empty = self.server.get_queue_empty_exception()
        patience = self.server.ping_interval + self.server.ping_timeout
        try:
            packets = [self._next(timeout=patience)]
        except empty:
            raise engineio.exceptions.QueueEmpty from None
        if packets == [None]:
            return []
        while len(packets) < POLL_MAX_PACKETS:
            try:
                packet = self._next(block=False)
            except empty:
                break
            if packet is None:
                self.queue.put(None)  # the end is an answer of its own
                break
            packets.append(packet)
        return packets

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take the packets of a POST. Raises EngineIOError: the session ends, the answer is 400."""
        try:
            packets = _packets(environ, self.server.max_http_buffer_size)
        except (KeyError, ValueError, OSError) as error:
            problem = repr(str(error))
            log.error("a POST that is not Engine.IO: %s", problem[:COMPLAINT_MAX_CHARACTERS])
            raise engineio.exceptions.UnknownPacketError from None
        for packet in packets:
            if self.closed:  # by what stood before it
                raise engineio.exceptions.SocketIsClosedError
            self.receive(packet)

    def _next(self, **wait: Any) -> Any:
        packet = self.queue.get(**wait)
        self.queue.task_done()
        return packet


class Engine(engineio.Server):
    """See the module."""

    def handle_request(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request; one to a session that has just closed is 400, as to any other."""
        try:
            return super().handle_request(environ, start_response)  # type: ignore[no-any-return]
        except _Gone:
            answer = self._bad_request("Invalid session")
            start_response(answer["status"], answer["headers"])
            return [answer["response"]]

    def disconnect(self, sid: str | None = None) -> None:
        """Close one connection, or all of them.

        The library would wait until the client has read what is queued, and a client that polls no
        more never does.
        """
        found = list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]
        for connection in found:
            if connection is not None:
                connection.close(wait=False, reason=self.reason.SERVER_DISCONNECT)

    def has_unread(self, sid: str) -> bool:
        """Say whether something still waits until the client fetches it."""
        connection = self.sockets.get(sid)
        return connection is not None and not connection.queue.empty()

    def _get_socket(self, sid: str) -> Any:
        try:
            return super()._get_socket(sid)
        except KeyError as error:
            raise _Gone(*error.args) from None


class _Gone(KeyError):
    """A session that is closed; the library expects it of a GET but not of a POST."""


def _packets(environ: dict[str, Any], max_bytes: int) -> list[Any]:
    """Read a POST. Raises KeyError, ValueError or OSError for what is no payload."""
    length = int(environ["CONTENT_LENGTH"])  # a body without one would be taken for an empty one
    if not 0 <= length <= max_bytes:
        raise ValueError("a POST of this length")
    body = environ["wsgi.input"].read(length)
    if len(body) < length:
        raise ValueError("half a POST")
    return list(Payload(encoded_payload=body.decode()).packets)


engineio.socket.Socket = Socket  # the library makes its connections by this name
