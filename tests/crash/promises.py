"""What a run has promised by any moment, and whether what is found afterwards keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.crash.one_thread import Store

HAND = "hand"  # rows of the admin's own begin with it: their order is theirs, not the server's


@dataclass
class Sequence:
    """Changes in their order: the value before any, after the first, and so on."""

    values: list[Any]
    acknowledged: int = 0

    def begins(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def is_acknowledged(self, number: int) -> None:
        self.acknowledged = max(self.acknowledged, number)

    def is_refused(self, number: int) -> None:
        """So are all that were begun after it."""
        del self.values[number:]

    def allows(self, value: Any) -> bool:
        return value in self.values[self.acknowledged :]

    def goes_on_from(self, value: Any) -> None:
        """A process has been started and has shown it to people."""
        self.acknowledged = self.values.index(value)
        del self.values[self.acknowledged + 1 :]

    @property
    def is_all_acknowledged(self) -> bool:
        return self.acknowledged == len(self.values) - 1

    @property
    def newest(self) -> Any:
        return self.values[-1]


@dataclass
class Promises:
    """Of the rows the server changes, of the rows the admin does, and of the room."""

    server: Sequence = field(default_factory=lambda: Sequence([({}, {})]))
    hand: Sequence = field(default_factory=lambda: Sequence([{}]))
    room: Sequence = field(default_factory=lambda: Sequence([[]]))

    def are_kept_by(self, store: Store) -> str:
        """Say what is wrong; empty when all is well."""
        found = shown(store)
        for name in ("server", "hand", "room"):
            sequence, value = getattr(self, name), found[name]
            if not sequence.allows(value):
                wanted = sequence.values[sequence.acknowledged :]
                return f"{name}: {value} is none of {len(wanted)}: {wanted[0]} .. {wanted[-1]}"
        return ""

    def go_on_from(self, store: Store) -> None:
        for name, value in shown(store).items():
            getattr(self, name).goes_on_from(value)


def shown(store: Store) -> dict[str, Any]:
    """Give what a started server shows, in the shape of the promises."""
    people, bans = store.rows().values()
    by_hand = {key: row for key, row in people.items() if key.startswith(HAND)}
    of_server = {key: row for key, row in people.items() if key not in by_hand}
    return {"server": (of_server, bans), "hand": by_hand, "room": store.texts()}
