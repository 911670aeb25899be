"""The admin's verbs, with the server running and not; both ways end in the same files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from soyuz.store.control import UNIX_PATH_MAX_BYTES
from tests.conftest import PASSWORD, PATIENCE_S, ROOT, MakePerson, StartServer, eventually


def run(
    data: Path, *args: str, typed: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "server.py", *args, "--data", str(data)],
        cwd=ROOT,
        env={**os.environ, **environ},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("is_running", [False, True])
def test_each_verb_does_what_it_says(
    start_server: StartServer, data: Path, is_running: bool
) -> None:
    if is_running:
        start_server(data)
    added = run(data, "user", "add", "Zoë", "--password-stdin", "--json", typed=PASSWORD + "\n")
    assert json.loads(added.stdout) == {
        "username": "zoë",
        "display_name": "Zoë",
        "role": "member",
    }, added.stderr
    assert "admin now" in run(data, "user", "role", "ZOË", "admin").stdout
    listed = json.loads(run(data, "user", "list", "--json").stdout)
    assert [(u["username"], u["role"]) for u in listed] == [("zoë", "admin")]
    assert "new password" in run(data, "user", "reset-password", "zoë", "--generate").stdout
    assert "zoë is banned until" in run(data, "ban", "zoë", "--for", "2h", "--reason", "r").stdout
    held = json.loads(run(data, "bans", "--json").stdout)
    assert [(b["key"], b["scope"], b["reason"]) for b in held] == [("zoë", "all", "r")]
    assert "no longer banned" in run(data, "unban", "zoë").stdout
    eventually(lambda: json.loads((data / "temp_bans.json").read_text()) == {})


@pytest.mark.parametrize(
    "args",
    [
        ("user", "list"),
        ("user", "add", "bob", "--password-stdin"),
        ("user", "role", "bob", "admin"),
        ("user", "reset-password", "bob", "--generate"),
        ("ban", "bob"),
        ("unban", "bob"),
        ("bans",),
    ],
)
def test_a_folder_without_data_is_refused_and_left_alone(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("typo", "empty"):
        answer = run(tmp_path / name, *args, typed=PASSWORD + "\n")
        assert answer.returncode == 1
        assert f"{name} holds no data" in answer.stderr
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]


def test_bans_may_be_laid_out_before_the_first_start(tmp_path: Path) -> None:
    (tmp_path / "perma_banned.json").write_text('["eve"]')
    assert [row["key"] for row in json.loads(run(tmp_path, "bans", "--json").stdout)] == ["eve"]


def test_bad_input_is_one_sentence(data: Path) -> None:
    for args, typed, sentence in (
        (("user", "add", "bob", "--password-stdin"), "short\n", "at least 8"),
        (("user", "role", "nobody", "admin"), "", "no account"),
        (("ban", "ip:127.0.0.1"), "", "many people share"),
        (("ban", "bob", "--for", "soon"), "", "looks like"),
        (("unban", "bob"), "", "not banned"),
    ):
        answer = run(data, *args, typed=typed)
        assert answer.returncode == 1, args
        assert sentence in answer.stderr
        assert "Traceback" not in answer.stderr


def test_an_empty_word_is_no_ban_for_ever_and_bans_nobody(data: Path) -> None:
    for args, sentence in (
        (("ban", "bob", "--for", ""), "looks like"),
        (("ban", "bob", "--until", ""), "looks like"),
        (("ban", ""), "needs a username"),
        (("ban", " \u200b"), "needs a username"),
        (("unban", ""), "needs a username"),
    ):
        answer = run(data, *args)
        assert (answer.returncode, sentence in answer.stderr) == (1, True), (args, answer.stderr)
    both = run(data, "ban", "bob", "--for", "", "--until", "2999-01-01")
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)
    assert run(data, "bans").stdout == "Nobody is banned.\n"


def test_a_ban_beside_or_instead_of_another_says_so(data: Path) -> None:
    first = json.loads(run(data, "ban", "ann", "--reason", "rude", "--json").stdout)
    assert (first["replaced"], first["beside"]) == (None, None)
    held = {"scope": "all", "until": None, "reason": "rude", "by": "command line"}
    shorter = json.loads(run(data, "ban", "ann", "--for", "1h", "--json").stdout)
    assert (shorter["replaced"], shorter["beside"]) == (None, held)
    narrower = run(data, "ban", "ann", "--for", "2h", "--scope", "write").stdout
    assert f"This replaces a ban from everything until {shorter['until']}." in narrower
    assert "A ban from everything for ever still holds beside it." in narrower
    for_good = run(data, "ban", "ann", "--scope", "write").stdout
    assert "This replaces a ban from everything for ever." in for_good
    assert "A ban from writing until" in for_good
    run(data, "unban", "ann")
    again = run(data, "ban", "ann").stdout
    assert (
        again == "ann is banned for ever. There is no such account; it is banned should it come.\n"
    )


def test_a_ban_that_is_over_is_not_spoken_of(data: Path) -> None:
    (data / "temp_bans.json").write_text('{"ann": "2001-01-01"}')
    told = json.loads(run(data, "ban", "ann", "--for", "1h", "--json").stdout)
    assert (told["replaced"], told["beside"]) == (None, None)


def test_a_ban_by_command_throws_a_live_person_out(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann = person("ann", at=server)
    ann.hears("session:ready")
    run(server.data, "ban", "ann", "--reason", "bye")
    assert ann.hears("session:ended")["params"]["reason"] == "bye"


def test_the_control_socket_is_the_owners_and_survives_garbage(start_server: StartServer) -> None:
    server = start_server()
    path = server.file("control.sock")
    if not hasattr(socket, "AF_UNIX") or len(bytes(path)) > UNIX_PATH_MAX_BYTES:
        pytest.skip("no Unix socket here, but a port and a token")
    assert path.stat().st_mode & 0o777 == 0o600
    for line, answer in (
        (b"{}\n", b""),
        (b"garbage\n", b""),
        (b"[" * 5_000 + b"\n", b""),
        (
            b'{"verb":"fly","args":{},"token":""}\n',
            b'{"error": "The server does not know \'fly\'; is it another version?"}\n',
        ),
    ):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(path))
            sock.sendall(line)
            assert sock.recv(4_096) == answer
    assert run(server.data, "bans").returncode == 0
