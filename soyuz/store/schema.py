"""The form of the data folder, as a number, and how a folder of an older form becomes one of this.

`journal/schema.json` holds the number. A migration is a pure function from the rows of all files to
the rows they become. Before any runs, the folder is backed up; all they change is one entry of the
journal, so a crash leaves the folder in the old form or in the new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from soyuz import __version__
from soyuz.paths import DataFolder
from soyuz.store import checkpoint
from soyuz.store.checkpoint import Checkpoint
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.handwritten import Spoiled
from soyuz.store.journal import Journal
from soyuz.store.journal_lines import Text
from soyuz.store.looks import look
from soyuz.store.table import Row, decode, encode

SCHEMA = 1
Files = dict[str, dict[str, Row]]  # name of the file: its rows
MIGRATIONS: dict[int, Callable[[Files], Files]] = {}  # from a schema to the next


class Newer(OSError):
    """The folder was written by a newer program, which this one could only do harm to."""

    def __init__(self, found: int) -> None:
        super().__init__(newer(found))


def newer(found: int) -> str:
    """Say that something has a schema this program does not know."""
    return (
        f"it was written by a newer Soyuz: its schema is {found}, and this version "
        f"({__version__}) knows {SCHEMA} at most. Install the newer version, or restore an older backup"
    )


def path_in(folder: DataFolder) -> Path:
    """Give where the number is kept."""
    return folder.journal / "schema.json"


def found_in(folder: DataFolder) -> int:
    """Give the number of a folder; 0 where there is none. Raises OSError."""
    found = _noted(folder).get("schema", 0)
    return found if isinstance(found, int) else 0


def prepare(disk: Disk, documents: Sequence[Document], back_up: Callable[[str], object]) -> None:
    """Refuse a newer folder, and ready one from before there were numbers. Raises Newer, OSError.

    Called before the journal is opened. `back_up(why)` makes a backup.
    """
    number = found_in(disk.folder)
    if number > SCHEMA:
        raise Newer(number)
    if number:
        return
    old = [d for d in documents if _is_unsealed(disk.folder.journal / d.name)]
    if old:
        back_up("before-schema-1")
    for document in old:
        _seal(disk, document)


def bring_up(
    journal: Journal, documents: Sequence[Document], back_up: Callable[[str], object]
) -> None:
    """Run the migrations a folder needs; the journal is open, the documents are still to be loaded.

    Raises Newer, Unavailable, OSError.
    """
    folder = journal.disk.folder
    noted = found_in(folder)
    number = max(noted or min(1, SCHEMA), journal.schema)
    if number > SCHEMA:
        raise Newer(number)
    if number < SCHEMA:
        before = {document.name: _rows(journal, document.name) for document in documents}
        if any(before.values()):
            back_up(f"before-schema-{SCHEMA}")
        journal.migrate(_changes(before, _migrated(before, number)), SCHEMA)
    if noted != SCHEMA:
        note = {**_noted(folder), "schema": SCHEMA, "program": __version__}
        journal.disk.replace(path_in(folder), json.dumps(note, indent=2).encode() + b"\n")


def _migrated(files: Files, number: int) -> Files:
    for step in range(number, SCHEMA):
        files = MIGRATIONS[step](files)
    return files


def _changes(before: Files, after: Files) -> dict[str, dict[str, msgspec.Raw]]:
    changes: dict[str, dict[str, msgspec.Raw]] = {}
    for name, rows in after.items():
        was = before.get(name, {})
        for key in dict.fromkeys([*rows, *was]):
            if rows.get(key) != was.get(key):
                changes.setdefault(name, {})[key] = msgspec.Raw(encode(rows.get(key)) or b"null")
    return changes


def _rows(journal: Journal, name: str) -> dict[str, Row]:
    kept = checkpoint.read(journal.disk.folder.journal / name) or Checkpoint(0, {}, ())
    texts: dict[str, bytes | None] = dict(kept.rows)
    for number, said in journal.replayed(name):
        if number > kept.seq and not isinstance(said, Text):
            texts.update(said)
    return {key: decode(text) for key, text in texts.items() if text is not None}


def _noted(folder: DataFolder) -> Mapping[str, Any]:
    content, _ = look(path_in(folder))
    if content is None:
        return {}
    try:
        note = json.loads(content)
    except ValueError:
        note = None
    if not isinstance(note, dict):
        raise OSError(f'{path_in(folder)} is damaged; it should look like {{"schema": {SCHEMA}}}')
    return note


def _is_unsealed(path: Path) -> bool:
    """Say whether a file is a plain copy of a document, as the first versions kept them."""
    content, _ = look(path)
    return content is not None and not checkpoint.is_sealed(content)


def _seal(disk: Disk, document: Document) -> None:
    path = disk.folder.journal / document.name
    content, stamp = look(path)
    try:
        rows = document.rows_in(content or b"", stamp)
    except Spoiled:
        raise OSError(
            f"{path} is damaged; the command line's verb: doctor --repair can help"
        ) from None
    checkpoint.write(disk, path, Checkpoint(0, rows, ()))
