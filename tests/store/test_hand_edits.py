"""Hand edits, in the manner of every editor: live soon, merged with the server's own, never lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import system
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.handwritten import Spoiled, find_key, read
from soyuz.store.journal import Journal
from tests.conftest import eventually
from tests.store.conftest import Admin, Folder, encoded, polled, rows_of_numbers

MANNERS = range(6)


def broken_copies(admin: Admin) -> list[Path]:
    return sorted(admin.path.parent.glob(f"{admin.path.name}.broken-*"))


@pytest.mark.parametrize("manner", MANNERS)
def test_an_edit_in_any_manner_is_taken_over(watched: Document, admin: Admin, manner: int) -> None:
    admin.manners[manner](encoded({"ann": {"role": "admin"}, "ben": {"role": "member"}}))
    eventually(lambda: "ben" in watched.value)
    assert watched.trouble is None
    assert set(admin.reads()) == {"ann", "ben"}


@pytest.mark.parametrize("manner", MANNERS)
def test_an_edit_and_the_servers_own_changes_both_stay(
    watched: Document, admin: Admin, manner: int
) -> None:
    stop = threading.Event()
    written: list[str] = []

    def sign_ups() -> None:
        while not stop.is_set():
            name = f"p{len(written)}"
            watched.update(lambda rows, name=name: {name: {}})  # type: ignore[misc]
            written.append(name)

    server = threading.Thread(target=sign_ups)
    server.start()
    try:
        eventually(lambda: len(written) > 3)
        for number in range(4):
            seen = admin.reads()
            admin.manners[manner](encoded({**seen, f"hand{number}": {"n": number}}))
            eventually(lambda number=number: f"hand{number}" in watched.value)  # type: ignore[misc]
    finally:
        stop.set()
        server.join(20)
    everyone = {"ann", *written, *(f"hand{number}" for number in range(4))}
    assert set(watched.value) == everyone
    eventually(lambda: set(admin.reads()) == everyone)


@pytest.mark.parametrize(
    "form",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(),
        lambda text: b"\n\n" + text.replace(b"  ", b"\t"),
    ],
)
def test_byte_order_marks_and_line_ends_are_no_mistake(
    watched: Document, admin: Admin, form: Any
) -> None:
    admin.saves(form(encoded({"ben": {}})))
    eventually(lambda: set(watched.value) == {"ben"})
    watched.update(lambda rows: {"eve": {}})
    eventually(lambda: set(admin.reads()) == {"ben", "eve"})


def test_an_edit_is_heard_with_before_and_after(watched: Document, admin: Admin) -> None:
    heard: list[Any] = []
    watched.on_change.append(lambda delta: heard.append(dict(delta)))
    admin.saves(encoded({"ann": {"role": "member"}}))
    eventually(lambda: heard)
    assert heard == [{"ann": ({"role": "admin"}, {"role": "member"})}]


def test_a_person_deleted_by_hand_stays_deleted(watched: Document, admin: Admin) -> None:
    watched.update(lambda rows: {"ben": {}})
    eventually(lambda: "ben" in admin.reads())
    admin.saves(encoded({"ann": {"role": "admin"}}))
    eventually(lambda: "ben" not in watched.value)
    watched.update(lambda rows: {"eve": {}})
    eventually(lambda: set(admin.reads()) == {"ann", "eve"})


@pytest.mark.parametrize("manner", MANNERS)
def test_an_old_editor_buffer_does_not_delete_who_signed_up_since(
    watched: Document, admin: Admin, manner: int
) -> None:
    watched.update(lambda rows: {"ben": {}})
    eventually(lambda: "ben" in admin.reads())
    buffer = admin.reads()
    for name in ("eve", "dan"):
        watched.update(lambda rows, name=name: {name: {}})  # type: ignore[misc]
        eventually(lambda name=name: name in admin.path.read_text())  # type: ignore[misc]
    buffer["ann"]["role"] = "member"
    admin.manners[manner](encoded(buffer))
    eventually(lambda: watched.value["ann"] == {"role": "member"})
    assert set(watched.value) == {"ann", "ben", "eve", "dan"}
    eventually(lambda: set(admin.reads()) == {"ann", "ben", "eve", "dan"})


def test_a_file_opened_the_moment_it_was_written_counts_as_read(
    watched: Document, admin: Admin, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffers: list[Any] = []
    sync_folder = disk.sync_folder

    def opens_first(folder: Path) -> None:
        if folder == admin.path.parent:
            buffers.append(admin.reads())
        sync_folder(folder)

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync_folder", opens_first)
        watched.update(lambda rows: {"ben": {}})
        eventually(lambda: buffers)
    for name in ("eve", "dan"):
        watched.update(lambda rows, name=name: {name: {}})  # type: ignore[misc]
        eventually(lambda name=name: name in admin.path.read_text())  # type: ignore[misc]
    assert set(admin.reads()) == {"ann", "ben", "eve", "dan"}, "by some backup"
    admin.renames_over(encoded({**buffers[0], "zoe": {}}))
    eventually(lambda: "zoe" in watched.value)
    assert set(watched.value) == {"ann", "ben", "eve", "dan", "zoe"}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b'{\n  "ann": {"role": "admin"}\n  "ben": {}\n}\n', 3, 3),
        (b'{\n  "ann": {"role": "admin"},\n}\n', 3, 1),
        (b"", 1, 1),
        (b"  \n\n", 1, 1),
        (b"[]", 1, 1),
        (b'"ann"', 1, 1),
        (b'{\n  "ann": {},\n  "ben": 5\n}\n', 3, 3),
        (b'{\n  "ann": {},\n  "ben": {},\n  "ann": {}\n}\n', 4, 3),
        (b'{\n  "ann": {"role": NaN}\n}', 1, 1),
        (b'{\n  "ann": {"name": "\xff"}\n}', 2, 20),
        (b'{\n  "ann": {"name": "a\\ud83d"}\n}', 2, 21),
        (b'{"ann": ' + b"[" * 5_000, 1, 1),
    ],
)
def test_a_broken_file_changes_nothing_and_is_reported_by_line_and_column(
    watched: Document, admin: Admin, text: bytes, line: int, column: int
) -> None:
    heard: list[Any] = []
    watched.on_trouble.append(heard.append)
    admin.saves(text)
    eventually(lambda: heard)
    trouble = heard[0]
    assert (trouble.file, trouble.line, trouble.column) == ("people.json", line, column)
    assert trouble.problem
    assert watched.value == {"ann": {"role": "admin"}}
    assert admin.path.read_bytes() == text, "left for repair"


def test_a_missing_file_changes_nothing_and_is_written_with_the_next_change(
    watched: Document, admin: Admin
) -> None:
    admin.path.unlink()
    eventually(lambda: watched.trouble)
    assert watched.value == {"ann": {"role": "admin"}}
    watched.update(lambda rows: {"ben": {}})
    eventually(lambda: admin.path.exists() and set(admin.reads()) == {"ann", "ben"})
    eventually(lambda: watched.trouble is None)


def test_a_broken_text_is_never_written_over_and_copied_aside_at_once(
    watched: Document, admin: Admin
) -> None:
    text = b'{"ann": {"role": "admin"} and much work'
    admin.saves(text)
    eventually(lambda: watched.trouble)
    watched.update(lambda rows: {"ben": {}})
    threading.Event().wait(0.2)
    assert admin.path.read_bytes() == text
    assert [copy.read_bytes() for copy in broken_copies(admin)] == [text]
    admin.saves(encoded({"ann": {"role": "member"}}))
    eventually(lambda: set(admin.reads()) == {"ann", "ben"})
    assert watched.value["ann"] == {"role": "member"}


def test_a_repair_heals(watched: Document, admin: Admin) -> None:
    heard: list[Any] = []
    watched.on_trouble.append(heard.append)
    admin.saves(b"{")
    eventually(lambda: watched.trouble)
    admin.saves(encoded({"ben": {}}))
    eventually(lambda: watched.trouble is None)
    assert set(watched.value) == {"ben"}
    assert [trouble and trouble.line for trouble in heard] == [1, None]


def test_a_half_saved_file_is_not_taken_for_an_edit(watched: Document, admin: Admin) -> None:
    """Between two steps of a slow save the text is even good JSON."""
    heard: list[Any] = []
    watched.on_change.append(lambda delta: heard.append(set(delta)))
    admin.saves_slowly(encoded({f"p{number}": {} for number in range(50)}))
    eventually(lambda: len(watched.value) == 50 and heard)
    assert heard == [{"ann", *(f"p{number}" for number in range(50))}]
    assert broken_copies(admin) == []


def test_a_full_disk_loses_no_edit(
    watched: Document, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def refuse(fd: int, content: bytes) -> None:
        tried.append(fd)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(system, "write", refuse)
        admin.saves(encoded({"ben": {}}))
        eventually(lambda: len(tried) > 2)
        assert set(watched.value) == {"ann"}, "what is not safe is not in force"
    eventually(lambda: set(watched.value) == {"ben"})
    watched.update(lambda rows: {"eve": {}})
    eventually(lambda: set(admin.reads()) == {"ben", "eve"})


def test_an_editor_that_writes_into_the_file_we_have_just_replaced_is_heard(
    watched: Document, admin: Admin
) -> None:
    with open(admin.path, "r+b") as opened:
        watched.update(lambda rows: {"ben": {}})
        eventually(lambda: "ben" in admin.path.read_text())
        opened.truncate()
        opened.write(encoded({"ann": {"role": "member"}}))
        opened.flush()
        eventually(lambda: watched.value["ann"] == {"role": "member"})
    assert set(watched.value) == {"ann", "ben"}
    eventually(lambda: admin.reads() == watched.value)


def test_an_edit_saved_between_our_last_look_and_our_rename_is_heard(
    watched: Document, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = system.exchange

    def just_before(one: Path, other: Path) -> bool:
        if other == admin.path:
            monkeypatch.setattr(system, "exchange", exchange)
            admin.renames_over(encoded({"ann": {"role": "member"}}))
        return exchange(one, other)

    if not sys.platform.startswith("linux"):
        pytest.skip("swapping files needs Linux or macOS; here the last look has to do")
    monkeypatch.setattr("soyuz.store.replaced.WATCHED_S", 0.3)
    monkeypatch.setattr(system, "exchange", just_before)
    watched.update(lambda rows: {"ben": {}})
    eventually(lambda: watched.value.get("ann") == {"role": "member"})
    eventually(lambda: admin.reads() == {"ann": {"role": "member"}, "ben": {}})
    eventually(lambda: not list(admin.path.parent.glob("*.edited-*")))


@pytest.mark.parametrize("key", ["ben", 'b"en', "بن", "b\\en"])
def test_a_key_is_found_where_it_stands(key: str) -> None:
    content = encoded({"ann": {"ben": {}, "list": [1, "}"]}, key: {}})
    line, column = find_key(content, key)
    assert column == 3
    assert content.decode().split("\n")[line - 1].startswith(f"  {encoded(key).decode().strip()}")
    assert find_key(content, "nobody") == find_key(b"[]", "x") == (1, 1)


@pytest.mark.parametrize(
    "text", [b'"\\\\ud800"', b'"\\ud83d\\ude80"', b'"\\\\\\\\ud800"', b'"\\/"']
)
def test_whole_characters_are_read_however_they_are_escaped(text: bytes) -> None:
    assert isinstance(read(text), str)


@pytest.mark.parametrize(
    "text", [b'"\\ud83d"', b'"\\ude80"', b'"\\\\\\ud800"', b'"\\ud83d\\\\ude80"']
)
def test_half_characters_are_not(text: bytes) -> None:
    with pytest.raises(Spoiled, match="half"):
        read(text)


# At a start, at a stop, and beside our own writing


def saves_while_it_starts(monkeypatch: pytest.MonkeyPatch, save: Callable[[], object]) -> None:
    """Have an admin save once the file has been read and before it is watched."""
    restore = Document._restore

    def restores(document: Document, *args: Any) -> Any:
        known = restore(document, *args)
        monkeypatch.setattr(Document, "_restore", restore)
        save()
        return known

    monkeypatch.setattr(Document, "_restore", restores)


@pytest.mark.parametrize("is_behind", [False, True])
def test_an_edit_saved_while_the_server_starts_is_heard(
    document: Document,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
    reopened: Callable[[Document], Document],
    is_behind: bool,
) -> None:
    document.update(lambda rows: {"ben": {}})
    if not is_behind:
        document.catch_up()
    edit = encoded({**admin.reads(), "ann": {"role": "member"}})
    saves_while_it_starts(monkeypatch, lambda: admin.saves(edit))
    again = reopened(document)
    for _ in range(20):
        polled(again)
    assert again.value == {"ann": {"role": "member"}, "ben": {}}
    eventually(lambda: (polled(again), admin.reads() == again.value)[1])


def test_an_editor_that_had_just_emptied_the_file_at_the_start_is_heard(
    document: Document, admin: Admin, reopened: Callable[[Document], Document]
) -> None:
    with open(admin.path, "r+b") as opened:
        opened.truncate()
        again = reopened(document)
        opened.write(encoded({"ann": {"role": "member"}}))
        opened.flush()
        eventually(lambda: (polled(again), again.value == {"ann": {"role": "member"}})[1])


def test_an_edit_saved_just_before_the_stop_is_left_for_the_next_start(
    document: Document, admin: Admin, reopened: Callable[[Document], Document]
) -> None:
    document.catch_up()
    document.update(lambda rows: {"ben": {}})
    text = encoded({"ann": {"role": "member"}})
    admin.saves(text)
    document.catch_up()
    assert admin.path.read_bytes() == text
    assert reopened(document).value == {"ann": {"role": "member"}, "ben": {}}


@pytest.fixture
def crowd(journal: Journal) -> Document:
    """Forty rows, of which an edit may remove three unasked."""
    path = journal.disk.folder.root / "crowd.json"
    path.write_bytes(encoded({f"p{number}": {} for number in range(40)}))
    opened = Document(path, rows_of_numbers, journal, doubtful=lambda removed, rows: removed > 3)
    opened.load()
    return opened


def test_a_confirmation_is_for_the_edit_that_lies_there(crowd: Document) -> None:
    admin = Admin(crowd.path)
    few = encoded({f"p{number}": {} for number in range(3)})
    admin.saves(few)
    polled(crowd)
    assert crowd.trouble
    assert "removes 37 of 40" in crowd.trouble.problem
    assert crowd.confirm()
    admin.saves(b"{")
    polled(crowd)
    admin.saves(few)
    polled(crowd)
    assert len(crowd.value) == 40, "that one was not confirmed"
    assert crowd.confirm()
    polled(crowd)
    assert len(crowd.value) == 3


def test_a_doubtful_edit_saved_into_the_file_we_replaced_is_told_and_kept(
    crowd: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soyuz.store.replaced.WATCHED_S", 0.1)
    heard: list[Any] = []
    crowd.on_trouble.append(heard.append)
    with open(crowd.path, "r+b") as opened:
        crowd.update(lambda rows: {"new": {}})
        crowd.catch_up()
        opened.truncate()
        opened.write(encoded({"p1": {}}))
        opened.flush()
        eventually(lambda: (polled(crowd), [t for t in heard if t])[1])
    assert "removes 39 of 41; if that is meant, save it once more" in heard[-1].problem
    assert len(crowd.value) == 41
    assert crowd.trouble is None
    assert len(list(crowd.path.parent.glob("crowd.json.broken-*"))) == 1


def test_a_link_stays_a_link_and_the_file_it_leads_to_is_the_one(
    journal: Journal, tmp_path: Path
) -> None:
    real = tmp_path / "elsewhere.json"
    real.write_bytes(encoded({"ann": {}}))
    path = journal.disk.folder.root / "people.json"
    path.symlink_to(real)
    linked = Document(path, rows_of_numbers, journal)
    linked.load()
    linked.update(lambda rows: {"ben": {}})
    linked.catch_up()
    assert path.is_symlink()
    assert set(Admin(real).reads()) == {"ann", "ben"}
    Admin(real).saves(encoded({"ann": {"role": "x"}, "ben": {}}))
    polled(linked)
    assert linked.value["ann"] == {"role": "x"}


def test_a_number_no_file_can_hold_is_a_mistake() -> None:
    with pytest.raises(Spoiled, match="1e999 is too large"):
        read(b'{"ann": {"n": 1e999}}')
    assert read(b'{"n": 1.5e300}') == {"n": 1.5e300}


def test_a_file_that_cannot_be_written_is_tried_ever_more_seldom(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(one: Path, other: Path) -> bool:
        raise OSError(1, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(system, "exchange", refused)
        document.update(lambda rows: {"ben": {}})
        before = document._journal.last_seq
        for _ in range(100):
            polled(document)
            threading.Event().wait(0.005)
        assert document._journal.last_seq - before < 40, "two lines a try, a hundred tries"
    document._retry_at = 0.0
    polled(document)
    assert not document._is_due


@pytest.fixture
def bans(journal: Journal) -> Document:
    """A document in which what an edit lacks is meant to go."""
    path = journal.disk.folder.root / "bans.json"
    opened = Document(path, rows_of_numbers, journal, absence_deletes=True)
    opened.load()
    return opened


def test_a_deletion_counts_also_when_the_same_save_changes_something_else(bans: Document) -> None:
    admin = Admin(bans.path)
    for rows in ({"a": {}}, {"a": {}, "b": {}, "c": {}}, {"a": {}, "d": {}}, {"e": {}}, {"f": {}}):
        admin.saves(encoded(rows))
        polled(bans)
        assert bans.value == rows
    bans.update(lambda rows: {"x": {}, "y": {}})
    polled(bans)
    seen = admin.reads()
    del seen["x"]
    admin.saves(encoded({**seen, "z": {}}))
    polled(bans)
    assert set(bans.value) == {"f", "y", "z"}


def test_what_is_kept_though_an_edit_lacks_it_is_told(watched: Document, admin: Admin) -> None:
    heard: list[Any] = []
    watched.on_trouble.append(heard.append)
    eventually(lambda: "ann" in admin.reads())
    for name in ("ben", "cat"):
        watched.update(lambda rows, name=name: {name: {}})  # type: ignore[misc]
    eventually(lambda: "cat" in admin.reads())
    admin.saves(encoded({"ann": {"role": "member"}}))
    eventually(lambda: heard)
    assert set(watched.value) == {"ann", "ben", "cat"}
    assert "kept, for they seem to have come since: ben, cat" in heard[0].problem
    assert watched.trouble is None


def test_an_edit_held_before_a_kill_is_held_after_it(folder: Folder, journal: Journal) -> None:
    def open_crowd() -> Document:
        path = folder.disk.folder.root / "crowd.json"
        crowd = Document(
            path, rows_of_numbers, folder.journal, doubtful=lambda gone, rows: gone > 3
        )
        crowd.load()
        return crowd

    crowd = open_crowd()
    for number in range(9):
        crowd.update(lambda rows, number=number: {f"p{number}": {}})  # type: ignore[misc]
        crowd.catch_up()
    Admin(crowd.path).saves(encoded({f"p{number}": {} for number in range(3)}))
    polled(crowd)
    assert crowd.trouble
    folder.stops()
    folder.disk.folder.owner.write_text("{}")  # a kill leaves it there
    folder.starts()
    crowd = open_crowd()
    assert crowd.trouble
    assert "removes 6 of 9" in crowd.trouble.problem
    assert crowd.confirm()
    polled(crowd)
    assert len(crowd.value) == 3
