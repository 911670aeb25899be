"""What text people may write: kept as typed, in NFC, without control characters, never blank."""

from __future__ import annotations

import re
import unicodedata

from soyuz.domain.errors import Refused

MESSAGE_MAX_CODE_POINTS = 4_000
DISPLAY_NAME_MAX_CODE_POINTS = 40
COMPOSED_MAX = 4  # so many code points become one in NFC at the most
MARKS_MAX = 200  # on one letter; putting very many in order takes time by their square

# Letters, marks and symbols by category that draw nothing: fillers, the empty Braille cell, joiner.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159"
)
# Not Cn: what our Unicode tables do not know yet may be an emoji that every phone already shows.
# Nor Co: what is in private use draws whatever the readers' fonts agree on.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})

# U+061C and the rest reorder the text around them; in a one-line name that is only ever a trick.
_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


# Whole ranges by pattern: looking up each character of a long text would cost the loop 0.6 ms.
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")  # all there is of the category Cc


def clean_message(text: str) -> str:
    """Give the text a message is stored with. Raises Refused: `invalid` or `too_large`."""
    if len(text) > MESSAGE_MAX_CODE_POINTS * COMPOSED_MAX:
        raise Refused("too_large", "too_large.message", max=MESSAGE_MAX_CODE_POINTS)
    cleaned = _normalise(text, keep="\n")
    if len(cleaned) > MESSAGE_MAX_CODE_POINTS:
        raise Refused("too_large", "too_large.message", max=MESSAGE_MAX_CODE_POINTS)
    if is_blank(cleaned):
        raise Refused("invalid", "invalid.blank")
    return cleaned


def clean_display_name(text: str) -> str:
    """Give a display name of 1 to 40 visible code points on one line. Raises Refused: `invalid`."""
    if len(text) > DISPLAY_NAME_MAX_CODE_POINTS * COMPOSED_MAX:
        raise Refused("invalid", "invalid.display_name_long", max=DISPLAY_NAME_MAX_CODE_POINTS)
    cleaned = "".join(c for c in _normalise(text, keep="") if c not in _BIDI_CONTROLS)
    cleaned = " ".join(cleaned.split())
    if is_blank(cleaned):
        raise Refused("invalid", "invalid.display_name_blank")
    if len(cleaned) > DISPLAY_NAME_MAX_CODE_POINTS:
        raise Refused("invalid", "invalid.display_name_long", max=DISPLAY_NAME_MAX_CODE_POINTS)
    return cleaned


def is_blank(text: str) -> bool:
    """Say whether nothing in `text` would be seen."""
    return all(draws_nothing(c) or unicodedata.category(c) in _INVISIBLE_CATEGORIES for c in text)


def draws_nothing(c: str) -> bool:
    """Say whether a character that counts as a letter, a mark or a symbol is not seen by itself."""
    return (
        c in _INVISIBLE
        or "\ufe00" <= c <= "\ufe0f"  # variation selectors
        or _draws_nothing_ever(ord(c))
    )


def _draws_nothing_ever(code_point: int) -> bool:
    """Say whether Unicode promises it: default-ignorables, assigned or not, and noncharacters."""
    return (
        0xE0000 <= code_point <= 0xE0FFF
        or 0xFFF0 <= code_point <= 0xFFF8
        or code_point == 0x2065
        or 0xFDD0 <= code_point <= 0xFDEF
        or code_point & 0xFFFE == 0xFFFE
    )


def _normalise(text: str, keep: str) -> str:
    if _SURROGATES.search(text):
        raise Refused("invalid", "invalid.surrogate")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub(lambda found: found[0] if found[0] in keep else "", text)
    if len(text) > MARKS_MAX and not text.isascii() and _most_marks(text) > MARKS_MAX:
        raise Refused("invalid", "invalid.marks")
    return unicodedata.normalize("NFC", text)


def _most_marks(text: str) -> int:
    """Give how many marks stand on one letter at the most."""
    most = run = 0
    for c in text:
        run = run + 1 if unicodedata.combining(c) else 0
        most = max(most, run)
    return most
