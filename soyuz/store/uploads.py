"""uploads/: files under names the server chose, never under names anyone sent."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from soyuz import runtime
from soyuz.store.disk import Disk

AVATARS = "avatars"
_NAME = re.compile(r"avatars/[0-9a-f]{32}\.webp")


class Uploads:
    """The folder. Names are 128 random bits and cannot be guessed."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._root = disk.folder.uploads

    def load(self) -> None:
        """Make the folders. Raises OSError."""
        (self._root / AVATARS).mkdir(mode=0o700, exist_ok=True)

    def put_avatar(self, content: bytes) -> str:
        """Keep a WebP picture and give its name below uploads/. Raises OSError."""
        name = f"{AVATARS}/{secrets.token_hex(16)}.webp"
        runtime.off_loop(self._disk.replace, self._root / name, content)
        return name

    def find(self, name: str) -> Path | None:
        """Give the path of a name we could have chosen, if there is such a file."""
        path = self._root / name
        return path if _NAME.fullmatch(name) and path.is_file() else None

    def remove(self, name: str) -> None:
        """Delete a file of ours."""
        if path := self.find(name):
            path.unlink(missing_ok=True)
