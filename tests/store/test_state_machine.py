"""A document and a room against a plain model, over any order of changes, edits, kills and starts."""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soyuz.store import system
from tests.crash.one_thread import FILES, Store, one_thread, work_now

names = st.sampled_from("abcde")
rows = st.dictionaries(st.sampled_from(["n", "about"]), st.integers(0, 3), max_size=2)


class StoreAgainstModel(RuleBasedStateMachine):
    """The model is two dicts and a list; every rule does the same to it and to the store."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self._open = contextlib.ExitStack()
        patched = self._open.enter_context(one_thread())
        patched.setattr(system, "sync", lambda fd: None)
        patched.setattr(system, "sync_folder", lambda folder: None)
        self.root = Path(self._open.enter_context(tempfile.TemporaryDirectory())) / "data"
        self.rows: dict[str, dict[str, Any]] = {name: {} for name in FILES}
        self.said: list[str] = []

    @initialize()
    def starts(self) -> None:
        self.store = Store(self.root)

    @rule(file=st.sampled_from(FILES), name=names, row=rows)
    def puts(self, file: str, name: str, row: dict[str, int]) -> None:
        self.store.documents[file].update(lambda found: {name: row})
        self.rows[file][name] = row

    @rule(file=st.sampled_from(FILES), name=names)
    def deletes(self, file: str, name: str) -> None:
        self.store.documents[file].update(lambda found: {name: None})
        self.rows[file].pop(name, None)

    @rule(file=st.sampled_from(FILES), wanted=st.dictionaries(names, st.none() | rows, max_size=4))
    def changes_several(self, file: str, wanted: dict[str, Any]) -> None:
        self.store.documents[file].update(lambda found: wanted)
        for name, row in wanted.items():
            self.rows[file].pop(name, None)
            if row is not None:
                self.rows[file][name] = row

    @rule(texts=st.lists(st.text(max_size=30), min_size=1, max_size=8))
    def says(self, texts: list[str]) -> None:
        for text in texts:
            self.store.room.append("message", lambda seq, t=text: {"seq": seq, "text": t})  # type: ignore[misc]
        work_now()
        self.said += texts

    @rule(file=st.sampled_from(FILES))
    def catches_up(self, file: str) -> None:
        self.store.documents[file].catch_up()
        assert json.loads((self.root / file).read_bytes()) == self.rows[file]

    @rule()
    def looks_at_files(self) -> None:
        self.store.looks_at_files()

    @rule(file=st.sampled_from(FILES))
    def checkpoints(self, file: str) -> None:
        self.store.documents[file].write_checkpoint()

    @rule()
    def drops_old_segments(self) -> None:
        self.store.drops_old_segments()

    @rule(file=st.sampled_from(FILES), name=names, row=st.none() | rows)
    def edits(self, file: str, name: str, row: dict[str, int] | None) -> None:
        """An admin opens the newest file, changes one row and saves."""
        self.store.documents[file].catch_up()
        path = self.root / file
        found = json.loads(path.read_bytes())
        found.pop(name, None)
        if row is not None:
            found[name] = row
        path.write_text(json.dumps(found))
        self.store.looks_at_files()
        self.rows[file] = found

    @rule(file=st.sampled_from(FILES), broken=st.sampled_from(["", "{", "[]", '{"a": 1}', "\0\0"]))
    def breaks_and_mends(self, file: str, broken: str) -> None:
        self.store.documents[file].catch_up()
        path = self.root / file
        sound = path.read_bytes()
        path.write_text(broken)
        self.store.looks_at_files()
        assert self.store.documents[file].trouble
        path.write_bytes(sound)
        self.store.looks_at_files()
        assert self.store.documents[file].trouble is None

    @rule()
    def is_killed(self) -> None:
        self.store.dies()
        self.store = Store(self.root)

    @rule()
    def stops_and_starts(self) -> None:
        self.store.stops()
        self.store = Store(self.root)

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def is_as_the_model(self) -> None:
        assert self.store.rows() == self.rows
        assert self.store.texts() == list(enumerate(self.said, start=1))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.dies()
        self._open.close()
        logging.disable(logging.NOTSET)


ordinary = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TestStore = StoreAgainstModel.TestCase
TestStore.settings = settings(max_examples=100, stateful_step_count=40, **ordinary)


@pytest.mark.long
@pytest.mark.timeout(900)
class TestStoreForLong(StoreAgainstModel.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(max_examples=600, stateful_step_count=50, **ordinary)
