"""How the program was started, so that the commands it suggests work when they are typed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from soyuz import paths


def invocation() -> str:
    """Give the words to put before a verb."""
    if sys.argv[0].endswith("__main__.py"):
        return "python -m soyuz"
    # Whoever begins with bin/run has what the program needs in .venv alone, not in their python.
    if os.name == "posix" and Path(sys.prefix).resolve() == (paths.PROGRAM / ".venv").resolve():
        return "bin/run"
    return "python server.py"
