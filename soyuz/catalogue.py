"""The interface's words: one file per language, read by templates, error answers and the page alike."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from soyuz.paths import CATALOGUES

FALLBACK = "en"
_PLACE = re.compile(r"\{(\w+)\}")


class Catalogue:
    """One language's strings; a missing one falls back to English, and then to its key."""

    def __init__(self, language: str = FALLBACK) -> None:
        """Raises OSError when the language has no file."""
        self.language = language
        self._strings: dict[str, Any] = _read(FALLBACK)
        if language != FALLBACK:
            self._strings |= _read(language)
        # "<" is escaped so that no string can end the script element that carries the catalogue.
        self.json = json.dumps(self._strings, ensure_ascii=False).replace("<", "\\u003c")

    def say(self, key: str, params: Mapping[str, Any] | None = None) -> str:
        """Give a sentence with its `{name}` places filled; a plural is chosen by `n`."""
        text = self._strings.get(key, key)
        values = dict(params or {})
        if isinstance(text, dict):
            text = text["one" if values.get("n") == 1 else "other"]
        # In one go: what a person is called may itself look like a place.
        return _PLACE.sub(lambda m: _shown(values[m[1]]) if m[1] in values else m[0], text)


def _shown(value: Any) -> str:
    return str(round(value)) if isinstance(value, float) else str(value)


def _read(language: str) -> dict[str, Any]:
    strings: dict[str, Any] = json.loads((CATALOGUES / f"{language}.json").read_text("utf-8"))
    return strings
