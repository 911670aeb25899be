"""What stands in the way of using a folder is one sentence that says what to do about it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from soyuz.store import system
from soyuz.store.unusable import why_not
from tests.cli.conftest import run
from tests.conftest import StartServer


@pytest.fixture
def data(peopled: Path) -> Path:
    """The folder of these tests."""
    return peopled


def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no file be made any more."""

    def create(path: Path, flags: int, mode: int) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(system, "create", create)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EROFS, "mounted read-only. Mount it for writing"),
        (errno.EACCES, "its mode does not allow it. Allow it: chmod"),
        (errno.ENOSPC, "the disk is full. Make room"),
        (errno.EIO, "cannot use the data folder"),
    ],
)
@pytest.mark.parametrize("verb", [("bans",), ("run", "--port", "0")])
def test_a_folder_that_cannot_be_written(
    data: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str, verb: tuple[str, ...]
) -> None:
    (data / "users.json").unlink()  # so that something has to be written
    failing(monkeypatch, number)
    answer = run(data, *verb)
    assert answer.returncode == 1
    assert sentence in answer.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no such numbers here")
def test_the_wrong_account_is_told_whose_folder_it_is(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    inside = PermissionError(errno.EACCES, "", str(data / "users.json"))
    said = why_not(data, inside)
    assert "users.json belongs to" in said
    assert "and this is user 4711" in said
    assert f"sudo chown -R user 4711 {data}" in said
    outside = PermissionError(errno.EACCES, "", str(data.parent / "other"))
    assert "chown" not in why_not(data, outside)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for verb in ("bans", "doctor", "backup", "run"):
        answer = run(tmp_path / "file", verb)
        assert answer.returncode == 1
        assert "folder" in answer.stderr


@pytest.mark.parametrize("verb", [("bans",), ("run", "--port", "0")])
def test_a_newer_folder_is_refused(data: Path, verb: tuple[str, ...]) -> None:
    (data / "journal" / "schema.json").write_text('{"schema": 2}')
    answer = run(data, *verb)
    assert answer.returncode == 1
    assert "written by a newer Soyuz: its schema is 2" in answer.stderr
    found = json.loads(run(data, "doctor", "--repair", "--json").stdout)
    assert "newer Soyuz" in found["findings"][0]["problem"]


@pytest.mark.parametrize(("fsync", "gives_up"), [("interval", "last second"), ("off", "minutes")])
def test_a_weaker_fsync_says_what_it_gives_up(
    start_server: StartServer, fsync: str, gives_up: str
) -> None:
    server = start_server(SOYUZ_FSYNC=fsync)
    lines = [line for line in server.log if "SOYUZ_FSYNC" in line]
    assert len(lines) == 1
    assert gives_up in lines[0]


def test_the_strong_fsync_needs_no_words(start_server: StartServer) -> None:
    assert not [line for line in start_server().log if "SOYUZ_FSYNC" in line]
