"""`backup` and `restore`: the whole data folder as one file, and back."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from soyuz.cli.verb import common_options, settings_of, show
from soyuz.paths import DataFolder
from soyuz.store.archive import Progress, Unfit
from soyuz.store.backup import dated_name, make, size_of
from soyuz.store.restore import restore as put_back
from soyuz.store.unusable import why_not


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common_options
def backup(file: Path | None, data: str | None, as_json: bool) -> None:
    """Back the data folder up to FILE, while the server runs or not.

    Without FILE, to a dated one in the folder for backups; in FILE, if that is a folder.
    """
    settings = settings_of(data)
    folder = DataFolder(settings.data)
    name = dated_name("soyuz", time.time())
    target = file or folder.root / settings.backup_folder / name
    target = (target / name if target.is_dir() else target).absolute()
    try:
        with _bar(size_of(folder), "Backing up") as progress:
            manifest = make(folder, target, progress)
        size = target.stat().st_size
    except Unfit as unfit:
        raise click.ClickException(f"no backup was made: {unfit}") from None
    except OSError as error:
        raise click.ClickException(f"no backup was made: {why_not(folder.root, error)}") from None
    result = {"file": str(target), "bytes": size, "files": len(manifest.files)}
    said = f"{target} holds {len(manifest.files)} files in {_size(size)}, read back and compared."
    show(
        result, as_json, f"{said} It holds passwords' hashes and keys: keep it as safe as the data."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@common_options
def restore(file: Path, data: str | None, as_json: bool) -> None:
    """Unpack a backup into a data folder that is empty or does not exist: --data DIR.

    Every checksum is compared before anything is put in place.
    """
    target = settings_of(data).data
    try:
        with _bar(file.stat().st_size, "Restoring") as progress:
            manifest = put_back(file, target, progress)
    except Unfit as unfit:
        raise click.ClickException(f"{file} was not restored: {unfit}") from None
    except OSError as error:
        raise click.ClickException(f"{file} was not restored: {error}") from None
    result = {"folder": str(target), "made_at": manifest.made_at, "files": len(manifest.files)}
    said = (
        f"{target} is as it was at {manifest.made_at}: {len(manifest.files)} files, all compared."
    )
    show(result, as_json, f"{said} Start it: python server.py --data {target}")


@contextlib.contextmanager
def _bar(total: int, label: str) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield bar.update


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
