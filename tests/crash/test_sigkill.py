"""kill -9 in the middle of posting loses nothing that was acknowledged, and doubles nothing."""

from __future__ import annotations

import threading
import time

import pytest

from tests.conftest import MakePerson, Person, StartServer


def lost_or_doubled(acknowledged: list[str], stored: list[str]) -> list[str]:
    """Give the acknowledged client_ids that are not stored exactly once."""
    return [client_id for client_id in acknowledged if stored.count(client_id) != 1]


def test_the_check_can_fail() -> None:
    assert lost_or_doubled(["a", "b", "c"], ["a", "c", "c"]) == ["b", "c"]


def posts_until_killed(someone: Person, round_: int, acknowledged: list[str]) -> None:
    for number in range(100_000):
        client_id = f"{round_}-{number}"
        payload = {"room": "lobby", "text": client_id, "client_id": client_id}
        try:
            if someone.tab.client.call("message:post", payload, timeout=3)["ok"]:
                acknowledged.append(client_id)
        except Exception:  # the server is gone, in whatever way the client notices
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


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(20, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_every_acknowledged_message_is_found_once(
    start_server: StartServer, person: MakePerson, rounds: int
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    ann = person("ann", at=server)
    acknowledged: list[str] = []
    for round_ in range(rounds):
        ann.opens_tab()
        poster = threading.Thread(target=posts_until_killed, args=(ann, round_, acknowledged))
        poster.start()
        time.sleep(0.4 + 0.07 * round_)
        server.kill()
        poster.join(10)
        ann.tabs.clear()
        server.start()
        ann.browser.url = server.url
    assert len(acknowledged) > 20 * rounds
    messages = everything(ann)
    assert lost_or_doubled(acknowledged, [str(m["client_id"]) for m in messages]) == []
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
