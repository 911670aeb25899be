"""Settings: a name, a picture, a password, and the places one is signed in, all live."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.conftest import PASSWORD, Browser, Person, Server, Tab, mistakes


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


def test_text_for_a_picture_and_a_picture_for_text_are_refused_with_the_page(alice: Person) -> None:
    image = ("x.png", picture("PNG"))
    for fields in (
        {"avatar": "not a file"},
        {"files": {"display_name": image}},
        {"files": {"new_password": image}},
        {"files": {"remove_avatar": image}},
        {"files": {"avatar": image}, "avatar": "both"},
    ):
        answer = alice.browser.sends("/settings", **fields)  # type: ignore[arg-type]
        assert answer.status_code == 400, fields
        assert "cannot be used" in answer.text
    assert avatar_of(alice) == "None"
    assert alice.browser.sends("/settings", avatar="").status_code == 302, "no picture was chosen"


def test_no_upload_path_leads_elsewhere(alice: Person) -> None:
    opens = alice.browser.opens_as_written
    for path in (
        "../users.json", "avatars/../../users.json", "%2e%2e/users.json", "..%2fusers.json",
        "avatars/..%5c..%5cusers.json", "avatars/x", "avatars", "", "etc/passwd",
    ):  # fmt: skip
        assert opens(f"/uploads/{path}") == (404, ""), path
    assert opens("/uploads//etc/passwd") == (308, f"{alice.server.url}/uploads/etc/passwd")


def test_a_new_password_signs_out_everywhere_else(alice: Person) -> None:
    other = alice.signs_in_elsewhere()
    tab, elsewhere = alice.opens_tab(), Tab(alice.server.url, other.cookie)
    tab.hears("session:ready"), elsewhere.hears("session:ready")
    wrong = alice.browser.sends("/settings", current_password="wrong", new_password="new pass word")
    assert wrong.status_code == 400
    assert other.opens("/").status_code == 200
    form = alice.browser.token("/settings")
    good = {"current_password": PASSWORD, "new_password": "a new pass word"}
    assert alice.browser.sends("/settings", **good).status_code == 302
    assert "Saved." in alice.browser.opens("/settings").text
    assert alice.browser.posts("/settings", data={"csrf_token": form}).status_code == 400
    assert elsewhere.hears("session:ended")["reason"] == "signed_out"
    assert other.opens("/").status_code == 302
    assert alice.browser.opens("/").status_code == 200, "this browser has a new session"
    assert tab.says("and its open page goes on")["ok"]
    assert not tab.heard_since("session:ended")
    assert alice.browser.sends("/logout").status_code == 302
    assert tab.hears("session:ended")["reason"] == "signed_out", "by the new session's end"
    old = Browser(alice.server.url).sends("/login", username=alice.name, password=PASSWORD)
    assert old.status_code == 401


def test_sign_out_everywhere_leaves_this_browser(alice: Person) -> None:
    other = alice.signs_in_elsewhere()
    assert alice.browser.opens("/settings").text.count("127.0.0.1") >= 2, "the list of sessions"
    assert alice.browser.sends("/settings", sign_out_everywhere="1").status_code == 302
    assert other.opens("/").status_code == 302
    assert alice.browser.opens("/").status_code == 200


def test_every_mistake_is_named_at_once_and_what_was_typed_is_said_to_be_gone(
    alice: Person,
) -> None:
    given = {"display_name": "x" * 41, "current_password": "", "new_password": "short"}
    files = {"avatar": ("x.png", b"not a picture")}
    answer = alice.browser.sends("/settings", files=files, **given)
    assert answer.status_code == 400
    assert mistakes(answer) == [
        "This picture cannot be read. PNG, JPEG, WebP and GIF work.",
        "A name has at most 40 characters.",
        "The current password is not right.",
        "A password has at least 8 characters.",
    ]

    given = {"display_name": " ", "current_password": PASSWORD, "new_password": "a new pass word"}
    files = {"avatar": ("x.png", picture("PNG"))}
    answer = alice.browser.sends("/settings", files=files, **given)
    assert mistakes(answer) == [
        "This picture was not kept. Please pick it again.",
        "A name needs at least one character that can be seen.",
        "What you typed here was not kept. Please type it again.",
        "What you typed here was not kept. Please type it again.",
    ]
    assert PASSWORD not in answer.text
    assert avatar_of(alice) == "None"
    alice.browser.sends("/settings", display_name="Alice A.", current_password="wrong")
    old = Browser(alice.server.url).sends("/login", username=alice.name, password=PASSWORD)
    assert old.status_code == 302, "nothing was changed"


def test_settings_without_passwords_leave_the_password_alone(alice: Person) -> None:
    assert alice.browser.sends("/settings", display_name="Alice B.").status_code == 302
    only_current = alice.browser.sends("/settings", current_password=PASSWORD)
    assert only_current.status_code == 400
    assert "A password has at least 8 characters." in mistakes(only_current)
