"""The disk is full at any byte: the refused is not there, the acknowledged is, and it heals."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from tests.crash.one_thread import FILES, Store
from tests.crash.short_run import ShortRun, space_for

STRIDE = 37  # of the offsets tried in the ordinary run; the long one tries each


def bytes_of_a_whole_run(root: Path) -> int:
    with space_for(10**9) as space:
        run = ShortRun(root / "whole")
        run.run()
    assert run.refused == 0
    assert len(run.said) == 9
    return space.taken


def wrong_at(root: Path, size: int) -> str:
    """Run on a disk that takes so many bytes, start again when it has more, and say what is wrong."""
    run = ShortRun(root / str(size))
    with space_for(size):
        run.run()
    wrong = run.wrong()
    shutil.rmtree(run.root)
    return f"full after {size} bytes: {wrong}" if wrong else ""


def test_a_disk_full_at_any_offset_costs_only_what_it_refuses(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    offsets = range(random.randrange(STRIDE), bytes_of_a_whole_run(root), STRIDE)
    wrong = next(filter(None, (wrong_at(root, size) for size in offsets)), "")
    assert not wrong


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_disk_full_at_every_offset_costs_only_what_it_refuses(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    offsets = range(bytes_of_a_whole_run(root))
    wrong = next(filter(None, (wrong_at(root, size) for size in offsets)), "")
    assert not wrong


def test_it_heals_without_a_restart_when_space_returns(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    run = ShortRun(root / "run")
    run.store = Store(run.root)
    for size in range(300):
        with space_for(size):
            run.changes(FILES[0], {"ann": {"n": size, "about": "x" * 100}})
            run.says(f"on a full disk {size}")
        refused = run.refused
        assert run.changes(FILES[0], {"ben": {"n": size}})
        run.says(f"healed {size}")
        assert run.refused == refused
    assert refused > 300
    run.store.stops()
    assert run.wrong() == ""


def test_a_store_that_leaves_a_refused_write_there_is_caught(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    whole = bytes_of_a_whole_run(root)
    patched.setattr("soyuz.store.commit_log.CommitLog._cut_rest", lambda *args: None)
    assert any(wrong_at(root, size) for size in range(whole, 0, -10))


@pytest.fixture
def megabyte(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 1 MB."""
    disk = tmp_path / "megabyte"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode != 0:
        pytest.skip(f"a real full disk needs tmpfs and root: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def writes_forever(file: FileIO, content: bytes) -> None:
    while True:
        file.write(content)


def fills(disk: Path) -> Path:
    """Somebody else takes all the space there is."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (4096, 1):
            with pytest.raises(OSError, match="No space left"):
                writes_forever(file, b"x" * size)
    return ballast


def test_a_real_full_disk_refuses_and_heals(megabyte: Path, patched: pytest.MonkeyPatch) -> None:
    run = ShortRun(megabyte / "data")
    run.store = Store(run.root)
    for turn in range(20):
        assert run.changes(FILES[0], {f"ann{turn}": {"n": turn}})
        ballast = fills(megabyte)
        for size in (10, 5_000):  # a page that has been begun may still take a little
            run.changes(FILES[0], {"big": {"n": turn, "about": "x" * size}})
            run.says(f"{turn} " + "x" * size)
        assert run.refused > 0
        os.remove(ballast)
        assert run.changes(FILES[0], {"ben": {"n": turn}})
        run.says(f"healed {turn}")
        assert run.said[-1] == f"healed {turn}"
    run.store.stops()
    assert run.wrong() == ""
