"""Which passwords may be chosen: long enough and not among the commonest; nothing else is asked.

NIST SP 800-63B §3.1.1.2: length and a blocklist protect, rules of composition do not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container

from soyuz.domain.errors import Refused

MIN_CHARACTERS = 8
MAX_BYTES = 1_024
TRIED_MAX_CHARACTERS = 2 * MAX_BYTES  # accents may be typed as characters of their own


def clean_password(password: str, username: str, common: Container[str]) -> str:
    """Give the password to hash. Raises Refused: `invalid`. `common` holds lower-cased passwords."""
    if any("\ud800" <= c <= "\udfff" for c in password):
        raise Refused("invalid", "invalid.surrogate")
    if len(password) < MIN_CHARACTERS:
        raise Refused("invalid", "invalid.password_short", min=MIN_CHARACTERS)
    if len(password.encode()) > MAX_BYTES:
        raise Refused("invalid", "invalid.password_long", max=MAX_BYTES)
    lowered = password.lower()
    if lowered in common or lowered == username or len(set(lowered)) == 1:
        raise Refused("invalid", "invalid.password_common")
    return same_keys(password)


def tried_password(password: str) -> tuple[str, bool]:
    """Give what to hash of a password someone tries, and whether it can be anyone's at all.

    One that is too long can be nobody's. It is cut rather than refused unhashed, so that it costs
    what every wrong one does; the cut text may well be right, which must not count.
    """
    started = same_keys(password[:TRIED_MAX_CHARACTERS])
    shortest = min(len(t.encode("utf-8", "replace")) for t in (password, started))
    fits = len(password) <= TRIED_MAX_CHARACTERS and shortest <= MAX_BYTES
    return started[:MAX_BYTES], fits


def same_keys(password: str) -> str:
    """Give one form to what different keyboards type for the same password (RFC 8265 §4.2.2)."""
    return unicodedata.normalize("NFC", password)
