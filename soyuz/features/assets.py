"""Assets: the static files, under a path named by their content, so that browsers may keep them."""

from __future__ import annotations

import gzip
import mimetypes
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, request

from soyuz.live.http import open_to_all
from soyuz.messenger import Messenger
from soyuz.paths import STATIC

FOR_EVER = "public, max-age=31536000, immutable"
_COMPRESSIBLE = {"text/css", "text/javascript", "image/svg+xml", "application/json", "text/plain"}
_HASH_CHARACTERS = 12
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/manifest+json", ".webmanifest")


class Assets:
    """Every static file in memory, plain and compressed. `build` is the hash of them all."""

    def __init__(self, root: Path) -> None:
        digest = sha256()
        self._files: dict[str, tuple[bytes, bytes | None, str]] = {}
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            packed = gzip.compress(content, 9, mtime=0) if kind in _COMPRESSIBLE else None
            self._files[name] = (content, packed, kind)
        self.build = digest.hexdigest()[:_HASH_CHARACTERS]

    def url(self, name: str) -> str:
        """Give the address of a static file. Raises KeyError for one that is not there."""
        self._files[name]
        return f"/static/{self.build}/{name}"

    def response(self, build: str, name: str) -> Response:
        """Give a static file; under another build's path it is served too, but not for ever."""
        if name not in self._files:
            abort(404)
        content, packed, kind = self._files[name]
        response = Response(content, mimetype=kind)
        if packed and request.accept_encodings["gzip"]:
            response = Response(packed, mimetype=kind, headers={"Content-Encoding": "gzip"})
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = FOR_EVER if build == self.build else "no-cache"
        return response


def register(messenger: Messenger, app: Flask) -> None:
    """Serve static/ and give templates `asset()`."""
    assets = Assets(STATIC)
    app.config["BUILD"] = assets.build
    app.jinja_env.globals["asset"] = assets.url

    @app.get("/static/<build>/<path:name>")
    @open_to_all
    def static(build: str, name: str) -> Response:
        return assets.response(build, name)

    @app.get("/favicon.ico")
    @open_to_all
    def favicon() -> Response:
        return assets.response("", "icons/favicon.svg")
