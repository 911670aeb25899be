"""Files: whether the server can write, told truly to whoever asks /healthz."""

from __future__ import annotations

from flask import Flask, jsonify
from werkzeug.wrappers import Response

from soyuz.live.http import open_to_all
from soyuz.messenger import Messenger


def register(messenger: Messenger, app: Flask) -> None:
    """Add the page."""

    @app.get("/healthz")
    @open_to_all
    def healthz() -> Response | tuple[Response, int]:
        trouble = messenger.disk.trouble()
        if trouble:
            return jsonify(status="unavailable", reason=trouble), 503
        return jsonify(status="ok")
