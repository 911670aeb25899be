"""The keyboard is enough: from sign-up to sign-out, and the focus can always be seen."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import is_in
from tests.conftest import PASSWORD, StartServer

pytestmark = pytest.mark.browser
TABS_MAX = 25
FOCUSED = """() => {
  const at = document.activeElement;
  const label = at.labels?.[0]?.textContent;
  const { outlineStyle, outlineWidth } = getComputedStyle(at.closest(".composer-box") ?? at);
  return {
    name: (at.getAttribute("aria-label") ?? label ?? at.textContent).trim(),
    shown: outlineStyle !== "none" && parseFloat(outlineWidth) > 0,
  };
}"""

WRITE_AT_ONCE = """(lines) => {
  const text = document.getElementById("text");
  for (const line of lines) {
    text.value = line;
    text.dispatchEvent(new Event("input"));
    text.form.requestSubmit();
  }
}"""


def tabs_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until the focus is on what has that name, and can be seen at every stop."""
    passed = []
    for _ in range(TABS_MAX):
        page.keyboard.press(key)
        focused = page.evaluate(FOCUSED)
        assert focused["shown"], f"the focus on {focused['name']!r} cannot be seen"
        if focused["name"] == name:
            return
        passed.append(focused["name"])
    raise AssertionError(f"no {name!r} among {passed}")


def test_from_sign_up_to_sign_out(arrive: Arrive) -> None:
    page = (mira := arrive("mira.keys")).page
    mira.goes_to("/signup")
    for label, typed in (("Username", mira.name), ("Display name", "Mira"), ("Password", PASSWORD)):
        tabs_to(page, label)
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    is_in(page)
    expect(mira.composer).to_be_focused()
    page.keyboard.type("by keyboard?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Yes!")
    page.keyboard.press("Enter")
    lines = page.locator(".message").last.locator(".message-text > p")
    expect(lines).to_have_text(["by keyboard?", "Yes!"])
    tabs_to(page, "Menu", "Shift+Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#menu-button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(mira.composer).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.locator(".room").first).to_be_focused()
    tabs_to(page, "Menu")
    page.keyboard.press("Enter")
    tabs_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/login$"))


def test_a_drawer_keeps_the_focus_and_gives_it_back(enter: Arrive) -> None:
    mira = enter("mira", viewport={"width": 390, "height": 700})
    mira.page.locator("#people-toggle").press("Enter")
    expect(mira.page.locator("#people-side")).to_be_focused()
    assert mira.page.locator("#conversation").get_attribute("inert") is not None
    mira.page.keyboard.press("Escape")
    expect(mira.page.locator("#people-side")).to_be_hidden()
    expect(mira.page.locator("#people-toggle")).to_be_focused()


def test_the_tab_key_stays_in_an_open_drawer(enter: Arrive) -> None:
    mira = enter("mira", viewport={"width": 390, "height": 700})
    mira.page.locator("#people-toggle").press("Enter")
    for _ in range(6):
        mira.page.keyboard.press("Tab")
        # After the last stop the browser itself has the focus, and the page's body stands for it.
        assert mira.page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('.side-end')"
        )
    mira.page.keyboard.press("Escape")
    expect(mira.page.locator(".skip-link")).not_to_have_attribute("inert", "")


def test_leaving_a_drawer_leads_back_to_where_one_came_from(enter: Arrive) -> None:
    mira = enter("mira", viewport={"width": 390, "height": 700})
    mira.composer.press("Control+k")
    expect(mira.page.locator(".room").first).to_be_focused()
    mira.page.keyboard.press("Escape")
    expect(mira.composer).to_be_focused()
    mira.page.locator("#people-toggle").press("Enter")
    mira.page.keyboard.press("Control+k")
    expect(mira.page.locator("#people-side")).to_be_hidden()
    mira.page.keyboard.press("Escape")
    expect(mira.page.locator("#rooms-toggle")).to_be_focused()


def test_a_button_that_goes_hands_the_focus_on(enter: Arrive, start_server: StartServer) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="3/5s", SOYUZ_SPAM_LADDER="warn,4s")
    mira = enter("mira", at=server)
    for number in range(4):
        mira.writes(f"line {number}")
    failed = mira.page.locator(".message-failed")
    expect(failed).to_have_count(1)
    mira.page.evaluate(WRITE_AT_ONCE, ["line 4", "line 5", "line 6"])
    expect(failed).to_have_count(4)

    def button(line: int, name: str) -> Locator:
        return mira.row(f"line {line}").get_by_role("button", name=name)

    button(4, "Delete").press("Enter")
    expect(button(5, "Try again")).to_be_focused()
    button(5, "Delete").press("Space")
    expect(button(6, "Try again")).to_be_focused()
    button(6, "Delete").press("Enter")
    expect(button(3, "Try again")).to_be_focused()
    expect(mira.composer).to_be_enabled()
    button(3, "Try again").press("Enter")
    expect(mira.composer).to_be_focused()
    mira.sees_posted("line 3")


def test_the_way_to_the_end_leads_on_to_writing(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira = enter("mira", at=server)
    mira.writes("one" + "\nand more" * 60)
    expect(mira.page.locator(".message")).to_have_attribute("data-state", "posted")
    log, to_end = mira.page.locator("#log"), mira.page.locator("#to-end")
    log.press("Home")
    expect(log).to_have_js_property("scrollTop", 0)  # it slides there
    to_end.press("Enter")
    expect(to_end).to_be_hidden()
    expect(mira.composer).to_be_focused()
    ban = {mira.name: {"until": "2h", "reason": "a rest", "scope": "write"}}
    server.file("temp_bans.json").write_text(json.dumps(ban))
    expect(mira.composer).to_be_disabled()
    log.press("Home")
    expect(log).to_have_js_property("scrollTop", 0)  # it slides there
    to_end.press("Enter")
    expect(to_end).to_be_hidden()
    expect(log).to_be_focused()
