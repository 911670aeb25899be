"""People in real browsers: a page that fails the test on any script error or policy violation."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import LAUNCH_ARGS, find_chromium
from tests.conftest import PASSWORD, Server

_numbers = itertools.count(1)
Enter = Callable[..., "Visitor"]


class Visitor:
    """Someone at a window."""

    def __init__(self, browser: Browser, server: Server, name: str, **context: Any) -> None:
        self.name, self.server = f"{name}{next(_numbers)}", server
        self.context = browser.new_context(**context)
        self.errors: list[str] = []
        self.page = self.opens()

    def opens(self) -> Page:
        """Open a window of the same browser."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        return page

    def signs_up(self) -> Visitor:
        self.page.goto(f"{self.server.url}/signup")
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("form [type=submit]")
        expect(self.page.get_by_text(re.compile(r"\d+ online")).first).to_be_visible()
        return self

    def writes(self, text: str) -> None:
        self.page.fill("textarea", text)
        self.page.keyboard.press("Control+Enter")

    def sees(self, text: str, timeout_ms: float = 8_000) -> None:
        expect(self.page.get_by_text(text, exact=True).first).to_be_visible(timeout=timeout_ms)

    def sees_once(self, text: str) -> None:
        expect(self.page.locator("[role=log]").get_by_text(text, exact=True)).to_have_count(1)

    def _note(self, message: Any) -> None:
        is_network = "Failed to load resource" in message.text or "WebSocket" in message.text
        if message.type == "error" and not is_network:
            self.errors.append(message.text)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip(
            "no Chromium was found: set SOYUZ_CHROMIUM, or run bin/test, which installs one"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=LAUNCH_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def enter(chromium: Browser, server: Server) -> Iterator[Enter]:
    """Let someone in: `enter("mira")` signs them up in a window of their own."""
    visitors: list[Visitor] = []

    def sign_up(name: str, at: Server | None = None, **context: Any) -> Visitor:
        visitors.append(Visitor(chromium, at or server, name, **context))
        return visitors[-1].signs_up()

    yield sign_up
    for visitor in visitors:
        visitor.context.close()
        assert visitor.errors == []
