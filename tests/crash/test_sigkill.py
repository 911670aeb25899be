"""kill -9 in the middle of posting loses nothing that was acknowledged, and doubles nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

from tests.conftest import MakePerson, Person, Server, StartServer, eventually

ENOUGH = 50  # messages acknowledged before the end, however slow the disk is

ROUNDS = int(os.environ.get("SOYUZ_CRASH_ROUNDS", "20"))  # of the long runs; bin/crash sets it


def lost_or_doubled(acknowledged: list[str], stored: list[str]) -> list[str]:
    """Give the acknowledged client_ids that are not stored exactly once."""
    return [client_id for client_id in acknowledged if stored.count(client_id) != 1]


def test_the_check_can_fail() -> None:
    assert lost_or_doubled(["a", "b", "c"], ["a", "c", "c"]) == ["b", "c"]


def begin_posting(people: list[Person], prefix: str, told: list[str]) -> list[threading.Thread]:
    """Have everyone post as fast as acks come, until the server is gone."""
    posters = []
    for someone in people:
        someone.opens_tab()
        arguments = (someone, f"{prefix}-{someone.name}", told)
        posters.append(threading.Thread(target=posts_until_gone, args=arguments))
        posters[-1].start()
    return posters


def posts_until_gone(someone: Person, prefix: str, acknowledged: list[str]) -> None:
    client = someone.tab.client
    for number in range(100_000):
        client_id = f"{prefix}-{number}"
        payload = {"room": "lobby", "text": client_id, "client_id": client_id}
        try:
            if client.call("message:post", payload, timeout=3)["ok"]:
                acknowledged.append(client_id)
        except Exception:  # the server is gone, in whatever way the client notices
            if not client.connected:
                return


def everything(someone: Person) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = []
    after = 0
    while True:
        page = someone.asks("history:page", {"room": "lobby", "after": after, "limit": 100})
        messages += page["messages"]
        if not page["has_newer"]:
            return messages
        after = page["messages"][-1]["id"]


def written(server: Server) -> list[str]:
    """Give the client_ids of the history files, as anyone with an editor finds them."""
    lines = [
        line
        for path in sorted(server.file("history/lobby").glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return [json.loads(line)["data"]["client_id"] for line in lines]


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(ROUNDS, marks=[pytest.mark.long, pytest.mark.timeout(30 * ROUNDS)])]
)
def test_every_acknowledged_message_is_found_once(
    start_server: StartServer, person: MakePerson, rounds: int
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    people = [person(name, at=server) for name in ("ann", "ben", "eve")]
    acknowledged: list[str] = []
    for round_ in range(rounds):
        enough = len(acknowledged) + ENOUGH + 7 * (round_ % 20)
        posters = begin_posting(people, f"{round_}", acknowledged)
        eventually(lambda enough=enough: len(acknowledged) > enough)
        server.kill()
        for poster in posters:
            poster.join(10)
        server.start()
        for someone in people:
            someone.tabs.clear()
            someone.browser.url = server.url
    messages = everything(people[0])
    assert lost_or_doubled(acknowledged, [str(m["client_id"]) for m in messages]) == []
    assert lost_or_doubled(acknowledged, written(server)) == []
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))


def test_a_stop_in_the_middle_of_posting_is_quick_and_loses_nothing(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    people = [person(name, at=server) for name in ("ann", "ben", "eve")]
    acknowledged: list[str] = []
    posters = begin_posting(people, "0", acknowledged)
    eventually(lambda: len(acknowledged) > ENOUGH)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert time.monotonic() - began < 5
    for poster in posters:
        poster.join(10)
    assert lost_or_doubled(acknowledged, written(server)) == []
