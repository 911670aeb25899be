"""Every wrong payload of every event is answered, and nobody is cut off for it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from soyuz.domain.errors import Code
from soyuz.domain.events import CLIENT_EVENTS
from tests.conftest import Person

RIGHT: dict[str, dict[str, Any]] = {
    "message:post": {"room": "lobby", "text": "hi", "client_id": "c"},
    "typing:set": {"room": "lobby", "on": True},
    "history:page": {"room": "lobby", "limit": 5},
    "history:since": {"room": "lobby", "seq": 0},
    "user:get": {"usernames": ["a"]},
}
WRONG_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**70, "", "x", "x" * 5_000, "\0", "é" * 70, [], [[]], ["x"] * 300,
    [None], {}, {"$ne": 1}, b"bytes", float("1e300"),
]  # fmt: skip
RIGHT_ANYWAY = (("text", "x"), ("text", "é" * 70), ("client_id", "x"))
WRONG_PAYLOADS: list[Any] = [
    None, True, 5, "text", "x" * 70_000, [], [{}], {}, {"rooms": "lobby"}, b"\0\1",
    {"room": {"room": "lobby"}}, {"": ""}, {"room": "../../etc"},
]  # fmt: skip


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def is_refusal(ack: Any) -> bool:
    return ack["ok"] is False and ack["error"]["code"] in get_args(Code) and ack["error"]["message"]


def test_the_table_covers_every_event() -> None:
    assert RIGHT.keys() == CLIENT_EVENTS.keys()


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_a_wrong_payload_is_refused_and_the_connection_lives(alice: Person, event: str) -> None:
    for payload in WRONG_PAYLOADS:
        assert is_refusal(alice.asks(event, payload)), payload
    assert is_refusal(alice.asks(event, RIGHT[event], RIGHT[event])), "two payloads"
    assert is_refusal(alice.asks(event)), "no payload"
    assert is_refusal(
        alice.asks(event, {**RIGHT[event], "room": deep(400), "usernames": deep(400)})
    )
    assert alice.says("still here")["ok"]


@pytest.mark.parametrize("event", sorted(CLIENT_EVENTS))
def test_a_wrong_field_is_refused_unless_it_is_right(alice: Person, event: str) -> None:
    assert alice.asks(event, RIGHT[event])["ok"], "the table's right payload is right"
    for field, right in RIGHT[event].items():
        for value in WRONG_VALUES:
            if type(value) is type(right) and event != "message:post":
                continue  # it may be right by chance
            if (field, value) in RIGHT_ANYWAY:
                continue
            ack = alice.asks(event, {**RIGHT[event], field: value})
            assert is_refusal(ack), (field, value)
    assert alice.says("still here")["ok"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"room": "attic", "text": "x", "client_id": "c"}, "not_found"),
        ({"room": "lobby", "text": " ", "client_id": "c"}, "invalid"),
        ({"room": "lobby", "text": "x" * 4_001, "client_id": "c"}, "too_large"),
        ({"room": "lobby", "text": "x" * 200_000, "client_id": "c"}, "too_large"),
        ({"room": "lobby", "text": "x", "client_id": "é"}, "invalid"),
        ({"room": "lobby", "text": "x", "client_id": "x" * 65}, "invalid"),
        ({"room": "lobby", "text": "x", "client_id": "c", "seen": -1}, "invalid"),
    ],
)
def test_each_refusal_has_its_code(alice: Person, payload: dict[str, Any], code: str) -> None:
    assert alice.asks("message:post", payload)["error"]["code"] == code


def test_pages_have_bounds_and_one_direction(alice: Person) -> None:
    for asked in ({"limit": 0}, {"limit": 101}, {"before": 5, "after": 1}, {"before": -1}):
        ack = alice.asks("history:page", {"room": "lobby", **asked})
        assert ack["error"]["code"] == "invalid", asked


@pytest.mark.parametrize("event", ["nope", "connect", "message:posted", "__class__", "", "*"])
def test_an_event_that_is_not_in_the_contract_is_invalid(alice: Person, event: str) -> None:
    assert alice.asks(event, {})["error"]["code"] == "invalid"
