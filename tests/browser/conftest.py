"""One Chromium for all journeys, and people who come in; none may leave an error behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import LAUNCH_ARGS, find_chromium
from tests.browser.visitor import Visitor
from tests.conftest import PATIENCE_S, Server, StartServer

# A name that is not localhost: for a browser, plain http there is not a secure context.
LAN_NAME = "chat.test"
_numbers = itertools.count(1)
Arrive = Callable[..., Visitor]
expect.set_options(timeout=PATIENCE_S * 1_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium was found: set SOYUZ_CHROMIUM, or let bin/test install one")
    args = [*LAUNCH_ARGS, f"--host-resolver-rules=MAP {LAN_NAME} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


@pytest.fixture
def arrive(chromium: Browser, server: Server, start_server: StartServer) -> Iterator[Arrive]:
    """Give someone a browser of their own; keywords are Playwright's options of a context.

    `start_server` is asked for so that it ends later: a page left open complains of a lost server.
    """
    visitors: list[Visitor] = []

    def open_browser(name: str = "guest", at: Server | None = None, **context: Any) -> Visitor:
        visitors.append(Visitor(chromium, at or server, name, **context))
        return visitors[-1]

    yield open_browser
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def enter(arrive: Arrive) -> Arrive:
    """Let someone in: `enter("mira")` has an account of her own and the chat open."""

    def sign_up(name: str, display_name: str = "", **options: Any) -> Visitor:
        visitor = arrive(f"{name}{next(_numbers)}", **options)
        visitor.signs_up(display_name)
        return visitor

    return sign_up
