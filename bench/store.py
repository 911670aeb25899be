"""The store: durable changes, snapshots and starts at many sizes, beside SQLite and plain rewriting.

`bin/bench store` measures 1,000 and 100,000 accounts and messages; `BENCH_MILLION=1` adds a
million of each. Every row is measured in processes of its own, in turns within one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.table import show

SIZES = (1_000, 100_000)
WRITERS = (1, 16, 256)
ROOT = Path(__file__).resolve().parent.parent


def measure(what: str, folder: Path, *numbers: int) -> Any:
    """Run one measurement of bench/store_process.py in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.store_process", what, str(folder), *map(str, numbers)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{what} failed: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def changes(folder: Path, size: int) -> None:
    """Print what a durable change costs among so many accounts, for the store and its rivals."""
    rows: list[tuple[object, ...]] = []
    for kind in ("soyuz", "sqlite", "rewrite"):
        rates = [
            measure(f"change_{kind}", folder / f"{kind}-{size}", size, writers)["per_s"]
            for writers in (WRITERS if kind == "soyuz" else (1,))
        ]
        names = {
            "soyuz": "Soyuz, in journal and on disk",
            "sqlite": "SQLite, WAL, synchronous=FULL",
            "rewrite": "the whole file anew, fsync, rename",
        }
        rows.append((names[kind], *rates, *([""] * (len(WRITERS) - len(rates)))))
    title = f"durable changes a second among {size:,} accounts"
    show(title, [f"{writers} writers" for writers in WRITERS], rows)


def main() -> None:
    """Print the tables."""
    sizes = (*SIZES, 1_000_000) if os.environ.get("BENCH_MILLION") else SIZES
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as root:
        folder = Path(root)
        for size in sizes:
            changes(folder, size)
        accounts, messages = [], []
        for size in sizes:
            made = folder / f"soyuz-{size}"
            start = measure("start", made, size)
            stall = measure("stall", made, size)
            accounts.append(
                (
                    f"{size:,} accounts",
                    start["start_s"],
                    start["memory_mb"],
                    stall["snapshot_s"],
                    stall["p99_ms"],
                    stall["worst_ms"],
                )
            )
            said = measure("messages", folder / f"room-{size}", size)
            messages.append(
                (f"{size:,} messages", said["append_us"], said["page_ms"], said["start_ms"])
            )
        columns = ("start s", "memory MB", "snapshot s", "loop stall p99 ms", "worst ms")
        show("a document", columns, accounts)
        show("a room", ("append us", "a random page ms", "start ms"), messages)


if __name__ == "__main__":
    main()
