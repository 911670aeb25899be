"""Finds the Chromium that browser tests drive; run as a script it prints the path, or exits 1."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Root (CI, containers) has no sandbox of its own; nothing a test opens comes from outside.
LAUNCH_ARGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
_ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def find_chromium() -> str | None:
    """Give SOYUZ_CHROMIUM, a browser on PATH, or Playwright's own download; None without any."""
    return os.environ.get("SOYUZ_CHROMIUM") or _on_path() or _downloaded()


def _on_path() -> str | None:
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path and not _is_snap(Path(path))), None)


def _is_snap(path: Path) -> bool:
    """Say whether it starts a snap: confined to the home folder, it cannot open test profiles."""
    with path.open("rb") as file:
        start = file.read(4_096)
    return path.resolve().name == "snap" or (start.startswith(b"#!") and b"/snap/bin/" in start)


def _downloaded() -> str | None:
    # Asked in a process of its own: Playwright cannot be started twice in one.
    asked = subprocess.run(
        [sys.executable, "-c", _ASK_PLAYWRIGHT], capture_output=True, text=True, check=False
    )
    path = asked.stdout.strip()
    return path if path and Path(path).exists() else None


if __name__ == "__main__":
    print(find_chromium() or sys.exit(1))
