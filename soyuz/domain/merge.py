"""Three-way merge of documents, so that an editor's file and the server's changes both count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Rows = Mapping[str, Any]
_ABSENT = object()


def merge(base: Rows, ours: Rows, theirs: Rows) -> dict[str, Any]:
    """Give the rows after an edit: `theirs` came of `base` by hand while `ours` did by the server.

    Where only one side changed a row or a field, that change holds; where both did, the hand does.
    A row created since `base` is not deleted by its absence from the edit.
    """
    return _merged(base, ours, theirs, depth=2)


def overruled(base: Rows, ours: Rows, theirs: Rows) -> list[tuple[str, str]]:
    """Give the rows and fields that both sides changed, where the server's value is lost."""
    return [
        (key, field)
        for key in theirs
        if all(isinstance(rows.get(key), Mapping) for rows in (base, ours, theirs))
        for field in ours[key]
        if theirs[key].get(field) != ours[key][field]
        and base[key].get(field) not in (ours[key][field], theirs[key].get(field))
    ]


def _merged(base: Rows, ours: Rows, theirs: Rows, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key in [*theirs, *(key for key in ours if key not in theirs)]:
        was, mine, hand = (rows.get(key, _ABSENT) for rows in (base, ours, theirs))
        value = _resolved(was, mine, hand, depth)
        if value is not _ABSENT:
            result[key] = value
    return result


def _resolved(was: Any, mine: Any, hand: Any, depth: int) -> Any:
    if hand in (was, mine):
        return mine
    if mine == was:
        return hand
    if depth > 1 and all(isinstance(v, Mapping) for v in (was, mine, hand)):
        return _merged(was, mine, hand, depth - 1)
    return hand
