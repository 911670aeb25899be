"""The journal: what a crash left unfinished is cut off, damage is never glossed over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soyuz.paths import DataFolder
from soyuz.store import commit_log, journal
from soyuz.store.disk import Disk, Unavailable
from soyuz.store.document import Document
from soyuz.store.journal import Damaged, Journal
from soyuz.store.journal_lines import Line, decode, encode
from tests.conftest import eventually
from tests.store.conftest import Folder, polled, rows_of_numbers


def people(folder: Folder) -> Document:
    """The document of this file's tests, as a server finds it at its start."""
    document = Document(folder.disk.folder.root / "people.json", rows_of_numbers, folder.journal)
    document.load()
    folder.journal.forget_replayed()
    return document


def segments(folder: Folder) -> list[Path]:
    return sorted(folder.disk.folder.journal.glob("*.log"))


def restarted(folder: Folder) -> Document:
    folder.stops()
    folder.starts()
    return people(folder)


def puts(document: Document, *names: str) -> None:
    for name in names:
        document.update(lambda rows, name=name: {name: {"n": 1}})


def drops(folder: Folder, needed_from: int | None = None, later: float = 0.0) -> None:
    """The server says what is not needed, and so much later deletes what it may."""
    folder.journal.announce(needed_from or folder.journal.last_seq + 1, 0.0)
    folder.journal.sync().wait()
    folder.journal.drop_old(later)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments that are full after a few lines, and forgotten as soon as may be."""
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 300)
    monkeypatch.setattr(journal, "KEPT_BYTES", 0)
    monkeypatch.setattr(journal, "KEPT_LEAST_S", 0)


@given(st.integers(1, 2**53), st.integers(0, 10_000), st.binary(max_size=50))
def test_a_line_gives_back_what_was_written(seq: int, unsynced: int, says: bytes) -> None:
    says = says.replace(b"\n", b"")
    line = Line(seq, unsynced, says)
    assert decode(encode(line).removesuffix(b"\n")) == line


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_bit_is_noticed(at: int, flip: int) -> None:
    text = bytearray(encode(Line(7, 0, b'{"rows":{}}')).rstrip(b"\n"))
    text[at % len(text)] ^= flip
    assert decode(bytes(text)) is None


@pytest.mark.parametrize("torn", [b"deadbeef 9", b"\0" * 100, b"00000000 99 0 {}\n", b"\n"])
def test_an_unfinished_end_is_cut_off_and_kept_aside(folder: Folder, torn: bytes) -> None:
    puts(people(folder), "ann", "ben")
    folder.stops()
    with open(segments(folder)[-1], "ab") as file:
        file.write(torn)
    folder.starts()
    document = people(folder)
    assert set(document.value) == {"ann", "ben"}
    puts(document, "cat")
    assert set(restarted(folder).value) == {"ann", "ben", "cat"}
    asides = list(folder.disk.folder.journal.glob("*.torn-*"))
    assert [aside.read_bytes() for aside in asides] == [torn]


def test_a_batch_that_was_written_in_parts_is_cut_off_whole(folder: Folder) -> None:
    """A power cut may keep the second page of a write and lose the first."""
    puts(people(folder), "ann")
    folder.stops()
    last = segments(folder)[-1].read_bytes().count(b"\n")
    batch = [
        encode(Line(last + 1 + n, n, b'{"rows":{"people.json":{"p%d":{}}}}' % n)) for n in range(3)
    ]
    with open(segments(folder)[-1], "ab") as file:
        file.write(b"\0" * len(batch[0]) + batch[1] + batch[2])
    folder.starts()
    assert set(people(folder).value) == {"ann"}


def test_damage_where_all_was_safe_stops_the_start_and_is_named(folder: Folder) -> None:
    puts(people(folder), "ann", "ben", "cat")
    folder.stops()
    path = segments(folder)[-1]
    content = bytearray(path.read_bytes())
    offset = content.index(b'"ben"')
    content[offset] ^= 1
    path.write_bytes(content)
    begin = content.rindex(b"\n", 0, offset) + 1
    try:
        with pytest.raises(Damaged, match=f"{path.name}, byte {begin}: entry .* is damaged"):
            folder.starts()
        assert path.read_bytes() == bytes(content)
    finally:
        path.unlink()
        folder.stops()
        folder.starts()


def test_a_segment_that_is_missing_in_the_middle_stops_the_start(
    folder: Folder, small: None
) -> None:
    folder.stops()
    folder.starts()
    puts(people(folder), *(f"p{n}" for n in range(30)))
    folder.stops()
    assert len(segments(folder)) > 3
    aside = segments(folder)[1].read_bytes()
    path = segments(folder)[1]
    path.unlink()
    with pytest.raises(Damaged):
        folder.starts()
    folder.stops()
    path.write_bytes(aside)
    folder.starts()
    assert len(people(folder).value) == 30


def test_a_checkpoint_makes_old_segments_needless(folder: Folder, small: None) -> None:
    folder.stops()
    folder.starts()
    document = people(folder)
    for turn in range(5):
        puts(document, *(f"p{turn}-{n}" for n in range(20)))
        document.write_checkpoint()
        assert document.needed_from is None
        drops(folder)
        assert len(segments(folder)) <= journal.KEPT_SEGMENTS + 1  # the announcement may begin one
    puts(document, "last")
    assert len(restarted(folder).value) == 101


def test_segments_that_are_needed_or_young_stay(
    folder: Folder, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.stops()
    folder.starts()
    document = people(folder)
    puts(document, *(f"p{n}" for n in range(30)))
    before = segments(folder)
    assert document.needed_from
    drops(folder, document.needed_from, journal.KEPT_S)
    assert segments(folder) == before, "all are needed"
    document.write_checkpoint()
    before = segments(folder)
    monkeypatch.setattr(journal, "KEPT_BYTES", 10**9)
    drops(folder)
    assert segments(folder) == before, "all are young"
    drops(folder, later=journal.KEPT_S)
    assert len(segments(folder)) <= journal.KEPT_SEGMENTS + 1  # the announcement may begin one


def test_a_big_document_is_checkpointed_by_itself(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soyuz.store.document.SMALL_BYTES", 100)
    document = people(folder)
    for turn in range(200):
        document.update(lambda rows, turn=turn: {"ann": {"n": turn}})  # type: ignore[misc]
    first = document.needed_from
    polled(document)
    assert document.needed_from != first
    assert restarted(folder).value == {"ann": {"n": 199}}


def test_a_document_that_never_changes_holds_up_no_segment(folder: Folder, small: None) -> None:
    folder.stops()
    folder.starts()
    quiet = Document(folder.disk.folder.root / "quiet.json", rows_of_numbers, folder.journal)
    quiet.load()
    quiet.update(lambda rows: {"ann": {}})
    puts(people(folder), *(f"p{n}" for n in range(60)))
    assert quiet.needed_from is not None
    assert quiet.needed_from < folder.journal.kept_from
    polled(quiet)
    assert quiet.needed_from is None or quiet.needed_from >= folder.journal.kept_from


def test_a_file_left_behind_for_long_is_never_taken_for_an_edit(
    folder: Folder, small: None
) -> None:
    """Its text was written down in a segment that is long gone."""
    folder.stops()
    folder.starts()
    document = people(folder)
    puts(document, *(f"p{n}" for n in range(30)))
    document.write_checkpoint()
    text = document.path.read_bytes()
    puts(document, *(f"p{n}" for n in range(30, 60)))
    assert document.needed_from is not None
    drops(folder, document.needed_from)
    assert document.path.read_bytes() == text
    assert len(restarted(folder).value) == 60


def test_a_change_before_the_first_text_that_is_left_is_needed(folder: Folder, small: None) -> None:
    """Started again, the server drops old segments: not those with changes since the checkpoint."""
    folder.stops()
    folder.starts()
    document = people(folder)
    document.write_checkpoint()
    other = Document(folder.disk.folder.root / "other.json", rows_of_numbers, folder.journal)
    other.load()
    puts(other, *(f"p{n}" for n in range(30)))
    puts(document, *(f"p{n}" for n in range(30)))
    assert document.needed_from is not None
    drops(folder, document.needed_from, journal.KEPT_S * 2)
    document.catch_up()
    document = restarted(folder)
    assert document.needed_from is not None
    drops(folder, document.needed_from, journal.KEPT_S * 2)
    assert len(restarted(folder).value) == 30


def test_a_checkpoint_keeps_nothing_that_the_file_has_not(folder: Folder) -> None:
    """Or nobody could tell, after a new start, what an edit of the file began from."""
    document = people(folder)
    puts(document, "ann", "ben")
    document.write_checkpoint()
    assert set(json.loads(document.path.read_bytes())) == {"ann", "ben"}


def test_a_checkpoint_newer_than_the_journal_is_gone_on_from(folder: Folder) -> None:
    """As a copy of a running folder may have it: the journal first, the checkpoint much later."""
    document = people(folder)
    puts(document, "ann")
    copied = [(path, path.read_bytes()) for path in segments(folder)]
    puts(document, *(f"p{n}" for n in range(20)))
    document.write_checkpoint()
    document.catch_up()
    folder.stops()
    for path, content in copied:
        path.write_bytes(content)
    folder.starts()
    document = people(folder)
    assert len(document.value) == 21
    puts(document, "ben")
    assert len(restarted(folder).value) == 22
    assert len(restarted(folder).value) == 22


def test_two_documents_share_one_journal_and_keep_apart(folder: Folder) -> None:
    first = people(folder)
    path = folder.disk.folder.root / "things.json"
    second = Document(path, rows_of_numbers, folder.journal)
    second.load()
    puts(first, "ann")
    puts(second, "pen")
    puts(first, "ben")
    folder.stops()
    folder.starts()
    again = Document(path, rows_of_numbers, folder.journal)
    again.load()
    assert set(again.value) == {"pen"}
    assert set(people(folder).value) == {"ann", "ben"}


def test_a_segment_changed_by_hand_while_in_use_costs_nothing_that_comes_after(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    room = folder.disk.folder.history / "lobby"
    told: list[Any] = []
    log: commit_log.CommitLog[Any] = commit_log.CommitLog(
        room, ".jsonl", folder.disk, 10_000, line=lambda entry, unsynced: b"line %d\n" % entry.seq,
        written=told.extend, refused=lambda batch, error: None,
    )  # fmt: skip
    log.find()
    log.append(lambda seq: Line(seq, 0, b""))
    eventually(lambda: len(told) == 1)
    path = log.path(1)
    new = path.with_name("new")
    new.write_bytes(b"rude word removed")  # and without an end of line
    os.replace(new, path)
    log.append(lambda seq: Line(seq, 0, b""))
    eventually(lambda: len(told) == 2)
    assert path.read_bytes() == b"rude word removed\nline 2\n"
    path.unlink()
    log.append(lambda seq: Line(seq, 0, b""))
    eventually(lambda: len(told) == 3)
    assert log.path(3).read_bytes() == b"line 3\n"
    assert caplog.text.count("was changed by hand") == 2
    log.close()


@pytest.mark.parametrize("missing", [slice(1, 3), slice(0, 2), slice(2, 4)])
def test_a_copy_made_while_segments_are_deleted_lacks_nothing(
    folder: Folder, small: None, missing: slice
) -> None:
    """It has reached some of them in time, and others not."""
    folder.stops()
    folder.starts()
    document = people(folder)
    puts(document, *(f"p{n}" for n in range(30)))
    document.write_checkpoint()
    folder.journal.announce(folder.journal.last_seq + 1, 0.0)
    folder.journal.sync().wait()
    folder.stops()
    old = segments(folder)[:-2]
    assert len(old) >= 4
    for path in old[missing]:
        path.unlink()
    folder.starts()
    assert len(people(folder).value) == 30


def test_a_needed_segment_that_is_missing_is_no_such_thing(folder: Folder, small: None) -> None:
    folder.stops()
    folder.starts()
    puts(people(folder), *(f"p{n}" for n in range(30)))
    folder.stops()
    aside = segments(folder)[2]
    content = aside.read_bytes()
    aside.unlink()
    with pytest.raises(Damaged):
        folder.starts()
    folder.stops()
    aside.write_bytes(content)
    folder.starts()


def test_a_copy_may_have_a_text_whose_sum_its_journal_lacks(folder: Folder) -> None:
    """The journal is copied while the text is made, the file when it is in place."""
    document = people(folder)
    document.update(lambda rows: {"ann": {"n": 1}})
    know_text, copied = folder.journal.know_text, []

    def know(name: str, sha256: str, seq: int) -> journal.Ticket:
        document.update(lambda rows: {"ann": {"n": 3}})  # acknowledged before the copy begins
        copied.append(segments(folder)[-1].read_bytes())
        return know_text(name, sha256, seq)

    document.update(lambda rows: {"ann": {"n": 2}})
    folder.journal.know_text = know  # type: ignore[method-assign]
    document.catch_up()
    path = segments(folder)[-1]
    folder.stops()
    path.write_bytes(copied[0])
    folder.starts()
    again = people(folder)
    assert again.value == {"ann": {"n": 3}}
    assert again.trouble is None


def test_what_an_interval_has_synced_is_safe_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one bad bit in it is taken for a crash, and all that follows is cut off."""
    monkeypatch.setattr("soyuz.store.disk.INTERVAL_S", 0.01)
    disk = Disk(DataFolder(tmp_path / "interval"), fsync="interval")
    disk.open()
    book = Journal(disk)
    book.open()
    document = Document(tmp_path / "interval" / "people.json", rows_of_numbers, book)
    document.load()
    for name in ("ann", "ben", "eve"):
        document.update(lambda rows, name=name: {name: {}})  # type: ignore[misc]
        eventually(lambda: not disk._unsynced)
    disk.close()
    book.close()
    (path,) = disk.folder.journal.glob("*.log")
    path.write_bytes(path.read_bytes().replace(b'"ann"', b'"anm"'))
    again = Disk(DataFolder(tmp_path / "interval"), fsync="interval")
    again.open()
    with pytest.raises(Damaged):
        Journal(again).open()
    again.close()


def test_a_full_disk_at_an_announcement_keeps_no_segment_for_ever(
    folder: Folder, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.stops()
    folder.starts()
    document = people(folder)
    puts(document, *(f"p{n}" for n in range(30)))
    document.write_checkpoint()

    def full(fd: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("soyuz.store.system.write", full)
        folder.journal.announce(folder.journal.last_seq + 1, 0.0)
        with pytest.raises(Unavailable):
            folder.journal.sync().wait()
    drops(folder)
    assert len(segments(folder)) <= journal.KEPT_SEGMENTS + 1
