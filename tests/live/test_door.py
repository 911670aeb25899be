"""Who may open a socket, from where and how often, and what ends it while it is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import socketio

from soyuz.live.http import HEADERS, Forwarded
from tests.conftest import (
    PASSWORD,
    Browser,
    MakePerson,
    Person,
    Server,
    StartServer,
    Tab,
    refusal,
)


def test_without_a_session_a_socket_is_refused(server: Server) -> None:
    for cookie in ("", "soyuz=nonsense", "soyuz=\xe9"):
        assert refusal(server.url, cookie) == "signed_out"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "file://"]
)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_socket_of_another_site_is_refused(alice: Person, origin: str, transport: str) -> None:
    Tab(alice.server.url, alice.browser.cookie, transport, Origin=alice.server.url).closes()
    with pytest.raises(socketio.exceptions.ConnectionError):
        Tab(alice.server.url, alice.browser.cookie, transport, Origin=origin)


@pytest.mark.parametrize("host", ["192.168.1.5:5000", "chat.example.org", "[::1]:5000"])
def test_whatever_name_a_page_was_opened_by_it_works(server: Server, host: str) -> None:
    origin = f"http://{host}"
    browser = Browser(server.url, Host=host, Origin=origin)
    name = f"at{host.encode().hex()[:20]}"
    assert browser.sends("/signup", username=name, password=PASSWORD).status_code == 302
    tab = Tab(server.url, browser.cookie, "polling", Host=host, Origin=origin)
    assert tab.hears("session:ready")["me"]["username"] == name
    tab.closes()


@pytest.mark.parametrize(
    ("query", "status"), [("?EIO=4&transport=polling", 200), ("?EIO=4&transport=nope", 400)]
)
def test_polling_answers_carry_the_headers_of_every_page(
    visitor: Browser, query: str, status: int
) -> None:
    answer = visitor.opens(f"/socket.io/{query}")
    assert answer.status_code == status
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, name


def test_a_page_carries_each_header_once_and_may_have_its_own(visitor: Browser) -> None:
    sent = visitor.opens("/login").raw.headers
    for name in HEADERS:
        assert len(sent.getlist(name)) == 1, name
    started: list[tuple[str, str]] = []

    def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("content-security-policy", "sandbox")])
        return []

    Forwarded(page, [])({}, lambda status, headers: started.extend(headers))
    values = [value for name, value in started if name.lower() == "content-security-policy"]
    assert values == ["sandbox"]


def test_a_tunnel_speaks_for_its_host_and_its_https(server: Server) -> None:
    tunnel = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.org"}
    browser = Browser(server.url, Origin="https://chat.example.org", **tunnel)
    form_cookie = browser.opens("/signup").raw.headers["Set-Cookie"].split(";")[0]
    assert form_cookie.startswith("__Host-soyuz-form=")


def test_signing_out_closes_the_sockets_of_that_browser_alone(alice: Person) -> None:
    other = alice.signs_in_elsewhere()
    tab = Tab(alice.server.url, other.cookie)
    alice.hears("session:ready"), tab.hears("session:ready")
    alice.browser.sends("/settings", sign_out_everywhere="1")
    assert tab.hears("session:ended")["reason"] == "signed_out"
    tab.hears("disconnect")
    assert alice.says("I am still here")["ok"]
    alice.browser.sends("/logout")
    assert alice.hears("session:ended")["reason"] == "signed_out"
    alice.hears("disconnect")
    assert alice.is_refused() == "signed_out"


def test_thirty_connects_a_minute_are_enough_for_anyone(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server())
    for _ in range(30):
        ann.opens_tab().closes()
    assert ann.is_refused() == "too_fast"


def test_the_oldest_of_too_many_sockets_is_replaced(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server(SOYUZ_SOCKETS_PER_USER="2"))
    first, second, third = ann.opens_tab(), ann.opens_tab(), ann.opens_tab()
    assert first.hears("session:ended")["reason"] == "replaced"
    first.hears("disconnect")
    assert second.says("I stay")["ok"]
    assert third.says("so do I")["ok"]
