"""The power is cut at any moment: what was acknowledged is there, and nothing else is."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from soyuz import runtime
from soyuz.store import system
from soyuz.store.disk import Disk
from tests.crash.disk_model import Enter, PaperDisk, Sync, SyncFolder, Truncate, Write
from tests.crash.power_cuts import judge

STATES = int(os.environ.get("SOYUZ_POWER_CUTS", "2000"))
STATES_OF_A_MUTANT = 600
# Always the same in the ordinary run, so that what it finds is of the change and not of the dice;
# bin/crash throws them.
SEED = int(os.environ.get("SOYUZ_SEED") or 15_227)

Mutate = Callable[[pytest.MonkeyPatch], None]


def judged(states: int, mutate: Mutate = lambda patched: None) -> list[str]:
    verdict = judge(states, SEED, mutate)
    print(verdict)
    return verdict.wrong


@pytest.mark.timeout(1_800)
def test_every_state_after_a_power_cut_keeps_every_promise() -> None:
    wrong = judged(STATES)
    assert wrong == [], f"SOYUZ_SEED={SEED}: {len(wrong)} of {STATES}, the first: {wrong[0]}"


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_ten_thousand_states_keep_every_promise() -> None:
    wrong = judged(10_000)
    assert wrong == [], f"SOYUZ_SEED={SEED}: {len(wrong)}, the first: {wrong[0]}"


def without_folder_sync(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Disk, "sync_folder", lambda disk, folder: None)


def without_sync_before_rename(patched: pytest.MonkeyPatch) -> None:
    prepare = Disk.prepare

    def hastily(disk: Disk, *args: Any) -> Any:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(system, "sync", lambda fd: None)
            return prepare(disk, *args)

    patched.setattr(Disk, "prepare", hastily)


def acknowledging_early(patched: pytest.MonkeyPatch) -> None:
    """Each sync of a log comes when all has been told."""

    def late(fd: int) -> None:
        with suppress(OSError, KeyError):  # closed by then, or the number is another file's
            system.sync(fd)

    def sync(disk: Disk, fd: int) -> bool:
        runtime.on_loop(runtime.on_loop, late, fd)
        return True

    patched.setattr(Disk, "sync", sync)


@pytest.mark.parametrize(
    "mutate", [without_folder_sync, without_sync_before_rename, acknowledging_early]
)
def test_a_store_made_worse_is_caught(mutate: Mutate) -> None:
    assert len(judged(STATES_OF_A_MUTANT, mutate)) >= 5


def states_of(*ops: Any) -> set[tuple[tuple[str, bytes | None], ...]]:
    disk, chance = PaperDisk(), random.Random(1)
    for op in ops:
        op.done_to(disk)
    return {tuple(disk.after_power_cut(chance).items()) for _ in range(300)}


def test_the_paper_disk_may_lose_what_was_not_synced() -> None:
    entered, written = Enter(".", {"a": 1}), Write(1, 0, b"hello")
    assert (("a", b"hello"),) in states_of(entered, written, SyncFolder("."))
    assert (("a", b""),) in states_of(entered, written, SyncFolder("."))
    assert (("a", bytes(5)),) in states_of(entered, written, SyncFolder("."))
    assert () in states_of(entered, written, Sync(1))
    assert states_of(entered, written, Sync(1), SyncFolder(".")) == {(("a", b"hello"),)}


def test_the_paper_disk_keeps_sectors_apart_and_exchanges_whole() -> None:
    first, second = b"a" * 512, b"b" * 512
    kept = (Enter(".", {"x": 1, "y": 2}), SyncFolder("."))
    torn = states_of(*kept, Write(1, 0, first + second))
    assert (("x", bytes(512) + second), ("y", b"")) in torn
    synced = (Write(1, 0, b"1"), Sync(1), Write(2, 0, b"2"), Sync(2))
    swapped = states_of(*kept, *synced, Enter(".", {"x": 2, "y": 1}))
    assert swapped == {(("x", b"1"), ("y", b"2")), (("x", b"2"), ("y", b"1"))}


def test_the_paper_disk_reads_as_a_process_does(tmp_path: Path) -> None:
    disk = PaperDisk()
    for op in (Write(1, 0, b"hello"), Truncate(1, 2), Write(1, 2, b"y")):
        op.done_to(disk)
    assert disk.content_now(1) == b"hey"
