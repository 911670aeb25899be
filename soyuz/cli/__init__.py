"""The command line: `run` by default, and the admin's verbs, with the server running or not."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

import click

from soyuz import __version__
from soyuz.cli.backup import backup, restore
from soyuz.cli.ban import ban, bans, unban
from soyuz.cli.confirm import confirm
from soyuz.cli.doctor import doctor
from soyuz.cli.invocation import invocation
from soyuz.cli.run import CreateApp, run
from soyuz.cli.user import user


class _RunByDefault(click.Group):
    """`python server.py --port 5001` means `run --port 5001`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault)
@click.version_option(__version__, prog_name="Soyuz Messenger")
def cli() -> None:
    """Soyuz Messenger: a chat for small groups, kept in plain files.

    Without a command it starts the server.
    """


for command in (run, user, ban, unban, bans, confirm, doctor, backup, restore):
    cli.add_command(command)


def main(create_app: CreateApp, argv: list[str] | None = None) -> Any:
    """Run the command line and exit; `create_app` is what `run` serves."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal cannot show must not fail what has been done already.
            stream.reconfigure(errors="backslashreplace")
    return cli.main(argv, prog_name=invocation(), obj=create_app)
