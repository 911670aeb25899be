"""The control socket: the running server does what the command line asks, one JSON line each way."""

from __future__ import annotations

import inspect
import json
import logging
import secrets
import socket
from collections.abc import Callable
from typing import Any

from soyuz import runtime
from soyuz.cli.verbs import VERBS
from soyuz.domain.errors import Refused
from soyuz.messenger import Messenger
from soyuz.store import control
from soyuz.store.disk import Disk, Unavailable

log = logging.getLogger("soyuz.control")

LINE_MAX_BYTES = 1_000_000
ANSWER_MAX_BYTES = 1_000_000_000  # our own server's: every account, if that is what was asked for
REQUEST_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0  # hashing may have to wait for its turn


class Failed(Exception):
    """The verb was not carried out; the text is a sentence for the person who asked."""


def serve(messenger: Messenger) -> None:
    """Answer the command line until the server stops. Raises OSError when nobody could find it."""
    sock, token = control.listen(messenger.disk)
    messenger.on_stop.append(lambda: control.withdraw(messenger.disk))
    runtime.spawn(_accept, messenger, sock, token)


def ask(disk: Disk, verb: str, args: dict[str, Any]) -> Any:
    """Have the running server do a verb and give its result. Raises Failed, NobodyThere."""
    sock, token = control.connect(disk, ANSWER_TIMEOUT_S)
    with sock:
        request = {"verb": verb, "args": args, "token": token}
        sock.sendall(json.dumps(request).encode() + b"\n")
        try:
            answer = json.loads(_line(sock, ANSWER_MAX_BYTES))
        except (OSError, ValueError):
            raise Failed("The server did not answer. Its log may say why.") from None
    if "error" in answer:
        raise Failed(answer["error"])
    return answer["result"]


def perform(messenger: Messenger, verb: str, args: dict[str, Any]) -> Any:
    """Do a verb in this process. Raises Failed."""
    act = VERBS.get(verb)
    if act is None or not _fits(act, messenger, args):
        raise Failed(f"The server does not know {verb!r}; is it another version?")
    try:
        return act(messenger, **args)
    except Refused as refused:
        sentence = messenger.say(f"error.{refused.detail}", **refused.params)
        raise Failed(sentence) from None
    except Unavailable as error:
        raise Failed(f"The disk did not take it, so nothing was changed: {error}") from None
    except Exception:
        log.exception("command line: %s failed", verb)
        raise Failed(f"{verb!r} met a mistake of ours; the log has the details.") from None


def _fits(act: Callable[..., Any], messenger: Messenger, args: dict[str, Any]) -> bool:
    """Say whether a verb takes these arguments; what it does with them is its own affair."""
    try:
        inspect.signature(act).bind(messenger, **args)
    except TypeError:
        return False
    return True


def _accept(messenger: Messenger, sock: socket.socket, token: str) -> None:
    while not messenger.stopping.is_set():
        try:
            caller, _ = sock.accept()
        except OSError:
            return
        runtime.spawn(_answer, messenger, caller, token)


def _answer(messenger: Messenger, caller: socket.socket, token: str) -> None:
    with caller:
        caller.settimeout(REQUEST_TIMEOUT_S)
        try:
            request = json.loads(_line(caller))
            verb, args = request["verb"], request["args"]
            is_owner = secrets.compare_digest(str(request["token"]).encode(), token.encode())
            if not (is_owner and isinstance(verb, str) and isinstance(args, dict)):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return  # not our command line
        try:
            answer = {"result": perform(messenger, verb, args)}
            log.info("command line: %s", verb)
        except Failed as failed:
            answer = {"error": str(failed)}
        try:
            caller.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            log.info("command line: %s was done, but nobody waited", verb)


def _line(sock: socket.socket, most: int = LINE_MAX_BYTES) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = sock.recv(65_536)
        if not part or len(received) > most:
            raise ValueError("no whole line")
        received += part
    return bytes(received)
