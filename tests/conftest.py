"""The vocabulary of the tests: real servers, and people who use them."""

from __future__ import annotations

import errno
import html
import http.client
import itertools
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import engineio
import pytest
import requests
import socketio

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
START_TIMEOUT_S = 30.0
PATIENCE_S = 15.0  # what holds at once on an idle machine takes longer on a busy one
PORTS = range(20_000, 32_768)  # below those a system gives to whoever asks for any (on Linux)
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def free_port() -> int:
    """Give a port that is free on both loopbacks, and that no passing connection will be given.

    A server that is started again must find its port as it left it.
    """
    while True:
        port = random.choice(PORTS)
        if is_free("127.0.0.1", port) and is_free("::1", port):
            return port


def is_free(address: str, port: int) -> bool:
    """Say whether nothing holds the port; an address that this machine lacks holds none."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
            sock.bind((address, port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True


class Server:
    """A server in a process of its own, on a port of its own, over a data folder that stays."""

    def __init__(self, data: Path, **environ: str) -> None:
        self.data = data
        self._environ = environ
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start it, each time on the same port, and wait until it listens."""
        self.log: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "server.py", "--port", str(self.port), "--data", str(self.data)],
            cwd=ROOT,
            env={**os.environ, **self._environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._is_reading = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.waits_for(rf"localhost:{self.port}\b")
        self.url = f"http://127.0.0.1:{self.port}"

    def waits_for(self, pattern: str) -> re.Match[str]:
        """Give the first line of its output that matches."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            for line in self.log:
                if found := re.search(pattern, line):
                    return found
            if self.process.poll() is not None and not self._is_reading:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in:\n" + "".join(self.log))

    def stop(self) -> int:
        """Ask it to end and give its exit code; its log must hold no traceback."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self._reader.join(5)
        assert "Traceback" not in "".join(self.log), "".join(self.log)
        return code

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)

    def file(self, name: str) -> Path:
        """Give a file of its data folder."""
        return self.data / name

    def shows(self, name: str, check: Callable[[Any], bool]) -> Any:
        """Give a JSON file's rows once they are so: it follows what was acknowledged in a second."""
        told: list[Any] = []

        def is_so() -> bool:
            told[:] = [json.loads(self.file(name).read_text("utf-8"))]
            return check(told[0])

        eventually(is_so)
        return told[0]

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.log.append(line)
        self._is_reading = False


class Browser:
    """What a browser does without scripts: pages, forms with their token, cookies."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers.update(headers)

    def opens(self, path: str, **kwargs: Any) -> requests.Response:
        """GET a page, redirects not followed."""
        return self.session.get(self.url + path, allow_redirects=False, timeout=20, **kwargs)

    def opens_as_written(self, path: str) -> tuple[int, str]:
        """GET a path to the letter, dots and slashes and all; gives status and Location."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.headers.get("Location", "")

    def sends(self, path: str, files: Any = None, **fields: str) -> requests.Response:
        """POST a form with the token of the page it stands on."""
        page = path if path != "/logout" else "/"
        form = {"csrf_token": self.token(page), **fields}
        return self.posts(path, data=form, files=files)

    def posts(self, path: str, **kwargs: Any) -> requests.Response:
        """POST as it is, redirects not followed."""
        return self.session.post(self.url + path, allow_redirects=False, timeout=30, **kwargs)

    def token(self, path: str) -> str:
        """Give the form token of a page."""
        found = _TOKEN.search(self.opens(path).text)
        assert found, f"no form at {path}"
        return found[1]

    @property
    def cookie(self) -> str:
        """The Cookie header as it stands."""
        return "; ".join(f"{c.name}={c.value}" for c in self.session.cookies)


class InOrder(engineio.Client):
    """The library handles each packet in a thread of its own, and those overtake one another."""

    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        return super()._trigger_event(event, *args, **{**kwargs, "run_async": False})


class Client(socketio.Client):
    """A client that hears packets in the order in which they came."""

    def _engineio_client_class(self) -> type[engineio.Client]:
        return InOrder


class Tab:
    """One socket of a person, and what it has heard."""

    def __init__(self, url: str, cookie: str, transport: str = "websocket", **headers: str) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._read = 0
        self._numbers = itertools.count(1)
        self._news = threading.Condition()
        self.client = Client(
            reconnection=False,
            request_timeout=PATIENCE_S,
            # The library would send an Origin of its own beside the one that is wanted.
            websocket_extra_options={"suppress_origin": "Origin" in headers},
        )
        self.client.on("*", self._hear)
        self.client.on("disconnect", lambda reason: self._hear("disconnect", reason))
        self.client.connect(
            url,
            headers={"Cookie": cookie, **headers},
            transports=[transport],
            wait_timeout=PATIENCE_S,
        )

    def hears(self, event: str, timeout: float = PATIENCE_S, **wanted: Any) -> Any:
        """Give the payload of the next such event, waiting for it; earlier ones are passed over."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for at in range(self._read, len(self.heard)):
                    name, payload = self.heard[at]
                    if name == event and all(payload.get(k) == v for k, v in wanted.items()):
                        self._read = at + 1
                        return payload
                left = deadline - time.monotonic()
                assert left > 0, f"no {event} {wanted} in {self.heard[self._read :]}"
                self._news.wait(left)

    def heard_since(self, event: str) -> list[Any]:
        """Give the payloads of such events that no `hears` has passed yet."""
        return [payload for name, payload in self.heard[self._read :] if name == event]

    def asks(self, event: str, *payload: Any) -> Any:
        """Send an event and give its ack."""
        data = payload[0] if len(payload) == 1 else tuple(payload)
        return self.client.call(event, data, timeout=PATIENCE_S)

    def says(self, text: str, **fields: Any) -> Any:
        """Post a message to the lobby and give the ack."""
        number = next(self._numbers)
        client_id = fields.pop("client_id", f"{id(self)}-{number}")
        return self.asks(
            "message:post", {"room": "lobby", "text": text, "client_id": client_id, **fields}
        )

    def closes(self) -> None:
        """Leave in good order."""
        self.client.disconnect()

    def dies(self) -> None:
        """Vanish: the TCP connection is cut without a word."""
        sock = self.client.eio.ws.sock
        sock.shutdown(socket.SHUT_RDWR)

    def _hear(self, event: str, payload: Any = None) -> None:
        with self._news:
            self.heard.append((event, payload))
            self._news.notify_all()


class Person:
    """Someone with an account and a browser, and tabs as they open them."""

    def __init__(self, server: Server, name: str, display_name: str = "", **headers: str) -> None:
        self.server, self.name = server, name
        self.browser = Browser(server.url, **headers)
        self._headers = headers
        self.tabs: list[Tab] = []
        answer = self.browser.sends(
            "/signup", username=name, display_name=display_name, password=PASSWORD
        )
        assert answer.status_code == 302, answer.text

    def opens_tab(self, transport: str = "websocket") -> Tab:
        """Open the chat in one more tab."""
        tab = Tab(self.server.url, self.browser.cookie, transport, **self._headers)
        self.tabs.append(tab)
        return tab

    @property
    def tab(self) -> Tab:
        """The first tab, opened when first needed."""
        return self.tabs[0] if self.tabs else self.opens_tab()

    def says(self, text: str, **fields: Any) -> Any:
        return self.tab.says(text, **fields)

    def asks(self, event: str, *payload: Any) -> Any:
        return self.tab.asks(event, *payload)

    def hears(self, event: str, timeout: float = PATIENCE_S, **wanted: Any) -> Any:
        return self.tab.hears(event, timeout, **wanted)

    def is_refused(self) -> str:
        """Try one more tab, in vain; gives the code of the refusal."""
        return refusal(self.server.url, self.browser.cookie, **self._headers)

    def signs_in_elsewhere(self) -> Browser:
        """Sign in from another browser."""
        browser = Browser(self.server.url, **self._headers)
        answer = browser.sends("/login", username=self.name, password=PASSWORD)
        assert answer.status_code == 302, answer.text
        return browser

    def leaves(self) -> None:
        for tab in self.tabs:
            tab.closes()
        self.tabs.clear()


def refusal(url: str, cookie: str, **headers: str) -> str:
    """Give the code with which a new socket is refused."""
    client = socketio.Client(reconnection=False, request_timeout=PATIENCE_S)
    refused: list[Any] = []
    client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            url,
            headers={"Cookie": cookie, **headers},
            transports=["websocket"],
            wait_timeout=PATIENCE_S,
        )
    return str(refused[0]["message"])


def mistakes(page: requests.Response) -> list[str]:
    """Give what a form's page says beside its fields; the rest of the page holds every sentence."""
    said = re.findall(r'<p class="field-error" id="[^"]*-error">([^<]*)</p>', page.text)
    return [html.unescape(sentence) for sentence in said]


StartServer = Callable[..., Server]
MakePerson = Callable[..., Person]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server most tests share, with no limit on messages."""
    running = Server(tmp_path_factory.mktemp("data"), SOYUZ_SPAM_LIMIT="off")
    yield running
    assert running.stop() == 0


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers of one's own: `start_server(SOYUZ_SPAM_LIMIT="3/2s")`."""
    started: list[Server] = []

    def start(data: Path | None = None, **environ: str) -> Server:
        started.append(Server(data or tmp_path / "data", **environ))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def person(server: Server) -> Iterator[MakePerson]:
    """Sign people up: `person("alice")`, on the shared server unless another is given."""
    people: list[Person] = []

    def sign_up(name: str, at: Server | None = None, **kwargs: str) -> Person:
        unique = name if at else f"{name}{secrets.token_hex(4)}"
        people.append(Person(at or server, unique, **kwargs))
        return people[-1]

    yield sign_up
    for someone in people:
        someone.leaves()


@pytest.fixture
def alice(person: MakePerson) -> Person:
    return person("alice")


@pytest.fixture
def bob(person: MakePerson) -> Person:
    return person("bob")


@pytest.fixture
def visitor(server: Server) -> Browser:
    """Someone who is not signed in."""
    return Browser(server.url)


def eventually(check: Callable[[], bool], timeout: float = PATIENCE_S) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.02)
