"""What the first visit of the chat page costs on the wire, file by file, as a browser asks for it."""

from __future__ import annotations

import gzip
import re
import tempfile
from pathlib import Path
from urllib.parse import urljoin

import requests

from bench.crowd import gather
from bench.table import show
from tests.conftest import Server

_LINKED = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(/static/[^"]+)"')
_IMPORTED = re.compile(r'(?:^|\n)\s*(?:import|export)\b[^;"]*"(\.[^"]+)"')


def weigh(url: str, cookie: str) -> dict[str, int]:
    """Give the body bytes of the page and of each file it loads, by path, compressed as served."""
    headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
    weights: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in weights:
            continue
        answer = requests.get(url + path, headers=headers, stream=True, timeout=20)
        assert answer.status_code == 200, path
        raw = answer.raw.read(decode_content=False)
        weights[path] = len(raw)
        if path == "/" or path.endswith(".js"):
            text = _text(answer, raw)
            found = _LINKED.findall(text) if path == "/" else _IMPORTED.findall(text)
            waiting += [urljoin(path, name) for name in found]
    return weights


def of_a_fresh_server(folder: Path) -> dict[str, int]:
    """Weigh the page of a server that has just been set up."""
    cookie = gather(folder / "data", 1)[0]
    server = Server(folder / "data")
    try:
        return weigh(server.url, cookie)
    finally:
        server.stop()


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        weights = of_a_fresh_server(Path(folder))
    rows = sorted(weights.items(), key=lambda row: -row[1])
    named = [(re.sub(r"/static/\w+/", "", path), weight) for path, weight in rows]
    total = (f"{len(rows)} requests", sum(weights.values()))
    show("first load of the chat page", ("bytes",), [*named, total])


def _text(answer: requests.Response, raw: bytes) -> str:
    packed = answer.headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(raw) if packed else raw).decode()


if __name__ == "__main__":
    main()
