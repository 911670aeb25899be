"""Forms are sent once, however often one clicks, and can be sent again where one comes back to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import is_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
BETWEEN_CLICKS_MS = 120  # time enough for a browser to have sent the first


def hold_posts(page: Page) -> list[Route]:
    """Keep what is posted from the server until the test lets it go on."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route("**/*", hold)
    return held


@pytest.mark.parametrize("path", ["/signup", "/login"])
@pytest.mark.parametrize(
    "send",
    [
        lambda page: page.locator("form .button-primary").dblclick(delay=BETWEEN_CLICKS_MS),
        lambda page: [
            page.keyboard.press("Enter", delay=BETWEEN_CLICKS_MS),
            page.keyboard.press("Enter", delay=BETWEEN_CLICKS_MS),
        ],
    ],
    ids=["double click", "Enter twice"],
)
def test_one_form_is_sent_however_often_one_presses(
    enter: Arrive, arrive: Arrive, path: str, send: Callable[[Page], None]
) -> None:
    known, guest = enter("known"), arrive("twice")
    name = known.name if path == "/login" else f"{known.name}.twice"
    held = hold_posts(guest.page)
    guest.goes_to(path)
    guest.page.fill("[name=username]", name)
    guest.page.fill("[name=password]", PASSWORD)
    send(guest.page)
    guest.page.wait_for_timeout(BETWEEN_CLICKS_MS)
    assert len(held) == 1
    held[0].continue_()
    is_in(guest.page)


def test_the_button_that_was_pressed_is_sent_with_its_form(enter: Arrive) -> None:
    mira = enter("mira")
    mira.goes_to("/settings")
    everywhere = mira.page.get_by_role("button", name="Sign out everywhere")
    everywhere.click()
    expect(mira.page.get_by_text("You are signed out everywhere but here.")).to_be_visible()
    expect(everywhere).to_be_enabled()


def test_who_comes_back_to_a_form_finds_it_ready(enter: Arrive) -> None:
    mira = enter("mira")
    mira.goes_to("/settings")
    save = mira.page.get_by_role("button", name="Save changes")
    mira.page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    save.click()
    expect(save).to_be_disabled()
    mira.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(save).to_be_enabled()
