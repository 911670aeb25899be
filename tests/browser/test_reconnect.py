"""Offline and back: everything arrives once and in order, whoever was away."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, WebSocketRoute, expect

from tests.browser.conftest import Arrive
from tests.conftest import StartServer

pytestmark = pytest.mark.browser


def test_offline_and_back(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    pair = f"{mira.name}+{jonas.name}"
    mira.writes(f"{pair} before")
    jonas.sees_posted(f"{pair} before")
    mira.loses_the_network()
    for number in range(3):
        mira.writes(f"{pair} from the tunnel {number}")
        jonas.writes(f"{pair} meanwhile {number}")
    expect(mira.page.locator("#status")).to_have_text(
        "You are offline. 3 messages are waiting and will be sent."
    )
    assert jonas.reads(f"{pair} from") == []
    assert mira.reads(f"{pair} meanwhile") == []
    mira.finds_the_network()
    for someone in (mira, jonas):
        someone.sees_posted(f"{pair} from the tunnel 2", timeout_ms=15_000)
    expect(mira.page.locator("#status")).to_be_hidden()
    said = [f"{pair} before"]
    said += [f"{pair} meanwhile {number}" for number in range(3)]
    said += [f"{pair} from the tunnel {number}" for number in range(3)]
    assert jonas.reads(pair) == said
    assert mira.reads(pair) == said


def test_what_is_written_before_the_first_connection_is_sent_with_it(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    slow: list[WebSocketRoute] = []
    mira.page.route_web_socket("**/socket.io/**", lambda socket: slow.append(socket))
    mira.goes_to("/")
    for number in range(2):
        mira.writes(f"{mira.name} cannot wait {number}")
    early = mira.row(f"{mira.name} cannot wait 1")
    expect(early).to_have_attribute("data-state", "waiting")
    expect(early.locator(".message-author")).to_have_text(mira.name)
    expect(mira.composer).to_have_value("")
    expect(mira.page.locator("#status")).to_contain_text("Connecting")
    slow[0].connect_to_server()
    jonas.sees_posted(f"{mira.name} cannot wait 1", timeout_ms=15_000)
    wait = [f"{mira.name} cannot wait {number}" for number in range(2)]
    assert jonas.reads(mira.name) == wait
    mira.sees_posted(wait[1])
    assert mira.reads(mira.name) == wait


def test_what_waits_is_not_said_in_the_name_of_who_signs_in_next(
    enter: Arrive, arrive: Arrive
) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    mira.loses_the_network()
    mira.writes(f"{mira.name} and nobody else")
    mira.context.add_cookies(jonas.context.cookies())
    mira.finds_the_network()
    expect(mira.page.locator("#ended")).to_contain_text("You have been signed out.", timeout=15_000)
    jonas.page.wait_for_timeout(500)
    assert jonas.reads(mira.name) == []


def test_leaving_asks_while_messages_wait(enter: Arrive) -> None:
    mira = enter("mira")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    mira.page.on("dialog", stay)
    mira.loses_the_network()
    mira.writes("not lost so easily")
    mira.page.close(run_before_unload=True)
    expect(mira.row("not lost so easily")).to_be_visible()
    mira.page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    mira.finds_the_network()
    mira.sees_posted("not lost so easily", timeout_ms=15_000)


def test_the_server_dies_and_comes_back(enter: Arrive, start_server: StartServer) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    mira, jonas = enter("mira", at=server), enter("jonas", at=server)
    for someone in (mira, jonas):
        someone.loads_may_fail = True
    mira.writes("before the power cut")
    jonas.sees_posted("before the power cut")
    server.kill()
    expect(mira.page.locator("#status")).to_contain_text("You are offline")
    mira.writes("written in the dark")
    jonas.writes("in the dark as well")
    server.start()
    for someone in (mira, jonas):
        for text in ("before the power cut", "written in the dark", "in the dark as well"):
            someone.sees_posted(text, timeout_ms=20_000)
    assert mira.reads("dark") == jonas.reads("dark")
    expect(mira.page.locator("#online-count")).to_have_text("2 online")


def test_a_dozen_written_in_a_tunnel_warn_nobody(enter: Arrive, start_server: StartServer) -> None:
    server = start_server()
    mira, jonas = enter("mira", at=server), enter("jonas", at=server)
    mira.loses_the_network()
    for number in range(12):
        mira.writes(f"line {number}")
    mira.finds_the_network()
    jonas.sees_posted("line 11", timeout_ms=40_000)
    lines = [f"line {number}" for number in range(12)]
    assert jonas.reads("line") == lines
    mira.sees_posted("line 11")
    assert mira.reads("line") == lines
    expect(mira.page.locator("#status")).to_be_hidden()
    assert not server.file("spam_log.txt").read_text()
