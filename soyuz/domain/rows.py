"""Rows of a hand-edited file, checked one by one and kept by the one spelling of their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soyuz.domain.errors import Malformed


def folded_rows(
    content: object,
    of_what: str,
    fold: Callable[[str], str],
    checked: Callable[[str, Any], Any],
) -> dict[str, Any]:
    """Give the rows under folded keys, in the file's order. Raises Malformed.

    `checked(key, row)` gives a row as it is kept; it gets the key as written, for a mistake is found
    again in the file by that. Two keys that fold to one are a mistake: which row is meant?
    """
    if not isinstance(content, dict):
        raise Malformed(f"the file must hold an object of {of_what}")
    rows: dict[str, Any] = {}
    for key, row in content.items():
        name = fold(key)
        if name in rows:
            raise Malformed(f"{key!r} and another key are the same name", key)
        rows[name] = checked(key, row)
    return rows
