"""kill -9 of a real process before and after each call of the system: what it told is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soyuz.paths import DataFolder
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.room_history import RoomHistory
from tests.conftest import ROOT
from tests.crash.failpoints import TURNS
from tests.store.conftest import rows_of_numbers

PEOPLE = [f"p{turn}" for turn in range(TURNS)]
MESSAGES = [f"m{turn}{part}" for turn in range(TURNS) for part in "abc"]


def found_in(folder: Path) -> list[str]:
    """Start on what was left; gives the rows' names and the messages, and that it goes on."""
    disk = Disk(DataFolder(folder / "data"))
    disk.open()
    journal = Journal(disk)
    journal.open()
    document = Document(folder / "data" / "people.json", rows_of_numbers, journal)
    document.load()
    room = RoomHistory(disk.folder.history / "lobby", disk, recent=5)
    room.load()
    names = list(document.value)
    entries = room.since(0, 1_000)
    document.update(lambda rows: {"next": {}})
    disk.close()
    journal.close()
    room.close()
    assert entries is not None
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    return [*names, *(entry.data["text"] for entry in entries)]


def wrong_in(folder: Path) -> str:
    """Say what is wrong with what a killed child left; empty when nothing is."""
    told = (folder / "told").read_text().split() if (folder / "told").exists() else []
    found = found_in(folder)
    for every in (PEOPLE, MESSAGES):
        safe = [name for name in every if name in told]
        there = [name for name in found if name in every]
        if there != every[: len(there)] or len(there) < len(safe):
            return f"{folder.name}: {there}, told {safe}"
    return ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")
@pytest.mark.parametrize(
    "stride", [11, pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_what_was_told_before_a_kill_at_any_call_is_there(tmp_path: Path, stride: int) -> None:
    command = [sys.executable, "-m", "tests.crash.failpoints", str(tmp_path), str(stride)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    folders = sorted(tmp_path.iterdir())
    print(f"{len(folders)} processes")
    wrong = [told for folder in folders if (told := wrong_in(folder))]
    assert wrong == []
    assert len(folders) > 100 / stride
    # The last child came to the end, whether it was to be killed before that call or after it.
    last = [folder for folder in folders if folder.name[:4] == folders[-1].name[:4]]
    assert any("end" in (folder / "told").read_text() for folder in last)
