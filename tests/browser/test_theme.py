"""The theme: chosen once, there before anything is painted, the same in every tab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive

pytestmark = pytest.mark.browser
DARK, LIGHT = "rgb(12, 17, 32)", "rgb(244, 245, 249)"
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
WATCH_FIRST_PAINT = f"""
new MutationObserver((_, observer) => {{
  if (!document.body) return;
  window.themeAtBody = document.documentElement.dataset.theme;
  observer.disconnect();
}}).observe(document, {{ childList: true, subtree: true }});
new PerformanceObserver(() => (window.groundAtPaint ??= {GROUND}))
  .observe({{ type: "paint", buffered: true }});
"""


def test_the_theme_survives_a_reload_without_a_flash(enter: Arrive) -> None:
    mira = enter("mira", color_scheme="light")
    assert mira.page.evaluate(GROUND) == LIGHT
    toggle = mira.page.locator("[data-theme-toggle]")
    while mira.page.evaluate("document.documentElement.dataset.theme") != "dark":
        toggle.click()
    mira.page.add_init_script(WATCH_FIRST_PAINT)
    mira.reloads()
    assert mira.page.evaluate("window.themeAtBody") == "dark"
    assert mira.page.wait_for_function("window.groundAtPaint").json_value() == DARK


def test_every_tab_follows_and_system_means_the_system(enter: Arrive) -> None:
    mira = enter("mira", color_scheme="dark")
    settings = mira.opens_tab()
    mira.goes_to("/settings", settings)
    settings.get_by_role("radio", name="Light").check()
    expect(mira.page.locator("html")).to_have_attribute("data-theme", "light")
    assert mira.page.evaluate(GROUND) == LIGHT
    settings.get_by_role("radio", name="System").check()
    expect(mira.page.locator("html")).to_have_attribute("data-theme", "system")
    assert mira.page.evaluate(GROUND) == DARK
    mira.page.emulate_media(color_scheme="light")
    assert mira.page.evaluate(GROUND) == LIGHT


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_three_choices_are_built_alike(enter: Arrive, width: int) -> None:
    mira = enter("mira", viewport={"width": width, "height": 700})
    mira.goes_to("/settings")
    tops = "parts => parts.map((part) => Math.round(part.getBoundingClientRect().top))"
    for part in ("label > .icon", "label > span"):
        assert len(set(mira.page.locator(f".segmented > {part}").evaluate_all(tops))) == 1, part
