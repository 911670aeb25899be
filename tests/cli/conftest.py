"""The vocabulary of the command line: run it in this process, over a folder with three accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from soyuz.cli import cli
from soyuz.domain.user import User
from soyuz.messenger import Messenger
from soyuz.settings import Settings


@dataclass
class Answer:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def run(data: Path, *args: str, typed: str = "", **environ: str) -> Answer:
    """Run a command to its end; whatever it does not expect to happen is raised."""
    result = CliRunner().invoke(cli, [*args, "--data", str(data)], input=typed, env=environ)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as the first start leaves it."""
    messenger = Messenger(Settings(data=tmp_path / "data"))
    messenger.open()
    messenger.close()
    return tmp_path / "data"


@pytest.fixture
def peopled(data: Path) -> Path:
    """A folder in which ann, ben and eve have accounts and nobody is at work."""
    messenger = Messenger(Settings(data=data))
    messenger.open()
    for name in ("ann", "ben", "eve"):
        messenger.users.create(User(name, name, "a hash"))
    messenger.close()
    return data
