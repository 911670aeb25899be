"""Whose request it is: one function, one table, for a tunnel, a LAN, a proxy and the open internet."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from soyuz.domain.address import UNKNOWN, bucket, client_address, is_shared
from soyuz.domain.origin import is_foreign

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PROXY = (*LOOPBACK, ip_network("10.0.0.0/8"))
CF, XFF = "cf-connecting-ip", "x-forwarded-for"


@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "address"),
    [
        # at home
        ("127.0.0.1", {}, LOOPBACK, "127.0.0.1"),
        ("::1", {}, LOOPBACK, "::1"),
        ("192.168.1.20", {}, LOOPBACK, "192.168.1.20"),
        # a tunnel on this machine
        ("127.0.0.1", {CF: "203.0.113.7"}, LOOPBACK, "203.0.113.7"),
        ("::1", {CF: "2001:db8::7", XFF: "2001:db8::7"}, LOOPBACK, "2001:db8::7"),
        ("127.0.0.1", {CF: "203.0.113.7", XFF: "6.6.6.6, 203.0.113.7"}, LOOPBACK, "203.0.113.7"),
        # a reverse proxy: only the last entry is its own word
        ("127.0.0.1", {XFF: "203.0.113.7"}, LOOPBACK, "203.0.113.7"),
        ("127.0.0.1", {XFF: "6.6.6.6, 203.0.113.7"}, LOOPBACK, "203.0.113.7"),
        ("10.0.0.2", {XFF: "203.0.113.7"}, PROXY, "203.0.113.7"),
        # directly on the internet: what a client says of itself is not believed
        ("198.51.100.1", {}, LOOPBACK, "198.51.100.1"),
        ("198.51.100.1", {CF: "203.0.113.7", XFF: "203.0.113.7"}, LOOPBACK, "198.51.100.1"),
        ("10.0.0.2", {XFF: "203.0.113.7"}, LOOPBACK, "10.0.0.2"),
        # forms
        ("::ffff:198.51.100.1", {}, LOOPBACK, "198.51.100.1"),
        ("::ffff:127.0.0.1", {CF: "203.0.113.7"}, LOOPBACK, "203.0.113.7"),
        ("fe80::1%eth0", {}, LOOPBACK, "fe80::1"),
        # nonsense is unknown, never local
        ("127.0.0.1", {CF: "localhost"}, LOOPBACK, UNKNOWN),
        ("127.0.0.1", {CF: "203.0.113.7,203.0.113.8"}, LOOPBACK, UNKNOWN),
        ("127.0.0.1", {CF: ""}, LOOPBACK, UNKNOWN),
        ("127.0.0.1", {XFF: "203.0.113.7, unknown"}, LOOPBACK, UNKNOWN),
        ("", {}, LOOPBACK, UNKNOWN),
    ],
)
def test_the_address_a_request_is_held_to(
    peer: str, headers: dict[str, str], trusted: tuple[object, ...], address: str
) -> None:
    assert client_address(peer, headers, trusted) == address  # type: ignore[arg-type]


def test_many_may_share_a_private_or_unknown_address() -> None:
    for address in (
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "::1",
        "fd00::1",
        UNKNOWN,
    ):
        assert is_shared(address), address
    for address in ("203.0.113.7", "8.8.8.8", "2001:db8::1", "2606:4700::1111"):
        assert not is_shared(address), address


def test_an_ipv6_household_is_one_bucket() -> None:
    assert bucket("2001:db8:1:2:3::4") == bucket("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert bucket("2001:db8:1:3::4") != bucket("2001:db8:1:2::4")
    assert bucket("203.0.113.7") == "203.0.113.7"


@pytest.mark.parametrize(
    ("origin", "fetch_site", "host", "foreign"),
    [
        (None, None, "localhost:5000", False),
        ("http://localhost:5000", "same-origin", "localhost:5000", False),
        ("https://x.trycloudflare.com", None, "x.trycloudflare.com", False),
        ("https://chat.example:443", None, "chat.example", False),
        ("http://192.168.1.5:5000", None, "192.168.1.5:5000", False),
        (None, "none", "localhost:5000", False),
        ("https://evil.example", "cross-site", "localhost:5000", True),
        ("http://localhost:6000", None, "localhost:5000", True),
        ("null", None, "localhost:5000", True),
        ("null", None, "null", True),
        ("http://[bad", None, "localhost:5000", True),
        (None, "cross-site", "localhost:5000", True),
        (None, "same-site", "localhost:5000", True),
    ],
)
def test_only_our_own_pages_may_send(
    origin: str | None, fetch_site: str | None, host: str, foreign: bool
) -> None:
    assert is_foreign(origin, fetch_site, host) is foreign
