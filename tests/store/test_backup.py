"""Backups under the hood: files that change while they are read, and the server's own daily ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from soyuz.paths import DataFolder
from soyuz.store import backup, system
from soyuz.store.archive import Item, Unfit, check
from soyuz.store.backup import DAY_S, Daily, dated_name, make

NOW = 1_800_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A data folder with a little in it."""
    folder = DataFolder(tmp_path / "data")
    for place in (folder.journal, folder.history / "lobby"):
        place.mkdir(parents=True)
    folder.users.write_bytes(b"{}\n")
    (folder.journal / "000000000001.log").write_bytes(b"1\n")
    (folder.history / "lobby" / "000000000001.jsonl").write_bytes(b"1\n" * 10)
    return folder


def when(monkeypatch: pytest.MonkeyPatch, name: str, happens: object) -> None:
    """Have something happen each time a file of that name has just been opened."""
    take = backup._opened

    def opened(path: Path) -> object:
        file = take(path)
        if path.name == name:
            happens(path)  # type: ignore[operator]
        return file

    monkeypatch.setattr(backup, "_opened", opened)


def test_what_is_added_meanwhile_is_left_for_the_next_time(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown: list[int] = []

    def grow(path: Path) -> None:
        grown.append(path.stat().st_size)
        with path.open("ab") as file:
            file.write(b"more\n")

    reader = backup._Reader

    class Slow(reader):  # type: ignore[misc,valid-type]
        def read(self, most: int) -> bytes:
            grow(folder.history / "lobby" / "000000000001.jsonl")
            return bytes(super().read(most))

    monkeypatch.setattr(backup, "_Reader", Slow)
    made = make(folder, tmp_path / "b.tar.gz")
    size = made.files["history/lobby/000000000001.jsonl"].size
    assert size in grown
    assert check(tmp_path / "b.tar.gz") == made


def test_a_file_that_vanishes_is_no_reason_to_fail(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.strikes.write_bytes(b"{}\n")
    when(monkeypatch, "strikes.json", lambda path: folder.users.unlink(missing_ok=True))
    monkeypatch.setattr(backup, "MISSING_S", 0.001)
    made = make(folder, tmp_path / "b.tar.gz")
    assert "users.json" not in made.files
    assert "strikes.json" in made.files


def test_a_journal_that_was_cut_meanwhile_is_read_again(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.journal / "000000000002.log").write_bytes(b"22\n")
    first = folder.journal / "000000000001.log"
    when(monkeypatch, "users.json", lambda path: None)
    found = list(backup.files_in(folder))
    listed = iter([found])
    files_in = backup.files_in
    monkeypatch.setattr(backup, "files_in", lambda f: next(listed, None) or files_in(f))
    monkeypatch.setattr(backup, "MISSING_S", 0.001)
    first.unlink()
    made = make(folder, tmp_path / "b.tar.gz")
    assert set(made.files) >= {"journal/000000000002.log", "users.json"}
    assert "journal/000000000001.log" not in made.files


def test_what_was_not_written_as_it_should_be_is_noticed(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Item, "__eq__", lambda one, other: False)
    with pytest.raises(Unfit, match="not what was put there"):
        make(folder, tmp_path / "b.tar.gz")
    assert not list(tmp_path.glob("*.tar.gz*")) + list(tmp_path.glob(".*new"))


def test_a_full_disk_leaves_nothing_behind(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(system, "write", full)
    with pytest.raises(OSError, match="No space left"):
        make(folder, tmp_path / "b.tar.gz")
    assert not list(tmp_path.glob("*.tar.gz*")) + list(tmp_path.glob(".*new"))


def test_the_server_makes_one_a_day_and_keeps_so_many(folder: DataFolder) -> None:
    daily = Daily(folder, folder.backups, kept=3)
    by_hand = folder.backups / dated_name("soyuz", NOW)
    assert daily.make_if_due(NOW)
    by_hand.touch()
    assert daily.make_if_due(NOW + DAY_S - 1) is None
    for day in range(1, 6):
        assert daily.make_if_due(NOW + day * DAY_S)
    kept = sorted(path.name for path in folder.backups.glob("daily-*"))
    assert kept == [dated_name("daily", NOW + day * DAY_S) for day in (3, 4, 5)]
    assert by_hand.exists(), "what an admin made is not the server's to delete"


def test_a_clock_that_was_wrong_for_a_while_stops_no_backups(folder: DataFolder) -> None:
    daily = Daily(folder, folder.backups, kept=2)
    assert daily.make_if_due(NOW + 1_000 * DAY_S)
    for day in range(4):
        assert daily.make_if_due(NOW + day * DAY_S)
        assert daily.make_if_due(NOW + day * DAY_S + 60) is None
    kept = sorted(path.name for path in folder.backups.iterdir())
    assert kept == [dated_name("daily", NOW + day * DAY_S) for day in (2, 3)]


def test_a_disk_without_room_for_twice_the_data_gets_none(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder.root)
    size = backup.size_of(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=size * 2 - 1))
    with pytest.raises(Unfit, match="are free"):
        Daily(folder, folder.backups, kept=7).make_if_due(NOW)
    assert not list(folder.backups.iterdir())
