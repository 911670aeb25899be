"""The Socket.IO server under everything live: the stock one, strict about what it lets in.

It leans on these names of python-socketio 5.18: `Server._handle_eio_connect`,
`_handle_eio_message`, `_handle_eio_disconnect`, `_handle_connect`, `_handle_event`,
`_handle_disconnect`, `_send_packet`, `_engineio_server_class`, `environ`, `packet_class`; a test
holds them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, Protocol

import flask_socketio
import msgspec
import socketio
from socketio import packet

from soyuz.live import engine
from soyuz.live.deadlines import Deadlines

log = logging.getLogger("soyuz.live")

FRAME_MAX_BYTES = 1_000_000  # beyond this the connection is cut; an announced length is enough
PACKET_MAX_CHARACTERS = 65_536  # beyond this it is refused unread
STRIKES = 3  # frames that are not Socket.IO at all
ATTACHMENTS_MAX = 10
PING_INTERVAL_S = 25
PING_TIMEOUT_S = 20  # together: a silently dead connection is noticed within 45 s
ENTER_WITHIN_S = 10.0  # or a stranger could keep a connection by answering pings
REFUSED_WITHIN_S = 1.0  # for the refusal to be read
GOODBYE_LOOK_S = 0.2
GOODBYE_LOOKS = 10  # a polling client with much to read needs several answers to reach the goodbye
MALFORMED = "\0malformed"

# The default namespace may be named or left out.
_EVENT_HEAD = re.compile(r"2(?:/,)?(\d{0,15})\[")
_BINARY_HEAD = re.compile(r"5(\d{1,3})-(?:/,)?(\d{0,15})\[")

Reply = Callable[[Any], None]


class Listener(Protocol):
    """Who is told what happens on the wire."""

    def admit(self, sid: str, environ: dict[str, Any]) -> None:
        """Let a connection in. Raises socketio's ConnectionRefusedError with a code."""

    def connected(self, sid: str) -> None:
        """It is in, and has been told so."""

    def disconnected(self, sid: str) -> None:
        """It is gone."""

    def received(self, sid: str, event: str, args: list[Any], reply: Reply) -> None:
        """It sent an event; `reply` answers its ack, now or later, at most once."""


class Json:
    """JSON for packets. What cannot be read becomes a MALFORMED event, so that its ack is answered."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        try:
            return msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return [MALFORMED]


class Server(socketio.Server):
    """See the module. `listener` is set before the first connection."""

    listener: Listener

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._outside = Deadlines(ENTER_WITHIN_S)
        self._refused = Deadlines(REFUSED_WITHIN_S)
        self._strikes: dict[str, int] = {}
        self._unwanted: dict[str, int] = {}  # attachments still to come of a refused event
        self.on("connect", lambda sid, environ, auth: self.listener.admit(sid, environ))
        self.on("disconnect", lambda sid, reason: self.listener.disconnected(sid))

    def close(self, sid: str) -> None:
        """End a connection, transport and all, once what was sent to it is out."""
        eio_sid = self.manager.eio_sid_from_sid(sid, "/")
        if eio_sid is None:
            return
        self.disconnect(sid)
        for _ in range(GOODBYE_LOOKS):
            self.sleep(GOODBYE_LOOK_S)  # the client hangs up by itself when it has read the goodbye
            if not self.eio.has_unread(eio_sid):
                break
        self.eio.disconnect(eio_sid)

    def close_strangers(self, now: float) -> None:
        """Close who is in no namespace though it was time, or was refused. For a ticker."""
        for eio_sid in (*self._outside.tick(now), *self._refused.tick(now)):
            if self.manager.sid_from_eio_sid(eio_sid, "/") is None:
                self.eio.disconnect(eio_sid)

    def _engineio_server_class(self) -> type[engine.Engine]:
        return engine.Engine

    def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        super()._handle_eio_connect(eio_sid, environ)
        self._outside.add(eio_sid)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        if eio_sid not in self.environ:
            return  # closed: a strike against it would be remembered for ever
        try:
            if isinstance(data, bytes):
                self._drop_attachment(eio_sid)
            elif not data:  # the library would take it for an event
                raise ValueError("an empty packet")
            elif len(data) > PACKET_MAX_CHARACTERS:
                self._refuse(eio_sid, _EVENT_HEAD.match(data), "too_large")
            elif data.startswith(("5", "6")):
                self._refuse_binary(eio_sid, data)
            else:
                super()._handle_eio_message(eio_sid, data)
        except Exception as error:
            self._strike(eio_sid, error)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        already = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if already is not None:
            raise ValueError("a second CONNECT")
        super()._handle_connect(eio_sid, namespace, data)
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid and self.manager.is_connected(sid, namespace or "/"):
            self.listener.connected(sid)
        else:
            self._refused.add(eio_sid)

    def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str | None = None
    ) -> None:
        super()._handle_disconnect(eio_sid, namespace, reason)
        self._outside.add(eio_sid)

    def _handle_event(self, eio_sid: str, namespace: str | None, id: Any, data: Any) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid is None or not self.manager.is_connected(sid, namespace or "/"):
            raise ValueError("an event before CONNECT")
        event, args = MALFORMED, []
        if isinstance(data, list) and data and isinstance(data[0], str):
            event, args = data[0], data[1:]
        self.listener.received(sid, event, args, self._reply(eio_sid, id))

    def _handle_eio_disconnect(self, eio_sid: str, reason: Any) -> None:
        super()._handle_eio_disconnect(eio_sid, reason)
        self._strikes.pop(eio_sid, None)
        self._unwanted.pop(eio_sid, None)

    def _reply(self, eio_sid: str, id: int | None) -> Reply:
        def reply(answer: Any) -> None:
            if id is not None:
                self._send_packet(
                    eio_sid, self.packet_class(packet.ACK, namespace="/", id=id, data=[answer])
                )

        return reply

    def _refuse(self, eio_sid: str, head: re.Match[str] | None, code: str) -> None:
        if head is None:
            raise ValueError(code)
        sid = self.manager.sid_from_eio_sid(eio_sid, "/")
        if sid is None:
            raise ValueError("an event before CONNECT")
        reply = self._reply(eio_sid, int(head[head.lastindex or 1] or -1))
        if head[head.lastindex or 1]:
            self.listener.received(sid, f"{MALFORMED}:{code}", [], reply)

    def _refuse_binary(self, eio_sid: str, data: str) -> None:
        head = _BINARY_HEAD.match(data)
        if head is None or int(head[1]) > ATTACHMENTS_MAX:
            raise ValueError("a binary packet")
        self._unwanted[eio_sid] = int(head[1])
        self._refuse(eio_sid, head, "invalid")

    def _drop_attachment(self, eio_sid: str) -> None:
        left = self._unwanted.get(eio_sid, 0)
        if left < 1:
            raise ValueError("a binary frame")
        self._unwanted[eio_sid] = left - 1

    def _strike(self, eio_sid: str, error: Exception) -> None:
        strikes = self._strikes[eio_sid] = self._strikes.get(eio_sid, 0) + 1
        log.info("a frame that is not Socket.IO: %.120s", repr(str(error)))
        if strikes >= STRIKES:
            self.eio.disconnect(eio_sid)


class SocketIO(flask_socketio.SocketIO):
    """Flask-SocketIO with the server above in place of the stock one."""

    def init_app(self, app: Any, **options: Any) -> None:
        stock, socketio.Server = socketio.Server, Server
        try:
            super().init_app(app, **options)
        finally:
            socketio.Server = stock


def socketio_for(
    app: Any, origin_allowed: Callable[[str, dict[str, Any]], bool], mode: str
) -> SocketIO:
    """Put Socket.IO before a Flask application. `mode` is eventlet or threading."""
    return SocketIO(
        app,
        async_mode=mode,
        async_handlers=False,  # one person's events are handled in the order sent
        manage_session=False,
        json=Json,
        logger=engine.log,
        engineio_logger=engine.log,
        cors_allowed_origins=origin_allowed,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        max_http_buffer_size=FRAME_MAX_BYTES,
        http_compression=False,
        cookie=None,
    )
