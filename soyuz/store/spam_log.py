"""spam_log.txt: one tab-separated line per offence, for reading, grep and a spreadsheet."""

from __future__ import annotations

from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from unicodedata import category

from soyuz.domain.instant import iso

MAX_BYTES = 1_000_000
KEPT = 3


class SpamLog:
    """The file and its rotation by size: `spam_log.txt.1` is the one before."""

    def __init__(self, path: Path) -> None:
        self._handler = RotatingFileHandler(
            path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8"
        )

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


def _plain(text: str) -> str:
    return "".join(c if category(c)[0] != "C" else f"\\u{ord(c):04x}" for c in text)
