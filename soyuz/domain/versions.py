"""The versions of a hand-edited file, kept as the way back, to find which one an edit began from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Set

Texts = Mapping[str, bytes]  # each row in its one encoding
Back = dict[str, bytes | None]  # rows as they were before; None where there was none
REMEMBERED_ROWS = 20_000


class Versions:
    """How to get from the rows as they are to those of the newest version, and of earlier ones."""

    def __init__(self, absence_deletes: bool = False) -> None:
        """`absence_deletes`: once the newest version was read, what an edit lacks is meant to go."""
        self._absence_deletes = absence_deletes
        self._since: Back = {}  # from the rows now to the newest version
        self._has_any = False
        self._newest_was_read = False
        # Each step further back, and whether the version it leads to was ever read.
        self._steps: deque[tuple[Back, bool]] = deque()
        self._remembered = 0

    def changed(self, key: str, before: bytes | None) -> None:
        """Note how a row was before its change."""
        self._since.setdefault(key, before)

    def begin(self) -> Back:
        """Begin a new version of the rows as they are now; hand what this gives to `add` or `drop`."""
        back, self._since = self._since, {}
        return back

    def add(self, back: Back) -> None:
        """The version that was begun is the newest now."""
        if not self._has_any:  # there is nothing to go back to
            self._has_any = True
            return
        self._steps.append((back, self._newest_was_read))
        self._newest_was_read = False
        self._remembered += len(back)
        while self._remembered > REMEMBERED_ROWS and len(self._steps) > 1:
            self._remembered -= len(self._steps.popleft()[0])

    def drop(self, back: Back) -> None:
        """The version that was begun has come to nothing."""
        self._since = {**self._since, **back}

    def edited(self, edited: Texts, now: Texts, different: Set[str]) -> None:
        """An edit that has been merged is the newest version, read by its author.

        The rows are as `now`; in `different` keys the edit differs from them.
        """
        from_newest = set(different)
        _walk(from_newest, self._since, edited)
        self.add({key: self._since.get(key, now.get(key)) for key in from_newest})
        self._since = {key: edited.get(key) for key in different}
        self._newest_was_read = True

    def newest_was(self, differs: Back) -> None:
        """The newest version `differs` in these rows from the rows as they are now."""
        self._since = {**self._since, **differs}

    def newest_was_read(self) -> None:
        """Note that someone has read the newest version, so that an edit may come of it."""
        self._newest_was_read = True

    def base_of(self, edited: Texts, different: Set[str]) -> Back:
        """Give the way back from the rows now to the version an edit most likely began from.

        In `different` keys the edit differs from the rows now.

        An editor's buffer may be minutes old: what it lacks because it did not exist yet must not
        look like a deletion. So of the versions that were read it is the one `edited` differs from
        in the fewest keys, the newest of equals. An edit that is an older version to the letter is
        taken as a return to it, if the newest was read as well: nobody saves without a change. And
        whoever empties a file means what is in it now.

        Whoever deletes a row and changes another in one save looks just like someone whose buffer is
        older than that row. Where keeping it is the lesser harm, as with accounts, it is kept.
        """
        if not edited or (self._absence_deletes and self._newest_was_read):
            return self._way_back(0)
        candidates = list(self._differences(edited, set(different)))
        read = [candidate for candidate in candidates if candidate[2]] or candidates
        steps, fewest, _ = min(read, key=lambda candidate: (candidate[1], candidate[0]))
        if fewest == 0 and read[0][0] == 0:
            steps = 0
        return self._way_back(steps)

    def _differences(self, edited: Texts, different: set[str]) -> Iterator[tuple[int, int, bool]]:
        _walk(different, self._since, edited)
        yield 0, len(different), self._newest_was_read
        for step, (back, was_read) in enumerate(reversed(self._steps), start=1):
            _walk(different, back, edited)
            yield step, len(different), was_read

    def _way_back(self, steps: int) -> Back:
        back = dict(self._since)
        for _, (step, _) in zip(range(steps), reversed(self._steps), strict=False):
            back.update(step)
        return back


def different_keys(one: Texts, other: Texts) -> set[str]:
    """Give the keys whose rows are not the same."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _walk(different: set[str], back: Back, edited: Texts) -> None:
    """Go a way back, keeping the keys in which an edit differs."""
    for key, row in back.items():
        (different.discard if row == edited.get(key) else different.add)(key)
