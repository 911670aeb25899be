"""Lines of a room's segment: any is found by its number, whatever was spoiled around it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyuz.store import history_lines
from soyuz.store.history_lines import backwards, decode, encode, forwards

lines = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["sound", "sound", "spoiled", "blank"])),
    max_size=40,
)


@settings(max_examples=500)
@given(lines, st.integers(0, 130))
def test_both_ways_give_what_a_plain_search_gives(drawn: list[tuple[int, str]], bound: int) -> None:
    content, sound, seq = b"", [], 0
    for step, kind in drawn:
        seq += step
        if kind == "sound":
            content += encode("message:posted", {"seq": seq, "text": "x" * (seq % 7)})
            sound.append(seq)
        else:
            content += b"rude words removed\n" if kind == "spoiled" else b"\n"
    told: list[int] = []
    assert [e.seq for e in forwards(content, bound, told.append)] == [
        s for s in sound if s >= bound
    ]
    assert [e.seq for e in backwards(content, bound, told.append)] == [
        s for s in reversed(sound) if s < bound
    ]


def test_a_spoiled_line_is_told_by_its_offset_once() -> None:
    first = encode("message:posted", {"seq": 1})
    content = first + b"spoiled\n" + encode("message:posted", {"seq": 3})
    told: list[int] = []
    assert [entry.seq for entry in forwards(content, 1, told.append)] == [1, 3]
    assert [entry.seq for entry in backwards(content, 9, told.append)] == [3, 1]
    assert told == [len(first)] * 2


def test_a_page_in_the_middle_of_a_segment_reads_little_more_than_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = b"".join(encode("message:posted", {"seq": seq}) for seq in range(1, 20_001))
    read: list[bytes] = []
    monkeypatch.setattr(history_lines, "decode", lambda line: (read.append(line), decode(line))[1])
    entries = backwards(content, 10_000, lambda offset: None)
    assert [next(entries).seq for _ in range(50)] == list(range(9_999, 9_949, -1))
    assert len(read) < 80
