"""kill -9 while people sign up, are banned and edited by hand: the files hold all that was told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT, MakePerson, Person, Server, StartServer, eventually
from tests.crash.test_sigkill import ROUNDS

FLOOD = 4  # messages, one more than the limit


class Town:
    """What goes on in one server over many kills, and what of it was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.signed_up: list[str] = []
        self.banned: list[str] = []  # by the command line
        self.caught: list[str] = []  # by the limiter
        self.edited: list[str] = []  # display names given by hand, perhaps not taken over
        self.taken_over = 0  # how many of them for sure
        self._is_gone = threading.Event()

    def lives(self, round_: int) -> None:
        """Let everything happen at once, and kill the server in the middle."""
        before = self.counts()
        self._is_gone.clear()
        doings = (self._signs_up, self._bans, self._floods, self._edits)
        threads = [threading.Thread(target=self._over_and_over, args=(d, round_)) for d in doings]
        for thread in threads:
            thread.start()
        eventually(lambda: all(now > was for now, was in zip(self.counts(), before, strict=True)))
        time.sleep(0.03 * (round_ % 20))
        self.server.kill()
        self._is_gone.set()
        for thread in threads:
            thread.join(60)
        self.server.start()

    def counts(self) -> list[int]:
        """Give how many of each kind were acknowledged."""
        return [len(self.signed_up), len(self.banned), len(self.caught), self.taken_over]

    def _over_and_over(self, doing: Callable[[str], None], round_: int) -> None:
        for number in range(1_000):
            if self._is_gone.is_set():
                return
            try:
                doing(f"{round_}x{number}")
            except Exception:  # the server is gone, in whatever way this one notices
                self._is_gone.wait(5)

    def _signs_up(self, mark: str) -> None:
        someone = Person(self.server, f"new{mark}")
        self.signed_up.append(someone.name)

    def _bans(self, mark: str) -> None:
        if self.run("ban", f"ghost{mark}", "--for", "2h").returncode == 0:
            self.banned.append(f"ghost{mark}")

    def _floods(self, mark: str) -> None:
        someone = Person(self.server, f"loud{mark}")
        self.signed_up.append(someone.name)
        answers = [someone.says(f"{number}") for number in range(FLOOD)]
        if not answers[-1]["ok"]:
            self.caught.append(someone.name)

    def _edits(self, mark: str) -> None:
        """An admin gives ann another name, in place, and waits a while for the server to see it."""
        users = self.server.file("users.json")
        rows = json.loads(users.read_bytes())
        before = self._edits_told()
        rows["ann"]["display_name"] = mark
        self.edited.append(mark)
        users.write_text(json.dumps(rows, indent=2))
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not self._is_gone.is_set():
            if self._edits_told() > before:
                self.taken_over = len(self.edited)
                return
            time.sleep(0.02)

    def _edits_told(self) -> int:
        return sum("users.json was edited" in line for line in self.server.log)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command line."""
        return subprocess.run(
            [sys.executable, "server.py", *args, "--data", str(self.server.data)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def told(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json").stdout)


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(ROUNDS, marks=[pytest.mark.long, pytest.mark.timeout(30 * ROUNDS)])]
)
def test_sign_ups_bans_and_edits_outlive_every_kill(
    start_server: StartServer, person: MakePerson, rounds: int
) -> None:
    server = start_server(
        SOYUZ_SPAM_LIMIT=f"{FLOOD - 1}/10s", SOYUZ_SPAM_LADDER="1h", SOYUZ_SIGNUP_LIMIT="1000/1s"
    )
    person("ann", at=server)
    town = Town(server)
    for round_ in range(rounds):
        town.lives(round_)
    users = {user["username"]: user for user in town.told("user", "list")}
    assert [name for name in town.signed_up if name not in users] == []
    held = {ban["key"] for ban in town.told("bans")}
    assert [name for name in [*town.banned, *town.caught] if name not in held] == []
    assert users["ann"]["display_name"] in town.edited[max(0, town.taken_over - 1) :]
    assert set(json.loads(server.file("users.json").read_bytes())) == set(users)
    print("signed up, banned, caught, edited:", town.counts())
