"""Opening the page: light, still, from our own server only, and without a secure context."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LAN_NAME, Arrive
from tests.browser.visitor import comes_to_rest, is_in
from tests.conftest import PASSWORD, MakePerson

pytestmark = pytest.mark.browser
WEIGHT_MAX_BYTES = 150_000
KEEP_SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => {
  for (const { hadRecentInput, value, sources } of list.getEntries()) {
    const moved = sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
    if (!hadRecentInput) window.shifts.push(`${value} ${moved}`);
  }
}).observe({ type: "layout-shift", buffered: true });"""


def test_the_first_load_is_light_and_comes_from_here(enter: Arrive) -> None:
    mira = enter("mira")
    mira.page.close()
    mira.page = mira.opens_tab()
    asked: list[str] = []
    received = {"bytes": 0.0}

    def count(event: dict[str, float]) -> None:
        received["bytes"] += event["encodedDataLength"]

    mira.page.on("request", lambda request: asked.append(request.url))
    devtools = mira.context.new_cdp_session(mira.page)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    devtools.on("Network.loadingFinished", count)
    mira.enters()
    mira.page.wait_for_load_state("networkidle")
    assert len(asked) > 20, "the page is made of modules"
    assert [url for url in asked if not url.startswith(mira.server.url)] == []
    assert 20_000 < received["bytes"] <= WEIGHT_MAX_BYTES, received


@pytest.fixture
def ten_people(person: MakePerson) -> None:
    """Keep ten people online: the counter then has two figures."""
    for number in range(10):
        person(f"guest{number}").opens_tab()


@pytest.mark.parametrize("width", [320, 390, 820, 1280])
def test_nothing_moves_while_it_loads(
    enter: Arrive, arrive: Arrive, ten_people: None, width: int
) -> None:
    size = {"width": width, "height": 800}
    mira, guest = enter("mira", viewport=size), arrive(viewport=size)
    for number in range(3):
        mira.writes(f"{mira.name} fills the page {number}")
    mira.sees_posted(f"{mira.name} fills the page 2")
    for someone, path in ((mira, "/"), (mira, "/settings"), (guest, "/login"), (guest, "/signup")):
        someone.page.add_init_script(KEEP_SHIFTS)
        someone.goes_to(path)
        someone.page.wait_for_load_state("networkidle")
        comes_to_rest(someone.page)
        if path == "/":
            expect(someone.page.locator("#online-count")).to_have_text(re.compile(r"^\d\d online"))
        assert someone.page.evaluate("window.shifts") == [], path


def test_plain_http_at_a_name_of_the_local_network_is_enough(arrive: Arrive) -> None:
    mira = arrive("mira.lan")
    page, site = mira.page, f"http://{LAN_NAME}:{mira.server.port}"
    page.goto(f"{site}/signup")
    assert page.evaluate("isSecureContext") is False
    page.fill("[name=username]", mira.name)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    is_in(page)
    mira.writes("hello from the kitchen")
    mira.sees_posted("hello from the kitchen")
    page.reload()
    is_in(page)
    mira.sees_posted("hello from the kitchen")
    expect(page.locator("#my-handle")).to_have_text(f"@{mira.name}")
