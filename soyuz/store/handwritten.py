"""JSON as people type it: a byte-order mark or CRLF is fine, a mistake is named by line and column."""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_SPACE = " \t\r\n"
# Every escape from left to right, so that an escaped backslash before a "u" is told from one that
# begins an escape; the group is a surrogate without its other half.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)


class Spoiled(Exception):
    """The text is not what its file should hold; `line` and `column` count from 1."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.problem, self.line, self.column = problem, line, column


def read(content: bytes) -> Any:
    """Decode JSON. Raises Spoiled for anything that is not one whole document without repeats."""
    try:
        text = content.removeprefix(BOM_UTF8).decode()  # many times faster than "utf-8-sig"
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise Spoiled("this is not UTF-8 text", *_position(before, len(before))) from None
    if not text.strip():
        raise Spoiled('the file is empty; for nothing in it write "{}"', 1, 1)
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise Spoiled(error.msg, error.lineno, error.colno) from None
    except _Repeated as error:
        raise Spoiled(str(error), *_second(text, error.key)) from None
    except (ValueError, RecursionError) as error:
        raise Spoiled(str(error), 1, 1) from None
    at = text.find("\\")
    while at >= 0:  # a regular expression over all of a large text would hold up everyone else
        escape = _ESCAPE.match(text, at)
        if escape and escape["half"]:
            raise Spoiled("half a character, which no file can hold", *_position(text, at))
        at = text.find("\\", escape.end() if escape else at + 1)
    return value


def find_key(content: bytes, key: str | None) -> tuple[int, int]:
    """Give line and column of a top-level key of a document that `read` accepts, else 1, 1."""
    text = content.decode("utf-8-sig")
    decoder = json.JSONDecoder()
    start = _skip(text, 0)
    if key is None or text[start : start + 1] != "{":
        return 1, 1
    at = _skip(text, start + 1)
    while text[at : at + 1] == '"':
        name, end = scanstring(text, at + 1, True)
        if name == key:
            return _position(text, at)
        _, end = decoder.raw_decode(text, _skip(text, _skip(text, end) + 1))
        at = _skip(text, _skip(text, end) + 1)
    return 1, 1


class _Repeated(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} stands here a second time")
        self.key = key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Repeated(key)
            seen.add(key)
    return row


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _second(text: str, key: str) -> tuple[int, int]:
    # Exact where the key is written plainly and stands twice in the file, which is the usual slip.
    quoted = json.dumps(key, ensure_ascii=False)
    first = text.find(quoted)
    second = text.find(quoted, first + 1)
    return _position(text, max(second, 0))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _position(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
