"""The counter counts people, whatever happens to their tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error, expect

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
GRACE_MS = 5_500


def counts(visitor: Visitor, text: str, timeout_ms: float = 7_000) -> None:
    expect(visitor.page.locator("#online-count")).to_have_text(text, timeout=timeout_ms)


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
    second.reload()
    mira.page.wait_for_timeout(GRACE_MS)
    assert set(mira.page.evaluate("window.counts")) == {"2 online"}
    with pytest.raises(Error):
        second.goto("chrome://crash")  # the tab dies as one killed by hand
    counts(mira, "1 online")
    expect(mira.page.locator("#absent")).to_contain_text(jonas.name)
