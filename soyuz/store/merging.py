"""A text written by hand as rows, and those rows merged with what we changed meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Set
from typing import Any

from soyuz.domain.errors import Malformed
from soyuz.domain.merge import merge, overruled
from soyuz.domain.versions import Back, Texts
from soyuz.store.handwritten import Spoiled, find_key, read
from soyuz.store.table import Row, decode, encode

log = logging.getLogger("soyuz.store")

SECRET_FIELDS = frozenset({"password"})

Parse = Callable[[Any, float], dict[str, Row]]  # (decoded JSON, when it was saved in UTC seconds)


def rows_of(content: bytes, saved_at: float, parse: Parse) -> tuple[dict[str, bytes], bool]:
    """Give the rows of a text, and whether it says them in full. Raises Spoiled."""
    decoded = read(content)
    try:
        rows = parse(decoded, saved_at)
    except Malformed as malformed:
        raise Spoiled(malformed.problem, *find_key(content, malformed.key)) from None
    texts = {key: text for key, row in rows.items() if (text := encode(row)) is not None}
    return texts, rows == decoded


def merged(
    name: str, base: Back, ours: Texts, theirs: Texts, different: Set[str], parse: Parse
) -> dict[str, bytes | None]:
    """Give the rows an edit changes, None for those it deletes.

    `base` is the way back from `ours` to the version the edit began from; `theirs` differs from
    `ours` in `different` keys.
    """

    def base_row(key: str) -> bytes | None:
        return base[key] if key in base else ours.get(key)

    keys = {key for key in different | base.keys() if theirs.get(key) != base_row(key)}
    edited = [key for key in theirs if key in keys]
    edited += keys.difference(edited)
    was, mine, hand = (_decoded(edited, of) for of in (base_row, ours.get, theirs.get))
    rows = merge(was, mine, hand)
    try:
        rows = parse(rows, time.time())
    except Malformed:  # two good halves can make a bad whole only where one row is in both
        rows = hand
    for key, field in overruled(was, mine, hand):
        value = "" if field in SECRET_FIELDS else f" {mine[key][field]!r:.100}"
        log.warning("%s: the edit of %r, %s, replaces%s", name, key, field, value)
    return {key: encode(rows.get(key)) for key in edited}


def _decoded(keys: list[str], of: Callable[[str], bytes | None]) -> dict[str, Row]:
    texts = ((key, of(key)) for key in keys)
    return {key: decode(text) for key, text in texts if text is not None}
