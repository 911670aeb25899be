"""The doctor: looks at every file of a data folder, says what is wrong, and mends what it may.

Looking changes nothing and needs no lock, so it is safe beside a running server. Mending is only
for whoever owns the folder, and keeps a copy of whatever it changes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from soyuz.paths import PROGRAM
from soyuz.store import checkpoint, control, schema
from soyuz.store.checkpoint import Checkpoint
from soyuz.store.disk import FILE_MODE, FOLDER_MODE, Disk
from soyuz.store.document import Document
from soyuz.store.findings import Finding, Keep
from soyuz.store.handwritten import Spoiled
from soyuz.store.looks import look, render
from soyuz.store.past import Past, Texts
from soyuz.store.room_check import RoomCheck
from soyuz.store.system import user_name
from soyuz.store.table import decode
from soyuz.store.unusable import why_not

FREE_LEAST_BYTES = 200_000_000
FREE_LEAST_SHARE = 0.05
YOUNG_S = 600.0
TRIES = 3
_OPEN_TO_ALL = {".gitkeep", "settings.toml"}  # nothing secret is in them
_KEY = re.compile(rb'^  ("(?:[^"\\]|\\.)*"): ', re.MULTILINE)  # of a row in a checkpoint


class Doctor:
    """One look at a folder. `events` counts the messages that were read."""

    def __init__(self, disk: Disk, documents: Sequence[Document], owner: str | None = None) -> None:
        """`owner` is who else holds the folder, "" for nobody; None to find out."""
        self.owner = disk.owner() if owner is None else owner
        self.events = 0
        self._disk = disk
        self._folder = disk.folder
        self._documents = documents  # users.json is the first
        self._rows: dict[str, Texts] = {}
        self._told: set[str] = set()  # what cannot be read

    def findings(self) -> Iterator[Finding]:
        """Give what is wrong, the worst first. Raises OSError when the folder cannot be read."""
        access = list(self._access())
        yield from self._unreadable()
        try:
            number = schema.found_in(self._folder)
        except OSError as error:
            if error.errno:  # nobody knows what the rest should look like
                yield from self._cannot_be_read(error)
                yield from access
                return
            number = 0
            path = schema.path_in(self._folder)
            problem, advice = "it is damaged; the server does not start with it", "write it anew"
            yield Finding(self._name(path), problem, advice, partial(_renew_schema, path))
        if number > schema.SCHEMA:
            yield Finding("", schema.newer(number), "nothing: this version must not touch it")
            return
        yield from self._servers()
        yield from self._space()
        yield from self._as_far_as_it_can_be_read(self._documents_and_pictures())
        for room in self._folder.rooms():
            yield from self._as_far_as_it_can_be_read(self._room(room))
        yield from self._as_far_as_it_can_be_read(self._strays())
        yield from access

    def _documents_and_pictures(self) -> Iterator[Finding]:
        past = self._past()
        yield from past.findings(bool(self.owner))
        for document in self._documents:
            yield from self._as_far_as_it_can_be_read(self._document(document, past))
        yield from self._uploads(past)

    def _past(self) -> Past:
        for _ in range(TRIES):
            try:
                return Past(self._folder)
            except FileNotFoundError:  # a server that is at work drops old segments
                pass
        return Past(self._folder)

    def _room(self, room: Path) -> Iterator[Finding]:
        check = RoomCheck(room, bool(self.owner))
        try:
            yield from check.findings()
        finally:
            self.events += check.events

    # What cannot be read

    def _unreadable(self) -> Iterator[Finding]:
        for path in self._files():
            is_folder = os.path.isdir(path)  # which holds for paths that may not be looked at
            if os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK):
                continue
            try:
                status = path.lstat()
            except OSError:  # it has gone meanwhile
                continue
            name = self._name(path)
            if stat.S_ISLNK(status.st_mode) and not os.path.exists(path):
                if not path.name.startswith(".#"):  # an editor's lock
                    problem = "it cannot be read: it is a link that leads nowhere"
                    advice = "bring back what it led to, or delete it"
                    yield self._blind(name, Finding(name, problem, advice))
                continue
            wanted = FOLDER_MODE if is_folder else FILE_MODE
            is_ours = hasattr(os, "geteuid") and os.geteuid() in (0, status.st_uid)
            mend = partial(_set_mode, path, wanted) if is_ours else None
            advice = f"set its mode to {wanted:04o}" if mend else "run this as whoever owns it"
            yield self._blind(name, Finding(name, "it cannot be read", advice, mend))

    def _as_far_as_it_can_be_read(self, findings: Iterator[Finding]) -> Iterator[Finding]:
        try:
            yield from findings
        except OSError as error:
            yield from self._cannot_be_read(error)

    def _cannot_be_read(self, error: OSError) -> Iterator[Finding]:
        root = self._folder.root
        path = Path(error.filename or root)
        name = self._name(path) if path.is_relative_to(root) else str(path)
        if name not in self._told:
            problem = f"it cannot be read: {error.strerror or error}"
            yield self._blind(name, Finding(name, problem, "see to it that it can be"))

    def _blind(self, name: str, finding: Finding) -> Finding:
        self._told.add(name)
        return finding

    # Whoever else is there, and room on the disk

    def _servers(self) -> Iterator[Finding]:
        if not self.owner and control.is_answered(self._disk):
            yield Finding(
                self._folder.control_socket.name,
                "a server answers here that does not hold the folder's lock",
                "stop it: two servers on one folder destroy each other's work",
            )

    def _space(self) -> Iterator[Finding]:
        usage = shutil.disk_usage(self._folder.root)
        if usage.free < FREE_LEAST_BYTES or usage.free < usage.total * FREE_LEAST_SHARE:
            yield Finding(
                "",
                f"only {usage.free // 10**6} MB of the disk are free",
                "make room: without any, nothing can be written and nobody can send",
            )

    # The JSON files

    def _document(self, document: Document, past: Past) -> Iterator[Finding]:
        name, path = document.name, document.path
        content, stamp = look(path)
        rows: Texts | None = None
        if content is not None:
            try:
                rows = document.rows_in(content, stamp)
                self._rows[name] = rows
            except Spoiled as spoiled:
                yield self._spoiled(document, spoiled, _is_known(past, name))
        elif past.knows(name):
            advice = "write it again from the last good state, as the next start does too"
            yield Finding(name, "the file is missing", advice, _left_to_the_start)
        try:
            checkpointed = past.checkpoint(name).seq
        except checkpoint.Spoiled:
            problem = "it does not match its checksum; the server does not start with it"
            advice = f"make it anew from {name} and the journal"
            mend: Callable[[Keep], None] | None = partial(_renew_checkpoint, past, path, rows)
            if rows is None and not past.is_complete:
                advice = f"mend {name} by hand, or restore a backup: the journal alone has not all"
                mend = None
            yield Finding(f"journal/{name}", problem, advice, mend)
            return
        if rows is None:
            self._rows[name] = past.rows(name)
        elif content is not None:
            yield from self._held(document, content, rows, past)
            yield from self._agreement(name, content, rows, past, checkpointed)

    def _spoiled(self, document: Document, spoiled: Spoiled, has_past: bool) -> Finding:
        if has_past:
            advice = "write the last good state in its place, though you may rather mend it by hand"
        else:
            advice = "mend it by hand: nothing else is known of it"
        return Finding(
            document.name,
            spoiled.problem,
            advice,
            partial(_take, document.path) if has_past else None,
            spoiled.line,
            spoiled.column,
        )

    def _held(
        self, document: Document, content: bytes, rows: Texts, past: Past
    ) -> Iterator[Finding]:
        """An edit that waits to be confirmed lies in its place, with a copy beside it."""
        name, in_force = document.name, past.rows(document.name)
        missing = len(in_force.keys() - rows.keys())
        mark = sha256(content).hexdigest()[:8]
        if missing and any(document.path.parent.glob(f"{name}.broken-*-{mark}")):
            yield Finding(
                name,
                f"an edit that removes {missing} of {len(in_force)} is held; nothing of it is in force",
                f"if you mean it, use the verb confirm {name}; if not, put them back",
            )

    def _agreement(
        self, name: str, content: bytes, rows: Texts, past: Past, checkpointed: int
    ) -> Iterator[Finding]:
        """Where a file is as we wrote it, the journal must say the same up to there."""
        seq = past.seq_of(name, content)
        if seq is None or seq < checkpointed:
            return
        differing = _differing(past.rows(name, seq), rows)
        if differing:
            few = ", ".join(repr(key) for key in sorted(differing)[:3])
            yield Finding(
                name,
                f"the journal does not know all that is in it: {len(differing)} differ, {few}",
                "believe the file",
                partial(_write_checkpoint, name, rows, seq, past.checkpoint(name).texts),
            )

    # Pictures

    def _uploads(self, past: Past) -> Iterator[Finding]:
        """Only what neither the file nor the journal names is nobody's: either may be behind."""
        uploads, users = self._folder.uploads, self._documents[0]
        if users.name not in self._rows:  # nobody knows who has which
            return
        try:
            journaled = _pictures(past.rows(users.name))
        except checkpoint.Spoiled:
            return
        content, _ = look(users.path)
        in_file = _pictures(self._rows[users.name])
        named = {**journaled, **in_file}
        for path in sorted(uploads.glob("avatars/*")):
            name = path.relative_to(uploads).as_posix()
            # Beside a running server an account may be about to name it.
            if name not in named and path.suffix != ".new" and not (self.owner and _is_young(path)):
                problem = "no account has this picture"
                yield Finding(f"uploads/{name}", problem, "take it out", partial(_take, path))
        is_ours = content is None or past.seq_of(users.name, content) is not None
        for name, user in sorted((journaled if is_ours else in_file).items()):
            if not (uploads / name).is_file():
                yield Finding(
                    f"uploads/{name}",
                    f"the picture of {user} is missing",
                    "forget it, unless you find it in a backup",
                    partial(_forget_picture, users, user, name),
                )

    # What does not belong there, and who may read what does

    def _strays(self) -> Iterator[Finding]:
        folder = self._folder
        places = [folder.root, folder.journal, folder.uploads, folder.uploads / "avatars"]
        for place in [*places, *folder.rooms(), folder.backups]:
            for path in sorted(place.glob(".*.new")):
                is_busy = bool(self.owner) or place == folder.backups
                if is_busy and _is_young(path):
                    continue
                problem = "a file that was being written when something crashed"
                if self._is_evidence(path):
                    advice = "the next start tells by it what was edited by hand, then removes it"
                    yield Finding(self._name(path), problem, advice, is_note=True)
                else:
                    yield Finding(self._name(path), problem, "take it out", partial(_take, path))
        for path in sorted(folder.root.glob("*.edited-*")):
            if not self.owner:
                yield Finding(
                    path.name,
                    "an edit that was saved just as a server was killed",
                    "look whether something is missing, put that back, then delete it",
                    is_note=True,
                )

    def _is_evidence(self, path: Path) -> bool:
        is_in_root = path.parent == self._folder.root
        return is_in_root and any(path.match(f".{d.name}.*.new") for d in self._documents)

    def _access(self) -> Iterator[Finding]:
        if sys.platform == "win32":  # access is no matter of modes there
            return
        root = self._folder.root
        owner = root.stat()
        if not os.access(root, os.W_OK | os.X_OK):
            error = PermissionError(errno.EACCES, "", str(root))
            yield Finding("", why_not(root, error), "do that")
        for path in self._files():
            try:
                status = path.lstat()
            except OSError:  # it is gone, or its folder may not be looked into
                continue
            name, mode = self._name(path), stat.S_IMODE(status.st_mode)
            wanted = FOLDER_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE
            if mode & 0o077 and path.name not in _OPEN_TO_ALL and not stat.S_ISLNK(status.st_mode):
                problem = f"others may open it (mode {mode:04o})"
                yield Finding(
                    name, problem, f"set its mode to {wanted:04o}", partial(_set_mode, path, wanted)
                )
            if status.st_uid != owner.st_uid:
                mine, theirs = user_name(owner.st_uid), user_name(status.st_uid)
                give = partial(_set_owner, path, owner.st_uid, owner.st_gid)
                yield Finding(
                    name,
                    f"it belongs to {theirs}, but the folder to {mine}",
                    f"give it to {mine}" + ("" if os.geteuid() == 0 else ", which only root may"),
                    give if os.geteuid() == 0 else None,
                )
        if root != PROGRAM and stat.S_IMODE(owner.st_mode) & 0o022:
            problem = f"others may change what is in the folder (mode {owner.st_mode & 0o777:04o})"
            set_mode = partial(_set_mode, root, FOLDER_MODE)
            yield Finding("", problem, f"set its mode to {FOLDER_MODE:04o}", set_mode)

    def _files(self) -> list[Path]:
        folder = self._folder
        tops = [*folder.lasting(), *folder.root.glob("repaired-*"), folder.backups]
        return [path for top in tops for path in _all_below(top)]

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder.root).as_posix()


def mend(disk: Disk, findings: Sequence[Finding]) -> Keep:
    """Mend what can be; `disk` is open. The start that follows does the rest. Raises OSError."""
    keep = Keep(disk)
    for finding in findings:
        if finding.mend:
            finding.mend(keep)
    return keep


def _renew_checkpoint(past: Past, path: Path, rows: Texts | None, keep: Keep) -> None:
    spoiled, name = keep.disk.folder.journal / path.name, path.name
    seq = past.seq_of(name, path.read_bytes()) if rows is not None else None
    content = spoiled.read_bytes()
    keep.take(spoiled)
    if rows is None or past.is_complete:  # then the journal has all that was in it
        return
    if seq is None:
        # All that the journal tells is laid over the edit. From the texts it knows, the start finds
        # out where the edit began, so that what was not there yet does not look deleted.
        seq = past.begin
        keep.copy(path)
        keep.hoped_for[name] = _keys(content) - past.deleted(name) | past.last_rows(name).keys()
    checkpoint.write(keep.disk, spoiled, Checkpoint(seq, rows, past.texts(name)))


def _keys(content: bytes) -> set[str]:
    """Give the keys of a damaged checkpoint that can still be read."""
    keys: set[str] = set()
    for found in _KEY.finditer(content):
        with contextlib.suppress(ValueError):
            keys.add(json.loads(found[1]))
    return keys


def _write_checkpoint(name: str, rows: Texts, seq: int, texts: Sequence[str], keep: Keep) -> None:
    path = keep.disk.folder.journal / name
    if path.exists():
        keep.copy(path)
    checkpoint.write(keep.disk, path, Checkpoint(seq, rows, texts))


def _renew_schema(path: Path, keep: Keep) -> None:
    found = re.search(rb'"schema"\s*:\s*(\d{1,6})', path.read_bytes())
    number = int(found[1]) if found else schema.SCHEMA
    keep.replace(path, json.dumps({"schema": number}).encode() + b"\n")


def _is_known(past: Past, name: str) -> bool:
    """Say whether a document's last good state can be told without its file."""
    try:
        past.checkpoint(name)
    except checkpoint.Spoiled:
        return past.is_complete
    return past.knows(name)


def _pictures(rows: Texts) -> dict[str, str]:
    """Give whose each picture is."""
    decoded = ((key, decode(text)) for key, text in rows.items())
    return {row["avatar"]: key for key, row in decoded if row.get("avatar")}


def _forget_picture(document: Document, user: str, name: str, keep: Keep) -> None:
    """As an admin would, in the file: the next start takes the edit over."""
    content, stamp = look(document.path)
    try:
        texts = document.rows_in(content or b"", stamp)
    except Spoiled:
        return
    rows = {key: decode(text) for key, text in texts.items()}
    if user in rows and rows[user].get("avatar") == name:
        rows[user]["avatar"] = None
        keep.replace(document.path, render(rows))


def _take(path: Path, keep: Keep) -> None:
    if path.exists():
        keep.take(path)


def _set_mode(path: Path, mode: int, keep: Keep) -> None:
    if path.exists():  # it may have been taken out
        path.chmod(mode)


def _set_owner(path: Path, uid: int, gid: int, keep: Keep) -> None:
    if path.exists():
        os.chown(path, uid, gid)


def _left_to_the_start(keep: Keep) -> None:
    """The start that follows writes it."""


def _differing(one: Texts, other: Texts) -> list[str]:
    keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    return [
        key
        for key in keys
        if key not in one or key not in other or decode(one[key]) != decode(other[key])
    ]


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < YOUNG_S
    except OSError:  # it is gone already
        return True


def _all_below(top: Path) -> list[Path]:
    if not os.path.lexists(top):
        return []
    return [top, *sorted(top.rglob("*"))] if top.is_dir() else [top]
