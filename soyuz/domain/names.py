"""Usernames: any script, one spelling each, and nothing that can be mistaken for another name.

NFKC and casefold make `Alice`, `alice` and full-width forms one name; Unicode Technical Standard 39
gives the two further rules: Highly Restrictive script mixing (§5.2) and confusable skeletons (§4).
"""

from __future__ import annotations

import unicodedata
from functools import cache

from confusable_homoglyphs import categories, confusables

from soyuz.domain.errors import Refused
from soyuz.domain.text import draws_nothing

MIN_CHARACTERS = 3
MAX_CHARACTERS = 32
READ_MAX_CHARACTERS = 1_000  # what is longer is nobody's name, and would take long to normalise
PUNCTUATION = "_.-"

# Words the page gives a meaning of its own (`@room`), or that could pass for the server speaking.
RESERVED = frozenset(
    {
        "all",
        "channel",
        "deleted",
        "everyone",
        "here",
        "room",
        "server",
        "soyuz",
        "system",
        "unknown",
    }
)
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
)
# UTS 39 Highly Restrictive: one script, or Latin with one of these whole writing systems.
_MIXES = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)


def fold(name: str) -> str:
    """Give the one spelling under which a name is kept and looked up."""
    compatible = unicodedata.normalize("NFKC", name[:READ_MAX_CHARACTERS])
    return unicodedata.normalize("NFKC", compatible.casefold())


def as_typed(name: str) -> str:
    """Give a name as its owner wrote it, in plain characters: `Zoë` stays `Zoë`."""
    return unicodedata.normalize("NFKC", name[:READ_MAX_CHARACTERS])


def clean_username(name: str) -> str:
    """Give the folded form of a name that may be signed up. Raises Refused: `invalid`."""
    folded = fold(name)
    if not MIN_CHARACTERS <= len(folded) <= MAX_CHARACTERS:
        raise Refused("invalid", "invalid.username_length", min=MIN_CHARACTERS, max=MAX_CHARACTERS)
    if not all(_is_allowed(c) for c in folded):
        raise Refused("invalid", "invalid.username_characters")
    if folded[0] in PUNCTUATION or folded[-1] in PUNCTUATION or _is_mark(folded[0]):
        raise Refused("invalid", "invalid.username_ends")
    if folded in RESERVED or folded.split(".")[0] in _WINDOWS_DEVICES:
        raise Refused("invalid", "invalid.username_reserved")
    if not _is_highly_restrictive(folded):
        raise Refused("invalid", "invalid.username_scripts")
    return folded


def skeleton(folded: str) -> str:
    """Give the form two names share when a reader could take one for the other."""
    classes = _confusable_classes()
    seen = "".join(c for c in unicodedata.normalize("NFD", folded) if not draws_nothing(c))
    return "".join(classes.get(c, c) for c in seen.replace("rn", "m"))


def _is_allowed(c: str) -> bool:
    if draws_nothing(c):  # fillers are letters and variation selectors marks, yet nobody sees them
        return False
    return c in PUNCTUATION or c.isalpha() or unicodedata.category(c) == "Nd" or _is_mark(c)


def _is_mark(c: str) -> bool:
    return unicodedata.category(c) in ("Mn", "Mc")


def _is_highly_restrictive(folded: str) -> bool:
    scripts = set(categories.unique_aliases(folded)) - {"COMMON", "INHERITED"}
    zeros = {ord(c) - unicodedata.digit(c) for c in folded if unicodedata.category(c) == "Nd"}
    return len(zeros) <= 1 and (len(scripts) <= 1 or any(scripts <= mix for mix in _MIXES))


@cache
def _confusable_classes() -> dict[str, str]:
    """Map each character to one chosen member of the class of characters it looks like."""
    leader: dict[str, str] = {}

    def find(c: str) -> str:
        while leader.get(c, c) != c:
            c = leader[c]
        return c

    for left, looks in confusables.confusables_data.items():
        for look in looks:
            a, b = find(left), find(look["c"])
            if len(left) == len(look["c"]) == 1 and a != b:
                leader[max(a, b)] = min(a, b)
    return {c: find(c) for c in leader}
