"""The pages: signing up, in and out, the setup link, settings, and what every answer carries."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image
from werkzeug.security import generate_password_hash

from tests.conftest import PASSWORD, Browser, MakePerson, Person, Server, StartServer, eventually


@pytest.fixture
def visitor(server: Server) -> Browser:
    return Browser(server.url)


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
    assert sentence in answer.text
    if "display_name" not in fields:
        assert 'value="Kept Name"' in answer.text
    assert PASSWORD not in answer.text


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


def test_a_session_is_a_hash_on_disk_and_a_guarded_cookie(server: Server, alice: Person) -> None:
    answer = Browser(server.url).sends("/login", username=alice.name, password=PASSWORD)
    cookie = next(c for c in answer.raw.headers.getlist("Set-Cookie") if c.startswith("soyuz="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    token = re.match(r"soyuz=([^;]+)", cookie)
    assert token
    stored = server.file("sessions.json").read_text()
    assert token[1] not in stored
    assert hashlib.sha256(token[1].encode()).hexdigest() in stored


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


def test_sign_ins_are_throttled(start_server: StartServer, person: MakePerson) -> None:
    server = start_server(SOYUZ_LOGIN_LIMIT="3/3s")
    person("ann", at=server), person("ben", at=server)
    browser = Browser(server.url)
    for _ in range(3):
        assert browser.sends("/login", username="ann", password="wrong wrong").status_code == 401
    answer = browser.sends("/login", username="ann", password=PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 4
    assert Browser(server.url).sends("/login", username="ben", password=PASSWORD).status_code == 302
    eventually(
        lambda: browser.sends("/login", username="ann", password=PASSWORD).status_code == 302
    )


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
    users = json.loads(server.file("users.json").read_text())
    assert users["ann"]["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    users["ann"]["password"] = generate_password_hash("another password")
    server.file("users.json").write_text(json.dumps(users))
    browser = Browser(server.url)
    eventually(
        lambda: (
            browser.sends("/login", username="ann", password="another password").status_code == 302
        )
    )
    hashed = json.loads(server.file("users.json").read_text())["ann"]["password"]
    assert hashed.startswith("$argon2id$")


def test_the_setup_link_makes_one_admin_once(start_server: StartServer) -> None:
    server = start_server()
    path = server.waits_for(r"(/setup/\S+)")[1]
    early = Browser(server.url)
    early.sends("/signup", username="stranger", password=PASSWORD)
    assert json.loads(server.file("users.json").read_text())["stranger"]["role"] == "member"
    assert early.opens("/setup/guess").status_code == 404
    owner = Browser(server.url)
    assert owner.opens(path).status_code == 200
    assert owner.sends(path, username="owner", password="x").status_code == 400
    assert owner.sends(path, username="owner", password=PASSWORD).status_code == 302
    assert owner.opens("/").status_code == 200
    assert json.loads(server.file("users.json").read_text())["owner"]["role"] == "admin"
    assert early.opens(path).status_code == 404
    server.stop()
    server.start()
    assert "/setup/" not in "".join(server.log)


def test_the_setup_link_makes_the_signed_in_person_admin(start_server: StartServer) -> None:
    server = start_server()
    path = server.waits_for(r"(/setup/\S+)")[1]
    browser = Browser(server.url)
    browser.sends("/signup", username="owner", password=PASSWORD)
    assert browser.sends(path).status_code == 302
    assert json.loads(server.file("users.json").read_text())["owner"]["role"] == "admin"


# Settings


def test_a_display_name_is_live_for_everyone(alice: Person, bob: Person) -> None:
    bob.hears("session:ready")
    assert f'value="{alice.name}"' in alice.browser.opens("/settings").text, "prefilled"
    assert alice.browser.sends("/settings", display_name="Alice A.").status_code == 302
    assert bob.hears("user:changed")["display_name"] == "Alice A."
    params = bob.hears("system:alert", code="renamed")["params"]
    assert params == {"username": alice.name, "old": alice.name, "new": "Alice A."}
    refused = alice.browser.sends("/settings", display_name="  ")
    assert refused.status_code == 400


def picture(kind: str, size: tuple[int, int] = (400, 200), **options: Any) -> bytes:
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def avatar_of(someone: Person) -> str:
    users = someone.asks("user:get", {"usernames": [someone.name]})["users"]
    return str(users[someone.name]["avatar"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_becomes_a_square_webp_of_ours(alice: Person, kind: str) -> None:
    files = {"avatar": ("../../evil.html", picture(kind), "text/html")}
    assert alice.browser.sends("/settings", files=files).status_code == 302
    url = avatar_of(alice)
    assert re.fullmatch(r"/uploads/avatars/[0-9a-f]{32}\.webp", url)
    answer = alice.browser.opens(url)
    assert answer.headers["Content-Type"] == "image/webp"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    with Image.open(BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("WEBP", (256, 256))
    assert Browser(alice.server.url).opens(url).status_code == 302, "members only"


def test_a_picture_is_turned_upright_and_its_metadata_is_gone(alice: Person) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side: what is left is up
    exif[0x010E] = "taken at home"
    files = {"avatar": ("x.jpg", picture("JPEG", (300, 300), exif=exif))}
    assert alice.browser.sends("/settings", files=files).status_code == 302
    content = alice.browser.opens(avatar_of(alice)).content
    assert b"taken at home" not in content
    with Image.open(BytesIO(content)) as image:
        assert not image.getexif()
        red, _, blue = image.convert("RGB").getpixel((128, 20))  # type: ignore[misc]
        assert blue > 200 > 60 > red, "the left half has become the upper"


def test_a_new_picture_replaces_the_file_and_one_can_be_removed(alice: Person) -> None:
    alice.browser.sends("/settings", files={"avatar": ("x.png", picture("PNG"))})
    first = avatar_of(alice)
    alice.browser.sends("/settings", files={"avatar": ("x.png", picture("PNG", (9, 9)))})
    assert alice.browser.opens(first).status_code == 404
    alice.browser.sends("/settings", remove_avatar="y")
    assert avatar_of(alice) == "None"


def test_a_refused_picture_changes_nothing(server: Server, alice: Person) -> None:
    alice.browser.sends("/settings", files={"avatar": ("x.png", picture("PNG"))})
    before = (avatar_of(alice), len(list(server.file("uploads/avatars").iterdir())))
    bomb = picture("PNG", (10_000, 5_001))
    for content in (
        b"", b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture("PNG")[:200], picture("BMP"), bomb, b"\x89PNG" * 1_500_000, b"x" * 17_000_000,
    ):  # fmt: skip
        files = {"avatar": ("x.png", content)}
        answer = alice.browser.sends("/settings", files=files, display_name="Not Taken")
        assert answer.status_code == 400, content[:20]
    after = (avatar_of(alice), len(list(server.file("uploads/avatars").iterdir())))
    assert after == before
    assert "Not Taken" not in alice.browser.opens("/settings").text


def test_no_upload_path_leads_elsewhere(alice: Person) -> None:
    for path in ("avatars/../../users.json", "%2e%2e/users.json", "avatars/x", "", "//etc/passwd"):
        assert alice.browser.opens(f"/uploads/{path}").status_code in (404, 308), path


def test_a_new_password_signs_out_everywhere_else(alice: Person) -> None:
    other = alice.signs_in_elsewhere()
    tab = alice.opens_tab()
    tab.hears("session:ready")
    wrong = alice.browser.sends("/settings", current_password="wrong", new_password="new pass word")
    assert wrong.status_code == 400
    assert other.opens("/").status_code == 200
    good = {"current_password": PASSWORD, "new_password": "a new pass word"}
    assert alice.browser.sends("/settings", **good).status_code == 302
    assert tab.hears("session:ended", timeout=2)["reason"] == "signed_out"
    assert other.opens("/").status_code == 302
    assert alice.browser.opens("/").status_code == 200, "this browser has a new session"
    old = Browser(alice.server.url).sends("/login", username=alice.name, password=PASSWORD)
    assert old.status_code == 401


def test_sign_out_everywhere_leaves_this_browser(alice: Person) -> None:
    other = alice.signs_in_elsewhere()
    assert alice.browser.opens("/settings").text.count("127.0.0.1") >= 2, "the list of sessions"
    assert alice.browser.sends("/settings", sign_out_everywhere="1").status_code == 302
    assert other.opens("/").status_code == 302
    assert alice.browser.opens("/").status_code == 200


# Every answer


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


def test_static_files_are_compressed_and_kept_for_ever(visitor: Browser) -> None:
    found = re.search(r"/static/[0-9a-f]+/css/app\.css", visitor.opens("/login").text)
    assert found
    answer = visitor.opens(found[0])
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = visitor.session.get(
        visitor.url + found[0], headers={"Accept-Encoding": "identity"}, stream=True, timeout=10
    )
    assert gzip.decompress(gzip.compress(plain.content)) == answer.content
    old = visitor.opens(re.sub(r"static/[0-9a-f]+", "static/000000000000", found[0]))
    assert old.headers["Cache-Control"] == "no-cache"
    assert visitor.opens("/static/x/../server.py").status_code == 404


def test_an_error_is_one_sentence_and_never_a_traceback(alice: Person) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("POST", "/", 400),
        ("DELETE", "/settings", 403),
        ("GET", "/setup/wrong", 404),
    ):
        answer = alice.browser.session.request(method, alice.server.url + path, timeout=10)
        assert answer.status_code in (status, 405), (method, path)
        assert "Traceback" not in answer.text
        assert "<h1" in answer.text


def test_health_is_told_truly(server: Server, visitor: Browser) -> None:
    answer = visitor.opens("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
