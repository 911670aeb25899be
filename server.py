"""The launch pad: puts the messenger together, feature by feature, and starts it."""

from __future__ import annotations

import os
import sys

from soyuz import runtime

if __name__ == "__main__":
    runtime.choose(sys.argv, os.environ)  # before anything else is imported

import logging
from types import ModuleType

from flask import Flask, g, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from auth import Gatekeeper
from soyuz import paths
from soyuz.cli import main as command_line
from soyuz.domain.errors import Refused
from soyuz.domain.user import Actor, profile
from soyuz.features import (
    accounts,
    alerts,
    assets,
    bans,
    chat,
    files,
    history,
    presence,
    typing,
)
from soyuz.features import profile as profiles
from soyuz.live import http, wire
from soyuz.live.commands import Commands
from soyuz.live.hub import Ending, Hub
from soyuz.live.presence import Presence
from soyuz.live.sockets import Door
from soyuz.messenger import Messenger
from soyuz.store.disk import Unavailable
from soyuz.store.secret_key import secret_key

log = logging.getLogger("soyuz")

FEATURES: tuple[ModuleType, ...] = (
    assets,
    files,
    alerts,
    accounts,
    profiles,
    bans,
    history,
    chat,
    typing,
    presence,
)
FORM_MAX_BYTES = 16 * 1024 * 1024  # a picture too large still gets its sentence, up to here
FORM_PARTS_MAX = 20
FORM_MEMORY_MAX_BYTES = 128 * 1024  # Werkzeug holds 64 kB of a file, and what a read left over


def create_app(messenger: Messenger) -> Flask:
    """Give the application over an open messenger, Socket.IO and all guards before it."""
    app = Flask("soyuz", template_folder=str(paths.TEMPLATES), static_folder=None)
    app.config.update(
        SECRET_KEY=secret_key(messenger.disk),
        MAX_CONTENT_LENGTH=FORM_MAX_BYTES,
        MAX_FORM_PARTS=FORM_PARTS_MAX,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY_MAX_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # a page left open overnight still works
        WTF_CSRF_SSL_STRICT=False,  # http.guard compares the Origin itself
    )
    gate = messenger.gate = Gatekeeper(messenger)
    mode = "eventlet" if runtime.is_eventlet() else "threading"
    server: wire.Server = wire.socketio_for(app, http.origin_allowed, mode).server
    messenger.hub = Hub(server)
    messenger.commands = Commands(messenger.catalogue.say, gate.may_speak)
    messenger.presence = Presence(messenger.clock.monotonic())
    gate.on_warning = lambda actor, wait: _warn(messenger, actor, wait)
    http.refuse_foreign(app)
    CSRFProtect(app)  # before who is asked for: a form without its token is 400 to everyone
    http.guard(app, gate.who)
    _speak(app, messenger)
    _answer_errors(app, messenger)
    for feature in FEATURES:
        feature.register(messenger, app)
    server.listener = _door(messenger, gate, app)
    app.wsgi_app = http.Forwarded(app.wsgi_app, messenger.settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _door(messenger: Messenger, gate: Gatekeeper, app: Flask) -> Door:
    return Door(
        messenger.hub,
        messenger.commands,
        who=gate.who,
        admit=gate.admit,
        user_of=messenger.users.get,
        welcome=lambda connection, user: presence.welcome(
            messenger, connection, user, app.config["BUILD"]
        ),
        now=messenger.clock.monotonic,
        per_user=messenger.settings.sockets_per_user,
        replaced=Ending("replaced", messenger.say("ended.replaced")),
    )


def _warn(messenger: Messenger, actor: Actor, wait: float) -> None:
    alerts.to_one(messenger, actor.id, "spam_warning", "warning", retry_after=round(wait, 3))


def _speak(app: Flask, messenger: Messenger) -> None:
    """Give every template the catalogue, the language and the person."""
    app.jinja_env.globals["t"] = messenger.say

    @app.context_processor
    def names() -> dict[str, object]:
        user = g.get("user")
        return {
            "lang": messenger.catalogue.language,
            "dir": "ltr",
            "catalogue_json": messenger.catalogue.json,
            "me": profile(user) if user else None,
        }


def _answer_errors(app: Flask, messenger: Messenger) -> None:
    """Answer every error with one clear sentence; the traceback goes to the log alone."""

    def show(status: int, title: str, message: str) -> tuple[str, int]:
        return render_template("error.html", status=status, title=title, message=message), status

    def page(status: int, key: str) -> tuple[str, int]:
        return show(
            status, messenger.say(f"error.{key}.title"), messenger.say(f"error.{key}.message")
        )

    @app.errorhandler(CSRFError)
    def stale_form(error: CSRFError) -> tuple[str, int]:
        return page(400, "stale_form")

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
        return page(400 if request.path == "/settings" else 413, "http_too_large")

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[str, int, Headers] | Response:
        status = error.code or 500
        if status < 400:
            return error.get_response()
        headers = Headers(error.get_headers())  # a 405 must say what is allowed
        headers.remove("Content-Type")
        key = {403: "http_forbidden", 404: "http_not_found"}.get(status, "http")
        return *page(status, key), headers

    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[str, int, dict[str, str]]:
        title, sentence = messenger.say("error.http.title"), accounts.sentence(messenger, error)
        return *show(503, title, sentence), accounts.retry_headers(error)

    @app.errorhandler(Unavailable)
    def disk_full(error: Unavailable) -> tuple[str, int, dict[str, str]]:
        log.error("%s %s: %s", request.method, request.path, error)
        return refused(Refused("unavailable", "unavailable.disk"))

    @app.errorhandler(Exception)
    def bug(error: Exception) -> tuple[str, int]:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return page(500, "http_bug")


def main(argv: list[str] | None = None) -> None:
    """Run the command line, whose first verb is to run the server."""
    command_line(create_app, argv)


if __name__ == "__main__":
    main()
