"""The recent versions of a document, kept as what changed, to find which one an edit began from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from soyuz.domain.merge import changed_keys

Rows = Mapping[str, Any]
REMEMBERED = 10_000
_ABSENT = object()


class Versions:
    """A document's newest value and the way back through earlier ones."""

    def __init__(self, newest: Rows) -> None:
        self._newest = newest
        self._newest_was_read = False
        # Each step back: the rows as they were before, and whether that version was ever read.
        self._back: deque[tuple[dict[str, Any], bool]] = deque(maxlen=REMEMBERED)

    def add(self, value: Rows) -> None:
        """Take in the next version."""
        before = self._newest
        changed = changed_keys(before, value)
        if changed:
            delta = {key: before.get(key, _ABSENT) for key in changed}
            self._back.append((delta, self._newest_was_read))
            self._newest = value
            self._newest_was_read = False

    def newest_was_read(self) -> None:
        """Note that someone has read the newest version, so that an edit may come of it."""
        self._newest_was_read = True

    def base_of(self, edited: Rows) -> dict[str, Any]:
        """Give the version an edit most likely began from.

        An editor's buffer may be minutes old: what it lacks because it did not exist yet must not
        look like a deletion. So of the versions that were read it is the one `edited` differs from
        in the fewest keys, the newest of equals. An edit that is an older version to the letter is
        taken as a return to it, if the newest was read as well: nobody saves without a change.
        """
        candidates = list(self._differences(edited))
        read = [candidate for candidate in candidates if candidate[2]] or candidates
        steps, fewest, _ = min(read, key=lambda candidate: (candidate[1], candidate[0]))
        if fewest == 0 and read[0][0] == 0:
            steps = 0
        return self._before(steps)

    def _differences(self, edited: Rows) -> Iterator[tuple[int, int, bool]]:
        different = changed_keys(self._newest, edited)
        yield 0, len(different), self._newest_was_read
        for step, (delta, was_read) in enumerate(reversed(self._back), start=1):
            for key, row in delta.items():
                if row == edited.get(key, _ABSENT):
                    different.discard(key)
                else:
                    different.add(key)
            yield step, len(different), was_read

    def _before(self, steps: int) -> dict[str, Any]:
        rows = dict(self._newest)
        for _, (delta, _) in zip(range(steps), reversed(self._back), strict=False):
            for key, row in delta.items():
                if row is _ABSENT:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        return rows
