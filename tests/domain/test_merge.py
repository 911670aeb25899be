"""Hand edits and the server's own changes both count: merges against a model, and where they began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyuz.domain.merge import merge, overruled
from soyuz.domain.versions import Versions, different_keys

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


class File:
    """A file's versions, each of which someone may have read."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        self.versions = Versions()
        self.rows: dict[str, bytes] = {}
        self.becomes(rows)

    def becomes(self, rows: Mapping[str, Any]) -> None:
        """The server writes another version."""
        texts = {key: json.dumps(row).encode() for key, row in rows.items()}
        for key in self.rows.keys() | texts.keys():
            if self.rows.get(key) != texts.get(key):
                self.versions.changed(key, self.rows.get(key))
        self.rows = texts
        self.versions.add(self.versions.begin())

    def is_read(self) -> None:
        self.versions.newest_was_read()

    def base_of(self, edited: Mapping[str, Any]) -> dict[str, Any]:
        """Give the rows an edit is taken to have begun from."""
        texts = {key: json.dumps(row).encode() for key, row in edited.items()}
        different = different_keys(texts, self.rows)
        base = {**self.rows, **self.versions.base_of(texts, different)}
        return {key: json.loads(row) for key, row in base.items() if row is not None}

    def merged(self, edited: Mapping[str, Any]) -> dict[str, Any]:
        now = {key: json.loads(row) for key, row in self.rows.items()}
        return merge(self.base_of(edited), now, edited)


def test_an_old_buffer_does_not_delete_who_came_since() -> None:
    file = File({"ann": {"role": "member"}})
    file.is_read()  # into the editor
    file.becomes({"ann": {"role": "member"}, "ben": {}})
    file.becomes({"ann": {"role": "member"}, "ben": {}, "cat": {}})
    for saved in ({"ann": {"role": "admin"}}, {"ann": {"role": "member"}}):
        assert set(file.merged(saved)) == {"ann", "ben", "cat"}


def test_whoever_read_the_newest_version_may_delete_from_it() -> None:
    file = File({"ann": {}})
    file.becomes({"ann": {}, "ben": {}})
    file.is_read()
    assert file.merged({"ann": {}}) == {"ann": {}}


@pytest.mark.parametrize("read", ["nothing", "the empty file", "both"])
def test_lifting_all_bans_works_though_the_file_was_once_empty(read: str) -> None:
    file = File({})
    if read != "nothing":
        file.is_read()
    file.becomes({"bob": {"until": "x"}})
    if read == "both":
        file.is_read()
    assert file.merged({}) == {}


@settings(max_examples=300)
@given(st.lists(rows, min_size=1, max_size=8))
def test_every_version_can_be_found_again(values: list[dict[str, int]]) -> None:
    file = File(values[0])
    file.is_read()
    for value in values[1:]:
        file.becomes(value)
    if values[0]:
        assert file.base_of(values[0]) == values[0]


def test_a_version_that_came_to_nothing_is_none() -> None:
    file = File({"ann": {"n": 1}})
    file.is_read()
    file.versions.changed("ben", None)
    file.rows["ben"] = b"{}"
    file.versions.drop(file.versions.begin())
    assert file.base_of({"ann": {"n": 2}}) == {"ann": {"n": 1}}


def test_what_the_hand_overrules_is_named() -> None:
    base, ours, theirs = {"a": {"n": 1, "m": 1}}, {"a": {"n": 2, "m": 1}}, {"a": {"n": 3, "m": 5}}
    assert overruled(base, ours, theirs) == [("a", "n")]
    assert overruled(base, base, theirs) == overruled(base, ours, ours) == []
