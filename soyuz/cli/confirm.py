"""`confirm`: have a hand edit taken over that removes so much that it was held."""

from __future__ import annotations

import click

from soyuz.cli.verb import carry_out, common_options, show


@click.command()
@click.argument("file")
@common_options
def confirm(file: str, data: str | None, as_json: bool) -> None:
    """Confirm an edit that removes many rows: FILE is users.json, say."""
    result = carry_out(data, "confirm", file=file)
    sentence = f"{result['file']} is in force as you saved it: {result['rows']} rows, there were"
    show(result, as_json, f"{sentence} {result['before']}.")
