"""Both ways to find the running server: a Unix socket, and a loopback port with a token."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from soyuz.paths import DataFolder
from soyuz.store import control
from soyuz.store.control import UNIX_PATH_MAX_BYTES, NobodyThere
from soyuz.store.disk import Disk


def folder(root: Path) -> Disk:
    root.mkdir(parents=True)
    return Disk(DataFolder(root))


class OnExFat(socket.socket):
    """A socket on a file system that knows files and folders alone."""

    def bind(self, address: Any) -> None:
        if self.family == socket.AF_UNIX:
            raise OSError(1, "Operation not permitted")
        super().bind(address)


def is_heard(disk: Disk, listening: socket.socket) -> str:
    """Call as the command line does and give the token that came along."""
    caller, token = control.connect(disk, 5.0)
    answering, _ = listening.accept()
    with caller, answering:
        caller.sendall(b"hi\n")
        assert answering.recv(10) == b"hi\n"
    return token


def test_a_unix_socket_needs_no_token(tmp_path: Path) -> None:
    disk = folder(tmp_path / "d")
    assert len(str(disk.folder.control_socket)) <= UNIX_PATH_MAX_BYTES, "or this tests nothing"
    listening, token = control.listen(disk)
    with listening:
        assert disk.folder.control_socket.stat().st_mode & 0o777 == 0o600
        assert is_heard(disk, listening) == token == ""


@pytest.mark.parametrize(
    "reason",
    ["the path is too long", "there are no Unix sockets", "the file system takes no sockets"],
)
def test_otherwise_a_port_with_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "the path is too long":
        disk = folder(tmp_path / ("x" * UNIX_PATH_MAX_BYTES))
    elif reason == "the file system takes no sockets":
        disk = folder(tmp_path / "d")
        monkeypatch.setattr(socket, "socket", OnExFat)
    else:
        disk = folder(tmp_path / "d")
        monkeypatch.delattr(socket, "AF_UNIX")
    listening, token = control.listen(disk)
    with listening:
        assert disk.folder.control_token.stat().st_mode & 0o777 == 0o600
        assert len(token) > 30
        assert listening.getsockname()[0] == "127.0.0.1"
        assert is_heard(disk, listening) == token


def test_a_spoiled_token_is_nobody(tmp_path: Path) -> None:
    disk = folder(tmp_path / "d")
    for spoiled in ("", "[]", '{"port": 1}'):
        disk.folder.control_token.write_text(spoiled)
        with pytest.raises(NobodyThere):
            control.connect(disk, 5.0)


def test_what_an_earlier_server_left_behind_is_replaced(tmp_path: Path) -> None:
    disk = folder(tmp_path / "d")
    control.listen(disk)[0].close()
    with pytest.raises(NobodyThere):
        control.connect(disk, 5.0)
    listening, _ = control.listen(disk)
    with listening:
        assert is_heard(disk, listening) == ""
    control.withdraw(disk)
    with pytest.raises(NobodyThere):
        control.connect(disk, 5.0)
