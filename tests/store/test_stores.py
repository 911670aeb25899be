"""The typed stores over documents: people, sign-ins, bans, strikes, the spam log, uploads, the key."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soyuz.domain.errors import Refused
from soyuz.domain.instant import epoch, iso
from soyuz.domain.ladder import CLEAN_DAY_S, Strikes
from soyuz.domain.user import User
from soyuz.store import spam_log as spam_log_module
from soyuz.store import system
from soyuz.store.bans import Bans
from soyuz.store.disk import Disk
from soyuz.store.document import Document
from soyuz.store.journal import Journal
from soyuz.store.secret_key import secret_key
from soyuz.store.sessions import ABSOLUTE_S, IDLE_S, Session, Sessions
from soyuz.store.spam_log import SpamLog
from soyuz.store.strikes import StrikesBook
from soyuz.store.uploads import Uploads
from soyuz.store.users import Users
from tests.store.conftest import Folder, encoded, polled

NOW = epoch("2026-11-22T12:00:00Z")


@pytest.fixture
def users(journal: Journal) -> Users:
    opened = Users(journal)
    opened.load()
    return opened


@pytest.fixture
def sessions(journal: Journal) -> Sessions:
    opened = Sessions(journal)
    opened.load()
    return opened


@pytest.fixture
def bans(journal: Journal) -> Bans:
    opened = Bans(journal)
    opened.load()
    return opened


def reads(document: Document) -> Any:
    document.catch_up()
    return json.loads(document.path.read_text("utf-8"))


# People


def test_a_person_is_found_in_any_spelling(users: Users) -> None:
    users.create(User("alice", "Alice A.", "hash"))
    for spelling in ("alice", "Alice", "ＡＬＩＣＥ"):
        user = users.get(spelling)
        assert user
        assert user.display_name == "Alice A."
    assert users.get("bob") is None
    assert reads(users.document)["alice"]["display_name"] == "Alice A."


@pytest.mark.parametrize("second", ["alice", "a1ice", "раураl"])
def test_a_name_that_looks_like_anothers_is_taken(users: Users, second: str) -> None:
    for name in ("alice", "paypal"):
        users.create(User(name, name))
    with pytest.raises(Refused) as refused:
        users.create(User(second, second))
    assert refused.value.detail == "taken"
    assert len(users) == 2


@pytest.mark.parametrize("names", [["modern"] * 8, ["modern", "modem"] * 4])
def test_of_many_who_want_one_name_at_once_one_gets_it(
    users: Users, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    index = users.document.on_change[0]

    def slowly(before: Any, after: Any) -> None:
        time.sleep(0.02)
        index(before, after)

    users.document.on_change[0] = slowly
    outcomes: list[str] = []

    def sign_up(name: str) -> None:
        try:
            users.create(User(name, name))
            outcomes.append("in")
        except Refused as refused:
            outcomes.append(refused.detail)

    threads = [threading.Thread(target=sign_up, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["in"] + ["taken"] * 7
    assert len(reads(users.document)) == 1


def test_a_name_is_free_again_when_the_disk_did_not_take_it(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(system, "write", refuse)
        with pytest.raises(Exception, match="No space"):
            users.create(User("modern", "M"))
    users.create(User("modem", "M"))
    assert list(reads(users.document)) == ["modem"]


def test_a_deleted_persons_name_is_free(users: Users) -> None:
    users.create(User("alice", "Alice"))
    users.document.update(lambda rows: {"alice": None})
    assert users.look_alike("a1ice") is None
    users.create(User("a1ice", "Another"))


def test_a_name_stays_taken_while_one_of_two_who_look_alike_has_it(users: Users) -> None:
    users.document.update(lambda rows: {"alice": {}, "a1ice": {}})
    users.document.update(lambda rows: {"alice": None})
    assert users.look_alike("alice") == "a1ice"


def test_changes_are_heard_as_people_and_admins_are_known(users: Users) -> None:
    heard: list[tuple[User | None, User | None]] = []
    users.on_change.append(lambda was, now: heard.append((was, now)))
    users.create(User("alice", "Alice"))
    assert not users.has_admin()
    users.change("alice", role="admin")
    assert users.has_admin()
    users.document.update(lambda rows: {"alice": None})
    assert not users.has_admin()
    assert [(bool(was), bool(now)) for was, now in heard] == [
        (False, True),
        (True, True),
        (True, False),
    ]


def test_nobody_can_change_who_is_not_there(users: Users) -> None:
    with pytest.raises(Refused) as refused:
        users.change("ghost", role="admin")
    assert refused.value.code == "not_found"


def test_fields_an_admin_added_survive_a_change(users: Users) -> None:
    users.document.path.write_bytes(encoded({"Alice": {"note": "likes tea", "role": "member"}}))
    polled(users.document)
    users.change("alice", role="moderator")
    assert reads(users.document) == {"alice": {"note": "likes tea", "role": "moderator"}}


# Sign-ins


def test_only_a_hash_of_the_token_is_stored(sessions: Sessions) -> None:
    sessions.start("the-token", "alice", NOW, "203.0.113.7", "Firefox, Linux")
    assert "the-token" not in sessions.document.path.read_text("utf-8")
    found = sessions.find("the-token", NOW)
    assert found
    assert (found.username, found.browser) == ("alice", "Firefox, Linux")
    assert sessions.find("another", NOW) is None
    assert sessions.find(found.id, NOW) is None, "who steals the file has no token"


@pytest.mark.parametrize(
    ("seen_after", "then_after", "there"),
    [
        ([], IDLE_S, True),
        ([], IDLE_S + 1, False),
        ([day * 86_400.0 for day in range(1, 90)], 89 * 86_400.0 + 1, True),
        ([day * 86_400.0 for day in range(1, 90)], ABSOLUTE_S + 1, False),
    ],
)
def test_a_sign_in_runs_out_idle_or_old(
    sessions: Sessions, seen_after: list[float], then_after: float, there: bool
) -> None:
    sessions.start("token", "alice", NOW, "", "")
    for after in seen_after:
        assert sessions.find("token", NOW + after)
        if after % (10 * 86_400) == 0:
            sessions.write_seen(NOW + after)
    assert bool(sessions.find("token", NOW + then_after)) is there


def test_what_has_run_out_is_dropped_from_the_file(sessions: Sessions) -> None:
    sessions.start("old", "alice", NOW, "", "")
    sessions.start("new", "alice", NOW + IDLE_S, "", "")
    sessions.write_seen(NOW + IDLE_S + 1)
    assert len(reads(sessions.document)) == 1
    assert [s.created_at for s in sessions.of("alice")] == [NOW + IDLE_S]


def test_last_seen_is_written_seldom(sessions: Sessions) -> None:
    sessions.start("token", "alice", NOW, "", "")
    sessions.find("token", NOW + 60)
    sessions.write_seen(NOW + 61)
    assert next(iter(reads(sessions.document).values()))["seen_at"] == iso(NOW)
    sessions.find("token", NOW + 4_000)
    sessions.write_seen(NOW + 4_001)
    assert next(iter(reads(sessions.document).values()))["seen_at"] == iso(NOW + 4_000)


def test_ended_sign_ins_are_told_and_others_stay(sessions: Sessions) -> None:
    ended: list[Session] = []
    sessions.on_end.append(ended.append)
    for token, name in (("a1", "alice"), ("a2", "alice"), ("b1", "bob")):
        sessions.start(token, name, NOW, "", "")
    kept = sessions.find("a2", NOW)
    assert kept
    sessions.end_all("alice", keep=kept.id)
    assert sessions.find("a1", NOW) is None
    assert kept.id in sessions.document.value
    assert sessions.find("b1", NOW)
    assert [session.username for session in ended] == ["alice"]
    sessions.end(kept.id)
    assert kept.id not in sessions.document.value
    assert len(ended) == 2


# Bans


def test_a_ban_is_in_the_file_and_holds(bans: Bans) -> None:
    bans.ban("bob", reason="rude", by="ann", at=NOW, until=None, scope="all")
    bans.ban("eve", reason="spam", by="limiter", at=NOW, until=NOW + 30, scope="write")
    assert reads(bans.permanent)["bob"]["reason"] == "rude"
    assert reads(bans.temporary)["eve"]["until"] == iso(NOW + 30)
    held = bans.of("eve", "unknown", "write", NOW)
    assert held
    assert held.until == NOW + 30
    assert bans.of("eve", "unknown", "write", NOW + 30) is None
    assert bans.of("eve", "unknown", "all", NOW) is None
    assert bans.of("bob", "unknown", "all", NOW + 1e9)
    assert bans.lift("bob")
    assert not bans.lift("bob")
    assert bans.of("bob", "unknown", "all", NOW) is None


def test_bans_written_short_by_hand_are_written_back_in_full(bans: Bans) -> None:
    changes: list[bool] = []
    bans.on_change.append(lambda: changes.append(True))
    path = bans.temporary.path
    path.write_bytes(encoded({"Bob": "2h", "eve": "2026-12-01"}))
    os.utime(path, (NOW, NOW))
    polled(bans.temporary)
    assert reads(bans.temporary)["bob"]["until"] == iso(NOW + 7_200)
    # The end of the day where this server stands.
    end_of_day = time.mktime((2026, 12, 2, 0, 0, 0, 0, 0, -1))
    assert reads(bans.temporary)["eve"]["until"] == iso(end_of_day)
    assert bans.of("bob", "unknown", "all", NOW + 7_199)
    assert changes
    polled(bans.temporary)
    assert reads(bans.temporary)["bob"]["until"] == iso(NOW + 7_200)


def test_a_list_of_names_is_enough_and_stays_as_written(bans: Bans) -> None:
    bans.permanent.path.write_bytes(b'["bob", "Carol"]')
    polled(bans.permanent)
    assert bans.of("carol", "unknown", "all", NOW)
    bans.permanent.path.write_bytes(b"[]")
    polled(bans.permanent)
    assert bans.of("carol", "unknown", "all", NOW) is None
    assert bans.permanent.trouble is None


def test_an_end_in_the_wrong_file_is_named_and_breaks_nothing(bans: Bans) -> None:
    bans.permanent.path.write_bytes(encoded({"bob": {"until": "soon"}}))
    polled(bans.permanent)
    assert bans.permanent.trouble
    assert "temp_bans.json" in bans.permanent.trouble.problem
    assert bans.permanent.trouble.line == 2
    bans.ban("eve", reason="", by="", at=NOW, until=None, scope="all")
    assert bans.of("eve", "unknown", "all", NOW)


def test_an_address_that_must_not_be_banned_is_refused_with_word(bans: Bans) -> None:
    refused: list[tuple[str, str]] = []
    bans.on_refused.append(lambda file, key: refused.append((file, key)))
    bans.permanent.path.write_bytes(b'["ip:192.168.1.7", "ip:203.0.113.0/24"]')
    polled(bans.permanent)
    assert refused == [("perma_banned.json", "ip:192.168.1.7")]
    assert bans.of(None, "203.0.113.9", "all", NOW)
    assert bans.of(None, "192.168.1.7", "all", NOW) is None


# Strikes, the spam log, uploads, the key


def test_strikes_survive_a_restart_and_old_ones_are_dropped(folder: Folder) -> None:
    book = StrikesBook(folder.journal)
    book.load()
    book.put("ann", Strikes(2, NOW))
    folder.stops()
    folder.starts()
    again = StrikesBook(folder.journal)
    again.load()
    assert again.get("ann") == Strikes(2, NOW)
    again.put("bob", Strikes(0, NOW + 3 * CLEAN_DAY_S))
    assert again.get("ann")
    again.put("bob", Strikes(0, NOW + 3 * CLEAN_DAY_S + 1))
    assert again.get("ann") is None


@pytest.mark.parametrize(
    "row", [{}, {"rung": 1}, {"rung": "1", "at": iso(NOW)}, {"rung": -1, "at": iso(NOW)}]
)
def test_strikes_of_a_wrong_shape_are_named(journal: Journal, row: Any) -> None:
    book = StrikesBook(journal)
    book.load()
    book.put("ann", Strikes(2, NOW))
    book.document.path.write_bytes(encoded({"bob": row}))
    polled(book.document)
    assert book.document.trouble
    assert book.get("ann") == Strikes(2, NOW)


def test_nobody_can_forge_a_line_of_the_spam_log(tmp_path: Path) -> None:
    log = SpamLog(tmp_path / "spam_log.txt")
    log.write(NOW, "eve\n2026\tann", "203.0.113.7", "message", "8/10s", "warned\r\u202e\ud800")
    log.close()
    lines = (tmp_path / "spam_log.txt").read_text("utf-8").splitlines()
    assert len(lines) == 1
    assert lines[0].split("\t") == [
        iso(NOW),
        "eve\\u000a2026\\u0009ann",
        "203.0.113.7",
        "message",
        "8/10s",
        "warned\\u000d\\u202e\\ud800",
    ]


def test_the_spam_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spam_log_module, "MAX_BYTES", 1_000)
    log = SpamLog(tmp_path / "spam_log.txt")
    for number in range(200):
        log.write(NOW, f"account{number}", "unknown", "message", "8/10s", "warned")
    log.close()
    assert len(list(tmp_path.iterdir())) == 1 + spam_log_module.KEPT
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    if os.name == "posix":
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    assert "account199" in (tmp_path / "spam_log.txt").read_text("utf-8")


def test_an_upload_is_found_under_the_name_we_chose_and_no_other(disk: Disk) -> None:
    uploads = Uploads(disk)
    uploads.load()
    name, other = uploads.put_avatar(b"picture"), uploads.put_avatar(b"picture")
    assert name != other
    path = uploads.find(name)
    assert path
    assert path.read_bytes() == b"picture"
    (disk.folder.uploads / "avatars" / "mine.webp").write_bytes(b"")
    for wrong in (
        "",
        ".",
        "avatars",
        "avatars/mine.webp",
        "../users.json",
        "avatars/../../secret.key",
        f"{name}/..",
        f"{name}\n",
        f"{name}\0",
        f"./{name}",
        str(path),
        name.replace("/", "\\"),
        name.upper(),
    ):
        assert uploads.find(wrong) is None, wrong
        uploads.remove(wrong)
    assert uploads.find(other)
    uploads.remove(name)
    assert uploads.find(name) is None


def test_the_secret_key_is_made_once_for_its_owner_only(disk: Disk) -> None:
    key = secret_key(disk)
    assert len(key) == 32
    assert secret_key(disk) == key
    assert disk.folder.secret_key.stat().st_mode & 0o777 == 0o600
    disk.folder.secret_key.write_text("short")
    assert secret_key(disk) != key


@pytest.mark.parametrize(
    ("open_store", "written"),
    [
        (Sessions, {"x": {"user": "ann"}}),
        (Sessions, {"x": 5}),
        (Sessions, []),
        (Users, {"ann": {"role": "boss"}}),
    ],
)
def test_a_wrong_shape_leaves_the_last_good_state(
    journal: Journal, open_store: Callable[[Journal], Any], written: Any
) -> None:
    store = open_store(journal)
    store.load()
    store.document.path.write_bytes(encoded(written))
    polled(store.document)
    assert store.document.trouble
    assert store.document.value == {}
