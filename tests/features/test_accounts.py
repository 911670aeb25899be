"""Accounts: signing up, in and out, what the cookies are, and the setup link that makes an admin."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time

import pytest
import requests
from werkzeug.security import generate_password_hash

from tests.conftest import (
    PASSWORD,
    Browser,
    MakePerson,
    Person,
    Server,
    StartServer,
    mistakes,
)


def test_a_stranger_is_sent_to_sign_in(visitor: Browser) -> None:
    for path in ("/", "/settings", "/uploads/avatars/x.webp"):
        answer = visitor.opens(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/login"), path


def test_signing_up_signs_in(person: MakePerson) -> None:
    page = person("Mira", display_name="Mira Okafor").browser.opens("/")
    assert page.status_code == 200
    assert "Mira Okafor" in page.text


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"username": "ab"}, 400, "3 to 32 characters"),
        ({"username": "two words"}, 400, "letters, digits"),
        ({"username": ""}, 400, "3 to 32 characters"),
        ({"password": "short"}, 400, "at least 8"),
        ({"password": "password"}, 400, "first that anyone would try"),
        ({"display_name": "x" * 41}, 400, "at most 40"),
        ({"display_name": "\u200b\u200b"}, 400, "can be seen"),
    ],
)
def test_bad_input_is_answered_beside_its_field_and_the_rest_is_kept(
    visitor: Browser, fields: dict[str, str], status: int, sentence: str
) -> None:
    given = {"username": "fine.name", "display_name": "Kept Name", "password": PASSWORD, **fields}
    answer = visitor.sends("/signup", **given)
    assert answer.status_code == status
    assert [said for said in mistakes(answer) if sentence in said]
    if "display_name" not in fields:
        assert 'value="Kept Name"' in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("field", ["username", "password", "display_name"])
def test_a_file_where_text_belongs_is_refused_with_the_page(visitor: Browser, field: str) -> None:
    for path in ("/signup", "/login")[: 1 if field == "display_name" else 2]:
        for name in ("x", ""):
            given = {"username": "fine.name", "password": PASSWORD}
            given.pop(field, None)
            answer = visitor.sends(path, files={field: (name, b"hi")}, **given)
            assert answer.status_code == 400, path
            assert "cannot be used" in answer.text
            assert "FileStorage" not in answer.text


def test_every_mistake_of_a_sign_up_is_named_at_once(alice: Person, visitor: Browser) -> None:
    given = {"username": "a b", "display_name": "x" * 41, "password": "short"}
    answer = visitor.sends("/signup", **given)
    assert mistakes(answer) == [
        "A username is made of letters, digits, and _ . - only.",
        "A name has at most 40 characters.",
        "A password has at least 8 characters.",
    ]
    given = {"username": alice.name, "display_name": "\u200b", "password": PASSWORD}
    answer = visitor.sends("/signup", **given)
    assert answer.status_code == 409
    assert mistakes(answer) == [
        "This username is taken, or looks just like one that is.",
        "A name needs at least one character that can be seen.",
        "What you typed here was not kept. Please type it again.",
    ]
    assert 'maxlength="40"' in answer.text


def test_only_whoever_may_have_been_here_is_told_to_sign_in(
    visitor: Browser, alice: Person, start_server: StartServer
) -> None:
    lead = '<p class="lead">'
    assert f"{lead}Sign in and join the conversation." in visitor.opens("/login").text
    fresh = Browser(start_server().url)
    assert f"{lead}Nobody has an account here yet." in fresh.opens("/login").text


def test_a_taken_name_is_a_conflict_in_every_spelling(alice: Person, visitor: Browser) -> None:
    for name in (alice.name, alice.name.upper(), alice.name.replace("l", "1")):
        assert visitor.sends("/signup", username=name, password=PASSWORD).status_code == 409, name


def test_wrong_and_unknown_are_answered_alike(alice: Person, visitor: Browser) -> None:
    def told(name: str) -> tuple[int, str]:
        answer = visitor.sends("/login", username=name, password="not the password")
        assert "Username or password is not right." in answer.text
        return answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)

    known, unknown = told(alice.name), told("nobody.by.this.name")
    assert known == unknown
    assert known[0] == 401


def test_signing_in_works_in_any_spelling_and_out_again(alice: Person, visitor: Browser) -> None:
    answer = visitor.sends("/login", username=alice.name.upper(), password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert visitor.opens("/").status_code == 200
    answer = visitor.sends("/logout")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")
    assert visitor.opens("/").status_code == 302


def test_signing_in_again_keeps_the_open_page_unless_it_is_another_account(
    alice: Person, bob: Person
) -> None:
    alice.hears("session:ready")
    for someone in (alice, bob):
        answer = alice.browser.posts(
            "/login",
            data={
                "csrf_token": alice.browser.token("/settings"),
                "username": someone.name,
                "password": PASSWORD,
            },
        )
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        if someone is alice:
            assert alice.says("still here")["ok"]
            assert not alice.tab.heard_since("session:ended")
    assert alice.hears("session:ended")["reason"] == "signed_out"


def test_a_session_is_a_hash_on_disk_and_a_guarded_cookie(server: Server, alice: Person) -> None:
    answer = Browser(server.url).sends("/login", username=alice.name, password=PASSWORD)
    cookie = next(c for c in answer.raw.headers.getlist("Set-Cookie") if c.startswith("soyuz="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    token = re.match(r"soyuz=([^;]+)", cookie)
    assert token
    hashed = hashlib.sha256(token[1].encode()).hexdigest()
    assert token[1] not in str(server.shows("sessions.json", lambda rows: hashed in rows))
    journal = b"".join(path.read_bytes() for path in server.file("journal").iterdir())
    assert token[1].encode() not in journal


def test_behind_https_the_cookie_is_secure(server: Server, alice: Person) -> None:
    tunnel = Browser(server.url, **{"X-Forwarded-Proto": "https"})
    page = tunnel.opens("/login")
    form_cookie = page.raw.headers.getlist("Set-Cookie")[0]
    assert form_cookie.startswith("__Host-soyuz-form=")
    assert "Secure" in form_cookie
    assert "Strict-Transport-Security" in page.headers
    found = re.search(r'csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found
    answer = requests.post(
        server.url + "/login",
        data={"username": alice.name, "password": PASSWORD, "csrf_token": found[1]},
        headers={"X-Forwarded-Proto": "https", "Cookie": form_cookie.split(";")[0]},
        allow_redirects=False,
        timeout=10,
    )
    cookie = next(c for c in answer.raw.headers.getlist("Set-Cookie") if "__Host-soyuz=" in c)
    assert "Secure" in cookie


def test_a_form_needs_its_token_and_its_own_site(alice: Person) -> None:
    browser = alice.browser
    assert browser.posts("/settings", data={"display_name": "x"}).status_code == 400
    good = {"csrf_token": browser.token("/settings"), "display_name": "Al"}
    for headers, status in (
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": alice.server.url}, 302),
        ({}, 302),
    ):
        answer = browser.posts("/settings", data=good, headers=headers)
        assert answer.status_code == status, headers


def test_a_form_without_its_token_is_refused_before_anyone_asks_who_sends_it(
    visitor: Browser,
) -> None:
    for path in ("/settings", "/logout", "/login", "/signup"):
        for form in ({}, {"csrf_token": "guess"}):
            assert visitor.posts(path, data=form).status_code == 400, path
            foreign = visitor.posts(path, data=form, headers={"Origin": "https://evil.example"})
            assert foreign.status_code == 403, path
    answer = visitor.posts("/settings", data={"csrf_token": visitor.token("/login")})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


def test_a_form_cookie_of_another_opens_no_form(alice: Person, bob: Person, server: Server) -> None:
    stranger = Browser(server.url)
    for planter, page in ((stranger, "/login"), (bob.browser, "/settings")):
        token = planter.token(page)
        sign_in = alice.browser.session.cookies["soyuz"]
        planted = f"soyuz={sign_in}; soyuz-form={planter.session.cookies['soyuz-form']}"
        answer = requests.post(
            server.url + "/settings",
            data={"display_name": "Tossed", "csrf_token": token},
            headers={"Cookie": planted},
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code == 400
        assert "out of date" in answer.text
    assert alice.browser.sends("/settings", display_name="Chosen").status_code == 302


def test_a_form_from_before_a_sign_in_or_out_is_out_of_date(alice: Person) -> None:
    browser = alice.browser

    def is_out_of_date(path: str, token: str) -> bool:
        fields = {"username": alice.name, "password": PASSWORD, "csrf_token": token}
        answer = browser.posts(path, data=fields)
        return answer.status_code == 400 and "out of date" in answer.text

    signed_in = browser.token("/settings")
    browser.sends("/logout")
    signed_out = browser.token("/login")
    assert is_out_of_date("/login", signed_in)
    browser.sends("/login", username=alice.name, password=PASSWORD)
    assert is_out_of_date("/settings", signed_in)
    assert is_out_of_date("/login", signed_out)
    assert is_out_of_date("/logout", signed_out)
    assert browser.opens("/").status_code == 200


def test_pictures_and_scripts_do_not_depend_on_the_form_cookie(alice: Person) -> None:
    found = re.search(r'src="(/static/[^"]+)"', alice.browser.opens("/settings").text)
    assert found
    for path in (found[1], "/healthz"):
        answer = alice.browser.opens(path)
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert "Set-Cookie" not in answer.headers


def test_sign_ins_are_throttled(start_server: StartServer, person: MakePerson) -> None:
    server = start_server(SOYUZ_LOGIN_LIMIT="3/10s")
    person("ann", at=server), person("ben", at=server)

    def sign_in(name: str, password: str = PASSWORD) -> requests.Response:
        return Browser(server.url).sends("/login", username=name, password=password)

    assert [sign_in("nobody").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert [sign_in("ann", "wrong wrong").status_code for _ in range(3)] == [401, 401, 401]
    refused = sign_in("ann")
    assert refused.status_code == 429, "the right password too"
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert sign_in("ben").status_code == 302
    time.sleep(int(refused.headers["Retry-After"]))
    assert sign_in("ann").status_code == 302


def test_sign_ups_are_throttled_per_public_address(start_server: StartServer) -> None:
    server = start_server(SOYUZ_SIGNUP_LIMIT="2/1h")

    def sign_up(name: str, address: str) -> int:
        browser = Browser(server.url, **{"CF-Connecting-IP": address})
        return browser.sends("/signup", username=name, password=PASSWORD).status_code

    assert [sign_up(f"ann{n}", "203.0.113.7") for n in range(3)] == [302, 302, 429]
    assert sign_up("cat", "203.0.113.8") == 302
    assert [sign_up(f"lan{n}", "192.168.1.9") for n in range(3)] == [302] * 3, "a shared one"


def test_a_pasted_werkzeug_hash_is_accepted_and_renewed(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    person("ann", at=server)
    users = server.shows("users.json", lambda users: "ann" in users)
    assert users["ann"]["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    users["ann"]["password"] = generate_password_hash("another password")
    server.file("users.json").write_text(json.dumps(users))
    server.waits_for(r"users\.json was edited")
    answer = Browser(server.url).sends("/login", username="ann", password="another password")
    assert answer.status_code == 302
    server.shows("users.json", lambda users: users["ann"]["password"].startswith("$argon2id$"))


def test_the_setup_link_makes_one_admin_once(start_server: StartServer) -> None:
    server = start_server()
    path = server.waits_for(r"(/setup/\S+)")[1]
    early = Browser(server.url)
    early.sends("/signup", username="stranger", password=PASSWORD)
    users = server.shows("users.json", lambda users: "stranger" in users)
    assert users["stranger"]["role"] == "member"
    assert early.opens("/setup/guess").status_code == 404
    owner = Browser(server.url)
    assert owner.opens(path).status_code == 200
    assert owner.sends(path, username="owner", password="x").status_code == 400
    assert owner.sends(path, username="owner", password=PASSWORD).status_code == 302
    assert owner.opens("/").status_code == 200
    server.shows("users.json", lambda users: users.get("owner", {}).get("role") == "admin")
    assert early.opens(path).status_code == 404
    server.stop()
    server.start()
    assert "/setup/" not in "".join(server.log)


def test_who_comes_second_by_the_setup_link_is_signed_in_as_a_member(
    start_server: StartServer,
) -> None:
    server = start_server()
    path = server.waits_for(r"(/setup/\S+)")[1]
    browsers = {f"owner{n}": Browser(server.url) for n in range(4)}
    tokens = {name: browser.token(path) for name, browser in browsers.items()}
    answers: dict[str, requests.Response] = {}

    def sets_up(name: str) -> None:
        form = {"csrf_token": tokens[name], "username": name, "password": PASSWORD}
        answers[name] = browsers[name].posts(path, data=form)

    racers = [threading.Thread(target=sets_up, args=(name,)) for name in browsers]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    users = server.shows("users.json", lambda users: users.keys() == browsers.keys())
    assert [row["role"] for row in users.values()].count("admin") == 1
    late = [name for name, row in users.items() if row["role"] == "member"]
    assert late, "hashing takes longer than the start of four threads"
    for name in late:
        assert (answers[name].status_code, answers[name].headers["Location"]) == (302, "/settings")
        assert "used this link first" in browsers[name].opens("/settings").text


def test_the_setup_link_makes_the_signed_in_person_admin(start_server: StartServer) -> None:
    server = start_server()
    path = server.waits_for(r"(/setup/\S+)")[1]
    browser = Browser(server.url)
    browser.sends("/signup", username="owner", password=PASSWORD)
    assert browser.sends(path).status_code == 302
    server.shows("users.json", lambda users: users.get("owner", {}).get("role") == "admin")
