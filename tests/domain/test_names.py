"""Usernames: one spelling each, any script, nothing that passes for another."""

from __future__ import annotations

import pytest

from soyuz.domain.errors import Refused
from soyuz.domain.names import clean_username, fold, skeleton


@pytest.mark.parametrize("spelling", ["alice", "Alice", "ALICE", "ａｌｉｃｅ", "ＡＬＩＣＥ"])
def test_case_and_width_make_no_other_name(spelling: str) -> None:
    assert clean_username(spelling) == fold(spelling) == "alice"


def test_folding_twice_changes_nothing_more() -> None:
    for name in ["ŒUVRE", "Straße", "İstanbul", "ﬁne", "Ǆabc", "ΣΊΣΥΦΟΣ"]:
        assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    "name",
    [
        "bob",
        "a.b-c_d",
        "علی_رضا",
        "田中さん",
        "ali田中",
        "Владимир",
        "नमस्ते",
        "o'brien"[:1] * 3,
        "x" * 32,
        "김철수",
    ],
)
def test_any_one_script_may_be_signed_up(name: str) -> None:
    assert clean_username(name) == fold(name)


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("ab", "length"),
        ("x" * 33, "length"),
        ("", "length"),
        ("two words", "characters"),
        ("a/../b", "characters"),
        ("zero\u200bwidth", "characters"),
        ("left\u202eright", "characters"),
        ("tab\tbed", "characters"),
        ("alice\ufe0f", "characters"),
        ("ali\u034fce", "characters"),
        ("ab\u1160", "characters"),
        ("\u115f\u115fa", "characters"),
        ("\u3164\u3164\u3164", "characters"),
        ("\uffa0abc", "characters"),
        ("ខ្មែរ\u17b4", "characters"),
        ("ali\u180bce", "characters"),
        ("ali\U000e0100ce", "characters"),
        ("smile😀", "characters"),
        ("<b>bob", "characters"),
        ("ip:1.2.3.4", "characters"),
        (".bob", "ends"),
        ("bob-", "ends"),
        ("___", "ends"),
        ("con", "reserved"),
        ("COM1.txt", "reserved"),
        ("nul.a", "reserved"),
        ("System", "reserved"),
        ("аlice", "scripts"),  # the first letter is Cyrillic
        ("αlpha", "scripts"),
        ("1٢3", "scripts"),  # digits of two systems
    ],
)
def test_what_may_not_be_a_name_is_refused_with_its_reason(name: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        clean_username(name)
    assert refused.value.code == "invalid"
    assert refused.value.detail == f"invalid.username_{detail}"


@pytest.mark.parametrize(
    ("one", "other"), [("paypal", "paypa1"), ("modern", "modem"), ("ali", "а1і"), ("lisa", "1isa")]
)
def test_look_alikes_share_a_skeleton(one: str, other: str) -> None:
    assert skeleton(fold(one)) == skeleton(fold(other))


@pytest.mark.parametrize("twin", ["alice\ufe0f", "ali\u034fce", "ali\U000e0100ce", "\u1160alice"])
def test_what_draws_nothing_sets_no_names_apart(twin: str) -> None:
    assert skeleton(fold(twin)) == skeleton("alice"), "such a name may stand in users.json by hand"


def test_two_letters_that_pass_for_one_do_so_with_nothing_between_them() -> None:
    assert skeleton("moder\u034fn") == skeleton("modem")


@pytest.mark.parametrize(("one", "other"), [("alice", "alina"), ("user1", "user2"), ("bob", "rob")])
def test_names_that_look_different_do_not(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)
