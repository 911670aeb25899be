"""A message's way from post to the other window: idle, while others hash and convert, unsynced."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.client import Client, way
from bench.crowd import gather
from bench.load import AT_ONCE
from bench.table import percentile, show
from tests.conftest import ROOT, Server

ROUNDS = 4
MESSAGES = 100  # a round
WARM_UP_S = 0.5
PAUSE_S = 0.02  # between messages, so that they are spread over what the others do

Ways = list[tuple[float, float]]  # milliseconds until heard, until acknowledged


class Lobby:
    """A server of its own; of its people two talk, the others wait to be neighbours."""

    def __init__(self, data: Path, **environ: str) -> None:
        first, second, *self.others = gather(data, AT_ONCE + 2)
        self._talkers = first, second
        self.server = Server(
            data, SOYUZ_SPAM_LIMIT="off", SOYUZ_SIGNUP_LIMIT="100000/1m", **environ
        )

    def measure(self, messages: int, mark: str) -> Ways:
        """Give the ways of so many messages, one after the other."""
        author, reader = (Client(self.server.url, cookie) for cookie in self._talkers)
        ways: Ways = []
        for number in range(messages):
            ways.append(way(author, reader, f"{mark}-{number}"))
            time.sleep(PAUSE_S)
        author.closes()
        reader.closes()
        return ways


@contextmanager
def lobby(data: Path, **environ: str) -> Iterator[Lobby]:
    """Give a lobby while it is needed."""
    opened = Lobby(data, **environ)
    try:
        yield opened
    finally:
        opened.server.stop()


class Neighbours:
    """The load in its own process, asked to work and to rest."""

    def __init__(self, lobby: Lobby) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", lobby.server.url, *lobby.others],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def work(self) -> None:
        self._ask("go")

    def rest(self) -> str:
        """Stop when all that is under way is answered; gives what has been done so far."""
        self._ask("stop")
        return self._answer()

    def leave(self) -> None:
        self._process.communicate()

    def _ask(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, "the load ended"
        return line


def interleaved(folder: Path, rounds: int, messages: int) -> tuple[dict[str, Ways], str]:
    """Measure idle, busy and without fsync in turns; gives the ways and what the others did."""
    ways: dict[str, Ways] = {"idle": [], "busy": [], "idle, SOYUZ_FSYNC=off": []}
    with lobby(folder / "synced") as synced, lobby(folder / "off", SOYUZ_FSYNC="off") as unsynced:
        neighbours = Neighbours(synced)
        done = ""
        for turn in range(rounds):
            ways["idle"] += synced.measure(messages, f"idle{turn}")
            ways["idle, SOYUZ_FSYNC=off"] += unsynced.measure(messages, f"idle{turn}")
            neighbours.work()
            time.sleep(WARM_UP_S)
            ways["busy"] += synced.measure(messages, f"busy{turn}")
            done = neighbours.rest()
        neighbours.leave()
    return ways, done


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        ways, done = interleaved(Path(folder), ROUNDS, MESSAGES)
    base = percentile([heard for heard, _ in ways["idle"]], 0.5)
    rows = []
    for name, taken in ways.items():
        heard, acked = [h for h, _ in taken], [a for _, a in taken]
        median = percentile(heard, 0.5)
        p99, ack = percentile(heard, 0.99), percentile(acked, 0.5)
        rows.append((name, len(taken), median, p99, ack, f"{median / base:.1f}x"))
    show("post to the other window, ms", ("n", "p50", "p99", "ack p50", "against idle"), rows)
    print(f"meanwhile: {done}\n")


if __name__ == "__main__":
    main()
