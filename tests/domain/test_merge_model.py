"""A thousand random edits, merged and held against a model that goes field by field."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from soyuz.domain.merge import merge

NAMES, FIELDS = "abcd", ("name", "role", "tags")
ABSENT = "absent"  # stands for no row, and for no field

values = st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=1)
people = st.dictionaries(
    st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), values, max_size=3), max_size=4
)


def changed_by_one(was: Any, server: Any, hand: Any) -> Any:
    """Whoever changed it is right, and of two the hand."""
    if hand != was:
        return hand
    return server


def model(base: Any, server: Any, hand: Any) -> dict[str, Any]:
    """Merge without looking at how the product does it: row for row, then field for field."""
    wanted: dict[str, Any] = {}
    for name in NAMES:
        three = [side.get(name, ABSENT) for side in (base, server, hand)]
        if ABSENT in three or three[1] in (three[0], three[2]) or three[0] == three[2]:
            row = changed_by_one(*three)
        else:
            fields = {f: changed_by_one(*(row.get(f, ABSENT) for row in three)) for f in FIELDS}
            row = {field: value for field, value in fields.items() if value != ABSENT}
        if row != ABSENT:
            wanted[name] = row
    return wanted


@settings(max_examples=1_000, deadline=None)
@given(people, people, people)
def test_a_merge_is_what_the_model_says(base: Any, server: Any, hand: Any) -> None:
    assert merge(base, server, hand) == model(base, server, hand)


def test_the_model_can_fail() -> None:
    base, server, hand = {"a": {"name": 0, "role": 0}}, {"a": {"name": 1, "role": 0}}, {}
    assert model(base, server, hand) == {}
    assert model(base, server, base) == server
    assert model(base, server, {"a": {"name": 0, "role": 2}}) == {"a": {"name": 1, "role": 2}}
