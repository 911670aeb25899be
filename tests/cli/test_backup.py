"""`backup` and `restore` as an admin meets them, and what restore refuses."""

from __future__ import annotations

import gzip
import io
import json
import os
import secrets
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soyuz.store import schema
from tests.cli.conftest import run
from tests.conftest import MakePerson, StartServer

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def data(peopled: Path) -> Path:
    """The folder of these tests."""
    return peopled


@pytest.fixture
def archive(data: Path, tmp_path: Path) -> Path:
    """A backup of the folder with three accounts."""
    (data / "uploads" / "avatars" / "one.webp").write_bytes(b"a picture")
    (data / "history" / "lobby").mkdir()
    (data / "history" / "lobby" / "000000000001.jsonl").write_bytes(b"{}\n")
    made = run(data, "backup", str(tmp_path / "backup.tar.gz"), "--json")
    assert made.returncode == 0, made.stderr
    return tmp_path / "backup.tar.gz"


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


def packed(archive: Path, files: dict[str, bytes], **odd: Any) -> None:
    """Write an archive anew; `odd` fields are set on its first member."""
    with tarfile.open(archive, "w:gz") as tar:
        for number, (name, content) in enumerate(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if number == 0:
                for field, value in odd.items():
                    setattr(member, field, value)
            tar.addfile(member, io.BytesIO(content))


def is_refused(archive: Path, target: Path, why: str) -> None:
    answer = run(target, "restore", str(archive))
    assert answer.returncode == 1, answer.stdout
    assert why in answer.stderr
    assert "was not restored" in answer.stderr
    assert not target.exists()
    assert not list(target.parent.glob(".*restoring*"))


def test_what_was_backed_up_comes_back(data: Path, archive: Path, tmp_path: Path) -> None:
    names = [*members(archive)]
    assert names[-1] == "MANIFEST.json"
    assert names.index("users.json") < names.index("journal/000000000001.log")
    target = tmp_path / "new" / "data"
    answer = run(target, "restore", str(archive), "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["files"] == len(names) - 1
    for name, content in members(archive).items():
        if name != "MANIFEST.json":
            assert (target / name).read_bytes() == content == (data / name).read_bytes()
            assert (target / name).stat().st_mode & 0o777 == 0o600
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "journal").stat().st_mode & 0o777 == 0o700
    assert "ben" in run(target, "user", "list").stdout


def test_the_default_place_is_dated_and_private(data: Path) -> None:
    said = run(data, "backup")
    (made,) = (data / "backups").iterdir()
    assert str(made) in said.stdout
    assert made.name.startswith("soyuz-20")
    assert made.name.endswith("Z.tar.gz")
    assert made.stat().st_mode & 0o777 == 0o600
    assert not any("backups" in name for name in members(made))


def test_a_folder_for_file_gets_a_dated_one_and_a_file_is_never_replaced(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    assert run(data, "backup", str(tmp_path / "disk")).returncode == 0
    (made,) = (tmp_path / "disk").glob("soyuz-*.tar.gz")
    before = made.read_bytes()
    again = run(data, "backup", str(made))
    assert "exists already" in again.stderr
    assert again.returncode == 1
    assert made.read_bytes() == before


def test_what_lies_beside_the_data_is_left_out(data: Path, tmp_path: Path) -> None:
    """The data folder may be the checkout, with a whole program in it."""
    (data / ".git").mkdir()
    for name in ("server.py", ".git/config", "control.sock", ".users.json.1-1.new", "users.json~"):
        (data / name).write_text("not data")
    (data / "users.json.broken-20261123-024525-566d0000").write_text("an admin's")
    assert run(data, "backup", str(tmp_path / "b.tar.gz")).returncode == 0
    kept = set(members(tmp_path / "b.tar.gz"))
    assert "users.json.broken-20261123-024525-566d0000" in kept
    beside = {name for name in kept if name.startswith((".", "server", "control", "users.json~"))}
    assert beside == set()


def test_what_a_link_leads_to_is_in_it(data: Path, tmp_path: Path) -> None:
    """A room may lie on another disk."""
    (tmp_path / "big" / "old").mkdir(parents=True)
    (tmp_path / "big" / "000000000001.jsonl").write_bytes(b"{}\n")
    (tmp_path / "big" / "old" / "note.txt").write_text("hello")
    (data / "history" / "lobby").symlink_to(tmp_path / "big")
    assert run(data, "backup", str(tmp_path / "b.tar.gz")).returncode == 0
    assert run(tmp_path / "new", "restore", str(tmp_path / "b.tar.gz")).returncode == 0
    assert (tmp_path / "new" / "history" / "lobby" / "000000000001.jsonl").read_bytes() == b"{}\n"
    assert (tmp_path / "new" / "history" / "lobby" / "old" / "note.txt").read_text() == "hello"


@pytest.mark.parametrize(
    ("where", "why"), [("nowhere", "leads nowhere"), ("data/uploads", "in the data twice")]
)
def test_a_link_that_cannot_be_followed_is_told(
    data: Path, tmp_path: Path, where: str, why: str
) -> None:
    (data / "uploads" / "more").symlink_to(tmp_path / where)
    answer = run(data, "backup", str(tmp_path / "b.tar.gz"))
    assert answer.returncode == 1
    assert str(data / "uploads" / "more") in answer.stderr
    assert why in answer.stderr
    assert not list(tmp_path.glob("*.gz"))


def test_an_editors_lock_is_no_reason_to_fail(data: Path, tmp_path: Path) -> None:
    (data / "uploads" / ".#one").symlink_to("ann@there.4711")
    assert run(data, "backup", str(tmp_path / "b.tar.gz")).returncode == 0


@pytest.mark.parametrize("exists", [True, False])
def test_a_mistyped_folder_is_refused(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "dtaa").mkdir()
    answer = run(tmp_path / "dtaa", "backup")
    assert answer.returncode == 1
    assert "holds no data" in answer.stderr
    assert not list(tmp_path.rglob("*.gz"))
    assert (tmp_path / "dtaa").exists() == exists


def test_a_link_planted_where_the_backup_goes_is_not_followed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, victim = tmp_path / "b.tar.gz", tmp_path / "victim"
    target.symlink_to(victim)
    assert "exists already" in run(data, "backup", str(target)).stderr
    target.unlink()
    monkeypatch.setattr(secrets, "token_hex", lambda size: "guessed")
    (tmp_path / ".b.tar.gz.guessed.new").symlink_to(victim)
    assert run(data, "backup", str(target)).returncode == 1
    assert not victim.exists()
    assert not target.exists()


def test_beside_a_running_server(
    start_server: StartServer, person: MakePerson, tmp_path: Path
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    ann = person("ann", at=server)
    for number in range(20):
        assert ann.says(f"message {number}")["ok"]
    assert run(server.data, "backup", str(tmp_path / "b.tar.gz")).returncode == 0
    assert run(tmp_path / "copy", "restore", str(tmp_path / "b.tar.gz")).returncode == 0
    copy = start_server(tmp_path / "copy")
    ann.browser.url = copy.url
    assert ann.browser.opens("/").status_code == 200, "signed in there too"
    told = (tmp_path / "copy" / "history" / "lobby" / "000000000001.jsonl").read_text()
    assert all(f"message {number}" in told for number in range(20))
    assert run(tmp_path / "copy", "doctor").returncode == 0


def test_a_folder_in_use_is_never_restored_into(data: Path, archive: Path) -> None:
    before = (data / "users.json").read_bytes()
    answer = run(data, "restore", str(archive))
    assert answer.returncode == 1
    assert "is not empty" in answer.stderr
    assert (data / "users.json").read_bytes() == before


def test_an_empty_folder_will_do(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "restore", str(archive)).returncode == 0
    assert (tmp_path / "empty" / "users.json").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda files: files.update({"users.json": b"{}"}), "users.json in it is not what was put"),
        (lambda files: files.pop("users.json"), "users.json is missing"),
        (lambda files: files.update({"more.json": b"{}"}), "more.json in it is not what was put"),
        (lambda files: files.pop("MANIFEST.json"), "no list of what is in it"),
        (lambda files: files.update({"MANIFEST.json": b"{}"}), "is damaged"),
        (lambda files: files.update({"../evil": b""}), "would not stay in its place"),
        (lambda files: files.update({"/etc/evil": b""}), "would not stay in its place"),
        (lambda files: files.update({"a/../../evil": b""}), "would not stay in its place"),
        (lambda files: files.update({"c:\\evil": b""}), "would not stay in its place"),
        (lambda files: files.update({"USERS.JSON": b""}), "would not stay in its place"),
    ],
)
def test_an_archive_that_was_changed_is_refused(
    archive: Path, tmp_path: Path, change: Change, why: str
) -> None:
    files = members(archive)
    change(files)
    packed(archive, files)
    is_refused(archive, tmp_path / "new", why)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "odd",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "users.json"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
    ],
)
def test_links_and_devices_are_refused(archive: Path, tmp_path: Path, odd: dict[str, Any]) -> None:
    packed(archive, {"odd": b"", **members(archive)}, **odd)
    is_refused(archive, tmp_path / "new", "not a plain file")


def test_half_an_archive_is_refused_wherever_it_was_cut(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    for size in (0, 1, 20, len(content) // 2, len(content) * 3 // 4):
        archive.write_bytes(content[:size])
        is_refused(archive, tmp_path / "new", "")
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    archive.write_bytes(flipped)
    is_refused(archive, tmp_path / "new", "")
    archive.write_bytes(gzip.compress(b"no tar at all"))
    is_refused(archive, tmp_path / "new", "")
    archive.write_bytes(content)
    assert run(tmp_path / "new", "restore", str(archive)).returncode == 0


def test_a_newer_schema_is_refused(archive: Path, tmp_path: Path) -> None:
    files = members(archive)
    manifest = json.loads(files["MANIFEST.json"])
    files["MANIFEST.json"] = json.dumps({**manifest, "schema": schema.SCHEMA + 1}).encode()
    packed(archive, files)
    is_refused(archive, tmp_path / "new", "newer Soyuz: its schema is 2")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_what_cannot_be_read_like_a_file_holds_nothing_up(data: Path, tmp_path: Path) -> None:
    os.mkfifo(data / "uploads" / "pipe")
    assert run(data, "backup", str(tmp_path / "b.tar.gz")).returncode == 0
    assert not any("pipe" in name for name in members(tmp_path / "b.tar.gz"))
