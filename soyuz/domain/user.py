"""People: the account as users.json holds it, what others see of it, and who acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from soyuz.domain.errors import Malformed
from soyuz.domain.names import fold
from soyuz.domain.rows import folded_rows

Role = Literal["member", "moderator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


class User(msgspec.Struct, frozen=True):
    """One account. `password` is a hash, `avatar` a name below uploads/, `created_at` ISO 8601."""

    username: str
    display_name: str
    password: str = ""
    role: Role = "member"
    avatar: str | None = None
    created_at: str = ""


class Profile(msgspec.Struct, frozen=True):
    """What everyone may see of a person; `avatar` is an URL path."""

    username: str
    display_name: str
    avatar: str | None
    role: str


class Actor(msgspec.Struct, frozen=True):
    """Whoever asks for something to be done: `id` is a username for a person."""

    kind: Literal["person", "guest", "bot", "system"]
    id: str
    role: Role = "member"
    address: str = ""


def profile(user: User) -> Profile:
    """Give the public side of an account."""
    avatar = f"/uploads/{user.avatar}" if user.avatar else None
    return Profile(user.username, user.display_name, avatar, user.role)


def user_from_row(username: str, row: Mapping[str, Any]) -> User:
    """Read one row of users.json that `parse_users` has checked."""
    return User(
        username=username,
        display_name=row.get("display_name") or username,
        password=row.get("password", ""),
        role=row.get("role", "member"),
        avatar=row.get("avatar") or None,
        created_at=row.get("created_at", ""),
    )


def parse_users(content: object) -> dict[str, Any]:
    """Check what users.json holds and fold its keys; unknown fields are kept. Raises Malformed."""
    return folded_rows(content, "accounts", fold, _checked)


def _checked(key: str, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Malformed("an account must be an object", key)
    for field in ("display_name", "password", "created_at"):
        if not isinstance(row.get(field, ""), str):
            raise Malformed(f"{field} must be text", key)
    if row.get("role", "member") not in ROLES:
        raise Malformed(f"role must be one of {', '.join(ROLES)}", key)
    if not isinstance(row.get("avatar", ""), str | None):
        raise Malformed("avatar must be text or null", key)
    return row


def removes_too_many(removed: int, accounts: int) -> bool:
    """Say whether an edit removes so many accounts that it may well be a slip."""
    return removed > 10 or (removed > 1 and (removed * 3 > accounts))
