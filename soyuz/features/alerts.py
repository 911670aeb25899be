"""Alerts: what the server itself has to say, to everyone, to one person or to those in charge."""

from __future__ import annotations

import logging
from typing import Any, Literal

from flask import Flask

from soyuz.domain.permissions import may
from soyuz.domain.user import Actor
from soyuz.messenger import Messenger
from soyuz.store.document import Document, Trouble

log = logging.getLogger("soyuz.alerts")

Level = Literal["info", "warning", "error"]


def to_all(messenger: Messenger, code: str, level: Level = "info", /, **params: Any) -> None:
    """Tell everyone who is connected."""
    messenger.hub.broadcast("system:alert", _alert(messenger, code, level, params))


def to_one(
    messenger: Messenger, username: str, code: str, level: Level = "info", /, **params: Any
) -> None:
    """Tell one person, wherever they are connected."""
    messenger.hub.tell(username, "system:alert", _alert(messenger, code, level, params))


def to_admins(messenger: Messenger, code: str, level: Level = "info", /, **params: Any) -> None:
    """Tell the admins who are connected."""
    alert = _alert(messenger, code, level, params)
    for username in {connection.username for connection in messenger.hub.all()}:
        user = messenger.users.get(username)
        if user and may(Actor("person", username, user.role), "hear_file_trouble"):
            messenger.hub.tell(username, "system:alert", alert)


def register(messenger: Messenger, app: Flask) -> None:
    """Tell admins when a file they can edit is in trouble, and everyone when the server stops."""
    messenger.on_stop.append(lambda: to_all(messenger, "server_stopping"))
    for document in messenger.documents:
        document.on_trouble.append(_report(messenger, document))
    messenger.bans.on_refused.append(lambda file, key: _ban_refused(messenger, file, key))


def _ban_refused(messenger: Messenger, file: str, key: str) -> None:
    # Logged as well: whoever edits files need not be an admin, nor online.
    log.warning("%s in %s bans nobody: many people share that address", key, file)
    to_admins(messenger, "ban_refused", "warning", file=file, key=key)


def _report(messenger: Messenger, document: Document) -> Any:
    def report(trouble: Trouble | None) -> None:
        if trouble is None:
            to_admins(messenger, "file_healed", file=document.path.name)
            return
        to_admins(
            messenger,
            "file_trouble",
            "error",
            file=trouble.file,
            line=trouble.line,
            column=trouble.column,
            problem=trouble.problem,
        )

    return report


def _alert(messenger: Messenger, code: str, level: Level, params: dict[str, Any]) -> dict[str, Any]:
    text = messenger.say(f"alert.{code}", **params)
    return {"level": level, "code": code, "params": params, "text": text}
