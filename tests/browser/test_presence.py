"""The counter counts people, whatever happens to their tabs."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Error, expect

from soyuz.live.presence import GRACE_S, TICK_S
from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor
from tests.conftest import StartServer

pytestmark = pytest.mark.browser
KEEP_COUNTS = """() => {
  const counter = document.getElementById("online-count");
  window.counts = [counter.textContent];
  new MutationObserver(() => window.counts.push(counter.textContent))
    .observe(counter, { childList: true, characterData: true, subtree: true });
}"""
TOLD_BY_MS = (GRACE_S + TICK_S) * 1_000 + 1_500


def counts(visitor: Visitor, text: str) -> None:
    expect(visitor.page.locator("#online-count")).to_have_text(text)


def test_the_counter_counts_people_and_not_tabs(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira = enter("mira", at=server)
    counts(mira, "1 online")
    jonas = enter("jonas", at=server)
    counts(mira, "2 online")
    mira.page.evaluate(KEEP_COUNTS)
    second = jonas.opens_tab()
    jonas.enters(second)
    jonas.page.close()
    mira.page.wait_for_timeout(TOLD_BY_MS)
    assert set(mira.page.evaluate("window.counts")) == {"2 online"}
    with pytest.raises(Error):
        second.goto("chrome://crash")  # the tab dies as one killed by hand
    counts(mira, "1 online")
    expect(mira.page.locator("#absent")).to_contain_text(jonas.name)


def test_a_reload_is_no_departure(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira, jonas = enter("mira", at=server), enter("jonas", at=server)
    counts(mira, "2 online")
    mira.page.evaluate(KEEP_COUNTS)
    began = time.monotonic()
    jonas.page.goto("about:blank")
    jonas.page.wait_for_timeout((TICK_S + 0.1) * 1_000)  # a tick would tell of anyone without grace
    jonas.enters()
    if time.monotonic() - began > GRACE_S:
        pytest.skip("loading the page takes so long here that it is a departure")
    mira.page.wait_for_timeout(TOLD_BY_MS)
    assert mira.page.evaluate("window.counts") == ["2 online"]
