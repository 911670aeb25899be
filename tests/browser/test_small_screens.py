"""From a phone to a wide screen, and mirrored: nothing is lost, nothing scrolls sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import comes_to_rest

pytestmark = pytest.mark.browser
MIRROR = "document.documentElement.dir = 'rtl'"
TOUCH_TARGET_PX = 44
SMALLER_TARGETS = """least => [...document.querySelectorAll("button, a.button, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < least)
  .map((one) => `${one.id || one.textContent.trim()} ${one.offsetWidth}x${one.offsetHeight}`)"""


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
