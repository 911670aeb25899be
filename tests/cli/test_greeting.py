"""What is printed at the start: addresses that lead to where the server listens."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from soyuz.cli import greeting as greeting_module
from soyuz.cli.greeting import greeting, outward_address

HINT = "To open it to your local network, start it with --host 0.0.0.0"


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """This machine's addresses in its network."""
    addresses: dict[str, str | None] = {"0.0.0.0": "192.168.1.20", "::": "2001:db8:7::20"}
    monkeypatch.setattr(greeting_module, "outward_address", lambda host: addresses[host])
    return addresses


def link(address: str) -> str:
    return f"There is no admin yet. To become it, open {address}/setup/abc"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:5000"),
        ("localhost", "http://localhost:5000"),
        ("::1", "http://[::1]:5000"),
    ],
)
def test_on_loopback_it_says_how_to_share(host: str, address: str) -> None:
    up = f"Soyuz Messenger is up: open {address}"
    assert greeting(host, 5000, "abc") == [up, HINT, link(address)]
    assert greeting(host, 5000, None) == [up, HINT]


@pytest.mark.parametrize(
    ("host", "here", "elsewhere"),
    [
        ("0.0.0.0", "http://localhost:5000", "http://192.168.1.20:5000"),
        ("::", "http://[::1]:5000", "http://[2001:db8:7::20]:5000"),
    ],
)
def test_open_to_the_network_it_names_both_addresses(
    network: dict[str, str | None], host: str, here: str, elsewhere: str
) -> None:
    up, others = f"Soyuz Messenger is up: open {here}", f"From your local network, open {elsewhere}"
    assert greeting(host, 5000, "abc") == [up, others, link(here)]
    network[host] = None
    assert greeting(host, 5000, "abc") == [up, link(here)], "a machine without a network"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.168.1.20", "http://192.168.1.20:5000"),
        ("2001:db8:7::20", "http://[2001:db8:7::20]:5000"),
        ("chat.lan", "http://chat.lan:5000"),
    ],
)
def test_the_admins_link_leads_to_the_one_address_that_listens(host: str, address: str) -> None:
    assert greeting(host, 5000, "abc") == [f"Soyuz Messenger is up: open {address}", link(address)]


@pytest.mark.parametrize(("host", "version"), [("0.0.0.0", 4), ("::", 6)])
def test_the_machines_own_address_is_one_it_can_listen_on(host: str, version: int) -> None:
    address = outward_address(host)
    if address is None:
        pytest.skip("this machine has no network")
    assert ip_address(address).version == version
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
