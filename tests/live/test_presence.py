"""The counter counts people, and is right after everything that can happen to a tab."""

from __future__ import annotations

import time

import pytest

from soyuz.live.presence import ALERT_AFTER_S, GRACE_S, QUIET_START_S, TICK_S, Presence
from soyuz.live.typing import FORGOTTEN_AFTER_S, Typing
from tests.conftest import MakePerson, StartServer

LATER = QUIET_START_S + 1.0
LONG_AGO = -1_000.0  # signed in before the server started
GONE_WITHIN_S = 5.0  # promised


def test_two_tabs_are_one_person_and_a_reload_is_no_departure(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann, ben = person("ann", at=server), person("ben", at=server)
    assert ann.hears("session:ready")["online"] == 1
    ben.opens_tab()
    assert "ben" in ann.hears("presence:changed", online=2)["joined"]
    second = ben.opens_tab()
    assert second.hears("session:ready")["online"] == 2
    ben.tabs.pop(0).closes()
    time.sleep(5)
    assert not ann.tab.heard_since("presence:changed"), "one tab is left"
    second.closes()
    ben.tabs.clear()
    time.sleep(TICK_S + 0.1)  # a tick would tell of anyone without grace
    ben.opens_tab()  # a reload
    time.sleep(5)
    assert not ann.tab.heard_since("presence:changed")
    ben.leaves()
    left = ann.hears("presence:changed")
    assert (left["online"], left["left"]) == (1, ["ben"])


def test_a_killed_tab_is_gone_after_the_grace(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann, ben = person("ann", at=server), person("ben", at=server)
    ann.hears("session:ready")
    tab = ben.opens_tab()
    ann.hears("presence:changed", online=2)
    ben.tabs.clear()
    died = time.monotonic()
    tab.dies()
    assert ann.hears("presence:changed")["left"] == ["ben"]
    assert time.monotonic() - died >= GRACE_S, "it might have been a reload"


def test_after_a_restart_everyone_counts_again(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann, ben = person("ann", at=server), person("ben", at=server)
    ann.opens_tab(), ben.opens_tab()
    server.kill()
    server.start()
    for someone in (ann, ben):
        someone.tabs.clear()
        someone.browser.url = server.url
    assert ann.hears("session:ready")["online"] == 1
    ready = ben.hears("session:ready")
    assert ready["online"] == 2
    assert {p["username"]: p["online"] for p in ready["people"]} == {"ann": True, "ben": True}


def test_someone_who_signs_in_just_after_the_start_has_joined(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann = person("ann", at=server)
    ann.hears("session:ready")
    ben = person("ben", at=server, display_name="Ben B.")
    came = time.monotonic()  # before the tab opens, for the server may begin to count at once
    ben.opens_tab()
    joined = ann.hears("system:alert", code="joined", text="Ben B. joined")
    assert time.monotonic() - came >= ALERT_AFTER_S
    assert joined["params"] == {"username": "ben", "name": "Ben B."}


@pytest.mark.long
def test_joined_and_left_are_said_aloud_but_not_of_those_who_return(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    people = [person(name, at=server) for name in ("ann", "ben")]
    server.stop()
    server.start()
    for someone in people:
        someone.browser.url = server.url
    ann, ben = people
    ann.hears("session:ready")
    ben.opens_tab()
    time.sleep(QUIET_START_S + ALERT_AFTER_S)
    assert ann.tab.heard_since("system:alert") == []
    ben.leaves()
    assert ann.hears("system:alert", code="left")["text"] == "ben left"
    ben.opens_tab()
    assert ann.hears("system:alert", code="joined")["text"] == "ben joined"


def test_whoever_is_gone_is_gone_in_time() -> None:
    assert GRACE_S + TICK_S < GONE_WITHIN_S


def test_coming_and_going_is_told_in_ticks() -> None:
    presence = Presence(0.0)
    presence.came("ann", LATER, LONG_AGO)
    presence.came("ben", LATER, LONG_AGO)
    change = presence.tick(LATER)
    assert change
    assert (change.online, change.joined, change.left) == (2, ["ann", "ben"], [])
    assert presence.tick(LATER + 1) is None
    presence.closed_last("ann", LATER + 2)
    assert presence.tick(LATER + 2 + GRACE_S - 0.1) is None
    change = presence.tick(LATER + 2 + GRACE_S)
    assert change
    assert (change.online, change.left) == (1, ["ann"])


def test_joined_and_left_are_news_after_their_grace_only() -> None:
    presence = Presence(0.0)
    presence.came("ann", LATER, LONG_AGO)
    first = presence.tick(LATER)
    assert first
    assert first.alerts == []
    change = presence.tick(LATER + ALERT_AFTER_S)
    assert change
    assert change.alerts == [("joined", "ann")]
    presence.closed_last("ann", 50.0)
    presence.tick(50.0 + GRACE_S)
    presence.came("ann", 50.0 + GRACE_S + 1, LONG_AGO)  # back before it was news
    for second in range(60, 80):
        later = presence.tick(float(second))
        assert later is None or later.alerts == []


def alerts(presence: Presence, *seconds: float) -> list[tuple[str, str]]:
    """Give all that the ticks of these seconds have to say aloud."""
    changes = [presence.tick(second) for second in seconds]
    return [alert for change in changes if change for alert in change.alerts]


def test_after_a_start_those_who_return_have_not_really_joined() -> None:
    presence = Presence(0.0)
    presence.came("ann", 1.0, LONG_AGO)
    presence.came("ben", QUIET_START_S - 0.1, LONG_AGO)
    assert alerts(presence, *range(2, 30)) == []
    presence.closed_last("ann", 30.0)
    assert alerts(presence, *range(30, 50)) == [("left", "ann")]
    presence.came("ann", 50.0, LONG_AGO)
    assert alerts(presence, *range(50, 70)) == [("joined", "ann")]


def test_who_returns_leaves_and_comes_again_is_told_both_times() -> None:
    presence = Presence(0.0)
    presence.came("ann", 0.5, LONG_AGO)
    presence.closed_last("ann", 1.0)
    assert alerts(presence, *range(1, 12)) == [("left", "ann")]
    presence.came("ann", 12.0, LONG_AGO)
    assert alerts(presence, *range(12, 20)) == [("joined", "ann")]


def test_after_a_start_those_who_have_signed_in_since_are_news_at_once() -> None:
    presence = Presence(0.0)
    presence.came("ann", 2.0, 1.0)
    assert alerts(presence, 2.0, 6.9) == []
    assert alerts(presence, 7.0) == [("joined", "ann")]
    presence.closed_last("ann", 7.0)
    assert alerts(presence, 10.0, 14.9) == []
    assert alerts(presence, 15.0) == [("left", "ann")]


def test_in_a_crowd_coming_and_going_is_no_news() -> None:
    presence = Presence(0.0)
    for number in range(101):
        presence.came(f"p{number}", LATER, LONG_AGO)
    presence.tick(LATER)
    change = presence.tick(LATER + ALERT_AFTER_S)
    assert change is None or change.alerts == []


def test_a_typist_is_forgotten_by_the_clock() -> None:
    typing = Typing()
    typing.set("lobby", "ann", True, 0.0)
    assert typing.tick(0.1) == [("lobby", ["ann"])]
    assert typing.tick(FORGOTTEN_AFTER_S - 0.1) == []
    assert typing.tick(FORGOTTEN_AFTER_S) == [("lobby", [])]
    typing.set("lobby", "ann", True, 10.0)
    typing.tick(10.0)
    typing.gone("ann")
    assert typing.tick(10.1) == [("lobby", [])]
