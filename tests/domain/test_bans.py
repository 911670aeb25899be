"""Bans: every form an admin may write, and which of them hold."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest

from soyuz.domain.bans import ban_key, bannable_network, effective, parse_permanent, parse_temporary
from soyuz.domain.errors import Malformed
from soyuz.domain.instant import epoch, iso

SAVED = epoch("2026-11-22T12:00:00Z")
TEHRAN = timezone(timedelta(hours=3, minutes=30))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, {}),
        ([], {}),
        (["bob", "Carol"], {"bob": {}, "carol": {}}),
        (
            {"Bob": {"reason": "rude", "scope": "write"}},
            {"bob": {"reason": "rude", "scope": "write"}},
        ),
        (["ip:203.0.113.7"], {"ip:203.0.113.7": {}}),
        ({"IP:203.0.113.9/24": {}}, {"ip:203.0.113.0/24": {}}),
        (["ip:2001:DB8::1"], {"ip:2001:db8::1": {}}),
    ],
)
def test_permanent_bans_are_read_in_every_form(written: Any, read: dict[str, Any]) -> None:
    assert parse_permanent(written) == read


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("2h", "2026-11-22T14:00:00.000Z"),
        ("30 m", "2026-11-22T12:30:00.000Z"),
        ("45s", "2026-11-22T12:00:45.000Z"),
        ("7d", "2026-11-29T12:00:00.000Z"),
        ("2w", "2026-12-06T12:00:00.000Z"),
        ("2026-12-01", "2026-12-01T20:30:00.000Z"),  # its end, in Tehran
        ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00.000Z"),
        ("2026-12-01T10:00:00+03:30", "2026-12-01T06:30:00.000Z"),
        ("2026-12-01 10:00", "2026-12-01T10:00:00.000Z"),
    ],
)
def test_a_temporary_ban_gets_its_full_utc_end(written: str, until: str) -> None:
    assert parse_temporary({"Bob": written}, SAVED, TEHRAN) == {"bob": {"until": until}}
    long_form = {"bob": {"until": written, "reason": "r"}}
    assert parse_temporary(long_form, SAVED, TEHRAN) == {"bob": {"until": until, "reason": "r"}}


def test_reading_the_full_form_again_changes_nothing() -> None:
    once = parse_temporary({"bob": "2h", "eve": "2026-12-01"}, SAVED, TEHRAN)
    assert parse_temporary(once, SAVED + 5_000, TEHRAN) == once


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("bob", None),
        ({"bob": 5}, "bob"),
        ({"Bob": 5}, "Bob"),  # as it is written, or it would not be found in the file
        ({"bob": "soon"}, "bob"),
        ({"bob": "2026-13-45"}, "bob"),
        ({"bob": {}}, "bob"),
        ({"bob": {"until": 5}}, "bob"),
        ({"bob": {"until": "2h", "scope": "some"}}, "bob"),
        ({"bob": {"until": "2h", "reason": ["x"]}}, "bob"),
        ({"ok": "2h", "ip:elsewhere": "2h"}, "ip:elsewhere"),
        ({"bob": "2h", "BOB": "3h"}, "BOB"),
    ],
)
def test_a_mistake_is_named_by_its_key(written: Any, key: str | None) -> None:
    with pytest.raises(Malformed) as malformed:
        parse_temporary(written, SAVED, TEHRAN)
    assert malformed.value.key == key


def test_a_list_of_bans_holds_names() -> None:
    with pytest.raises(Malformed):
        parse_permanent(["bob", 7])


@pytest.mark.parametrize("until", ["soon", "2h", "2026-12-01", 5])
def test_a_permanent_ban_has_no_end(until: Any) -> None:
    with pytest.raises(Malformed, match=r"temp_bans\.json") as malformed:
        parse_permanent({"ann": {}, "bob": {"until": until}})
    assert malformed.value.key == "bob"
    assert parse_permanent({"bob": {"until": None}}) == {"bob": {"until": None}}


@pytest.mark.parametrize(
    "until",
    [
        "",
        " ",
        "2h30m",
        "-2h",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31",
        "999999w",
        "2026-02-30",
        "1e9",
        "٢٢٢٢٢٢٢٢٢h",
    ],
)
def test_an_end_that_cannot_be_read_is_a_mistake_never_a_crash(until: str) -> None:
    with pytest.raises(Malformed):
        parse_temporary({"bob": until}, SAVED, TEHRAN)


def test_expiry_is_computed_when_asked() -> None:
    banned = effective({}, {"bob": {"until": iso(SAVED + 60)}})
    assert banned.of_account("bob", "all", SAVED + 59.999)
    assert not banned.of_account("bob", "all", SAVED + 60)
    # A clock set back by an hour extends the ban by that hour and no more.
    assert banned.of_account("bob", "all", SAVED - 3_600)


def test_the_longest_ban_of_the_scope_counts() -> None:
    banned = effective({"bob": {"scope": "write"}}, {"bob": {"until": iso(SAVED + 60)}})
    everything = banned.of_account("bob", "all", SAVED)
    assert everything
    assert everything.until == SAVED + 60
    writing = banned.of_account("bob", "write", SAVED)
    assert writing
    assert writing.until is None
    assert not banned.of_account("eve", "all", SAVED)


def test_addresses_are_banned_alone_or_by_network() -> None:
    banned = effective({"ip:203.0.113.0/24": {}, "ip:2001:db8:1::/48": {}})
    for address in ("203.0.113.1", "203.0.113.255", "2001:db8:1:2::3"):
        assert banned.of_address(address, "all", SAVED), address
    for address in ("203.0.114.1", "2001:db8:2::1", "127.0.0.1", "unknown"):
        assert not banned.of_address(address, "all", SAVED), address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.0/16",
        "172.16.0.9",
        "::1",
        "fe80::1",
        "fd00::/8",
        "0.0.0.0/0",
        "::/0",
    ],
)
def test_shared_addresses_are_never_banned(address: str) -> None:
    key = ban_key(f"ip:{address}")
    assert bannable_network(key) is None
    assert effective({key: {}}).networks == []


def test_a_name_with_spaces_around_it_is_that_name_and_none_is_a_mistake() -> None:
    assert parse_permanent(["bob ", " Carol"]) == {"bob": {}, "carol": {}}
    for nobody in ("", "  "):
        with pytest.raises(Malformed):
            parse_permanent([nobody])
