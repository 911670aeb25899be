"""A bit flips or a file ends early, at any byte: recovered, or refused by name, never silently wrong."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soyuz.store import history_lines, journal_lines
from soyuz.store.checkpoint import Spoiled
from soyuz.store.history_lines import Entry
from soyuz.store.journal import Damaged
from soyuz.store.journal_lines import Line
from tests.crash.one_thread import FILES, Store, work_now

Judge = Callable[..., str]

CHANGES = 12
MESSAGES = 12
LAST_TOGETHER = 3  # so many share the last sync


class Sound:
    """A folder as a killed server left it, all of it acknowledged; copies of it are damaged."""

    def __init__(self, root: Path) -> None:
        self.root = root / "sound"
        self.states: list[Any] = []  # the rows after each change
        store = Store(self.root)
        for number in range(CHANGES):
            name = FILES[number % 2]
            row = {"n": number, "about": "x" * 40}
            store.documents[name].begin_update(lambda rows, n=number, r=row: {f"p{n}": r})  # type: ignore[misc]
            store.room.append("message", lambda seq, n=number: {"seq": seq, "text": f"text {n}"})  # type: ignore[misc]
            if number < CHANGES - LAST_TOGETHER:
                work_now()
            self.states.append(store.rows())
            if number == 4:
                for document in store.documents.values():
                    document.write_checkpoint()
        work_now()
        self.texts = store.texts()
        store.dies()
        self._copy = root / "damaged"

    def file(self, pattern: str) -> Path:
        """Give the last of some files."""
        return sorted(self.root.glob(pattern))[-1]

    def damaged(self, path: Path, content: bytes) -> Path:
        """Give a copy of the folder in which one file is another."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.root, self._copy)
        copy = self._copy / path.relative_to(self.root)
        copy.write_bytes(content)
        return copy


def flips(content: bytes, chance: random.Random, every_bit: bool) -> Iterator[tuple[int, bytes]]:
    """Give each offset with the content in which a bit of it, or each in turn, is flipped."""
    for offset in range(len(content)):
        for bit in range(8) if every_bit else [chance.randrange(8)]:
            flipped = bytes([content[offset] ^ (1 << bit)])
            yield offset, content[:offset] + flipped + content[offset + 1 :]


def started(copy: Path, above: int) -> tuple[Store | None, str]:
    """Start on a damaged folder; gives the store, or what it says instead."""
    try:
        return Store(copy.parents[above]), ""
    except (Damaged, Spoiled) as refused:
        return None, str(refused)


@pytest.fixture
def sound(root: Path, patched: pytest.MonkeyPatch) -> Sound:
    return Sound(root)


both = pytest.mark.parametrize(
    "every_bit",
    [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(600)])],
)


def last_batch_at(content: bytes) -> int:
    """Give where the lines begin that no later one says are safe."""
    starts = [match.start() for match in re.finditer(rb"(?m)^[0-9a-f]{8} ", content)]
    return starts[-LAST_TOGETHER]


def journal_is_wrong(sound: Sound, path: Path, content: bytes, offset: int) -> str:
    """Say what is wrong with a start on this journal, damaged at `offset`."""
    is_tail = path == sound.file("journal/*.log") and offset >= last_batch_at(path.read_bytes())
    store, refusal = started(sound.damaged(path, content), above=1)
    if store is None:
        told = re.search(r"journal/0+\d+\.log, byte (\d+)", refusal)
        if not told or path.name not in refusal or int(told[1]) > offset:
            return f"byte {offset} is refused as {refusal!r}"
        return ""
    rows = store.rows()
    store.dies()
    if not is_tail:
        return f"byte {offset} was safe, and its damage is not told"
    return "" if rows in sound.states[-LAST_TOGETHER - 1 :] else f"byte {offset} gives {rows}"


@both
@pytest.mark.parametrize("which", [-1, -2])
def test_a_flipped_bit_in_the_journal_is_never_believed(
    sound: Sound, every_bit: bool, which: int
) -> None:
    path = sorted(sound.root.glob("journal/*.log"))[which]
    flipped = flips(path.read_bytes(), random.Random(0), every_bit)
    wrong = [journal_is_wrong(sound, path, content, offset) for offset, content in flipped]
    assert len(wrong) > 400
    assert [w for w in wrong if w] == []


def test_some_of_the_last_segment_is_safe_and_some_is_not(sound: Sound) -> None:
    content = sound.file("journal/*.log").read_bytes()
    assert 0 < last_batch_at(content) < len(content)


def test_a_journal_that_ends_early_is_taken_as_far_as_it_goes(sound: Sound) -> None:
    path = sound.file("journal/*.log")
    content = path.read_bytes()
    for size in range(len(content)):
        store, refusal = started(sound.damaged(path, content[:size]), above=1)
        assert store, refusal
        assert store.rows() in sound.states
        store.dies()


def test_a_sealed_segment_that_ends_early_is_refused_by_name(sound: Sound) -> None:
    path = sorted(sound.root.glob("journal/*.log"))[-2]
    content = path.read_bytes()
    for size in range(len(content)):
        store, refusal = started(sound.damaged(path, content[:size]), above=1)
        assert store is None, size
        assert re.search(r"journal/0+\d+\.log, byte \d+", refusal), refusal


@both
def test_a_flipped_bit_in_a_checkpoint_is_never_believed(sound: Sound, every_bit: bool) -> None:
    path = sound.root / "journal" / FILES[0]
    for offset, content in flips(path.read_bytes(), random.Random(0), every_bit):
        store, refusal = started(sound.damaged(path, content), above=1)
        if store:
            assert store.rows() == sound.states[-1], offset
            store.dies()
        else:
            assert f"journal/{FILES[0]} is damaged" in refusal


def test_a_checkpoint_that_ends_early_is_refused_by_name(sound: Sound) -> None:
    path = sound.root / "journal" / FILES[0]
    content = path.read_bytes()
    for size in range(len(content) - 1):  # only its line end may be missing
        store, refusal = started(sound.damaged(path, content[:size]), above=1)
        assert store is None, size
        assert f"journal/{FILES[0]} is damaged" in refusal


def room_is_wrong(sound: Sound, path: Path, content: bytes, offset: int) -> str:
    """Say what is wrong with a room whose segment is damaged at `offset`."""
    store, refusal = started(sound.damaged(path, content), above=2)
    assert store, refusal
    told: list[Any] = []
    texts = store.texts()
    store.room.append("message", lambda seq: {"seq": seq, "text": "next"}, told.append)
    work_now()
    after = store.texts()
    store.dies()
    if any(text not in sound.texts for text in texts):
        return f"byte {offset}: {texts} was never said"
    if len(texts) < len(sound.texts) - 2:
        return f"byte {offset}: only {len(texts)} are left"
    numbers = [seq for seq, _ in after]
    if told != [None] or sorted(set(numbers)) != numbers or after[-1][1] != "next":
        return f"byte {offset}: {after} after {texts}"
    return ""


@both
@pytest.mark.parametrize("which", [-1, 0])
def test_a_flipped_bit_in_a_room_spoils_its_line_alone(
    sound: Sound, every_bit: bool, which: int
) -> None:
    path = sorted(sound.root.glob("history/lobby/*.jsonl"))[which]
    flipped = flips(path.read_bytes(), random.Random(0), every_bit)
    wrong = [room_is_wrong(sound, path, content, offset) for offset, content in flipped]
    assert len(wrong) > 400
    assert [w for w in wrong if w] == []


def test_a_room_that_ends_early_has_what_came_before(sound: Sound) -> None:
    path = sound.file("history/lobby/*.jsonl")
    content = path.read_bytes()
    for size in range(len(content)):
        store, refusal = started(sound.damaged(path, content[:size]), above=2)
        assert store, refusal
        texts = store.texts()
        assert texts == sound.texts[: len(texts)]
        store.dies()


def believing(text: bytes) -> Line | None:
    """Read a line of the journal without asking for its checksum."""
    with contextlib.suppress(ValueError):
        _, seq, unsynced, says = text.split(b" ", 3)
        return Line(int(seq), int(unsynced), says)
    return None


def believing_entry(line: bytes) -> Entry:
    """The same for a line of a room."""
    body, _, _ = line.rpartition(b',"crc":"')
    row = msgspec.json.decode(body + b"}")
    return Entry(row["data"]["seq"], row["event"], row["data"])


def is_wrong(judge: Judge, *args: Any) -> bool:
    """Say whether something is wrong, be it a start that ends in an error nobody meant."""
    try:
        return bool(judge(*args))
    except (ValueError, AssertionError, LookupError):
        return True


@pytest.mark.parametrize(
    ("pattern", "judge", "target", "worse"),
    [
        ("journal/*.log", journal_is_wrong, (journal_lines, "decode"), believing),
        ("history/lobby/*.jsonl", room_is_wrong, (history_lines, "decode"), believing_entry),
    ],
)
def test_a_store_without_checksums_is_caught(
    sound: Sound,
    patched: pytest.MonkeyPatch,
    pattern: str,
    judge: Judge,
    target: tuple[Any, str],
    worse: Any,
) -> None:
    patched.setattr(*target, worse)
    path = sound.file(pattern)
    flipped = flips(path.read_bytes(), random.Random(0), every_bit=False)
    verdicts = [is_wrong(judge, sound, path, content, offset) for offset, content in flipped]
    print(f"{sum(verdicts)} of {len(verdicts)} flipped bits are believed")
    assert sum(verdicts) > 50
