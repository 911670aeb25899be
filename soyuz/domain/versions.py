"""The recent versions of a document, kept as what changed, to find which one an edit began from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from soyuz.domain.merge import changed_keys

Rows = Mapping[str, Any]
REMEMBERED = 10_000
_ABSENT = object()


class Versions:
    """A document's newest value and the way back through earlier ones."""

    def __init__(self, newest: Rows) -> None:
        self._newest = newest
        self._back: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def add(self, value: Rows) -> None:
        """Take in the next version."""
        before = self._newest
        changed = changed_keys(before, value)
        if changed:
            self._back.append({key: before.get(key, _ABSENT) for key in changed})
            self._newest = value

    def nearest(self, edited: Rows) -> dict[str, Any]:
        """Give the version `edited` differs from in the fewest keys, the newest of equals.

        An editor's buffer may be minutes old: what the edit lacks because it did not exist yet must
        not look like a deletion.
        """
        different = changed_keys(self._newest, edited)
        fewest, steps = len(different), 0
        for step, delta in enumerate(reversed(self._back), start=1):
            for key, row in delta.items():
                if row == edited.get(key, _ABSENT):
                    different.discard(key)
                else:
                    different.add(key)
            if len(different) < fewest:
                fewest, steps = len(different), step
        return self._before(steps)

    def _before(self, steps: int) -> dict[str, Any]:
        rows = dict(self._newest)
        for _, delta in zip(range(steps), reversed(self._back), strict=False):
            for key, row in delta.items():
                if row is _ABSENT:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        return rows
