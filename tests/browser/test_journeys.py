"""What people do, in real windows against the real server."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.conftest import StartServer

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


def test_two_people_chat_and_see_each_other_type(enter: Enter) -> None:
    mira, jonas = enter("mira"), enter("jonas", viewport=PHONE)
    mira.writes("Hello from Mira")
    jonas.sees("Hello from Mira")
    jonas.page.locator("textarea").press_sequentially("Hi", delay=30)
    expect(mira.page.get_by_text(f"{jonas.name} is typing")).to_be_visible()
    jonas.writes("Hi Mira")
    mira.sees("Hi Mira")
    mira.sees_once("Hello from Mira")


def test_nothing_typed_becomes_markup(enter: Enter) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    mira.writes(hostile)
    jonas.sees(hostile)
    mira.writes("see https://example.org/a and javascript:alert(1)")
    link = jonas.page.locator("[role=log] a", has_text="https://example.org/a").last
    expect(link).to_have_attribute("rel", "noopener nofollow")
    assert jonas.page.locator("[role=log] a[href^=javascript]").count() == 0


def test_the_theme_survives_a_reload_without_a_flash(enter: Enter) -> None:
    mira = enter("mira", color_scheme="light")
    mira.page.evaluate("localStorage.setItem('soyuz.theme', 'dark')")
    mira.page.add_init_script(
        "new MutationObserver((_, o) => { if (document.body) { window.atBody ="
        " document.documentElement.dataset.theme; o.disconnect(); } })"
        ".observe(document, {childList: true, subtree: true})"
    )
    mira.page.reload()
    expect(mira.page.locator("textarea")).to_be_enabled()
    assert mira.page.evaluate("window.atBody") == "dark"


def test_a_spammer_sees_the_countdown_keeps_the_draft_and_gets_back_in(
    enter: Enter, start_server: StartServer
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="2/5s", SOYUZ_SPAM_LADDER="warn,3s")
    mira = enter("mira", at=server)
    for number in range(4):
        mira.writes(f"spam {number}")
        mira.page.wait_for_timeout(150)
    expect(mira.page.get_by_text("too many messages at once").first).to_be_visible()
    expect(mira.page.locator("textarea")).to_be_enabled(timeout=6_000)
    mira.writes("sorry")
    mira.sees_once("sorry")


def test_a_ban_by_hand_throws_a_live_person_out(enter: Enter, start_server: StartServer) -> None:
    server = start_server()
    mira = enter("mira", at=server)
    ban = {mira.name: {"until": "2h", "reason": "a rest"}}
    server.file("temp_bans.json").write_text(json.dumps(ban))
    expect(mira.page.get_by_text("a rest").first).to_be_visible(timeout=4_000)
    mira.page.goto(server.url)
    expect(mira.page.get_by_text("a rest").first).to_be_visible()


def test_a_new_name_is_live_for_the_other(enter: Enter) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    mira.writes("who am I")
    jonas.sees("who am I")
    settings = mira.opens()
    settings.goto(f"{mira.server.url}/settings")
    settings.fill("[name=display_name]", "Mira Renamed")
    settings.get_by_role("button", name="Save changes").click()
    expect(jonas.page.locator("[role=log]").get_by_text("Mira Renamed").first).to_be_visible()


def test_what_is_written_offline_arrives_once_and_in_order(enter: Enter) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    mira.context.set_offline(True)
    for number in range(3):
        mira.writes(f"{mira.name} offline {number}")
    mira.page.wait_for_timeout(500)
    mira.context.set_offline(False)
    for number in range(3):
        jonas.sees(f"{mira.name} offline {number}", timeout_ms=60_000)
        jonas.sees_once(f"{mira.name} offline {number}")


def test_a_phone_shows_everything_without_scrolling_sideways(enter: Enter) -> None:
    for width in (390, 320):
        mira = enter("mira", viewport={"width": width, "height": 700})
        mira.writes("x" * 300)
        overflow = "document.documentElement.scrollWidth - innerWidth"
        assert mira.page.evaluate(overflow) <= 0
        mira.page.evaluate("document.documentElement.dir = 'rtl'")
        assert mira.page.evaluate(overflow) <= 0
        expect(mira.page.locator("textarea")).to_be_in_viewport()


def test_the_keyboard_is_enough(enter: Enter) -> None:
    mira = enter("mira")
    expect(mira.page.locator("textarea")).to_be_focused()
    mira.page.keyboard.type("by keyboard")
    mira.page.keyboard.press("Enter")
    mira.sees_once("by keyboard")


def found_by_axe(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in violations]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(enter: Enter, scheme: str) -> None:
    mira = enter("mira", color_scheme=scheme)
    mira.writes(f"Something to read in {scheme}")
    mira.sees_once(f"Something to read in {scheme}")
    assert found_by_axe(mira.page) == []
    mira.page.goto(f"{mira.server.url}/settings")
    assert found_by_axe(mira.page) == []
    mira.context.clear_cookies()
    for path in ("/login", "/signup", "/nowhere"):
        mira.page.goto(mira.server.url + path)
        assert found_by_axe(mira.page) == []
