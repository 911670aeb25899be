"""What the command line prints: on any terminal, and true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_verbs import run
from tests.conftest import PASSWORD


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_the_terminal_cannot_show_fails_nothing(data: Path, encoding: str) -> None:
    terminal = {"PYTHONIOENCODING": encoding}
    added = run(data, "user", "add", "田中さん", "--password-stdin", typed=PASSWORD, **terminal)
    assert (added.returncode, added.stderr) == (0, "")
    listed = run(data, "user", "list", "--json", **terminal)
    assert [row["username"] for row in json.loads(listed.stdout)] == ["田中さん"]
    for args in (("user", "list"), ("ban", "田中さん"), ("bans",), ("unban", "田中さん")):
        answer = run(data, *args, **terminal)
        assert (answer.returncode, answer.stderr) == (0, ""), args
    again = run(data, "unban", "田中さん", **terminal)
    assert again.returncode == 1
    assert "not banned" in again.stderr


def test_a_row_that_bans_nobody_is_shown_as_such(data: Path) -> None:
    (data / "perma_banned.json").write_text(json.dumps(["bob", "ip:127.0.0.1", "ip:9.9.9.9"]))
    held = {row["key"]: row["holds"] for row in json.loads(run(data, "bans", "--json").stdout)}
    assert held == {"bob": True, "ip:127.0.0.1": False, "ip:9.9.9.9": True}
    table = run(data, "bans").stdout.splitlines()
    assert [line.split()[0] for line in table if "bans nobody" in line] == ["ip:127.0.0.1"]
