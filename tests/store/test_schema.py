"""The form of the data folder: migrations run once, whole, after a backup; a newer form is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from soyuz.domain.user import User
from soyuz.messenger import Messenger
from soyuz.settings import load
from soyuz.store import schema, system
from soyuz.store.archive import check
from soyuz.store.schema import Files, Newer

Open = Callable[[], Messenger]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(data: Path) -> Open:
    """A messenger over the folder, as the next start makes it."""

    def start() -> Messenger:
        messenger = Messenger(load({"SOYUZ_DATA": str(data)}))
        messenger.open()
        return messenger

    return start


def number(data: Path) -> int:
    return int(json.loads((data / "journal" / "schema.json").read_text())["schema"])


def users(data: Path) -> Files:
    return json.loads((data / "users.json").read_text("utf-8"))


def greeted(files: Files) -> Files:
    """The migration of these tests: everybody gets a greeting, and strikes begin anew."""
    people = {
        name: {**row, "greeting": f"Hello {name}"} for name, row in files["users.json"].items()
    }
    return {**files, "users.json": people, "strikes.json": {}}


@pytest.fixture
def newer_program(data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of today's form with ann and a note of her admin's, and a program one step further."""
    messenger = opened()
    messenger.users.create(User("ann", "Ann", "a hash"))
    messenger.users.change("ann", note="kind")
    messenger.strikes.document.update(lambda rows: {"ann": {"rung": 1, "at": "2026-11-23T02:45Z"}})
    messenger.close()
    monkeypatch.setattr(schema, "SCHEMA", 2)
    monkeypatch.setitem(schema.MIGRATIONS, 1, greeted)


def test_a_new_folder_has_the_form_of_the_program(data: Path, opened: Open) -> None:
    opened().close()
    assert number(data) == schema.SCHEMA
    assert not (data / "backups").exists()


@pytest.mark.usefixtures("newer_program")
def test_a_migration_changes_every_row_and_keeps_unknown_fields(data: Path, opened: Open) -> None:
    before = users(data)
    opened().close()
    assert users(data)["ann"] == {**before["ann"], "greeting": "Hello ann"}
    assert users(data)["ann"]["note"] == "kind"
    assert json.loads((data / "strikes.json").read_text()) == {}
    assert number(data) == 2
    (made,) = (data / "backups").iterdir()
    assert made.name.startswith("before-schema-2-")
    assert check(made).schema == 1


@pytest.mark.usefixtures("newer_program")
def test_it_runs_once(data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    opened().close()
    monkeypatch.setitem(schema.MIGRATIONS, 1, lambda files: pytest.fail("a second time"))
    opened().close()
    assert len(list((data / "backups").iterdir())) == 1


@pytest.mark.usefixtures("newer_program")
def test_a_crash_before_the_number_is_written_does_not_run_it_again(
    data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = system.rename

    def crash(source: Path, target: Path) -> None:
        if target.name == "schema.json":
            raise OSError("power cut")
        rename(source, target)

    with monkeypatch.context() as cut:
        cut.setattr(system, "rename", crash)
        with pytest.raises(OSError, match="power cut"):
            opened()
    assert number(data) == 1
    monkeypatch.setitem(schema.MIGRATIONS, 1, lambda files: pytest.fail("a second time"))
    opened().close()
    assert number(data) == 2
    assert users(data)["ann"]["greeting"] == "Hello ann"
    monkeypatch.setattr(schema, "SCHEMA", 1)
    (data / "journal" / "schema.json").write_text('{"schema": 1}')
    with pytest.raises(Newer):  # the journal itself tells
        opened()


@pytest.mark.usefixtures("newer_program")
def test_an_edit_made_while_no_server_ran_outlives_the_migration(data: Path, opened: Open) -> None:
    edited = users(data)
    edited["ann"]["role"] = "admin"
    (data / "users.json").write_text(json.dumps(edited))
    opened().close()
    assert users(data)["ann"]["role"] == "admin"
    assert users(data)["ann"]["greeting"] == "Hello ann"


@pytest.mark.usefixtures("newer_program")
def test_without_a_backup_nothing_is_changed(
    data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "backups").write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        opened()
    assert number(data) == 1
    assert "greeting" not in users(data)["ann"]


def test_a_newer_form_is_refused_and_left_alone(data: Path, opened: Open) -> None:
    opened().close()
    (data / "journal" / "schema.json").write_text('{"schema": 7, "more": "kept"}')
    before = {path: path.read_bytes() for path in data.rglob("*.*") if path.is_file()}
    with pytest.raises(Newer, match="its schema is 7, and this version"):
        opened()
    assert {path: path.read_bytes() for path in before} == before


def test_unknown_fields_of_the_number_are_kept(
    data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().close()
    (data / "journal" / "schema.json").write_text('{"schema": 1, "more": "kept"}')
    monkeypatch.setattr(schema, "SCHEMA", 2)
    monkeypatch.setitem(schema.MIGRATIONS, 1, lambda files: files)
    opened().close()
    assert json.loads((data / "journal" / "schema.json").read_text())["more"] == "kept"


def test_a_folder_from_before_there_were_numbers_is_taken_over(data: Path, opened: Open) -> None:
    """The first versions kept plain copies of the files in journal/."""
    people = b'{"ann": {"display_name": "Ann", "password": "h", "role": "admin"}}\n'
    (data / "journal").mkdir(parents=True)
    (data / "journal" / "users.json").write_bytes(people)
    (data / "journal" / "perma_banned.json").write_bytes(b'["bob"]\n')
    (data / "perma_banned.json").write_bytes(b'["bob"]\n')
    (data / "users.json").write_bytes(b"{")
    messenger = opened()
    assert messenger.users.has_admin()
    assert "bob" in messenger.bans.permanent.value
    messenger.close()
    assert [path.name[:16] for path in (data / "backups").iterdir()] == ["before-schema-1-"]
    assert number(data) == 1
