"""Who may do what: one table of least roles."""

from __future__ import annotations

from soyuz.domain.user import ROLES, Actor, Role

LEAST_ROLE: dict[str, Role] = {
    "chat": "member",
    "hear_file_trouble": "admin",
}


def may(actor: Actor, permission: str) -> bool:
    """Say whether the actor's role reaches what `permission` asks. Raises KeyError for a typo."""
    least = LEAST_ROLE[permission]
    return actor.kind == "system" or ROLES.index(actor.role) >= ROLES.index(least)
