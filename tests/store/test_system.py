"""What differs between systems, each way tried here as far as one system can."""

from __future__ import annotations

import errno
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from soyuz.store import system
from soyuz.store.document import Document
from tests.conftest import eventually
from tests.store.conftest import Admin, encoded


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    return one, other


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="no swap of files there")
def test_two_files_are_swapped_in_one_step(pair: tuple[Path, Path]) -> None:
    one, other = pair
    if not system.exchange(one, other):
        pytest.skip("this file system cannot swap files")
    assert (one.read_bytes(), other.read_bytes()) == (b"2", b"1")


def test_nothing_is_swapped_where_one_is_missing_or_nobody_can(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    assert not system.exchange(one, other.with_name("missing"))
    monkeypatch.setattr(sys, "platform", "win32")
    assert not system.exchange(one, other)
    assert (one.read_bytes(), other.read_bytes()) == (b"1", b"2")


@pytest.mark.parametrize(
    ("number", "raises"), [(errno.EINVAL, False), (errno.ENOSYS, False), (errno.EIO, True)]
)
def test_a_file_system_that_cannot_swap_is_told_from_a_broken_one(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int, raises: bool
) -> None:
    def fails(one: bytes, other: bytes) -> int:
        system.ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(system, "_exchanger", lambda platform: fails)
    if raises:
        with pytest.raises(OSError, match="Input/output"):
            system.exchange(*pair)
    else:
        assert not system.exchange(*pair)


def test_a_name_is_given_only_while_nobody_has_it(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    with pytest.raises(FileExistsError):
        system.rename_to_new(one, other)
    assert (one.read_bytes(), other.read_bytes()) == (b"1", b"2")
    system.rename_to_new(one, other.with_name("new"))
    assert not one.exists()

    def no_links(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    system.rename_to_new(other, other.with_name("newer"))
    assert other.with_name("newer").read_bytes() == b"2"


def test_on_a_mac_the_drive_itself_is_asked(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    fake = types.SimpleNamespace(F_FULLFSYNC=51, fcntl=lambda fd, what: asked.append((fd, what)))
    monkeypatch.setitem(sys.modules, "fcntl", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "darwin")
    with open(pair[0]) as file:
        system.sync(file.fileno())
        assert asked == [(file.fileno(), 51)]


def test_on_windows_no_folder_is_synced_and_none_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "open", lambda *args: pytest.fail("there is no handle on a folder"))
    tmp_path.chmod(0o755)
    system.sync_folder(tmp_path)
    system.keep_private(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_every_file_is_written_as_bytes_where_the_system_would_alter_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[int] = []
    monkeypatch.setattr(system, "_BINARY", 1 << 20)
    monkeypatch.setattr(os, "open", lambda path, given, mode: flags.append(given) or 7)
    system.create(tmp_path / "x", os.O_APPEND, 0o600)
    assert flags[0] & (1 << 20)


@pytest.mark.parametrize("manner", [0, 3, 4])
def test_edits_are_merged_also_where_files_cannot_be_swapped(
    watched: Document,
    admin: Admin,
    manner: int,
    monkeypatch: pytest.MonkeyPatch,
    reopened: Callable[[Document], Document],
) -> None:
    monkeypatch.setattr(system, "exchange", lambda one, other: False)
    for turn in range(3):
        watched.update(lambda rows, turn=turn: {f"p{turn}": {}})  # type: ignore[misc]
        eventually(lambda turn=turn: f"p{turn}" in admin.path.read_text())  # type: ignore[misc]
        admin.manners[manner](encoded({**admin.reads(), f"hand{turn}": {}}))
        eventually(lambda turn=turn: f"hand{turn}" in watched.value)  # type: ignore[misc]
    assert len(watched.value) == 7
    eventually(lambda: not watched._is_due)
    assert len(admin.reads()) == 7
