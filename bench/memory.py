"""What an idle connection holds of the server's memory, and what it costs to open."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from bench.client import Client, rest
from bench.crowd import gather
from bench.table import show
from tests.conftest import Server

STEPS = (0, 200, 1_000)  # connections, each another person's
SETTLE_S = 2.0


def resident_kb(server: Server) -> int:
    """Give the server's resident memory, as Linux tells it."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def main() -> None:
    """Print the table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    with tempfile.TemporaryDirectory() as folder:
        cookies = gather(Path(folder) / "data", STEPS[-1] + 1)
        server = Server(Path(folder) / "data")
        clients = [Client(server.url, cookies.pop())]  # whatever the first one wakes is not counted
        rows = []
        base = 0
        for step in STEPS:
            opened = len(clients) - 1
            began = time.perf_counter()
            while len(clients) <= step:
                clients.append(Client(server.url, cookies.pop()))
                if len(clients) % 100 == 0:
                    rest(clients, 0.01)
            each_ms = (time.perf_counter() - began) * 1_000 / max(1, step - opened)
            rest(clients, SETTLE_S)
            resident = resident_kb(server)
            base = base or resident
            share = (resident - base) / step if step else 0.0
            rows.append((f"{step:,} idle connections", resident, share, each_ms if step else 0.0))
        for client in clients:
            client.closes()
        server.stop()
    show("memory", ("resident kB", "kB each", "ms to connect"), rows)


if __name__ == "__main__":
    main()
