"""A document: what is acknowledged is on the disk, and what the disk refuses has not happened."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soyuz.store.disk import Disk, SyncFailed, Unavailable
from soyuz.store.document import Document
from tests.conftest import eventually
from tests.store.conftest import Admin, Loop, encoded, rows_of_numbers

Reopen = Callable[[Document], Document]


def put(document: Document, key: str, /, **row: Any) -> None:
    document.update(lambda rows: {key: row})


def full_disk(monkeypatch: pytest.MonkeyPatch, disk: Disk, name: str) -> None:
    """From now on the disk takes no file of this name."""
    replace = disk.replace

    def refuse(path: Path, *args: Any, **kwargs: Any) -> os.stat_result:
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(path, *args, **kwargs)

    monkeypatch.setattr(disk, "replace", refuse)


def test_an_update_is_on_the_disk_before_it_returns(document: Document, admin: Admin) -> None:
    assert admin.reads() == {"ann": {"role": "admin"}}
    for number in range(20):
        put(document, f"p{number}", n=number)
        assert admin.reads()[f"p{number}"] == {"n": number}
    document.update(lambda rows: {"p0": None})
    assert "p0" not in admin.reads()


def test_a_person_may_read_the_file_an_admin_opens(document: Document, admin: Admin) -> None:
    put(document, "علی", name="Zoë 🚀")
    text = admin.path.read_text("utf-8")
    assert '"علی"' in text
    assert "Zoë 🚀" in text
    assert text.count("\n") > 3
    assert admin.path.stat().st_mode & 0o777 == 0o600


def test_updates_of_many_threads_all_count_and_share_their_writes(
    document: Document, admin: Admin, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[str] = []
    replace = disk.replace

    def counting(path: Path, *args: Any, **kwargs: Any) -> os.stat_result:
        writes.append(path.name)
        return replace(path, *args, **kwargs)

    monkeypatch.setattr(disk, "replace", counting)

    def add(start: int) -> None:
        for number in range(start, start + 10):
            put(document, f"p{number}", n=number)

    threads = [threading.Thread(target=add, args=(start,)) for start in range(0, 300, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(admin.reads()) == 301
    assert admin.reads() == document.value
    assert len(writes) / 2 < 200, "300 updates, each with a write of its own"


def test_one_row_counted_up_by_many_threads_loses_no_step(document: Document, admin: Admin) -> None:
    def count() -> None:
        for _ in range(20):
            document.update(lambda rows: {"ann": {"n": rows["ann"].get("n", 0) + 1}})

    threads = [threading.Thread(target=count) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert admin.reads() == {"ann": {"n": 200}}


def test_a_value_once_given_never_changes(document: Document) -> None:
    before = document.value
    put(document, "ben")
    assert before == {"ann": {"role": "admin"}}
    assert set(document.value) == {"ann", "ben"}


def test_a_change_that_changes_nothing_writes_nothing(document: Document, admin: Admin) -> None:
    stamp = admin.path.stat().st_mtime_ns
    put(document, "ann", role="admin")
    assert admin.path.stat().st_mtime_ns == stamp


def test_what_follows_a_change_hears_before_and_after(document: Document) -> None:
    heard: list[Any] = []
    document.on_change.append(lambda before, after: heard.append((set(before), set(after))))
    put(document, "ben")
    assert heard == [({"ann"}, {"ann", "ben"})]


def test_a_change_that_is_refused_changes_nothing(document: Document, admin: Admin) -> None:
    def refuse(rows: object) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        document.update(refuse)
    put(document, "ben")
    assert set(admin.reads()) == {"ann", "ben"}


def test_a_full_disk_undoes_the_change_says_so_and_heals(
    document: Document, admin: Admin, disk: Disk, reopened: Reopen
) -> None:
    heard: list[set[str]] = []
    document.on_change.append(lambda before, after: heard.append(set(after)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        full_disk(monkeypatch, disk, "people.json")
        for _ in range(3):
            with pytest.raises(Unavailable):
                put(document, "ben")
            assert set(document.value) == set(admin.reads()) == {"ann"}
    assert heard == [{"ann", "ben"}, {"ann"}] * 3
    put(document, "eve")
    assert set(document.value) == set(admin.reads()) == {"ann", "eve"}
    assert set(reopened(document).value) == {"ann", "eve"}


def test_nothing_slips_onto_the_disk_between_a_failure_and_its_undoing(
    document: Document, admin: Admin, disk: Disk, held_loop: Callable[[], Loop]
) -> None:
    """The committer is back at work before the loop has heard that the first write failed."""
    with held_loop():
        with pytest.MonkeyPatch.context() as monkeypatch:
            full_disk(monkeypatch, disk, "people.json")
            first = document.begin_update(lambda rows: {"ben": {}})
            eventually(lambda: not disk._waiting)
            threading.Event().wait(0.05)
        second = document.begin_update(lambda rows: {"eve": {}})
        eventually(lambda: not disk._waiting)
        threading.Event().wait(0.05)
    for ticket in (first, second):
        assert ticket
        with pytest.raises(Unavailable):
            ticket.wait()
    assert set(document.value) == set(admin.reads()) == {"ann"}


def test_a_failure_undoes_no_change_that_was_acknowledged(
    document: Document, admin: Admin, disk: Disk, held_loop: Callable[[], Loop]
) -> None:
    """The loop hears of the first write only when the second change is already staged."""
    with held_loop(), pytest.MonkeyPatch.context() as monkeypatch:
        first = document.begin_update(lambda rows: {"ben": {}})
        eventually(lambda: "ben" in admin.reads())
        full_disk(monkeypatch, disk, "people.json")
        second = document.begin_update(lambda rows: {"eve": {}})
        eventually(lambda: not disk._waiting)
        threading.Event().wait(0.05)
    assert first
    assert second
    first.wait()
    with pytest.raises(Unavailable):
        second.wait()
    put(document, "dan")
    assert set(document.value) == set(admin.reads()) == {"ann", "ben", "dan"}


def test_after_a_failed_sync_nothing_is_taken_any_more(
    document: Document, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal: list[OSError] = []
    disk.on_fatal = fatal.append

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("soyuz.store.disk._full_sync", broken)
        with pytest.raises(Unavailable):
            put(document, "ben")
    eventually(lambda: fatal)
    assert isinstance(fatal[0], SyncFailed)
    with pytest.raises(Unavailable):
        put(document, "eve")
    assert "sync" in disk.trouble()
    assert set(document.value) == {"ann"}


def test_a_file_that_is_missing_at_the_first_start_is_made(disk: Disk) -> None:
    path = disk.folder.root / "new.json"
    fresh = Document(path, rows_of_numbers, disk)
    fresh.load()
    assert path.read_bytes() == b"{}\n"
    assert fresh.value == {}


def test_a_file_edited_while_the_server_was_down_is_taken(
    document: Document, admin: Admin, reopened: Reopen
) -> None:
    admin.saves(encoded({"zoe": {}}))
    assert reopened(document).value == {"zoe": {}}


def test_a_start_with_a_broken_file_begins_from_the_last_good_copy(
    document: Document, admin: Admin, reopened: Reopen
) -> None:
    put(document, "ben")
    admin.saves(b'{"ann": {},\n "ben" {}}')
    again = reopened(document)
    assert set(again.value) == {"ann", "ben"}
    assert again.trouble
    assert (again.trouble.line, again.trouble.column) == (2, 8)
    assert admin.path.read_bytes().startswith(b'{"ann": {},\n'), "left for repair"


def test_a_start_with_a_missing_file_begins_from_the_last_good_copy(
    document: Document, admin: Admin, reopened: Reopen
) -> None:
    put(document, "ben")
    admin.path.unlink()
    assert set(reopened(document).value) == set(admin.reads()) == {"ann", "ben"}


def test_a_start_never_takes_a_broken_file_for_an_empty_one(disk: Disk) -> None:
    path = disk.folder.root / "people.json"
    path.write_bytes(b"{")
    with pytest.raises(OSError, match="line 1, column 2"):
        Document(path, rows_of_numbers, disk).load()
    assert path.read_bytes() == b"{"


@pytest.mark.parametrize("name", ["\\ud800", 'quote " and \\', "\\\\ud800", "\u2028", "line\nend"])
def test_whatever_people_call_themselves_the_server_starts_again(
    document: Document, name: str, reopened: Reopen
) -> None:
    put(document, "ben", name=name)
    again = reopened(document)
    assert again.trouble is None
    assert again.value["ben"] == {"name": name}
