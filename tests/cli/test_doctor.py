"""`doctor` as an admin meets it: what it says, what it leaves alone, and what it puts right."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from soyuz.domain.user import User
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from soyuz.store import doctor, system
from soyuz.store.doctor import Doctor
from soyuz.store.document import Document
from soyuz.store.history_lines import encode
from soyuz.store.journal_lines import lines
from tests.cli.conftest import run
from tests.conftest import PASSWORD, MakePerson, StartServer

PICTURE = "avatars/0123456789abcdef0123456789abcdef.webp"


@pytest.fixture
def data(peopled: Path) -> Path:
    """The folder of these tests."""
    return peopled


def report(data: Path, *args: str) -> Any:
    return json.loads(run(data, "doctor", "--json", *args).stdout)


def files_of(data: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def names(data: Path) -> list[str]:
    listed = run(data, "user", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return [row["username"] for row in json.loads(listed.stdout)]


def users(data: Path) -> Any:
    return json.loads((data / "users.json").read_text("utf-8"))


def journal(data: Path) -> Path:
    return next((data / "journal").glob("*.log"))


def flip(path: Path, mark: bytes, after: int = 10) -> None:
    """Turn over one bit a little after the first place where `mark` stands."""
    content = bytearray(path.read_bytes())
    content[content.index(mark) + after] ^= 1
    path.write_bytes(content)


def one_finding(data: Path, file: str, problem: str) -> Any:
    """Look, without anything being changed, and give the one thing that is found."""
    before = files_of(data)
    looked = run(data, "doctor")
    assert looked.returncode == 1
    assert file in looked.stdout
    (finding,) = report(data)["findings"]
    assert finding["file"] == file
    assert problem in finding["problem"]
    assert files_of(data) == before
    return finding


def is_repaired(data: Path, *kept: str) -> None:
    """Repair, and find all well, with copies of what was changed."""
    repaired = run(data, "doctor", "--repair", "--json")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    result = json.loads(repaired.stdout)
    assert result["ok"]
    assert all(finding["mended"] for finding in result["findings"])
    for name in kept:
        assert (data / result["kept_in"] / name).exists(), name
    again = run(data, "doctor")
    assert again.returncode == 0, again.stdout
    assert "All is well" in again.stdout


def ends_as_if_killed(messenger: Messenger) -> None:
    """No file is brought up to date, and the owner's word stays behind."""
    owner = messenger.folder.owner.read_bytes()
    messenger.disk.close()
    messenger.journal.close()
    messenger.spam_log.close()
    messenger.folder.owner.write_bytes(owner)


def test_it_says_that_there_is_no_folder(tmp_path: Path) -> None:
    answer = run(tmp_path / "nowhere", "doctor")
    assert answer.returncode == 1
    assert "there is no data folder" in answer.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_mistyped_folder_is_refused(tmp_path: Path) -> None:
    answer = run(tmp_path, "doctor")
    assert answer.returncode == 1
    assert "holds no data" in answer.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        (b'{"ann": {},\n "ben" {}}', 2, 8, "delimiter"),
        (b'{"ann": {},\n "ann": {}}', 2, 2, "a second time"),
        (b'{\n  "ann": {"role": "king"}}', 2, 3, "role must be one of"),
        (b"[]", 1, 1, "object"),
        (b"", 1, 1, "empty"),
    ],
)
def test_a_broken_file_is_told_with_its_place_and_put_right(
    data: Path, text: bytes, line: int, column: int, problem: str
) -> None:
    (data / "users.json").write_bytes(text)
    finding = one_finding(data, "users.json", problem)
    assert (finding["line"], finding["column"]) == (line, column)
    is_repaired(data, "users.json")
    assert set(users(data)) == {"ann", "ben", "eve"}


def test_a_missing_file_is_written_again(data: Path) -> None:
    (data / "users.json").unlink()
    one_finding(data, "users.json", "missing")
    is_repaired(data)
    assert set(users(data)) == {"ann", "ben", "eve"}


def test_damage_in_the_middle_of_the_journal_costs_nothing_that_the_file_still_has(
    data: Path,
) -> None:
    flip(journal(data), b'"ben"')
    refused = run(data, "user", "list")
    assert "doctor --repair" in refused.stderr
    assert "Traceback" not in refused.stderr
    found = report(data)["findings"]
    assert [finding["file"] for finding in found] == [f"journal/{journal(data).name}", "users.json"]
    assert "damaged" in found[0]["problem"]
    is_repaired(data, f"journal/{journal(data).name}")
    assert names(data) == ["ann", "ben", "eve"]


def test_damage_in_the_journal_beside_a_broken_file_costs_only_what_it_hit(data: Path) -> None:
    flip(journal(data), b'"ben"')
    (data / "users.json").write_bytes(b"{")
    is_repaired(data, f"journal/{journal(data).name}", "users.json")
    assert names(data) == ["ann", "eve"]


def test_every_line_of_the_journal_may_be_damaged(data: Path) -> None:
    path, sound = journal(data), journal(data).read_bytes()
    for offset, _ in lines(sound):
        content = bytearray(sound)
        content[offset + 3] ^= 1
        path.write_bytes(content)
        assert not report(data)["ok"], offset
    path.write_bytes(sound)
    assert report(data)["ok"]


def test_a_line_that_a_crash_left_unfinished_is_cut_off(data: Path) -> None:
    with journal(data).open("ab") as file:
        file.write(b"01234567 99 0 {")
    one_finding(data, f"journal/{journal(data).name}", "unfinished")
    is_repaired(data, f"journal/{journal(data).name}")
    assert names(data) == ["ann", "ben", "eve"]


def test_a_damaged_checkpoint_is_made_anew(data: Path) -> None:
    flip(journal(data), b'"ben"')
    is_repaired(data)  # it leaves checkpoints
    flip(data / "journal" / "users.json", b'"ben"')
    assert "doctor --repair" in run(data, "user", "list").stderr
    one_finding(data, "journal/users.json", "checksum")
    is_repaired(data, "journal/users.json")
    assert names(data) == ["ann", "ben", "eve"]


def test_pictures_without_an_account_and_accounts_without_their_picture(data: Path) -> None:
    pictures = data / "uploads" / "avatars"
    (pictures / Path(PICTURE).name).touch(0o600)
    one_finding(data, f"uploads/{PICTURE}", "no account")
    is_repaired(data, f"uploads/{PICTURE}")
    edited = users(data)
    edited["ann"]["avatar"] = PICTURE
    (data / "users.json").write_text(json.dumps(edited))
    one_finding(data, f"uploads/{PICTURE}", "the picture of ann is missing")
    is_repaired(data, "users.json")
    assert users(data)["ann"]["avatar"] is None


def test_a_picture_is_in_use_if_only_the_journal_says_so_yet(data: Path) -> None:
    """The file may be behind, or hold an edit that is not in force."""
    messenger = Messenger(Settings(data=data))
    messenger.open()
    picture = messenger.uploads.put_avatar(b"a picture")
    messenger.users.change("ann", avatar=picture)
    ends_as_if_killed(messenger)
    assert report(data)["findings"] == []
    (data / "users.json").write_bytes(b"{}")
    assert report(data)["findings"] == []
    assert report(data, "--repair")["ok"]
    assert (data / "uploads" / picture).exists()


def test_a_file_without_the_picture_it_had_before_is_only_behind(data: Path) -> None:
    messenger = Messenger(Settings(data=data))
    messenger.open()
    old = messenger.uploads.put_avatar(b"a picture")
    messenger.users.change("ann", avatar=old)
    messenger.users.document.catch_up()
    messenger.users.change("ann", avatar=None)
    messenger.uploads.remove(old)
    ends_as_if_killed(messenger)
    assert report(data)["findings"] == []


def test_what_a_crash_left_lying_about_is_taken_out(data: Path) -> None:
    (data / "journal" / ".users.json.99999-1.new").touch(0o600)
    one_finding(data, "journal/.users.json.99999-1.new", "when something crashed")
    is_repaired(data, "journal/.users.json.99999-1.new")


def test_what_the_next_start_needs_is_left_to_it(data: Path) -> None:
    """By a text that has not taken its place the start sees which one was edited."""
    left = [".users.json.99999-1.new", "users.json.edited-20261123-024525-566d0000"]
    for name in left:
        (data / name).write_bytes((data / "users.json").read_bytes())
        (data / name).chmod(0o600)
    (data / "sessions.json").chmod(0o644)
    notes = [finding for finding in report(data)["findings"] if finding["is_note"]]
    assert [note["file"] for note in notes] == left
    assert not any(note["can_mend"] for note in notes)
    kept = report(data, "--repair")
    assert kept["ok"]
    assert not kept["kept_in"]
    for name in left:
        (data / name).write_bytes((data / "users.json").read_bytes())
        (data / name).chmod(0o600)
    looked = run(data, "doctor")
    assert looked.returncode == 0
    assert "All is well" in looked.stdout
    assert "    Look whether something is missing" in looked.stdout
    run(data, "doctor", "--repair")
    assert all((data / name).exists() for name in left), "nothing is to be mended, so none starts"


def test_a_repair_after_a_kill_keeps_an_account_the_edited_text_never_had(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(document: Document, temporary: Path) -> None:
        raise Killed

    messenger = Messenger(Settings(data=data))
    messenger.open()
    messenger.users.create(User("zed", "zed", "a hash"))
    with monkeypatch.context() as patch:
        patch.setattr(Document, "_take_its_place", killed)
        patch.setattr(system, "remove", lambda path: None)
        with pytest.raises(Killed):
            messenger.users.document.catch_up()
    ends_as_if_killed(messenger)
    edited = users(data)
    assert "zed" not in edited
    edited["ann"]["role"] = "admin"
    (data / "users.json").write_text(json.dumps(edited))
    (data / "journal" / ".probe.99999-1.new").touch(0o600)
    assert report(data, "--repair")["ok"]
    assert names(data) == ["ann", "ben", "eve", "zed"]
    assert users(data)["ann"]["role"] == "admin"


def test_one_thing_that_cannot_be_read_hides_nothing_else(data: Path) -> None:
    (data / "uploads" / "more").symlink_to(data / "nowhere")
    (data / "uploads" / ".#more").symlink_to("ann@there.4711")  # an editor's lock
    one_finding(data, "uploads/more", "a link that leads nowhere")
    (data / "users.json").write_bytes(b"{")
    assert [found["file"] for found in report(data)["findings"]] == ["uploads/more", "users.json"]
    repaired = run(data, "doctor", "--repair")
    assert repaired.returncode == 1
    assert set(users(data)) == {"ann", "ben", "eve"}
    assert "All is well" not in repaired.stdout


@pytest.mark.parametrize("name", ["users.json", "journal/users.json", "journal/000000000001.log"])
def test_a_file_that_may_not_be_read_is_told(
    data: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be allowed everything, so it is the system that says no."""
    (data / "temp_bans.json").write_bytes(b"{")
    access, look, read_bytes = os.access, doctor.look, Path.read_bytes

    def refuse(path: Path) -> None:
        if path == data / name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def looks(path: Path) -> Any:
        refuse(path)
        return look(path)

    def reads(path: Path) -> bytes:
        refuse(path)
        return read_bytes(path)

    monkeypatch.setattr(os, "access", lambda path, mode: path != data / name and access(path, mode))
    monkeypatch.setattr(doctor, "look", looks)
    monkeypatch.setattr(Path, "read_bytes", reads)
    result = report(data)
    assert not result["ok"]
    found = [finding["file"] for finding in result["findings"]]
    assert found == ([name] if name.endswith(".log") else [name, "temp_bans.json"])
    assert result["findings"][0]["problem"] == "it cannot be read"


def test_a_file_that_vanishes_meanwhile_is_no_finding(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running server makes and removes such files all the time."""
    files = Doctor._files
    gone = data / "journal" / ".probe.4711-1.new"
    monkeypatch.setattr(Doctor, "_files", lambda self: [*files(self), gone])
    assert report(data)["findings"] == []


@pytest.fixture
def beheaded(data: Path) -> Path:
    """A folder whose journal lacks its begin, with zed in no file yet, and a damaged checkpoint."""
    messenger = Messenger(Settings(data=data))
    messenger.journal._log._segment_bytes = 500
    messenger.open()
    for number in range(9):
        messenger.users.create(User(f"u{number}", "u", "a hash"))
    for document in messenger.documents:
        document.catch_up()
        document.write_checkpoint()
    messenger.journal.announce(messenger.journal.last_seq + 1, 0.0)
    messenger.journal.sync().wait()
    messenger.journal.drop_old(1e6)
    messenger.users.create(User("zed", "zed", "a hash"))
    ends_as_if_killed(messenger)
    assert not (data / "journal" / "000000000001.log").exists()
    flip(data / "journal" / "users.json", b'"ben"')
    return data


def test_a_damaged_checkpoint_beside_an_edit_costs_no_account(beheaded: Path) -> None:
    edited = users(beheaded)
    edited["ann"]["role"] = "admin"
    (beheaded / "users.json").write_text(json.dumps(edited))
    is_repaired(beheaded, "journal/users.json", "users.json")
    assert set(names(beheaded)) == {*edited, "zed"}
    assert users(beheaded)["ann"]["role"] == "admin"


def test_what_only_a_damaged_checkpoint_knew_is_told(beheaded: Path) -> None:
    edited = users(beheaded)
    del edited["ann"]
    (beheaded / "users.json").write_text(json.dumps(edited))
    repaired = run(beheaded, "doctor", "--repair")
    assert repaired.returncode == 1
    assert "'ann' is not in force" in repaired.stdout
    assert set(names(beheaded)) == {*edited, "zed"}
    assert run(beheaded, "doctor").returncode == 0


def test_a_damaged_checkpoint_beside_a_broken_file_is_left_to_a_person(beheaded: Path) -> None:
    (beheaded / "users.json").write_bytes(b"{")
    before = (beheaded / "journal" / "users.json").read_bytes()
    found = report(beheaded)["findings"]
    assert [finding["can_mend"] for finding in found] == [False, False]
    assert run(beheaded, "doctor", "--repair").returncode == 1
    assert (beheaded / "journal" / "users.json").read_bytes() == before
    assert (beheaded / "users.json").read_bytes() == b"{"


def test_files_that_others_may_open_are_closed(data: Path) -> None:
    (data / "users.json").chmod(0o644)
    one_finding(data, "users.json", "others may open it (mode 0644)")
    is_repaired(data)
    assert (data / "users.json").stat().st_mode & 0o777 == 0o600


def test_beside_a_running_server_it_only_looks(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann = person("ann", at=server)
    assert ann.says("hello")["ok"]
    result = report(server.data)
    assert result["ok"], result
    assert result["held_by"].startswith(f"process {server.process.pid}")
    assert result["messages"] == 1
    (server.data / "temp_bans.json").write_text("{")
    assert not report(server.data)["ok"]
    refused = run(server.data, "doctor", "--repair")
    assert refused.returncode == 1
    assert "Stop it first" in refused.stderr
    assert ann.says("still here")["ok"]


def test_an_edit_that_removes_many_waits_for_confirm(start_server: StartServer, data: Path) -> None:
    server = start_server(data)
    (data / "users.json").write_text(json.dumps({"ann": users(data)["ann"]}))
    server.waits_for("confirm users.json")
    assert names(data) == ["ann", "ben", "eve"]
    confirmed = run(data, "confirm", "users.json", "--json")
    assert json.loads(confirmed.stdout) == {"file": "users.json", "before": 3, "rows": 1}
    assert names(data) == ["ann"]
    again = run(data, "confirm", "users.json")
    assert again.returncode == 1
    assert "No edit" in again.stderr


def test_confirm_works_without_a_server_too(data: Path) -> None:
    (data / "users.json").write_text(json.dumps({"ann": users(data)["ann"]}))
    assert names(data) == ["ann", "ben", "eve"]
    assert "1 rows, there were 3" in run(data, "confirm", "users.json").stdout
    assert names(data) == ["ann"]
    (data / "users.json").write_text("{")
    broken = run(data, "confirm", "users.json")
    assert "line 1, column 2" in broken.stderr
    assert "users.json, perma_banned.json" in run(data, "confirm", "people.json").stderr


def test_an_edit_that_is_held_is_told_until_it_is_confirmed(data: Path) -> None:
    for number in range(6):
        run(data, "user", "add", f"person{number}", "--password-stdin", typed=PASSWORD)
    users = json.loads((data / "users.json").read_text())
    few = {name: row for name, row in users.items() if name < "person2"}
    assert (len(few), len(users)) == (5, 9)
    (data / "users.json").write_text(json.dumps(few))
    assert len(names(data)) == 9, "a start holds it"
    finding = one_finding(data, "users.json", "removes 4 of 9 is held")
    assert not finding["can_mend"]
    assert run(data, "confirm", "users.json").returncode == 0
    assert len(names(data)) == 5
    assert run(data, "doctor").returncode == 0


def test_messages_that_are_missing_from_a_room_are_told_wherever_they_stood(data: Path) -> None:
    room = data / "history" / "lobby"
    room.mkdir(mode=0o700, exist_ok=True)
    for path in room.iterdir():
        path.unlink()
    for first in (3, 7):
        posted = (encode("message:posted", {"seq": seq}) for seq in (first, first + 1))
        (room / f"{first:012d}.jsonl").write_bytes(b"".join(posted))
        (room / f"{first:012d}.jsonl").chmod(0o600)
    problems = [finding["problem"] for finding in report(data)["findings"]]
    assert [problem.partition(",")[0] for problem in problems] == [
        "messages 1 to 2",
        "messages 5 to 6",
    ]
