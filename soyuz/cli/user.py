"""`user`: list and make accounts, give roles and new passwords."""

from __future__ import annotations

import secrets
import sys

import click

from soyuz.cli.verb import carry_out, common_options, show, table
from soyuz.domain.user import ROLES

GENERATED_BYTES = 12


@click.group()
def user() -> None:
    """List and make accounts, give roles and new passwords."""


@user.command("list")
@common_options
def list_(data: str | None, as_json: bool) -> None:
    """Show every account."""
    users = carry_out(data, "user list")
    heads = ("USERNAME", "NAME", "ROLE", "SINCE", "")
    rows = [
        (u["username"], u["display_name"], u["role"], u["created_at"][:10], _mark(u)) for u in users
    ]
    show(users, as_json, table([heads, *rows]) if rows else "Nobody has signed up yet.")


@user.command()
@click.argument("username")
@click.option("--display-name", default="", help="The name others see (the username).")
@click.option("--role", type=click.Choice(ROLES), default="member", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@common_options
def add(
    username: str,
    display_name: str,
    role: str,
    password_stdin: bool,
    data: str | None,
    as_json: bool,
) -> None:
    """Make an account; the password is asked for."""
    made = carry_out(
        data,
        "user add",
        username=username,
        display_name=display_name,
        password=_password(password_stdin),
        role=role,
    )
    show(made, as_json, f"{made['username']} can sign in now, as {made['role']}.")


@user.command("reset-password")
@click.argument("username")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it once.")
@common_options
def reset_password(
    username: str, password_stdin: bool, generate: bool, data: str | None, as_json: bool
) -> None:
    """Give someone a new password and sign them out everywhere."""
    generated = secrets.token_urlsafe(GENERATED_BYTES) if generate else None
    password = generated or _password(password_stdin)
    result = carry_out(data, "user reset-password", username=username, password=password)
    if generated:
        result["password"] = generated
    told = f" It is: {generated}" if generated else ""
    show(result, as_json, f"{result['username']} has a new password and is signed out.{told}")


@user.command()
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES))
@common_options
def role(username: str, role: str, data: str | None, as_json: bool) -> None:
    """Make someone a member, a moderator or an admin."""
    result = carry_out(data, "user role", username=username, role=role)
    show(result, as_json, f"{result['username']} is {result['role']} now (was {result['was']}).")


def _mark(row: dict[str, object]) -> str:
    return "banned" if row["banned"] else ""


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
