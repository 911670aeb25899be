"""Any call of the system fails with an I/O error: nothing is lost, nothing refused comes back."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import system
from soyuz.store.disk import SyncFailed
from tests.crash.one_thread import FILES, Store
from tests.crash.recorder import CALLS
from tests.crash.short_run import ShortRun, failing


@dataclass(frozen=True)
class Failure:
    """The call of that name and number fails, with `lasting` all later ones of that name too."""

    name: str
    number: int
    lasting: bool

    def __str__(self) -> str:
        return f"{self.name} no. {self.number}{' and all later' if self.lasting else ''}"


def calls_of_a_whole_run(root: Path) -> Counter[str]:
    counted: Counter[str] = Counter()
    with failing(lambda name, args: counted.update([name])):
        run = ShortRun(root / "whole")
        run.run()
    assert run.refused == 0
    return counted


def run_with(root: Path, failure: Failure) -> ShortRun:
    counted: Counter[str] = Counter()

    def should(name: str, args: tuple[Any, ...]) -> OSError | None:
        counted[name] += 1
        is_hit = (
            counted[name] > failure.number if failure.lasting else counted[name] == failure.number
        )
        return (
            OSError(errno.EIO, os.strerror(errno.EIO)) if name == failure.name and is_hit else None
        )

    run = ShortRun(root / str(failure).replace(" ", "-"))
    with failing(should):
        run.run()
    return run


def failures(root: Path) -> Iterator[Failure]:
    counts = calls_of_a_whole_run(root)
    for name, count in counts.items():
        for number in range(1, count + 1):
            yield Failure(name, number, lasting=False)
            yield Failure(name, number, lasting=True)


def test_an_error_at_any_call_costs_only_what_it_refuses(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    tried, wrong = 0, []
    for failure in failures(root):
        run = run_with(root, failure)
        tried += 1
        if found := run.wrong():
            wrong.append(f"{failure}: {found}")
        shutil.rmtree(run.root)
    print(f"{tried} failing calls")
    assert not wrong, f"{len(wrong)} of {tried}, the first: {wrong[0]}"
    assert tried > 100


def test_the_short_run_makes_every_kind_of_call(root: Path, patched: pytest.MonkeyPatch) -> None:
    rare = {"truncate", "rename_to_new", "rename"}
    assert set(calls_of_a_whole_run(root)) | rare == set(CALLS)


@pytest.mark.parametrize("whose", ["journal", "room"])
def test_a_failed_sync_of_a_log_ends_all_acknowledging(
    root: Path, patched: pytest.MonkeyPatch, whose: str
) -> None:
    run = ShortRun(root / "run")
    run.store = store = Store(run.root)
    assert run.changes(FILES[0], {"ann": {}})
    run.says("one")
    fd = store.journal._log._fd if whose == "journal" else store.room._log._fd
    sync, synced_later = system.sync, []

    def broken(asked: int) -> None:
        if asked == fd:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(asked)

    with pytest.MonkeyPatch.context() as within:
        within.setattr(system, "sync", broken)
        if whose == "journal":
            assert not run.changes(FILES[0], {"ben": {}})
        else:
            run.says("two")
    assert [type(error) for error in store.fatal] == [SyncFailed]
    patched.setattr(system, "sync", synced_later.append)
    assert not run.changes(FILES[1], {"eve": {}})
    run.says("three")
    assert run.said == ["one"]
    assert synced_later == [], "never asked again: the answer would hide what was lost"
    assert "sync" in store.disk.trouble()
    store.dies()
    assert run.wrong() == ""


def test_what_could_not_be_cut_off_may_come_back_and_nothing_else(
    root: Path, patched: pytest.MonkeyPatch
) -> None:
    """Neither the sync nor the cut worked: what the disk holds is then not ours to choose."""
    run = ShortRun(root / "run")
    run.store = store = Store(run.root)
    assert run.changes(FILES[0], {"ann": {}})

    def should(name: str, args: tuple[Any, ...]) -> OSError | None:
        return OSError(errno.EIO, "") if name in ("sync", "truncate") else None

    with failing(should):
        assert not run.changes(FILES[0], {"ben": {}})
    store.dies()
    again = Store(run.root)
    assert set(again.rows()[FILES[0]]) == {"ann", "ben"}
    again.stops()
