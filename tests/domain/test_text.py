"""Text travels as typed, in NFC, without control characters, and never blank."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soyuz.domain.errors import Refused
from soyuz.domain.names import fold
from soyuz.domain.text import MARKS_MAX, clean_display_name, clean_message, is_blank


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("hi", "hi"),
        ("  spaces stay  ", "  spaces stay  "),
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("bell\a null\0 escape\x1b[31m", "bell null escape[31m"),
        ("next\x85line", "nextline"),
        ("e\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_message_is_kept_as_typed(typed: str, kept: str) -> None:
    assert clean_message(typed) == kept


@pytest.mark.parametrize(
    "blank",
    [
        "",
        " ",
        "\n\n",
        "\u200b",
        "\u200c\u200d",
        "\u3164",
        "\u2800",
        "\u00a0",
        "\ufe0f",
        "\0\a",
        "\u2028",
        "\ufeff",
        "\u115f\u1160",
        "\u180b\u180f",
        "\U0001d159",
        "\U000e0100",
        "\U000e0041",
        "\U000e0fff",
        "\u2065",
        "\ufff0",
        "\ufdd0",
        "\uffff",
        "\U0001fffe",
        "\t",
    ],
)
def test_what_nobody_could_see_is_no_message(blank: str) -> None:
    assert is_blank(blank)
    with pytest.raises(Refused) as refused:
        clean_message(blank)
    assert (refused.value.code, refused.value.detail) == ("invalid", "invalid.blank")


@pytest.mark.parametrize(
    "text",
    [
        "\u2764\ufe0f",
        "ก็",
        "\u0301a",
        ".",
        "\u0640",
        "🏴\U000e0067\U000e007f",
        "\U0001fae8",  # an emoji of 2022, unassigned in the tables of Python 3.11
        "\U0001faff",  # one that may come
        "\ue000",
    ],
)
def test_what_somebody_could_see_is_one(text: str) -> None:
    assert not is_blank(text)


def test_the_limit_counts_code_points_after_cleaning() -> None:
    assert len(clean_message("🚀" * 4_000)) == 4_000
    assert len(clean_message("e\u0301" * 4_000)) == 4_000
    assert len(clean_message("x" * 4_000 + "\0" * 10)) == 4_000
    with pytest.raises(Refused) as refused:
        clean_message("x" * 4_001)
    assert refused.value.code == "too_large"


def test_half_a_character_is_refused() -> None:
    for clean in (clean_message, clean_display_name):
        with pytest.raises(Refused):
            clean("a\ud800b")


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    try:
        once = clean_message(text)
    except Refused:
        return
    assert clean_message(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Mira   Okafor ", "Mira Okafor"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("two\nlines", "twolines"),
        ("x" * 40, "x" * 40),
        ("🚀", "🚀"),
    ],
)
def test_a_display_name_is_one_visible_line(typed: str, kept: str) -> None:
    assert clean_display_name(typed) == kept


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u200d", "x" * 41])
def test_a_display_name_that_shows_nothing_or_too_much_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        clean_display_name(name)
    assert refused.value.code == "invalid"


def test_towers_of_marks_are_kept_up_to_a_height_and_endless_ones_cost_nothing() -> None:
    tower = "e" + "\u0316\u0301" * (MARKS_MAX // 2)
    assert clean_message(tower) == unicodedata.normalize("NFC", tower)
    began = time.perf_counter()
    for endless in ("e" + "\u0316\u0301" * 7_000, "e" + "\u0301\u0316" * 60_000):
        with pytest.raises(Refused):
            clean_message(endless)
        with pytest.raises(Refused):
            clean_display_name(endless)
        fold(endless)
    assert time.perf_counter() - began < 0.5, "seconds, if they are put in order"
