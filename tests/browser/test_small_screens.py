"""From a phone to a wide screen, and mirrored: nothing is lost, nothing scrolls sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.chromium import LAUNCH_ARGS, find_chromium
from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor, comes_to_rest
from tests.conftest import MakePerson, Server, StartServer

pytestmark = pytest.mark.browser
MIRROR = "document.documentElement.dir = 'rtl'"
TOUCH_TARGET_PX = 44
SMALLER_TARGETS = """least => [...document.querySelectorAll("button, a.button, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < least)
  .map((one) => `${one.id || one.textContent.trim()} ${one.offsetWidth}x${one.offsetHeight}`)"""

PERSIAN_NAME = "شاهزاده محمدرضا حسین‌زادهٔ کرمانشاهی"
ENGLISH_NAME = "Ada Moreau of the Long and Winding Name"
BEGINNING_IN_SIGHT = """name => {
  const first = document.createRange();
  first.setStart(name.firstChild, 0);
  first.setEnd(name.firstChild, 1);
  const [letter, place] = [first, name.parentElement].map((one) => one.getBoundingClientRect());
  return letter.width > 0 && letter.left >= place.left - 1 && letter.right <= place.right + 1;
}"""
END_IN_SIGHT = """line => {
  const words = document.createRange();
  words.selectNodeContents(line.lastChild);
  return words.getBoundingClientRect().right <= line.getBoundingClientRect().right;
}"""
SLIDES = """async side => {
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return side.getAnimations().length > 0;
}"""


def left_of(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["x"]


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_everything(enter: Arrive, width: int) -> None:
    size = {"width": width, "height": 640}
    mira = enter("mira", display_name="Mira Okafor", viewport=size, has_touch=True, is_mobile=True)
    mira.writes(f"{mira.name} writes from a phone, and the line is long enough to be broken twice")
    expect(mira.composer).to_be_in_viewport(ratio=1)
    expect(mira.page.locator("#send")).to_be_in_viewport(ratio=1)
    expect(mira.page.locator("#online-count")).to_be_in_viewport(ratio=1)
    for name in ("rooms", "people"):
        side = mira.page.locator(f"#{name}-side")
        expect(side).to_be_hidden()
        mira.page.locator(f"#{name}-toggle").tap()
        expect(side).to_be_visible()
        comes_to_rest(mira.page)
        assert mira.overflow_px() <= 0
        side.get_by_role("button", name="Close").tap()
        expect(side).to_be_hidden()
        expect(mira.page.locator(f"#{name}-toggle")).to_be_focused()
    assert mira.page.evaluate(SMALLER_TARGETS, TOUCH_TARGET_PX) == []
    assert mira.composer.evaluate("text => parseFloat(getComputedStyle(text).fontSize)") >= 16
    for path in ("/settings", "/login"):
        mira.goes_to(path)
        assert mira.overflow_px() <= 0, path


@pytest.mark.parametrize("width", [320, 900, 1280])
def test_the_page_mirrors(enter: Arrive, width: int) -> None:
    mira = enter("mira", viewport={"width": width, "height": 700})
    mira.writes(f"{mira.name} سلام")
    row = mira.row(f"{mira.name} سلام")
    avatar, text = row.locator(".message-avatar"), row.locator(".message-text")
    assert left_of(avatar) < left_of(text)
    mira.page.evaluate(MIRROR)
    assert mira.overflow_px() <= 0
    assert left_of(avatar) > left_of(text)
    menu, heading = mira.page.locator("#menu-button"), mira.page.locator("#room-name")
    assert left_of(menu) < left_of(heading)
    menu.click()
    expect(mira.page.locator("#menu")).to_be_in_viewport(ratio=1)
    mira.page.keyboard.press("Escape")
    for name in ("rooms", "people"):
        toggle = mira.page.locator(f"#{name}-toggle")
        if not mira.page.locator(f"#{name}-side").is_visible():
            toggle.click()
            expect(mira.page.locator(f"#{name}-side")).to_be_in_viewport(ratio=0.99)
            comes_to_rest(mira.page)
            assert mira.overflow_px() <= 0
            mira.page.keyboard.press("Escape")
    if width >= 1024:
        rooms, people = mira.page.locator("#rooms-side"), mira.page.locator("#people-side")
        assert left_of(rooms) > left_of(people)
    for path in ("/settings", "/login"):
        mira.goes_to(path)
        mira.page.evaluate(MIRROR)
        assert mira.overflow_px() <= 0, path


def test_a_column_becomes_a_drawer_without_sliding_away(enter: Arrive) -> None:
    mira = enter("mira", viewport={"width": 1280, "height": 700})
    page = mira.page
    rooms, people = page.locator("#rooms-side"), page.locator("#people-side")
    for _ in range(2):  # also once it has been a drawer
        page.set_viewport_size({"width": 390, "height": 700})
        assert not rooms.evaluate(SLIDES)
        assert not people.evaluate(SLIDES)
        expect(people).to_be_hidden()
        page.locator("#people-toggle").click()
        assert people.evaluate(SLIDES)
        expect(people).to_be_visible()
        page.set_viewport_size({"width": 1280, "height": 700})
        expect(people).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_near_the_limit_the_text_keeps_its_room(enter: Arrive, width: int) -> None:
    mira = enter("mira", viewport={"width": width, "height": 700})
    wide_px = mira.composer.evaluate("text => text.clientWidth")
    mira.composer.fill("x" * 4_012)
    left = mira.page.locator("#composer-left")
    expect(left).to_be_visible()
    given_px = wide_px - mira.composer.evaluate("text => text.clientWidth")
    assert given_px <= (48 if width < 768 else 160)
    expect(mira.composer).to_have_accessible_description("12 characters too many")
    expect(left.locator(".composer-figure")).to_have_text("-12")
    mira.composer.fill("line\n" * 20)
    box, field = mira.page.locator(".composer-box").bounding_box(), mira.composer.bounding_box()
    assert box
    assert field
    assert field["y"] - box["y"] >= 8
    assert box["y"] + box["height"] - field["y"] - field["height"] >= 8
    mira.composer.fill("")
    mira.composer.blur()
    mira.page.locator(".composer-field").click(position={"x": 20, "y": 2})
    expect(mira.composer).to_be_focused()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_typing_line_keeps_its_verb(
    enter: Arrive, start_server: StartServer, person: MakePerson, width: int
) -> None:
    server = start_server()
    mira = enter("mira", at=server, viewport={"width": width, "height": 700})
    for number, shown in enumerate((PERSIAN_NAME, ENGLISH_NAME, "W" * 40)):
        guest = person(f"guest{number}", at=server, display_name=shown)
        guest.asks("typing:set", {"room": "lobby", "on": True})
    line = mira.page.locator("#typing")
    expect(line.locator("bdi")).to_have_text([PERSIAN_NAME, ENGLISH_NAME, "W" * 40])
    assert line.evaluate(END_IN_SIGHT)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_long_name_of_either_direction_keeps_its_beginning(
    enter: Arrive, start_server: StartServer, person: MakePerson, direction: str
) -> None:
    server = start_server()
    person("guest", at=server, display_name=ENGLISH_NAME)
    mira = enter("mira", at=server, display_name=PERSIAN_NAME)
    expect(mira.page.locator(".person")).to_have_count(2)
    mira.page.evaluate(f"document.documentElement.dir = '{direction}'")
    for name in mira.page.locator(":is(.person-name, .me-name) > bdi").all():
        assert name.evaluate("name => name.scrollWidth > name.clientWidth"), "it is cut"
        assert name.evaluate(BEGINNING_IN_SIGHT), name.text_content()


def test_messages_and_composer_stand_in_one_line(chromium: Browser, server: Server) -> None:
    # Playwright hides the scrollbars, unless told otherwise.
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(), args=LAUNCH_ARGS, ignore_default_args=["--hide-scrollbars"]
    )
    mira = Visitor(browser, server, "mira.wide", viewport={"width": 1920, "height": 800})
    mira.signs_up()
    log = mira.page.locator("#log")
    assert log.evaluate("log => log.offsetWidth > log.clientWidth"), "the scrollbar takes room"
    for width in (1920, 1280, 820):
        mira.page.set_viewport_size({"width": width, "height": 800})
        assert left_of(log.locator(".log-inner")) == left_of(mira.page.locator(".dock-column"))
    browser.close()
