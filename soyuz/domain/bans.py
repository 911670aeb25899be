"""Bans: what an admin may write by hand, the full form it becomes, and which ban holds now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from ipaddress import ip_address, ip_network
from typing import Any, Literal

import msgspec

from soyuz.domain.address import IPNetwork, is_shared
from soyuz.domain.errors import Malformed
from soyuz.domain.instant import epoch, iso
from soyuz.domain.names import fold
from soyuz.domain.rows import folded_rows

Scope = Literal["all", "write"]
ADDRESS_PREFIX = "ip:"
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,6})\s*([smhdw])")


class Ban(msgspec.Struct, frozen=True):
    """`until` is UTC seconds, None for ever; scope `write` leaves reading and the connection."""

    reason: str = ""
    until: float | None = None
    scope: Scope = "all"

    def holds(self, now: float) -> bool:
        return self.until is None or now < self.until


class Banned(msgspec.Struct, frozen=True):
    """The bans of both files, ready to be asked; expiry is computed when asked."""

    accounts: dict[str, list[Ban]]
    networks: list[tuple[IPNetwork, Ban]]

    def of_account(self, username: str, scope: Scope, now: float) -> Ban | None:
        """Give the longest ban of `scope` that holds for an account."""
        return _longest(
            b for b in self.accounts.get(username, ()) if b.scope == scope and b.holds(now)
        )

    def of_address(self, address: str, scope: Scope, now: float) -> Ban | None:
        """Give the longest ban of `scope` that holds for an address; shared ones are never banned."""
        if not self.networks or is_shared(address):
            return None
        ip = ip_address(address)
        return _longest(
            b
            for network, b in self.networks
            if b.scope == scope and b.holds(now) and ip.version == network.version and ip in network
        )


def effective(*files: Mapping[str, Any]) -> Banned:
    """Gather the rows of checked ban files; addresses that must not be banned are left out."""
    accounts: dict[str, list[Ban]] = {}
    networks: list[tuple[IPNetwork, Ban]] = []
    for rows in files:
        for key, row in rows.items():
            until = epoch(row["until"]) if row.get("until") else None
            ban = Ban(row.get("reason", ""), until, row.get("scope", "all"))
            if not key.startswith(ADDRESS_PREFIX):
                accounts.setdefault(key, []).append(ban)
            elif bannable_network(key) is not None:
                networks.append((ip_network(key[len(ADDRESS_PREFIX) :], strict=False), ban))
    return Banned(accounts, networks)


def bannable_network(key: str) -> IPNetwork | None:
    """Give the network of an `ip:` key, None when it is loopback, private or too wide to ban."""
    network = ip_network(key[len(ADDRESS_PREFIX) :], strict=False)
    shared = is_shared(str(network.network_address)) or is_shared(str(network.broadcast_address))
    too_wide = network.prefixlen < (8 if network.version == 4 else 16)
    return None if shared or too_wide else network


def parse_permanent(content: object) -> dict[str, Any]:
    """Check perma_banned.json, an object or a list of names, into full rows. Raises Malformed."""
    if isinstance(content, list):
        if not all(isinstance(key, str) for key in content):
            raise Malformed("a list of bans holds names in quotes")
        content = {key: {} for key in content}

    def checked(key: str, row: object) -> dict[str, Any]:
        ban = _row(key, row)
        if ban.get("until") is not None:
            raise Malformed('a ban with "until" belongs in temp_bans.json', key)
        return ban

    return folded_rows(content, "bans", ban_key, checked)


def parse_temporary(content: object, written_at: float, zone: tzinfo | None) -> dict[str, Any]:
    """Check temp_bans.json and give every ban its full UTC `until`. Raises Malformed.

    `written_at` (UTC seconds) is when the file was saved: spans such as `2h` count from it. A bare
    date lasts to the end of that day in `zone`; None is the system's own zone.
    """

    def checked(key: str, value: object) -> dict[str, Any]:
        row = _row(key, {"until": value} if isinstance(value, str) else value)
        if not isinstance(row.get("until"), str):
            raise Malformed('a temporary ban needs "until", as text', key)
        try:
            return {**row, "until": iso(until(row["until"], written_at, zone))}
        except (ValueError, OverflowError):
            raise Malformed('"until" must be a date, a time or a span such as "2h"', key) from None

    return folded_rows({} if content == [] else content, "bans", ban_key, checked)


def until(text: str, written_at: float, zone: tzinfo | None) -> float:
    """Read the end of a ban: a span, a bare date or a full moment. Raises ValueError."""
    if span := _SPAN.fullmatch(text.strip().lower()):
        return written_at + int(span[1]) * _UNIT_S[span[2]]
    if len(text.strip()) == 10:
        day = date.fromisoformat(text.strip()) + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    return epoch(text.strip())


def ban_key(key: str) -> str:
    """Give the one spelling of a name or an `ip:` key. Raises Malformed."""
    if not key.lower().startswith(ADDRESS_PREFIX):
        if not key.strip():
            raise Malformed("a ban needs the name of somebody", key)
        return fold(key.strip())
    try:
        network = ip_network(key[len(ADDRESS_PREFIX) :].strip(), strict=False)
    except ValueError:
        raise Malformed(
            "after ip: comes an address or a network such as 203.0.113.0/24", key
        ) from None
    single = network.prefixlen == network.max_prefixlen
    return f"{ADDRESS_PREFIX}{network.network_address if single else network}"


def _longest(bans: Iterable[Ban]) -> Ban | None:
    return max(bans, key=lambda b: float("inf") if b.until is None else b.until, default=None)


def _row(key: str, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Malformed("a ban must be an object", key)
    for field in ("reason", "by", "at"):
        if not isinstance(row.get(field, ""), str):
            raise Malformed(f"{field} must be text", key)
    if row.get("scope", "all") not in ("all", "write"):
        raise Malformed('scope must be "all" or "write"', key)
    return row
