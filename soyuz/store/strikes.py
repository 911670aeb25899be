"""strikes.json: who stands on which rung of the spam ladder, so that a restart forgives nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soyuz.domain.errors import Malformed
from soyuz.domain.instant import epoch, iso
from soyuz.domain.ladder import CLEAN_DAY_S, Strikes
from soyuz.store.document import Document
from soyuz.store.journal import Journal


class StrikesBook:
    """The rungs, by account."""

    def __init__(self, journal: Journal) -> None:
        path = journal.disk.folder.strikes
        self.document = Document(path, lambda rows, at: _parse(rows), journal)

    def load(self) -> None:
        """Read the file. Raises OSError."""
        self.document.load()

    def get(self, username: str) -> Strikes | None:
        """Give where an account stood at its last offence."""
        row = self.document.value.get(username)
        return None if row is None else Strikes(row["rung"], epoch(row["at"]))

    def put(self, username: str, strikes: Strikes) -> None:
        """Write a new standing, and drop those that clean days have long undone. Raises Unavailable."""

        def write(rows: Mapping[str, Any]) -> dict[str, Any]:
            undone = {
                name: None
                for name, row in rows.items()
                if strikes.at - epoch(row["at"]) > (row["rung"] + 1) * CLEAN_DAY_S
            }
            return {**undone, username: {"rung": strikes.rung, "at": iso(strikes.at)}}

        self.document.update(write)


def _parse(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Malformed("the file must hold an object of strikes")
    for key, row in content.items():
        try:
            epoch(row["at"])
            rung_is_fine = isinstance(row["rung"], int) and row["rung"] >= 0
        except (TypeError, KeyError, ValueError):
            rung_is_fine = False
        if not rung_is_fine:
            raise Malformed('a strike needs "rung", a whole number, and "at", a moment', key)
    return content
