"""A run of the store: changes, messages, hand edits, snapshots, checkpoints, kills and new starts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from soyuz.store.disk import Unavailable
from soyuz.store.journal import Ticket
from tests.crash.one_thread import FILES, Store, work_now
from tests.crash.promises import HAND, Promises, shown
from tests.crash.recorder import Killed, Recorder

Event = Callable[[Promises], object]


@dataclass(frozen=True)
class Happens:
    """An event in the trace, told to whoever replays it."""

    event: Event


class Workload:
    """Runs on a folder and writes into the trace what it has promised, when it has."""

    def __init__(self, root: Path, recorder: Recorder, chance: random.Random) -> None:
        self._root, self._recorder, self._chance = root, recorder, chance
        self._promises = Promises()
        self._number = 0
        self._store: Store | None = None
        self._opened = b""  # by the admin, and not saved yet
        self._opened_after = b""
        self._saved = b""  # the last that was
        self.wrong = ""  # found at a start after a kill

    def run(self, steps: int) -> list[Any]:
        """Give the trace."""
        self._recorder.before_exchange = self._maybe_edits_at_the_last_moment
        for _ in range(steps):
            try:
                store = self._started()
                if not self.wrong:
                    self._step(store)
            except Killed:
                self._dies()
            if self.wrong:
                break
        if self._store:
            self._store.stops()
        return self._recorder.trace

    def _started(self) -> Store:
        if self._store is None:
            self._recorder.lives_again()
            if self._chance.random() < 0.3:  # not even a start need come to its end
                self._recorder.kill_in(self._chance.randint(0, 15))
            self._opened = b""
            self._store = Store(self._root)
            self.wrong = self._promises.are_kept_by(self._store)
            if self.wrong:
                return self._store
            found = shown(self._store)
            self._happens(lambda promises: _go_on_from(promises, found))
        return self._store

    def _dies(self) -> None:
        if self._store:
            self._store.dies()
        self._store = None

    def _step(self, store: Store) -> None:
        steps = {
            self._changes: 10,
            self._says: 6,
            self._opens: 2,
            self._edits: 2,
            store.looks_at_files: 4,
            self._checkpoints: 1,
            store.drops_old_segments: 1,
            self._may_be_killed: 1,
        }
        self._chance.choices([*steps], [*steps.values()])[0]()

    def _changes(self) -> None:
        """Some changes share a sync; each is told by a number of its own."""
        assert self._store
        begun: list[tuple[int, Ticket]] = []
        for _ in range(self._chance.choice([1, 1, 2, 5])):
            at = self._chance.randrange(len(FILES))
            name, wanted = FILES[at], self._wanted()
            value = list(self._promises.server.newest)
            value[at] = {k: v for k, v in {**value[at], **wanted}.items() if v is not None}
            number = self._happens(lambda promises, v=tuple(value): promises.server.begins(v))
            ticket = self._store.documents[name].begin_update(lambda rows, w=wanted: w)
            assert ticket
            begun.append((number, ticket))
        work_now()
        for number, ticket in begun:
            try:
                ticket.wait()
            except Unavailable:
                self._happens(lambda promises: promises.server.is_refused(begun[0][0]))
                return
            self._happens(partial(_server_acknowledged, number=number))

    def _wanted(self) -> dict[str, Any]:
        self._number += 1
        person = self._chance.choice("abcdef")
        row = None if self._chance.random() < 0.3 else {"n": self._number, "about": "x" * 60}
        return {"last": {"n": self._number}, person: row}

    def _says(self) -> None:
        assert self._store
        for _ in range(self._chance.choice([1, 1, 3, 12])):
            self._number += 1
            self._say(f"message {self._number}")
        work_now()

    def _say(self, text: str) -> None:
        said = self._promises.room.newest
        value = [*said, (len(said) + 1, text)]
        number = self._happens(lambda promises: promises.room.begins(value))

        def settled(error: OSError | None) -> None:
            if error is None:
                self._happens(lambda promises: promises.room.is_acknowledged(number))
            else:
                self._happens(lambda promises: promises.room.is_refused(number))

        assert self._store
        self._store.room.append("message", lambda seq: {"seq": seq, "text": text}, settled)

    def _opens(self) -> None:
        """An admin opens the file in an editor, and takes their time."""
        self._opened = (self._root / FILES[0]).read_bytes()
        self._opened_after = self._checkpoint()

    def _edits(self) -> None:
        """An admin changes rows of theirs in what they opened, and saves; the server takes it over."""
        assert self._store
        if self._promises.hand.is_all_acknowledged:
            self._saves(self._store.documents[FILES[0]].path)
            if self._chance.random() < 0.5:
                return  # much may happen before the server looks
        for _ in range(4):  # a late one is looked at twice before it is taken
            self._store.looks_at_files()
        number = len(self._promises.hand.values) - 1
        if shown(self._store)["hand"] == self._promises.hand.newest:
            self._happens(lambda promises: promises.hand.is_acknowledged(number))

    def _maybe_edits_at_the_last_moment(self, target: Path) -> None:
        may = target.name == FILES[0] and target.exists() and self._store
        is_chosen = self._chance.random() < 0.1
        if may and is_chosen and self._promises.hand.is_all_acknowledged:
            self._saves(target)

    def _saves(self, path: Path) -> None:
        if path.read_bytes() == self._saved:
            return  # after a kill nobody could tell which of two edits in a row began from what
        if self._checkpoint() != self._opened_after:
            self._opened = b""  # what came before a checkpoint is known only to this process
        rows = json.loads(self._opened or path.read_bytes())
        self._opened = b""
        if {key: row for key, row in rows.items() if key.startswith(HAND)} != (
            self._promises.hand.newest
        ):
            return  # it was opened before an edit of theirs that came late
        self._number += 1
        rows[f"{HAND}{self._chance.randint(1, 2)}"] = {"n": self._number}
        hand = {key: row for key, row in rows.items() if key.startswith(HAND)}
        self._happens(lambda promises: promises.hand.begins(hand))
        save = self._chance.choice([self._recorder.admin_saves, self._recorder.admin_renames_over])
        self._saved = json.dumps(rows, indent=2).encode()
        save(path, self._saved)

    def _checkpoints(self) -> None:
        assert self._store
        self._store.looks_at_files()  # as the server does before each
        self._chance.choice([*self._store.documents.values()]).write_checkpoint()

    def _checkpoint(self) -> bytes:
        path = self._root / "journal" / FILES[0]
        return path.read_bytes() if path.exists() else b""

    def _may_be_killed(self) -> None:
        self._recorder.kill_in(self._chance.randint(0, 30))

    def _happens(self, event: Event) -> Any:
        """Note an event, at this place in the trace."""
        self._recorder.trace.append(Happens(event))
        return event(self._promises)


def _server_acknowledged(promises: Promises, number: int) -> None:
    promises.server.is_acknowledged(number)


def _go_on_from(promises: Promises, found: dict[str, Any]) -> None:
    for name, value in found.items():
        getattr(promises, name).goes_on_from(value)
