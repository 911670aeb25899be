"""What `run` prints when the server is up: where to open it, and the link that makes the first admin."""

from __future__ import annotations

import socket
from ipaddress import ip_address

LOOPBACKS = {"127.0.0.1": "::1", "localhost": "::1"}
# Documentation addresses (RFC 5737, RFC 3849): nobody is there, and nothing is sent to them.
_ELSEWHERE = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),
    "::": (socket.AF_INET6, "2001:db8::1"),
}
_DISCARD_PORT = 9


def greeting(host: str, port: int, setup_token: str | None) -> list[str]:
    """Give the lines for a server that listens on `host`; `setup_token` while there is no admin."""
    here, *elsewhere = _addresses(host, port)
    lines = [f"Soyuz Messenger is up: open {here}"]
    lines += [f"From your local network, open {address}" for address in elsewhere]
    if host in LOOPBACKS or host in LOOPBACKS.values():
        lines.append("To open it to your local network, start it with --host 0.0.0.0")
    if setup_token:
        lines.append(f"There is no admin yet. To become it, open {here}/setup/{setup_token}")
    return lines


def outward_address(host: str) -> str | None:
    """Give this machine's address in its network, None without one; `host` is 0.0.0.0 or ::.

    Connecting a UDP socket only chooses a route and with it the address packets would leave from.
    """
    family, somewhere = _ELSEWHERE[host]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((somewhere, _DISCARD_PORT))
            address = str(sock.getsockname()[0])
    except OSError:
        return None
    found = ip_address(address)
    return None if found.is_loopback or found.is_unspecified or found.is_link_local else address


def _addresses(host: str, port: int) -> list[str]:
    """Give where this machine finds the server, and then others, as far as that can be told."""
    if host in LOOPBACKS:
        return [f"http://localhost:{port}"]
    if host not in _ELSEWHERE:
        return [f"http://{_in_address(host)}:{port}"]
    own = "localhost" if host == "0.0.0.0" else "[::1]"  # `::` listens on IPv6 alone
    outside = outward_address(host)
    return [f"http://{name}:{port}" for name in (own, outside and _in_address(outside)) if name]


def _in_address(host: str) -> str:
    """RFC 3986 §3.2.2: an IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host
