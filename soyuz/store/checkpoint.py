"""A document's rows as of one entry of the journal, so that what went before it can be dropped.

It is the text of the document itself and one line more, which says of which document, as of which
`seq`, and the SHA-256 of the text and of all that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from soyuz.store.disk import Disk

SEAL_MAX_BYTES = 16_384
CHUNK_ROWS = 250  # about a millisecond; whoever waits for the interpreter gets it in between


class Seal(msgspec.Struct, frozen=True):
    """The last line."""

    file: str
    seq: int
    texts: tuple[str, ...] = ()  # SHA-256 of each text of the file that was ours
    sha256: str = ""


class Spoiled(OSError):
    """The checkpoint is not what was written."""


def chunks(rows: Mapping[str, bytes]) -> Iterator[bytes]:
    """Give the text of a document, as an admin reads it, in pieces."""
    if not rows:
        yield b"{}\n"
        return
    yield b"{"
    part: list[bytes] = []
    begin = b"\n  "
    for key, row in rows.items():
        text = msgspec.json.format(row, indent=2).replace(b"\n", b"\n  ")
        part.append(b"%b%b: %b" % (begin, msgspec.json.encode(key), text))
        begin = b",\n  "
        if len(part) >= CHUNK_ROWS:
            yield b"".join(part)
            part.clear()
    yield b"".join(part) + b"\n}\n"


class Checkpoint(msgspec.Struct, frozen=True):
    """A document's rows as of `seq`, and the sums of the texts of its file that were ours."""

    seq: int
    rows: Mapping[str, bytes]
    texts: Sequence[str]


def write(disk: Disk, path: Path, kept: Checkpoint) -> None:
    """Put a new checkpoint in place of the old one. Raises OSError."""

    def content() -> Iterator[bytes]:
        digest = sha256()
        for chunk in chunks(kept.rows):
            digest.update(chunk)
            yield chunk
        seal = Seal(path.name, kept.seq, tuple(kept.texts))
        yield msgspec.json.encode(_signed(seal, digest)) + b"\n"

    disk.replace(path, content())


def read(path: Path) -> Checkpoint | None:
    """Give a checkpoint, None when there is none. Raises Spoiled, OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    end = content.rfind(b"\n", 0, -1) + 1
    try:
        seal = msgspec.json.decode(content[end:], type=Seal)
        if _signed(seal, sha256(memoryview(content)[:end])) != seal:
            raise ValueError
        rows = msgspec.json.decode(memoryview(content)[:end], type=dict[str, msgspec.Raw])
    except ValueError:
        raise Spoiled(
            f"{path} is damaged; the command line's verb doctor --repair can help"
        ) from None
    return Checkpoint(seal.seq, {key: compact(row) for key, row in rows.items()}, seal.texts)


def is_sealed(content: bytes) -> bool:
    """Say whether a text ends in a seal, be it the right one or not."""
    try:
        msgspec.json.decode(content[content.rfind(b"\n", 0, -1) + 1 :], type=Seal)
    except ValueError:
        return False
    return True


def seqs(folder: Path) -> dict[str, int]:
    """Give the `seq` of each checkpoint in a folder, by the name of its file. Raises OSError."""
    found: dict[str, int] = {}
    for path in folder.glob("*.json"):
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - SEAL_MAX_BYTES))
            end = file.read()
        with contextlib.suppress(ValueError):  # what is damaged is told when it is read
            seal = msgspec.json.decode(end.rstrip(b"\n").rpartition(b"\n")[2], type=Seal)
            found[path.name] = seal.seq
    return found


def _signed(seal: Seal, digest: Any) -> Seal:
    """Give a seal with the sum of a text and of all else that the seal says."""
    digest.update(msgspec.json.encode(msgspec.structs.replace(seal, sha256="")))
    return msgspec.structs.replace(seal, sha256=digest.hexdigest())


def compact(row: msgspec.Raw) -> bytes:
    """Give a row's one encoding."""
    return msgspec.json.format(bytes(row), indent=-1)
