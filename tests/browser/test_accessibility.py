"""axe finds nothing: every page, in every state, in both themes."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import comes_to_rest
from tests.conftest import MakePerson, StartServer

pytestmark = pytest.mark.browser
# The themes differ in nothing but their colours.
RULES_BY_SCHEME = {"light": None, "dark": {"runOnly": ["color-contrast"]}}


def found_by_axe(page: Page) -> list[str]:
    """Give what is wrong with the page as it stands, in both themes."""
    found = []
    for scheme, options in RULES_BY_SCHEME.items():
        page.emulate_media(color_scheme=scheme)
        comes_to_rest(page)
        for violation in Axe().run(page, options=options).response["violations"]:
            places = [node["html"][:160] for node in violation["nodes"]]
            found.append(f"{scheme}: {violation['id']}: {places}")
    return found


def test_the_pages_in_front(arrive: Arrive, start_server: StartServer) -> None:
    server = start_server()
    guest = arrive(at=server)
    guest.loads_may_fail = True  # 404, 401, 400 and 403 are among the pages
    for path in ("/login", "/signup", "/nowhere", server.waits_for(r"(/setup/\S+)")[1]):
        guest.goes_to(path)
        assert found_by_axe(guest.page) == [], path
    for path in ("/login", "/signup"):
        guest.goes_to(path)
        guest.page.fill("[name=username]", "x")
        guest.page.fill("[name=password]", "wrong")
        with guest.page.expect_response(lambda answer: answer.request.method == "POST") as refused:
            guest.page.click("form [type=submit]")
        assert refused.value.status in (400, 401)
        guest.page.wait_for_load_state()
        assert found_by_axe(guest.page) == [], f"{path} refused"


def test_a_list_of_people_longer_than_the_screen(
    enter: Arrive, start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    for number in range(30):
        person(f"guest{number}", at=server)
    mira = enter("mira", at=server)
    expect(mira.page.locator(".person")).to_have_count(31)
    people = mira.page.get_by_role("group", name="People")
    assert people.evaluate("list => list.scrollHeight > list.clientHeight")
    assert found_by_axe(mira.page) == []
    people.press("End")
    expect(mira.page.locator(".person").last).to_be_in_viewport()


def test_the_chat_in_its_states(enter: Arrive, start_server: StartServer) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="1/1m", SOYUZ_SPAM_LADDER="warn,1h")
    mira = enter("mira", display_name="Mira Okafor", at=server)
    page = mira.page
    assert found_by_axe(page) == [], "empty"
    mira.writes("See https://example.org, سلام")
    mira.sees_posted("See https://example.org, سلام")
    page.get_by_role("button", name="Menu").click()
    assert found_by_axe(page) == [], "menu"
    page.get_by_role("button", name="Keyboard shortcuts").click()
    assert found_by_axe(page) == [], "shortcuts"
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 700})
    assert found_by_axe(page) == [], "phone"
    for name in ("rooms", "people"):
        page.locator(f"#{name}-toggle").click()
        assert found_by_axe(page) == [], f"{name} drawer"
        page.keyboard.press("Escape")
    mira.writes("too much")
    expect(page.locator(".message-failed")).to_be_visible()
    assert found_by_axe(page) == [], "slow down, and a message not sent"
    mira.writes("far too much")
    expect(page.locator("#composer-ban")).to_be_visible()
    assert found_by_axe(page) == [], "banned from writing"
    ban = {mira.name: {"until": "2h", "reason": "a rest"}}
    server.file("temp_bans.json").write_text(json.dumps(ban))
    expect(page.locator("#ended")).to_be_visible()
    assert found_by_axe(page) == [], "session ended"
    mira.loads_may_fail = True
    mira.goes_to("/")
    assert found_by_axe(page) == [], "the page for the banned"


def test_settings(enter: Arrive) -> None:
    mira = enter("mira")
    mira.goes_to("/settings")
    assert found_by_axe(mira.page) == []
    mira.loads_may_fail = True  # the refusal is a 400
    mira.page.fill("[name=new_password]", "short")
    mira.page.get_by_role("button", name="Save changes").click()
    expect(mira.page.get_by_role("alert")).not_to_have_count(0)
    assert found_by_axe(mira.page) == [], "refused"
