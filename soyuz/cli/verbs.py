"""What the command line can have done: plain functions over the messenger, plain data back.

The same function runs in the command's own process when it owns the data folder, and in the server's
when that does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from soyuz import runtime
from soyuz.domain.bans import ADDRESS_PREFIX, ban_key, bannable_network, until
from soyuz.domain.errors import Malformed, Refused
from soyuz.domain.instant import epoch, iso
from soyuz.domain.names import fold
from soyuz.domain.text import is_blank
from soyuz.domain.user import ROLES, User
from soyuz.messenger import Messenger

TAKEN_OVER_S = 10.0  # so long at the most until a confirmed edit is in force
LOOK_EVERY_S = 0.1


def user_list(messenger: Messenger) -> list[dict[str, Any]]:
    """Give every account."""
    now = messenger.clock.now()
    return [
        {
            "username": user.username,
            "display_name": user.display_name,
            "role": user.role,
            "created_at": user.created_at,
            "banned": bool(messenger.bans.of(user.username, "unknown", "all", now)),
        }
        for user in messenger.users.iterate()
    ]


def user_add(
    messenger: Messenger, username: str, display_name: str, password: str, role: str
) -> dict[str, Any]:
    """Make an account, by the rules of signing up. Raises Refused."""
    user = messenger.gate.new_user(username, display_name, password)
    made = User(user.username, user.display_name, "", _role(role), None, user.created_at)
    messenger.gate.add(made, password)
    return {"username": made.username, "display_name": made.display_name, "role": made.role}


def user_reset_password(messenger: Messenger, username: str, password: str) -> dict[str, Any]:
    """Set a new password and sign the person out everywhere. Raises Refused."""
    user = _user(messenger, username)
    messenger.gate.set_password(user.username, messenger.gate.checked_password(user, password))
    ended = len(messenger.sessions.of(user.username))
    messenger.sessions.end_all(user.username)
    return {"username": user.username, "sessions_ended": ended}


def user_role(messenger: Messenger, username: str, role: str) -> dict[str, Any]:
    """Give an account a role. Raises Refused."""
    user = _user(messenger, username)
    messenger.users.change(user.username, role=_role(role))
    return {"username": user.username, "role": role, "was": user.role}


def ban(
    messenger: Messenger, key: str, reason: str, until_text: str | None, scope: str
) -> dict[str, Any]:
    """Ban an account or an address, for ever or until a moment or for a span. Raises Refused.

    A key has one ban for ever and one that ends: the new one takes the place of its like (`replaced`)
    and stands beside the other (`beside`); each is null unless it held.
    """
    folded, now = _key(key), messenger.clock.now()
    if folded.startswith(ADDRESS_PREFIX) and bannable_network(folded) is None:
        raise Refused("invalid", "invalid.ban_shared", key=folded)
    if scope not in ("all", "write"):
        raise Refused("invalid")
    try:
        end = None if until_text is None else until(until_text, now, None)
    except (ValueError, OverflowError):
        raise Refused("invalid", "invalid.ban_until") from None
    if end is not None and end <= now:
        raise Refused("invalid", "invalid.ban_past")
    for_ever, ending = (
        _held(file.value.get(folded), now)
        for file in (messenger.bans.permanent, messenger.bans.temporary)
    )
    replaced, beside = (for_ever, ending) if end is None else (ending, for_ever)
    messenger.bans.ban(
        folded,
        reason=reason,
        by="command line",
        at=now,
        until=end,
        scope="write" if scope == "write" else "all",
    )
    is_known = folded.startswith(ADDRESS_PREFIX) or messenger.users.get(folded) is not None
    return {
        "key": folded,
        "until": None if end is None else iso(end),
        "scope": scope,
        "known": is_known,
        "replaced": replaced,
        "beside": beside,
    }


def unban(messenger: Messenger, key: str) -> dict[str, Any]:
    """Lift every ban of an account or an address. Raises Refused `not_found`."""
    folded = _key(key)
    if not messenger.bans.lift(folded):
        raise Refused("not_found", "not_found.ban", key=folded)
    return {"key": folded}


def bans(messenger: Messenger) -> list[dict[str, Any]]:
    """Give the bans that hold now; `holds` is false for addresses too many people share."""
    now = messenger.clock.now()
    files = (messenger.bans.permanent.value, messenger.bans.temporary.value)
    rows = [(key, _held(row, now)) for file in files for key, row in file.items()]
    return [{"key": key, **held, "holds": _is_bannable(key)} for key, held in rows if held]


def confirm(messenger: Messenger, file: str) -> dict[str, Any]:
    """Have an edit taken over that was held because it removes so many. Raises Refused."""
    name = PurePath(file).name
    document = next((d for d in messenger.documents if d.name == name), None)
    if document is None:
        names = ", ".join(d.name for d in messenger.documents)
        raise Refused("not_found", "not_found.file", file=file, names=names)
    before = len(document.value)
    if not document.confirm():
        problem = f"{document.trouble}" if document.trouble else ""
        detail = "invalid.file_trouble" if problem else "not_found.held_edit"
        raise Refused("invalid" if problem else "not_found", detail, file=name, problem=problem)
    deadline = messenger.clock.monotonic() + TAKEN_OVER_S
    while document.trouble and messenger.clock.monotonic() < deadline:
        document.poll()
        runtime.sleep(LOOK_EVERY_S)
    if document.trouble:
        raise Refused("invalid", "invalid.file_trouble", file=name, problem=str(document.trouble))
    return {"file": name, "before": before, "rows": len(document.value)}


VERBS: dict[str, Callable[..., Any]] = {
    "user list": user_list,
    "user add": user_add,
    "user reset-password": user_reset_password,
    "user role": user_role,
    "ban": ban,
    "unban": unban,
    "bans": bans,
    "confirm": confirm,
}


def _user(messenger: Messenger, name: str) -> User:
    user = messenger.users.get(name)
    if user is None:
        raise Refused("not_found", "not_found.user", username=fold(name))
    return user


def _is_bannable(key: str) -> bool:
    return not key.startswith(ADDRESS_PREFIX) or bannable_network(key) is not None


def _role(role: str) -> Any:
    if role not in ROLES:
        raise Refused("invalid", "invalid.role", roles=", ".join(ROLES))
    return role


def _key(text: str) -> str:
    if is_blank(text):
        raise Refused("invalid", "invalid.ban_key")
    try:
        return ban_key(text)
    except Malformed:
        raise Refused("invalid", "invalid.ban_address") from None


def _held(row: Mapping[str, Any] | None, now: float) -> dict[str, Any] | None:
    """Give what a row of a ban file says, None when there is none or it is over."""
    if row is None or (row.get("until") and epoch(row["until"]) <= now):
        return None
    return {
        "scope": row.get("scope", "all"),
        "until": row.get("until"),
        "reason": row.get("reason", ""),
        "by": row.get("by", ""),
    }
