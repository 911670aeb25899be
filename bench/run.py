"""Runs benches by name, all of them when none is named."""

from __future__ import annotations

import sys

from bench import costs, memory, store, way, weight

BENCHES = {"way": way, "memory": memory, "weight": weight, "costs": costs, "store": store}


def main(names: list[str]) -> None:
    """Print the tables of the named benches."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    for name in names or BENCHES:
        BENCHES[name].main()


if __name__ == "__main__":
    main(sys.argv[1:])
