"""Bans by hand, live within two seconds, in every form an admin may write."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT, Browser, MakePerson, Server, StartServer, eventually

LIVE_WITHIN_S = 3.5  # promised are 2 s; measured 0.7, and CI allows a noisy machine five times that


def edit(server: Server, name: str, content: Any) -> float:
    """Save a file as an editor does, in place; gives the moment."""
    server.file(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return time.monotonic()


@pytest.fixture
def own(start_server: StartServer) -> Server:
    return start_server(SOYUZ_SPAM_LIMIT="off")


@pytest.mark.parametrize(
    ("name", "content", "sentences"),
    [
        ("temp_bans.json", {"Ann": "2h"}, ["until"]),
        ("temp_bans.json", {"ann": {"until": "2999-01-01", "reason": "rest"}}, ["rest", "2999"]),
        ("perma_banned.json", ["ANN"], []),
        ("perma_banned.json", {"ann": {"reason": "rude"}}, ["rude"]),
    ],
)
def test_a_ban_by_hand_throws_a_live_person_out_and_lifting_lets_them_in(
    own: Server, person: MakePerson, name: str, content: Any, sentences: list[str]
) -> None:
    ann, ben = person("ann", at=own), person("ben", at=own)
    ann.hears("session:ready"), ben.hears("session:ready")
    edited = edit(own, name, content)
    ended = ann.hears("session:ended", timeout=LIVE_WITHIN_S)
    assert time.monotonic() - edited < LIVE_WITHIN_S
    assert ended["reason"] == ended["code"] == "banned"
    assert ("until" in ended) == (name == "temp_bans.json")
    ann.hears("disconnect")
    assert ben.hears("system:alert", code="banned")["params"]["username"] == "ann"
    assert ben.hears("presence:changed", left=["ann"])["online"] == 1
    assert ann.is_refused() == "banned"
    assert ann.browser.opens("/").status_code == 403
    again = Browser(own.url).sends("/login", username="ann", password="correct horse battery")
    assert again.status_code == 403
    assert all(word in again.text for word in sentences), "reason and end"
    wrong = Browser(own.url).sends("/login", username="ann", password="a wrong password")
    assert wrong.status_code == 401, "a ban shows only after the right password"
    edit(own, name, {})
    ann.tabs.clear()
    eventually(lambda: ann.browser.opens("/").status_code == 200)
    assert ann.says("back")["ok"]


def test_a_short_form_is_written_back_in_full(own: Server) -> None:
    edit(own, "temp_bans.json", {"Bob": "2h"})
    row = own.shows("temp_bans.json", lambda bans: "bob" in bans)["bob"]
    assert row["until"].endswith("Z")


def test_a_ban_from_writing_leaves_the_connection(own: Server, person: MakePerson) -> None:
    ann = person("ann", at=own)
    ann.hears("session:ready")
    edit(own, "temp_bans.json", {"ann": {"until": "1h", "reason": "cool down", "scope": "write"}})
    alert = ann.hears("system:alert", code="write_banned", timeout=LIVE_WITHIN_S)
    assert alert["params"]["reason"] == "cool down"
    assert ann.says("hm")["error"]["code"] == "banned"
    edit(own, "temp_bans.json", [])
    ann.hears("system:alert", code="write_ban_lifted", timeout=LIVE_WITHIN_S)
    assert ann.says("thanks")["ok"]


def lifted_by_hand(server: Server) -> None:
    edit(server, "temp_bans.json", {})


def lifted_by_command(server: Server) -> None:
    command = [sys.executable, "server.py", "unban", "ann", "--data", str(server.data)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("lift", [lifted_by_hand, lifted_by_command])
def test_who_came_while_they_could_not_write_hears_that_they_may_again(
    own: Server, person: MakePerson, lift: Callable[[Server], None]
) -> None:
    ann = person("ann", at=own)
    edit(own, "temp_bans.json", {"ann": {"until": "1h", "scope": "write"}})
    own.waits_for(r"temp_bans\.json was edited")
    assert ann.hears("session:ready")["me"]["write_ban"]
    lift(own)
    ann.hears("system:alert", code="write_ban_lifted")
    assert ann.says("thanks")["ok"]


def test_who_reloads_in_a_ban_by_the_limiter_hears_of_its_lifting(
    start_server: StartServer, person: MakePerson
) -> None:
    own = start_server(SOYUZ_SPAM_LIMIT="1/10s", SOYUZ_SPAM_LADDER="1h")
    ann = person("ann", at=own)
    ann.says("one")
    assert ann.says("two")["error"]["code"] == "banned"
    ann.leaves()
    edit(own, "perma_banned.json", ["eve"])  # bans are looked through while she is away
    own.waits_for(r"perma_banned\.json was edited")
    assert ann.hears("session:ready")["me"]["write_ban"]
    lifted_by_hand(own)
    ann.hears("system:alert", code="write_ban_lifted")


def test_an_address_is_banned_behind_the_tunnel_alone(own: Server, person: MakePerson) -> None:
    ann = person("ann", at=own, **{"CF-Connecting-IP": "203.0.113.7"})
    ben = person("ben", at=own, **{"CF-Connecting-IP": "198.51.100.9"})
    ann.hears("session:ready"), ben.hears("session:ready")
    edit(own, "perma_banned.json", ["ip:203.0.113.0/24"])
    assert ann.hears("session:ended", timeout=LIVE_WITHIN_S)["reason"] == "banned"
    assert ben.says("I am elsewhere")["ok"]
    stranger = Browser(own.url, **{"CF-Connecting-IP": "203.0.113.99"})
    answer = stranger.sends("/signup", username="eve", password="correct horse battery")
    assert answer.status_code == 403


def test_who_is_here_from_another_address_too_is_not_announced_as_gone(
    own: Server, person: MakePerson
) -> None:
    ben, ann = person("ben", at=own), person("ann", at=own, **{"CF-Connecting-IP": "203.0.113.7"})
    ben.hears("session:ready")
    here = ann.opens_tab()
    ann._headers = {"CF-Connecting-IP": "198.51.100.9"}
    there = ann.opens_tab()
    there.hears("session:ready")
    ben.hears("presence:changed", online=2)
    edit(own, "perma_banned.json", ["ip:203.0.113.7"])
    assert here.hears("session:ended", timeout=LIVE_WITHIN_S)["reason"] == "banned"
    assert there.says("still here")["ok"]
    assert ben.hears("message:posted")["author"] == "ann"
    time.sleep(2.5)  # presence is told once a second
    alerts = [payload["code"] for event, payload in ben.tab.heard if event == "system:alert"]
    assert "banned" not in alerts
    assert ben.opens_tab().hears("session:ready")["online"] == 2


def test_of_forwarded_addresses_the_last_is_believed(own: Server, person: MakePerson) -> None:
    ann = person("ann", at=own, **{"X-Forwarded-For": "192.0.2.1, 203.0.113.7"})
    ann.hears("session:ready")
    edited = edit(own, "perma_banned.json", ["ip:192.0.2.1"])
    eventually(lambda: any("perma_banned.json was edited" in entry for entry in own.log))
    assert time.monotonic() - edited < LIVE_WITHIN_S
    assert ann.says("anyone can write that in front")["ok"]
    edit(own, "perma_banned.json", ["ip:203.0.113.7"])
    assert ann.hears("session:ended", timeout=LIVE_WITHIN_S)["reason"] == "banned"


def test_a_shared_address_is_refused_with_an_alert_and_a_line_in_the_log(
    own: Server, person: MakePerson
) -> None:
    ann = person("ann", at=own)
    make_admin(own, "ann")
    ann.hears("user:changed", role="admin")
    edit(own, "perma_banned.json", ["ip:127.0.0.1"])
    alert = ann.hears("system:alert", code="ban_refused", timeout=LIVE_WITHIN_S)
    assert alert["params"]["key"] == "ip:127.0.0.1"
    own.waits_for(r"WARNING ip:127\.0\.0\.1 in perma_banned\.json bans nobody")
    assert ann.says("still here")["ok"]


@pytest.mark.parametrize(
    ("spoiled", "line", "column"),
    [
        ('{\n  "bob": "2h"\n  "eve": "2h"\n}', 3, 3),
        ('{\n  "bob": "2h",\n  "bob": "3h"\n}', 3, 3),
        ('{\n  "eve": "2h",\n  "bob": 5\n}', 3, 3),
        ("", 1, 1),
        ("bob", 1, 1),
    ],
)
def test_a_broken_file_changes_nothing_and_is_reported(
    own: Server, person: MakePerson, spoiled: str, line: int, column: int
) -> None:
    ann = person("ann", at=own)
    make_admin(own, "ann")
    ann.hears("user:changed", role="admin")
    edit(own, "temp_bans.json", {"bob": {"until": "2999-01-01T00:00:00.000Z"}})
    eventually(lambda: any("temp_bans.json was edited" in entry for entry in own.log))
    edit(own, "temp_bans.json", spoiled)
    params = ann.hears("system:alert", code="file_trouble")["params"]
    assert (params["file"], params["line"], params["column"]) == ("temp_bans.json", line, column)
    bob = Browser(own.url)

    def signs_up() -> int:
        return bob.sends("/signup", username="bob", password="correct horse battery").status_code

    assert signs_up() == 403, "the last good list stays in force"
    assert own.file("temp_bans.json").read_text() == spoiled, "left for repair"
    if spoiled:
        copies = list(own.data.glob("temp_bans.json.broken-*"))
        assert [copy.read_text() for copy in copies] == [spoiled]
    edit(own, "temp_bans.json", {})
    ann.hears("system:alert", code="file_healed")
    eventually(lambda: signs_up() == 302)


def test_users_json_by_hand_is_live(own: Server, person: MakePerson) -> None:
    ann, ben = person("ann", at=own), person("ben", at=own)
    ann.hears("session:ready"), ben.hears("session:ready")
    users = own.shows("users.json", lambda users: "ben" in users)
    users["ann"]["display_name"] = "Annie"
    edit(own, "users.json", users)
    assert ben.hears("user:changed", timeout=LIVE_WITHIN_S)["display_name"] == "Annie"
    assert ben.hears("system:alert", code="renamed")["params"]["old"] == "ann"
    del users["ann"]
    edit(own, "users.json", users)
    assert ann.hears("session:ended", timeout=LIVE_WITHIN_S)["reason"] == "deleted"
    ann.hears("disconnect")
    assert ann.is_refused() == "signed_out"
    assert ben.says("I remain")["ok"]


def test_an_editor_opened_before_two_signed_up_deletes_neither(
    own: Server, person: MakePerson
) -> None:
    person("ann", at=own)
    buffer = json.dumps(own.shows("users.json", lambda users: "ann" in users))
    person("ben", at=own), person("cat", at=own)
    own.shows("users.json", lambda users: "cat" in users)
    edit(own, "users.json", buffer.replace('"member"', '"moderator"'))
    users = own.shows("users.json", lambda users: "cat" in users)
    roles = {name: row["role"] for name, row in users.items()}
    assert roles == {"ann": "moderator", "ben": "member", "cat": "member"}


def make_admin(server: Server, name: str) -> None:
    users = server.shows("users.json", lambda users: name in users)
    users[name]["role"] = "admin"
    edit(server, "users.json", users)
