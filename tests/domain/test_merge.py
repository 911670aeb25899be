"""Hand edits and the server's own changes both count: merges against a model, and where they began."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from soyuz.domain.merge import changed_keys, merge
from soyuz.domain.versions import Versions

rows = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)
people = st.dictionaries(
    st.sampled_from("abcd"),
    st.dictionaries(st.sampled_from(["name", "role"]), st.integers(0, 2), max_size=2),
    max_size=4,
)


@settings(max_examples=1_000)
@given(rows, rows, rows)
def test_each_side_keeps_what_only_it_changed(
    base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]
) -> None:
    merged = merge(base, ours, theirs)
    for key in "abcdef":
        was, mine, hand = base.get(key), ours.get(key), theirs.get(key)
        wanted = mine if hand == was else hand
        assert merged.get(key) == wanted, key


@given(people, people)
def test_a_merge_with_no_change_on_one_side_is_the_other(
    base: dict[str, Any], other: dict[str, Any]
) -> None:
    assert merge(base, base, other) == other
    assert merge(base, other, base) == other
    assert merge(base, other, other) == other


def test_two_fields_of_one_row_may_be_changed_by_two_hands() -> None:
    base = {"ann": {"name": "Ann", "role": "member"}}
    ours = {"ann": {"name": "Annie", "role": "member"}}
    theirs = {"ann": {"name": "Ann", "role": "admin"}}
    assert merge(base, ours, theirs) == {"ann": {"name": "Annie", "role": "admin"}}


def test_where_both_changed_one_field_the_admin_wins() -> None:
    assert merge({"a": {"n": 1}}, {"a": {"n": 2}}, {"a": {"n": 3}}) == {"a": {"n": 3}}


@given(rows, rows)
def test_changed_keys_are_exactly_those_that_differ(a: dict[str, int], b: dict[str, int]) -> None:
    assert changed_keys(a, b) == {k for k in "abcdef" if a.get(k) != b.get(k)}


def test_an_old_buffer_does_not_delete_who_came_since() -> None:
    versions = Versions({"ann": {"role": "member"}})
    versions.newest_was_read()  # into the editor
    versions.add({"ann": {"role": "member"}, "ben": {}})
    versions.add({"ann": {"role": "member"}, "ben": {}, "cat": {}})
    for saved in ({"ann": {"role": "admin"}}, {"ann": {"role": "member"}}):
        now = {"ann": {"role": "member"}, "ben": {}, "cat": {}}
        assert set(merge(versions.base_of(saved), now, saved)) == {"ann", "ben", "cat"}


def test_whoever_read_the_newest_version_may_delete_from_it() -> None:
    versions = Versions({"ann": {}})
    versions.add({"ann": {}, "ben": {}})
    versions.newest_was_read()
    saved: dict[str, Any] = {"ann": {}}
    assert merge(versions.base_of(saved), {"ann": {}, "ben": {}}, saved) == {"ann": {}}


def test_lifting_all_bans_works_though_the_file_was_once_empty() -> None:
    for read_first in (False, True):
        versions = Versions({})
        if read_first:
            versions.newest_was_read()
        versions.add({"bob": {"until": "x"}})
        if read_first:
            versions.newest_was_read()
        assert merge(versions.base_of({}), {"bob": {"until": "x"}}, {}) == {}


@settings(max_examples=300)
@given(st.lists(rows, min_size=1, max_size=8))
def test_every_version_can_be_found_again(values: list[dict[str, int]]) -> None:
    versions = Versions(values[0])
    versions.newest_was_read()
    for value in values[1:]:
        versions.add(value)
    assert versions.base_of(values[0]) == values[0]
