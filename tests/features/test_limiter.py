"""The limiter as a person meets it: a warning, a ban from writing with its end, and then on again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from soyuz.domain.instant import epoch
from tests.conftest import MakePerson, StartServer

QUICK = {"SOYUZ_SPAM_LIMIT": "3/10s", "SOYUZ_SPAM_LADDER": "warn,6s,1h"}
MILLISECOND = 0.001  # moments are written down to it


def ban_for(seconds: float, offend: Callable[[], Any]) -> str:
    """Have someone offend, see them banned for so long from then on, and give the end."""
    before = time.time()
    error = offend()["error"]
    after = time.time()
    assert error["code"] == "banned"
    until = str(error["params"]["until"])
    assert before + seconds - MILLISECOND <= epoch(until) <= after + seconds
    assert 0 < error["retry_after"] <= seconds
    return until


def waits_until(moment: str) -> None:
    time.sleep(max(0.0, epoch(moment) - time.time()) + 0.01)


def test_a_warning_then_a_ban_then_free_again(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server(**QUICK)
    ann, ben = person("ann", at=server), person("ben", at=server)
    ben.hears("session:ready")
    ready = ann.hears("session:ready")
    assert ready["limits"]["spam"] == {"messages": 3, "window_s": 10.0}
    assert all(ann.says(f"ok {n}")["ok"] for n in range(3))

    warned = ann.says("one too many")["error"]
    assert warned["code"] == "too_fast"
    assert 0 < warned["retry_after"] <= 10
    assert ann.hears("system:alert", code="spam_warning")["level"] == "warning"
    assert json.loads(server.file("temp_bans.json").read_text()) == {}

    until = ban_for(6, lambda: ann.says("and again"))
    row = server.shows("temp_bans.json", lambda bans: "ann" in bans)["ann"]
    assert (row["scope"], row["until"]) == ("write", until)
    assert row["reason"]

    climbs_nothing = ann.says("still")["error"]["params"]
    assert climbs_nothing == {"until": until, "reason": row["reason"]}
    assert ann.asks("history:page", {"room": "lobby"})["ok"], "reading goes on"
    assert ann.asks("typing:set", {"room": "lobby", "on": True})["error"]["code"] == "banned"
    assert ann.opens_tab().hears("session:ready")["me"]["write_ban"]["until"] == until
    assert ben.says("I am not stopped")["ok"]

    waits_until(until)
    assert all(ann.says(f"back {n}")["ok"] for n in range(3)), "a ban empties the window"
    until = ban_for(3_600, lambda: ann.says("a later offence, the next rung"))
    server.shows("temp_bans.json", lambda bans: bans["ann"]["until"] == until)

    lines = server.file("spam_log.txt").read_text("utf-8").splitlines()
    assert [line.split("\t")[5] for line in lines] == ["warned", "banned 6s", "banned 3600s"]
    assert all(line.split("\t")[1:4:2] == ["ann", "message"] for line in lines)
    assert all(len(line.split("\t")) == 6 for line in lines)


def test_the_rung_survives_a_restart(start_server: StartServer, person: MakePerson) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="1/10s", SOYUZ_SPAM_LADDER="warn,1s,1h,24h")
    ann = person("ann", at=server)
    assert ann.says("a")["ok"]
    assert ann.says("b")["error"]["code"] == "too_fast"
    until = ban_for(1, lambda: ann.says("c"))
    ann.leaves()
    server.kill()
    server.start()
    ann.browser.url = server.url
    waits_until(until)
    assert ann.says("d")["ok"]
    ban_for(3_600, lambda: ann.says("e"))


def test_saying_the_same_again_and_again_is_over_the_limit(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server(SOYUZ_SPAM_LIMIT="100/10s"))
    assert all(ann.says("buy this")["ok"] for _ in range(4))
    error = ann.says("buy this")["error"]
    assert (error["code"], error["detail"]) == ("too_fast", "too_fast.same_text")
    assert ann.says("anything else")["ok"]


def test_invalid_payloads_and_resends_do_not_count(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server(SOYUZ_SPAM_LIMIT="2/1m"))
    assert ann.says("one", client_id="one")["ok"]
    for _ in range(10):
        assert ann.says("one", client_id="one")["ok"]
        assert ann.says(" ")["error"]["code"] == "invalid"
    assert ann.says("two")["ok"]
    assert ann.says("three")["error"]["code"] == "too_fast"


def test_other_events_have_budgets_of_their_own(
    start_server: StartServer, person: MakePerson
) -> None:
    ann = person("ann", at=start_server())
    page = {"room": "lobby"}
    assert all(ann.asks("history:page", page)["ok"] for _ in range(60))
    assert ann.asks("history:page", page)["error"]["code"] == "too_fast"
    assert ann.says("writing goes on after a warning")["ok"]
    typing = {"room": "lobby", "on": True}
    answers = [ann.asks("typing:set", typing) for _ in range(31)]
    assert [a["ok"] for a in answers] == [True] * 30 + [False]


def test_off_lifts_every_budget(start_server: StartServer, person: MakePerson) -> None:
    ann = person("ann", at=start_server(SOYUZ_SPAM_LIMIT="off"))
    assert ann.hears("session:ready")["limits"]["spam"] is None
    assert all(ann.says("the same")["ok"] for _ in range(50))
    assert all(ann.asks("history:page", {"room": "lobby"})["ok"] for _ in range(80))
