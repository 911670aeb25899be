"""What every answer carries: guarding headers, compression, sentences for errors."""

from __future__ import annotations

import re

from tests.conftest import ROOT, Browser, Person, Server


def test_every_answer_carries_the_guarding_headers(alice: Person) -> None:
    paths = ["/", "/settings", "/nowhere", "/healthz", "/favicon.ico"]
    answers = [alice.browser.opens(path) for path in paths]
    answers += [Browser(alice.server.url).opens(p) for p in ("/login", "/signup", "/setup/x")]
    answers.append(alice.browser.posts("/settings"))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        if answer.headers["Content-Type"].startswith("text/html"):
            assert answer.headers["Cache-Control"] == "no-store"


def test_openers_are_kept_apart_wherever_the_browser_heeds_that(visitor: Browser) -> None:
    def policy(**headers: str) -> str | None:
        answer = visitor.session.get(visitor.url + "/login", headers=headers, timeout=10)
        return answer.headers.get("Cross-Origin-Opener-Policy")

    port = visitor.url.rsplit(":", 1)[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "soyuz.localhost", "[::1]:80"):
        assert policy(Host=host) == "same-origin", host
    for host in (f"chat.test:{port}", "192.168.1.5", "localhost.evil.test"):
        assert policy(Host=host) is None, host
    assert policy(Host="chat.test", **{"X-Forwarded-Proto": "https"}) == "same-origin"


def test_static_files_are_compressed_and_kept_for_ever(visitor: Browser) -> None:
    found = re.search(r"/static/[0-9a-f]+/css/app\.css", visitor.opens("/login").text)
    assert found
    answer = visitor.opens(found[0])
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = visitor.opens(found[0], headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    content = (ROOT / "static/css/app.css").read_bytes()
    assert answer.content == plain.content == content
    assert int(answer.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert answer.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    old = visitor.opens(re.sub(r"static/[0-9a-f]+", "static/000000000000", found[0]))
    assert old.headers["Cache-Control"] == "no-cache"
    for path in ("x/../server.py", "x/..%2fserver.py", "../server.py"):
        assert visitor.opens_as_written(f"/static/{path}") == (404, ""), path


def test_an_error_is_one_sentence_and_never_a_traceback(alice: Person) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("POST", "/", 405),
        ("POST", "/settings", 400),
        ("DELETE", "/settings", 405),
        ("GET", "/setup/wrong", 404),
    ):
        answer = alice.browser.session.request(method, alice.server.url + path, timeout=10)
        assert answer.status_code == status, (method, path)
        assert "Traceback" not in answer.text
        assert "<h1" in answer.text


def test_health_is_told_truly(server: Server, visitor: Browser) -> None:
    answer = visitor.opens("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
