"""Whose address a request comes from: behind a tunnel, a reverse proxy, on a LAN, or directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"
IPNetwork = IPv4Network | IPv6Network


def client_address(peer: str, headers: Mapping[str, str], trusted: Sequence[IPNetwork]) -> str:
    """Give the address to hold a request to, or UNKNOWN.

    `peer` is the other end of the TCP connection. Only a trusted peer's headers are believed, and
    of X-Forwarded-For only the last entry, the one the proxy wrote itself: the earlier ones are
    the client's own words. `headers` maps lower-case names to values; values of a repeated header
    are joined by commas, which is no address and so becomes UNKNOWN.
    """
    if not is_trusted(peer, trusted):
        return _canonical(peer)
    if "cf-connecting-ip" in headers:
        return _canonical(headers["cf-connecting-ip"])
    if "x-forwarded-for" in headers:
        return _canonical(headers["x-forwarded-for"].rsplit(",", 1)[-1])
    return _canonical(peer)


def is_trusted(peer: str, trusted: Sequence[IPNetwork]) -> bool:
    """Say whether the peer is one of the proxies whose forwarded headers are believed."""
    address = _canonical(peer)
    if address == UNKNOWN:
        return False
    ip = ip_address(address)
    return any(ip.version == network.version and ip in network for network in trusted)


def is_shared(address: str) -> bool:
    """Say whether many people may stand behind an address: loopback, private, unknown."""
    if address == UNKNOWN:
        return True
    ip = ip_address(address)
    # TEST-NET addresses are "private" to ipaddress, yet they are what examples and tests ban.
    documentation = any(
        ip.version == network.version and ip in network for network in _DOCUMENTATION
    )
    return not documentation and not ip.is_global


def is_loopback(host: str) -> bool:
    """Say whether a Host header names this very computer, which browsers trust over plain http too.

    W3C Secure Contexts §3.1: 127.0.0.0/8, ::1, localhost and what ends in .localhost.
    """
    name = host.strip().lower()
    name = name.partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _canonical(name)
    return address != UNKNOWN and ip_address(address).is_loopback


def bucket(address: str) -> str:
    """Give what per-address budgets count: the address, for IPv6 its /64 (one household's)."""
    if ":" not in address:
        return address
    return str(IPv6Network((address, 64), strict=False))


_DOCUMENTATION = tuple(
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def _canonical(text: str) -> str:
    try:
        ip = ip_address(text.strip().strip("[]"))
    except ValueError:
        return UNKNOWN
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ip).split("%")[0]
