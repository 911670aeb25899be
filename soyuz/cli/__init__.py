"""The command line: `run` by default, and the admin's verbs, with the server running or not."""

from __future__ import annotations

import sys

import click

from soyuz.cli.run import run


class _RunByDefault(click.Group):
    """`python server.py --port 5001` means `run --port 5001`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault)
def cli() -> None:
    """Soyuz Messenger: a chat for small groups, kept in plain files."""


cli.add_command(run)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit."""
    cli.main(argv, prog_name="soyuz" if sys.argv[0].endswith("__main__.py") else "server.py")
