"""Carrying out a verb: in this process if the data folder is free, else in the server that holds it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from auth import Gatekeeper
from soyuz.cli import control
from soyuz.messenger import Messenger
from soyuz.settings import BadSetting, Settings, load
from soyuz.store.control import NobodyThere
from soyuz.store.disk import Owned
from soyuz.store.unusable import why_not

F = TypeVar("F", bound=Callable[..., Any])
TRIES = 20  # a server that is just starting or stopping holds the folder but hears nobody
PAUSE_S = 0.25


def common_options(command: F) -> F:
    """Give a command --data and --json."""
    data = click.option("--data", help="Data folder (the checkout itself).")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return data(as_json(command))


def carry_out(data: str | None, verb: str, **args: Any) -> Any:
    """Have a verb done, wherever, and give its result. Raises click.ClickException."""
    messenger = Messenger(settings_of(data))
    try:
        if not messenger.folder.holds_data():  # opening it would make one of a mistyped name
            raise click.ClickException(
                f"{messenger.folder.root} holds no data of Soyuz Messenger. Is that the right folder? "
                "A new one is made when the server is started with it."
            )
        for _ in range(TRIES):
            try:
                return _here(messenger, verb, args)
            except Owned as owned:
                owner = owned
            try:
                return control.ask(messenger.disk, verb, args)
            except NobodyThere:
                time.sleep(PAUSE_S)
        raise click.ClickException(f"the data folder is held by {owner}, which does not answer")
    except control.Failed as failed:
        raise click.ClickException(str(failed)) from None
    except OSError as error:
        raise click.ClickException(why_not(messenger.settings.data, error)) from None


def settings_of(data: str | None, **flags: str | None) -> Settings:
    """Give the settings of a data folder. Raises click.ClickException."""
    try:
        return load(os.environ, {"data": data, **flags})
    except BadSetting as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as error:
        raise click.ClickException(why_not(Path(error.filename).parent, error)) from None


def show(result: Any, as_json: bool, sentence: str) -> None:
    """Print a result: as JSON, or as a sentence."""
    click.echo(json.dumps(result, indent=2) if as_json else sentence)


def table(rows: list[tuple[str, ...]]) -> str:
    """Lay rows out in columns, the first row being their heads."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _here(messenger: Messenger, verb: str, args: dict[str, Any]) -> Any:
    messenger.open()
    try:
        messenger.gate = Gatekeeper(messenger)
        return control.perform(messenger, verb, args)
    finally:
        messenger.close()
