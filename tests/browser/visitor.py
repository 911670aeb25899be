"""Someone at a browser window: what they do, what they see, and what their pages complain of."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.conftest import PASSWORD, PATIENCE_S, Server
from tests.conftest import Browser as Http

# Chromium's own words for a violation depend on its version; these do not.
WATCH = """addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`policy violation: ${violatedDirective} ${blockedURI}`))"""
ANIMATIONS_END = """async () => {
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  const ends = (one) => one.effect.getComputedTiming().endTime !== Infinity;
  await Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
}"""
FAILED_LOAD = re.compile("Failed to load resource|WebSocket connection")


class Visitor:
    """Whatever a script or the browser complains of is kept in `complaints`: a test ends with none."""

    def __init__(self, browser: Browser, server: Server, name: str, **context: Any) -> None:
        self.name, self.server = name, server
        self.complaints: list[str] = []
        self.loads_may_fail = False  # True where losing the network or being refused is the story
        self.http = Http(server.url)
        self.context = browser.new_context(**context)
        self.context.add_init_script(WATCH)
        self.page = self.opens_tab()

    def opens_tab(self) -> Page:
        """Open one more tab of the same browser, still empty."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        return page

    def signs_up(self, display_name: str = "") -> None:
        """Get an account without the page, which has its own test, and open the chat."""
        fields = {"username": self.name, "display_name": display_name, "password": PASSWORD}
        answer = self.http.sends("/signup", **fields)
        assert answer.status_code == 302, answer.text
        self._takes_the_session()

    def signs_in(self) -> None:
        """Start a session of this browser's own for an account that exists, and open the chat."""
        answer = self.http.sends("/login", username=self.name, password=PASSWORD)
        assert answer.status_code == 302, answer.text
        self._takes_the_session()

    def _takes_the_session(self) -> None:
        cookies = [(cookie.name, cookie.value or "") for cookie in self.http.session.cookies]
        url = self.server.url
        self.context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies])
        self.enters()

    def goes_to(self, path: str, page: Page | None = None) -> None:
        (page or self.page).goto(self.server.url + path)

    def enters(self, page: Page | None = None) -> None:
        """Open the chat and wait until it is connected and shows its messages."""
        self.goes_to("/", page)
        is_in(page or self.page)

    def reloads(self) -> None:
        self.page.reload()
        is_in(self.page)

    def loses_the_network(self) -> None:
        self.loads_may_fail = True
        self.context.set_offline(True)
        expect(self.page.locator("#status")).to_contain_text("You are offline")

    def finds_the_network(self) -> None:
        self.context.set_offline(False)

    @property
    def composer(self) -> Locator:
        return self.page.locator("#text")

    def writes(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Control+Enter")

    def row(self, text: str) -> Locator:
        """Find the messages of exactly this text."""
        words = self.page.locator(".message-text").get_by_text(text, exact=True)
        return self.page.locator(".message").filter(has=words)

    def sees_posted(self, text: str, timeout_ms: float | None = None) -> None:
        """See the message once, and no longer on its way."""
        expect(self.row(text)).to_have_count(1, timeout=timeout_ms)
        expect(self.row(text)).to_have_attribute("data-state", "posted", timeout=timeout_ms)

    def sees_complaint(self, words: str) -> None:
        """Wait until a script or the browser has complained in such words."""
        deadline = time.monotonic() + PATIENCE_S
        while not any(words in complaint for complaint in self.complaints):
            assert time.monotonic() < deadline, f"no {words!r} in {self.complaints}"
            self.page.wait_for_timeout(20)

    def reads(self, word: str = "") -> list[str]:
        """Give the texts in the order they stand, of messages with that word."""
        texts = self.page.locator(".message-text").all_inner_texts()
        return [text for text in texts if word in text]

    def overflow_px(self) -> int:
        """Give by how much the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        if not (self.loads_may_fail and FAILED_LOAD.search(message.text)):
            self.complaints.append(message.text)


def comes_to_rest(page: Page) -> None:
    """Wait until what slides has slid and what fades has faded."""
    page.evaluate(ANIMATIONS_END)


def is_in(page: Page) -> None:
    """Wait until the chat is connected and shows its messages."""
    expect(page.locator("#online-count")).not_to_be_empty()
    expect(page.locator("#log")).to_have_attribute("aria-busy", "false")
