"""A document: what is acknowledged is on the disk, and what the disk refuses has not happened."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from soyuz.store import system
from soyuz.store.disk import Disk, SyncFailed, Unavailable
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from tests.conftest import eventually
from tests.store.conftest import Admin, Loop, encoded, polled, rows_of_numbers

Reopen = Callable[[Document], Document]


def put(document: Document, key: str, /, **row: Any) -> None:
    document.update(lambda rows: {key: row})


def full_disk(monkeypatch: pytest.MonkeyPatch, where: str = "journal") -> None:
    """From now on the disk takes nothing for files whose path has `where` in it."""
    write = system.write

    def refuse(fd: int, content: bytes) -> None:
        if where in os.readlink(f"/proc/self/fd/{fd}"):
            write(fd, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(fd, content)

    monkeypatch.setattr(system, "write", refuse)


def test_an_update_is_on_the_disk_before_it_returns(document: Document, reopened: Reopen) -> None:
    for number in range(20):
        put(document, f"p{number}", n=number)
    document.update(lambda rows: {"p0": None})
    again = reopened(document)
    assert again.value == {"ann": {"role": "admin"}} | {f"p{n}": {"n": n} for n in range(1, 20)}


def test_the_file_follows(watched: Document, admin: Admin) -> None:
    put(watched, "ben")
    eventually(lambda: set(admin.reads()) == {"ann", "ben"})
    watched.update(lambda rows: {"ann": None})
    eventually(lambda: set(admin.reads()) == {"ben"})


def test_a_person_may_read_the_file_an_admin_opens(document: Document, admin: Admin) -> None:
    put(document, "علی", name="Zoë 🚀")
    document.catch_up()
    text = admin.path.read_text("utf-8")
    assert '"علی"' in text
    assert "Zoë 🚀" in text
    assert text.count("\n") > 3
    assert admin.path.stat().st_mode & 0o777 == 0o600


def test_updates_of_many_threads_all_count_and_share_their_syncs(
    document: Document, monkeypatch: pytest.MonkeyPatch, reopened: Reopen
) -> None:
    syncs: list[int] = []
    sync = system.sync

    def slowly(fd: int) -> None:
        syncs.append(fd)
        time.sleep(0.002)
        sync(fd)

    monkeypatch.setattr(system, "sync", slowly)

    def add(start: int) -> None:
        for number in range(start, start + 10):
            put(document, f"p{number}", n=number)

    threads = [threading.Thread(target=add, args=(start,)) for start in range(0, 300, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(document.value) == 301
    assert len(syncs) < 200, "300 updates, each with a sync of its own"
    monkeypatch.undo()
    assert len(reopened(document).value) == 301


def test_one_row_counted_up_by_many_threads_loses_no_step(
    document: Document, reopened: Reopen
) -> None:
    def count() -> None:
        for _ in range(20):
            document.update(lambda rows: {"ann": {"n": rows["ann"].get("n", 0) + 1}})

    threads = [threading.Thread(target=count) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert document.value == {"ann": {"n": 200}}
    assert reopened(document).value == {"ann": {"n": 200}}


def test_a_row_once_given_is_a_copy(document: Document) -> None:
    document.value["ann"]["role"] = "nobody"
    assert document.value == {"ann": {"role": "admin"}}


def test_a_change_that_changes_nothing_writes_nothing(document: Document) -> None:
    assert document.begin_update(lambda rows: {"ann": {"role": "admin"}, "ben": None}) is None


def test_what_follows_a_change_hears_it_when_it_is_on_the_disk(
    document: Document, held_loop: Callable[[], Loop]
) -> None:
    heard: list[Any] = []
    document.on_change.append(lambda delta: heard.append(dict(delta)))
    with held_loop():
        ticket = document.begin_update(lambda rows: {"ben": {"n": 1}, "ann": None})
        assert set(document.value) == {"ben"}
        assert heard == []
    assert ticket
    ticket.wait()
    assert heard == [{"ben": (None, {"n": 1}), "ann": ({"role": "admin"}, None)}]


def test_a_change_that_is_refused_changes_nothing(document: Document) -> None:
    def refuse(rows: object) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        document.update(refuse)
    put(document, "ben")
    assert set(document.value) == {"ann", "ben"}


def test_a_full_disk_undoes_the_change_says_so_and_heals(
    document: Document, reopened: Reopen
) -> None:
    heard: list[set[str]] = []
    applied: list[tuple[str, bool]] = []
    document.on_change.append(lambda delta: heard.append(set(delta)))
    document.on_apply.append(lambda key, was, now: applied.append((key, now is not None)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        full_disk(monkeypatch)
        for _ in range(3):
            with pytest.raises(Unavailable):
                put(document, "ben")
            assert set(document.value) == {"ann"}
    assert heard == []
    assert applied == [("ben", True), ("ben", False)] * 3
    put(document, "eve")
    assert set(document.value) == {"ann", "eve"}
    assert set(reopened(document).value) == {"ann", "eve"}


def test_what_was_changed_after_a_refused_change_goes_with_it(
    document: Document, held_loop: Callable[[], Loop], reopened: Reopen
) -> None:
    """The committer has failed at the first before the second comes, and the loop has not heard."""
    disk = document._disk
    with held_loop():
        with pytest.MonkeyPatch.context() as monkeypatch:
            full_disk(monkeypatch)
            first = document.begin_update(lambda rows: {"ann": {"n": 1}})
            eventually(lambda: not disk._waiting)
            threading.Event().wait(0.05)
        second = document.begin_update(lambda rows: {"ann": {"n": rows["ann"]["n"] + 1}})
        eventually(lambda: not disk._waiting)
        threading.Event().wait(0.05)
    for ticket in (first, second):
        assert ticket
        with pytest.raises(Unavailable):
            ticket.wait()
    assert document.value == {"ann": {"role": "admin"}}
    assert reopened(document).value == {"ann": {"role": "admin"}}


def test_a_failure_undoes_no_change_that_was_acknowledged(
    document: Document, held_loop: Callable[[], Loop], reopened: Reopen
) -> None:
    """The loop hears of the first write only when the second change has been refused."""
    disk = document._disk
    with held_loop(), pytest.MonkeyPatch.context() as monkeypatch:
        first = document.begin_update(lambda rows: {"ben": {}})
        eventually(lambda: not disk._waiting)
        threading.Event().wait(0.05)
        full_disk(monkeypatch)
        second = document.begin_update(lambda rows: {"eve": {}})
        eventually(lambda: not disk._waiting)
        threading.Event().wait(0.05)
    assert first
    assert second
    first.wait()
    with pytest.raises(Unavailable):
        second.wait()
    put(document, "dan")
    assert set(document.value) == set(reopened(document).value) == {"ann", "ben", "dan"}


def test_no_room_for_the_file_holds_up_nobody_and_the_file_follows_later(
    watched: Document, admin: Admin
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        full_disk(monkeypatch, "people.json")
        put(watched, "ben")
        threading.Event().wait(0.1)
        assert set(watched.value) == {"ann", "ben"}
        assert set(admin.reads()) == {"ann"}
    eventually(lambda: set(admin.reads()) == {"ann", "ben"})
    assert not list(admin.path.parent.glob(".*.new"))


def test_after_a_failed_sync_nothing_is_taken_any_more(
    document: Document, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal: list[OSError] = []
    disk.on_fatal = fatal.append

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(system, "sync", broken)
        with pytest.raises(Unavailable):
            put(document, "ben")
    eventually(lambda: fatal)
    assert isinstance(fatal[0], SyncFailed)
    with pytest.raises(Unavailable):
        put(document, "eve")
    assert "sync" in disk.trouble()
    assert set(document.value) == {"ann"}


def test_a_file_that_is_missing_at_the_first_start_is_made(journal: Journal) -> None:
    path = journal.disk.folder.root / "new.json"
    fresh = Document(path, rows_of_numbers, journal)
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
    again = reopened(document)
    assert set(again.value) == set(admin.reads()) == {"ann", "ben"}


def test_a_start_never_takes_a_broken_file_for_an_empty_one(journal: Journal) -> None:
    path = journal.disk.folder.root / "people.json"
    path.write_bytes(b"{")
    with pytest.raises(OSError, match="line 1, column 2"):
        Document(path, rows_of_numbers, journal).load()
    assert path.read_bytes() == b"{"


@pytest.mark.parametrize("name", ["\\ud800", 'quote " and \\', "\\\\ud800", "\u2028", "line\nend"])
def test_whatever_people_call_themselves_the_server_starts_again(
    document: Document, name: str, reopened: Reopen
) -> None:
    put(document, "ben", name=name)
    again = reopened(document)
    assert again.trouble is None
    assert again.value["ben"] == {"name": name}


def test_a_file_that_lacks_what_was_merged_is_made_whole_at_the_next_start(
    document: Document, admin: Admin, reopened: Reopen
) -> None:
    """Else who signed up meanwhile is missing in it, and with the next edit they are deleted."""
    put(document, "ben")
    polled(document)
    put(document, "eve")
    admin.saves(encoded({"ann": {"role": "member"}, "ben": {}}))
    document._take_over()
    assert set(document.value) == {"ann", "ben", "eve"}
    again = reopened(document)  # killed before the file could follow
    assert set(again.value) == set(admin.reads()) == {"ann", "ben", "eve"}
