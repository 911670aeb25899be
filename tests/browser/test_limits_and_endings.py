"""Too much, banned, signed out elsewhere: told why and for how long, with nothing written lost."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.conftest import StartServer, eventually

pytestmark = pytest.mark.browser


def test_a_spammer_sees_the_countdown_and_gets_back_in(
    enter: Arrive, start_server: StartServer
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="3/8s", SOYUZ_SPAM_LADDER="warn,9s")
    mira, jonas = enter("mira", at=server), enter("jonas", at=server)
    for number in range(4):
        mira.writes(f"spam {number}")
    expect(mira.page.locator("#status")).to_contain_text(re.compile(r"You can send again in 0:0\d"))
    # The row stays, so it says nothing that is true for seconds only.
    expect(mira.row("spam 3").locator(".message-reason")).to_have_text(
        "Not sent. It came too soon after the others."
    )
    mira.writes("spam 4")
    ban = mira.page.locator("#composer-ban")
    expect(ban).to_contain_text(re.compile(r"for 0:0\d more: too many messages at once"))
    expect(mira.composer).to_be_disabled()
    expect(mira.composer).to_be_enabled(timeout=30_000)
    expect(ban).to_be_hidden()
    mira.row("spam 4").get_by_role("button", name="Try again").click()
    jonas.sees_posted("spam 4")
    assert jonas.reads("spam 3") == []
    assert mira.name in server.file("spam_log.txt").read_text()


def test_a_ban_from_writing_keeps_the_draft(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira = enter("mira", at=server)
    mira.composer.fill("what I was about to say")
    ban = {mira.name: {"until": "2h", "reason": "a rest", "scope": "write"}}
    server.file("temp_bans.json").write_text(json.dumps(ban))
    told = mira.page.locator("#composer-ban")
    expect(told).to_contain_text(re.compile(r"for 1:59:\d\d more: a rest"))
    expect(told).to_contain_text("Your draft is kept")
    announcer = mira.page.locator("#announcer")
    expect(announcer).to_contain_text("more: a rest")
    said = announcer.text_content()
    mira.page.wait_for_timeout(2_100)
    assert announcer.text_content() == said, "told once, and not with every second"
    live = "closest('[aria-live]:not([aria-live=off]), [role=status], [role=alert]')"
    assert told.evaluate(f"told => told.{live}") is None
    expect(mira.composer).to_have_value("what I was about to say")
    server.file("temp_bans.json").write_text("{}")
    expect(mira.composer).to_be_enabled()
    for_good = {mira.name: {"reason": "too loud", "scope": "write"}}
    server.file("perma_banned.json").write_text(json.dumps(for_good))
    expect(announcer).to_contain_text("You can read, but not write, here: too loud")
    server.file("perma_banned.json").write_text("{}")
    expect(mira.composer).to_be_enabled()
    mira.composer.press("Control+Enter")
    mira.sees_posted("what I was about to say")


def test_a_ban_by_hand_throws_a_live_person_out(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira = enter("mira", at=server)
    mira.loads_may_fail = True  # the page for the banned is a 403, which the console notes
    ban = {mira.name: {"until": "2h", "reason": "a rest"}}
    server.file("temp_bans.json").write_text(json.dumps(ban))
    panel = mira.page.locator("#ended")
    expect(panel).to_contain_text("a rest")
    expect(panel).to_contain_text(re.compile(r"Time left: 1:59:\d\d"))
    for _ in range(5):
        mira.page.keyboard.press("Escape")
        expect(panel).to_be_visible()
    panel.evaluate("panel => panel.close()")  # as a phone's gesture for going back does
    expect(panel).to_be_visible()
    expect(panel.get_by_role("link")).to_be_focused()
    mira.goes_to("/")
    expect(mira.page.get_by_text("Reason: a rest")).to_be_visible()
    expect(mira.page.locator("[data-left]")).to_contain_text(re.compile(r"1:59:\d\d left"))
    server.file("temp_bans.json").write_text("{}")
    eventually(lambda: mira.http.opens("/").status_code == 200)
    mira.page.get_by_role("link", name="Try again").click()
    expect(mira.page.get_by_text("You cannot come in right now")).to_have_count(0)


def test_sign_out_everywhere_ends_the_other_devices(enter: Arrive, arrive: Arrive) -> None:
    here = enter("mira")
    there = arrive(here.name)
    there.signs_in()
    here.goes_to("/settings")
    here.page.get_by_role("button", name="Sign out everywhere").click()
    expect(here.page.get_by_role("status")).to_contain_text("signed out everywhere but here")
    expect(there.page.locator("#ended")).to_contain_text("You have been signed out.")
    there.page.get_by_role("link", name="Go to sign-in").click()
    expect(there.page).to_have_url(re.compile("/login$"))
    here.enters()


def test_a_window_that_was_one_too_many_can_be_taken_back(
    enter: Arrive, start_server: StartServer
) -> None:
    mira = enter("mira", at=start_server(SOYUZ_SOCKETS_PER_USER="1"))
    second = mira.opens_tab()
    mira.enters(second)
    expect(mira.page.locator("#ended")).to_contain_text("too many of them open")
    mira.page.get_by_role("link", name="Use it here").click()
    expect(second.locator("#ended")).to_be_visible()
