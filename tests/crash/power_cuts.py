"""Cuts the power at random moments of random runs, starts the store on what is left, and judges."""

from __future__ import annotations

import json
import logging
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import system
from tests.crash.disk_model import PaperDisk, materialise
from tests.crash.one_thread import Store, one_thread, work_now
from tests.crash.promises import Promises
from tests.crash.recorder import Recorder
from tests.crash.workload import Happens, Workload

STATES_PER_RUN = 100
STEPS_PER_RUN = 60
Mutate = Callable[[pytest.MonkeyPatch], object]


@dataclass
class Verdict:
    """How many states were judged, and what was wrong with which."""

    seed: int
    states: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.states} states, {len(self.wrong)} wrong, "
            f"{self.states / max(self.seconds, 0.001):.0f} a second of the processor"
        )


def judge(states: int, seed: int, mutate: Mutate = lambda patched: None) -> Verdict:
    """Judge so many states of the store, or of one that was made worse."""
    verdict, began = Verdict(seed), time.process_time()
    logging.disable(logging.CRITICAL)
    try:
        for run in range(states // STATES_PER_RUN):
            with fast_folder() as root:
                _judge_run(root, random.Random(f"{seed} {run}"), mutate, verdict)
    finally:
        logging.disable(logging.NOTSET)
    verdict.seconds = time.process_time() - began
    return verdict


def _judge_run(root: Path, chance: random.Random, mutate: Mutate, verdict: Verdict) -> None:
    trace, wrong = record(root / "run", chance, mutate)
    if wrong:
        verdict.wrong.append(f"kill: {wrong}")
    moments = sorted(chance.choices(range(1, len(trace) + 1), k=STATES_PER_RUN))
    disk, promises = PaperDisk(), Promises()
    done = 0
    with one_thread() as patched:
        patched.setattr(system, "sync", lambda fd: None)
        patched.setattr(system, "sync_folder", lambda folder: None)
        for moment in moments:
            for op in trace[done:moment]:
                if isinstance(op, Happens):
                    op.event(promises)
                else:
                    op.done_to(disk)
            done = moment
            state = root / str(verdict.states)
            materialise(disk.after_power_cut(chance), state)
            wrong = what_is_wrong(state, promises, goes_on=chance.random() < 0.3)
            if wrong:
                verdict.wrong.append(f"operation {moment}: {wrong}")
            verdict.states += 1
            shutil.rmtree(state)


def record(root: Path, chance: random.Random, mutate: Mutate) -> tuple[list[Any], str]:
    """Run the store once; gives all it did and promised, and what a mere kill has spoiled."""
    root.mkdir()
    with one_thread() as patched:
        recorder = Recorder(root, patched)
        mutate(patched)
        workload = Workload(root, recorder, chance)
        return workload.run(STEPS_PER_RUN), workload.wrong


def what_is_wrong(root: Path, promises: Promises, goes_on: bool = True) -> str:
    """Start the store on what lies there and see whether it keeps what was promised, and goes on."""
    try:
        store = Store(root)
    except (OSError, AssertionError, ValueError, KeyError) as refused:
        return f"it does not start: {refused!r}"
    try:
        wrong = promises.are_kept_by(store) or _files_are_behind(store)
        return wrong or (_cannot_go_on(store) if goes_on else "")
    finally:
        store.stops()


def _files_are_behind(store: Store) -> str:
    for name, document in store.documents.items():
        if document.trouble is None and json.loads(document.path.read_bytes()) != document.value:
            return f"{name} does not hold the rows"
    return ""


def _cannot_go_on(store: Store) -> str:
    wanted, said = store.rows(), store.texts()
    settled: list[OSError | None] = []
    for name, document in store.documents.items():
        document.update(lambda rows: {"next": {}})
        wanted[name]["next"] = {}
    next_seq = store.room.append(
        "message", lambda seq: {"seq": seq, "text": "next"}, settled.append
    )
    work_now()
    store.stops()
    again = Store(store.root)
    try:
        if again.rows() != wanted:
            return f"the next change: {again.rows()} is not {wanted}"
        if again.texts() != [*said, (len(said) + 1, "next")] or settled != [None]:
            return f"the next message, {next_seq}: {settled}, {again.texts()} after {said}"
        return ""
    finally:
        again.stops()


def fast_folder() -> Any:
    """Give a folder in memory where there is such a thing."""
    memory = Path("/dev/shm")
    return _Folder(memory if memory.is_dir() else None)


class _Folder:
    def __init__(self, parent: Path | None) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=parent, prefix="soyuz-crash-")

    def __enter__(self) -> Path:
        return Path(self._folder.name)

    def __exit__(self, *args: object) -> None:
        self._folder.cleanup()
