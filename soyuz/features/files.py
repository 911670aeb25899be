"""Files: whether the server can write, told truly to whoever asks /healthz."""

from __future__ import annotations

from flask import Flask, jsonify
from werkzeug.wrappers import Response

from soyuz.live.http import open_to_all
from soyuz.messenger import Messenger

TRIED_EVERY_S = 1.0  # a try is a real write: strangers must not make it a load


def register(messenger: Messenger, app: Flask) -> None:
    """Add the page."""
    tried_at, trouble = float("-inf"), ""

    @app.get("/healthz")
    @open_to_all
    def healthz() -> Response | tuple[Response, int]:
        nonlocal tried_at, trouble
        now = messenger.clock.monotonic()
        if now - tried_at >= TRIED_EVERY_S:
            tried_at = now
            trouble = messenger.disk.trouble()
        if trouble:
            return jsonify(status="unavailable", reason=trouble), 503
        return jsonify(status="ok")
