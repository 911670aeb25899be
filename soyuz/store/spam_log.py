"""spam_log.txt: one tab-separated line per offence, for reading, grep and a spreadsheet."""

from __future__ import annotations

import os
from io import TextIOWrapper
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from unicodedata import category

from soyuz.domain.instant import iso
from soyuz.store.disk import FILE_MODE

MAX_BYTES = 1_000_000
KEPT = 3


class SpamLog:
    """The file and its rotation by size: `spam_log.txt.1` is the one before."""

    def __init__(self, path: Path) -> None:
        self._handler = _PrivateFile(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")

    def write(
        self, at: float, account: str, address: str, rule: str, figures: str, action: str
    ) -> None:
        """Add a line; control characters are written out, so nobody can forge a second one."""
        line = "\t".join(
            _plain(part) for part in (iso(at), account, address, rule, figures, action)
        )
        self._handler.handle(LogRecord("spam", 20, "", 0, line, None, None))

    def close(self) -> None:
        """Let the file go."""
        self._handler.close()


class _PrivateFile(RotatingFileHandler):
    """The library's file, kept from other accounts of the machine: the lines hold addresses."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


def _plain(text: str) -> str:
    return "".join(c if category(c)[0] != "C" else f"\\u{ord(c):04x}" for c in text)
