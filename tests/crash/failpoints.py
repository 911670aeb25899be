"""A process of its own whose children each run the store and are killed at one call of the system.

`python -m tests.crash.failpoints FOLDER STRIDE` forks a child for every STRIDE-th call and each of
the moments before and after it. A child works in `FOLDER/<call>-<moment>`, and writes what has been
acknowledged, a line each, into the file `told` there. Nothing is simulated: the committer is a
thread, and the end is SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soyuz.paths import DataFolder
from soyuz.store import journal, looks, room_history, system
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.room_history import RoomHistory
from tests.crash.recorder import CALLS

TURNS = 6
ENDED_BY_ITSELF = 0


class Failpoint:
    """Kills the process `moment` ("before" or "after") its call number `number`."""

    def __init__(self, number: int, moment: str) -> None:
        self._left, self._moment = number, moment
        for name in CALLS:
            setattr(system, name, self._watching(getattr(system, name)))

    def _watching(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self._left -= 1
            is_it = self._left == 0
            if is_it and self._moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args)
            finally:
                if is_it:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def work(folder: Path) -> None:
    """Change rows, say things, edit by hand, write snapshots and a checkpoint; tell what is safe."""
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(line: str) -> None:
        os.write(told, line.encode() + b"\n")

    disk = Disk(DataFolder(folder / "data"))
    disk.open()
    lines = Journal(disk)
    lines.open()
    document = Document(folder / "data" / "people.json", lambda rows, at: rows, lines)
    document.load()
    room = RoomHistory(disk.folder.history / "lobby", disk, recent=5)
    room.load()
    room.follow = lambda batch: [tell(entry.data["text"]) for entry in batch]  # type: ignore[assignment, func-returns-value]
    for turn in range(TURNS):
        document.update(lambda rows, n=turn: {f"p{n}": {"n": n, "about": "x" * 150}})  # type: ignore[misc]
        tell(f"p{turn}")
        for part in "abc":
            room.append("message", lambda seq, t=f"m{turn}{part}": {"seq": seq, "text": t})  # type: ignore[misc]
        document.catch_up()
        if turn == TURNS // 2:
            document.write_checkpoint()
    disk.close()
    lines.close()
    room.close()
    tell("end")


def children(folder: Path, stride: int) -> None:
    """Fork child after child, each killed later than the one before, until one ends by itself."""
    number = 1
    while True:
        for moment in ("before", "after"):
            place = folder / f"{number:04d}-{moment}"
            place.mkdir()
            child = os.fork()
            if child == 0:
                _run(place, number, moment)
            _, status = os.waitpid(child, 0)
            if os.WIFEXITED(status):
                assert os.WEXITSTATUS(status) == ENDED_BY_ITSELF, f"{place.name}: {status}"
                return
        number += stride


def _run(place: Path, number: int, moment: str) -> None:
    try:
        Failpoint(number, moment)
        work(place)
        os._exit(ENDED_BY_ITSELF)
    finally:
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    looks.SETTLE_S = 0.0
    journal.SEGMENT_BYTES = room_history.SEGMENT_BYTES = 700
    children(Path(sys.argv[1]), int(sys.argv[2]))
