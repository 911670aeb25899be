"""`ban`, `unban`, `bans`: keep people or addresses out, let them back in, see who is out."""

from __future__ import annotations

from typing import Any

import click

from soyuz.cli.verb import carry_out, common_options, show, table


@click.command()
@click.argument("key", metavar="NAME|ip:ADDRESS")
@click.option("--for", "span", help="How long: 30m, 2h, 7d.")
@click.option("--until", help="Until when: 2026-12-01 (its end) or a full moment.")
@click.option("--reason", default="", help="What the person is told.")
@click.option(
    "--scope",
    type=click.Choice(["all", "write"]),
    default="all",
    show_default=True,
    help="all keeps them out; write lets them read.",
)
@common_options
def ban(
    key: str,
    span: str | None,
    until: str | None,
    reason: str,
    scope: str,
    data: str | None,
    as_json: bool,
) -> None:
    """Ban an account or an address: for a time, or for ever."""
    if span is not None and until is not None:
        raise click.UsageError("--for and --until exclude each other")
    end = until if span is None else span
    result = carry_out(data, "ban", key=key, reason=reason, until_text=end, scope=scope)
    what = "banned" if scope == "all" else "banned from writing"
    told = [f"{result['key']} is {what} {_end(result)}."]
    if not result["known"]:
        told.append("There is no such account; it is banned should it come.")
    if was := result.get("replaced"):  # a server that still runs older code does not say
        told.append(f"This replaces a ban from {_from(was)} {_end(was)}.")
    if beside := result.get("beside"):
        told.append(f"A ban from {_from(beside)} {_end(beside)} still holds beside it.")
    show(result, as_json, " ".join(told))


@click.command()
@click.argument("key", metavar="NAME|ip:ADDRESS")
@common_options
def unban(key: str, data: str | None, as_json: bool) -> None:
    """Lift every ban of an account or an address."""
    result = carry_out(data, "unban", key=key)
    show(result, as_json, f"{result['key']} is no longer banned.")


@click.command()
@common_options
def bans(data: str | None, as_json: bool) -> None:
    """Show the bans that hold now."""
    held = carry_out(data, "bans")
    heads = ("WHO", "FROM", "UNTIL", "BY", "REASON")
    rows = [(b["key"], _what(b), b["until"] or "for ever", b["by"], b["reason"]) for b in held]
    show(held, as_json, table([heads, *rows]) if rows else "Nobody is banned.")


def _what(row: dict[str, Any]) -> str:
    return _from(row) if row["holds"] else "bans nobody"


def _from(row: dict[str, Any]) -> str:
    return "everything" if row["scope"] == "all" else "writing"


def _end(row: dict[str, str]) -> str:
    return f"until {row['until']}" if row["until"] else "for ever"
