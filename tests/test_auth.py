"""The gatehouse without a web server: sign-up, sign-in, throttles, sessions, the limiter."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher
from werkzeug.security import generate_password_hash

import auth
from auth import Gatekeeper
from soyuz.clock import Clock
from soyuz.domain.errors import Refused
from soyuz.domain.instant import epoch, iso
from soyuz.domain.sliding_window import Rate, SlidingWindow
from soyuz.domain.user import Actor
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from soyuz.store import system
from tests.conftest import PASSWORD, PATIENCE_S, eventually

HERE, THERE = "203.0.113.7", "198.51.100.9"
HOME = "192.168.1.20"


class Hands(Clock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = epoch("2026-11-22T12:00:00Z")
        self.ticks = 1_000.0

    def now(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.ticks

    def passes(self, seconds: float) -> None:
        self.moment += seconds
        self.ticks += seconds


class Gatehouse:
    """A gatekeeper over a data folder, and the people before it."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.clock = Hands()
        self.messenger = Messenger(Settings(data=data, **settings), self.clock)
        self.messenger.open()
        self.gate = Gatekeeper(self.messenger)
        self.warned: list[float] = []
        self.gate.on_warning = lambda actor, wait: self.warned.append(wait)

    def signs_up(self, name: str, password: str = PASSWORD, address: str = HERE) -> Any:
        return self.gate.sign_up(name, "", password, address)

    def signs_in(self, name: str, password: str = PASSWORD, address: str = HERE) -> str:
        return self.gate.sign_in(name, password, address, "Firefox")

    def speaks(self, name: str, text: str, kind: Any = "message", address: str = HERE) -> None:
        self.gate.may_speak(Actor("person", name, "member", address), kind, text)

    def file(self, name: str) -> Any:
        for document in self.messenger.documents:
            document.catch_up()
        return json.loads((self.messenger.folder.root / name).read_text("utf-8"))

    def stored(self, name: str) -> str:
        return str(self.file("users.json")[name]["password"])


Open = Callable[..., Gatehouse]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash as weakly as can be: what a hash costs is not what these tests are about."""
    monkeypatch.setattr(auth, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    auth._dummy_hash.cache_clear()
    yield
    auth._dummy_hash.cache_clear()


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    opened: list[Gatehouse] = []

    def open_(**settings: Any) -> Gatehouse:
        opened.append(Gatehouse(tmp_path / "data", **settings))
        return opened[-1]

    yield open_
    for house in opened:
        house.messenger.close()


@pytest.fixture
def house(open_house: Open) -> Gatehouse:
    return open_house()


class SlowHashes:
    """A hasher that finishes nothing until it may; `seen` is how many were inside, at each begin."""

    def __init__(self) -> None:
        self.may_finish = threading.Event()
        self.seen: list[int] = []
        self._inside = 0
        self._lock = threading.Lock()

    def hash(self, password: str) -> str:
        with self._lock:
            self._inside += 1
            self.seen.append(self._inside)
        assert self.may_finish.wait(PATIENCE_S)
        threading.Event().wait(0.001)  # so that a third would meet the other two
        with self._lock:
            self._inside -= 1
        return "$argon2id$"


@pytest.fixture
def slow_hashes(monkeypatch: pytest.MonkeyPatch) -> SlowHashes:
    slow = SlowHashes()
    monkeypatch.setattr(auth, "_hasher", slow)
    return slow


def refusal(fn: Callable[..., object], *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        fn(*args, **kwargs)
    return refused.value


# Sign-up


def test_a_sign_up_makes_a_member_whose_password_nobody_can_read(house: Gatehouse) -> None:
    house.signs_up("Zoë")
    row = house.file("users.json")["zoë"]
    assert (row["role"], row["display_name"], row["avatar"]) == ("member", "Zoë", None)
    assert row["created_at"] == iso(house.clock.now())
    assert row["password"].startswith("$argon2id$")
    assert PASSWORD not in json.dumps(row)


def test_hashes_cost_what_owasp_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert auth._hasher.hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("name", "display_name", "password", "detail"),
    [
        ("al", "", PASSWORD, "invalid.username_length"),
        ("ann", "x" * 41, PASSWORD, "invalid.display_name_long"),
        ("ann", "", "short", "invalid.password_short"),
        ("ann", "", "password1", "invalid.password_common"),
        ("bob", "", PASSWORD, "taken"),
        ("BOB", "", PASSWORD, "taken"),
    ],
)
def test_a_refused_sign_up_makes_nothing_and_says_why(
    house: Gatehouse, name: str, display_name: str, password: str, detail: str
) -> None:
    house.signs_up("bob")
    before = house.file("users.json")
    assert refusal(house.gate.sign_up, name, display_name, password, HERE).detail == detail
    assert house.file("users.json") == before


def test_sign_ups_of_one_address_are_limited_and_a_shared_one_has_room_for_a_class(
    open_house: Open,
) -> None:
    house = open_house(signup_limit=Rate(2, 600.0))
    for number in range(2):
        house.signs_up(f"here{number}")
        refusal(house.signs_up, "x")  # what is not valid does not count
    refused = refusal(house.signs_up, "here2")
    assert (refused.code, refused.retry_after) == ("too_fast", 600.0)
    house.signs_up("there", address=THERE)
    for number in range(40):
        house.signs_up(f"home{number}", address=HOME)
    assert refusal(house.signs_up, "home40", address=HOME).code == "too_fast"
    house.clock.passes(600)
    house.signs_up("here2")


def test_a_banned_address_cannot_sign_up(house: Gatehouse) -> None:
    house.messenger.bans.ban(f"ip:{HERE}", reason="no", by="ann", at=0, until=None, scope="all")
    assert refusal(house.signs_up, "eve").code == "banned"
    house.signs_up("eve", address=THERE)


def test_a_banned_name_cannot_be_signed_up(house: Gatehouse) -> None:
    ban = house.messenger.bans.ban
    ban("ghost", reason="no", by="ann", at=0, until=None, scope="all")
    ban("quiet", reason="no", by="ann", at=0, until=None, scope="write")
    assert refusal(house.signs_up, "Ghost").params["reason"] == "no"
    assert "ghost" not in house.file("users.json")
    house.signs_up("quiet")


def test_at_most_two_passwords_are_hashed_at_once_and_a_crowd_is_sent_away(
    house: Gatehouse, slow_hashes: SlowHashes
) -> None:
    outcomes: list[str] = []

    def sign_up(number: int) -> None:
        try:
            house.signs_up(f"guest{number}", address=HOME)
            outcomes.append("in")
        except Refused as refused:
            outcomes.append(f"{refused.detail}, again in {refused.retry_after} s")

    threads = [threading.Thread(target=sign_up, args=(n,)) for n in range(70)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(outcomes) == 18)  # two are being hashed, fifty may wait
    assert set(outcomes) == {"unavailable.hashing, again in 5.0 s"}
    slow_hashes.may_finish.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert outcomes[18:] == ["in"] * 52
    assert max(slow_hashes.seen) == 2


def test_a_disk_that_takes_nothing_refuses_a_sign_up(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(system, "write", refuse)
        assert refusal(house.signs_up, "ann").detail == "unavailable.disk"
    house.signs_up("ann")


# Sign-in


def test_a_right_password_gives_a_session_in_any_spelling_of_the_name(house: Gatehouse) -> None:
    house.signs_up("alice")
    for spelling in ("alice", "Alice", "ａｌｉｃｅ"):
        token = house.signs_in(spelling)
        found = house.gate.who(token)
        assert found
        assert found[1].username == "alice"
    assert house.gate.who(None) is house.gate.who("another") is None


@pytest.mark.parametrize("stored", ["right", "", "$argon2id$garbage", "plain text", "pbkdf2:x"])
def test_wrong_is_one_answer_whatever_was_wrong_and_is_paid_for(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    house.signs_up("ann")
    if stored != "right":
        house.messenger.users.change("ann", password=stored)
    paid: list[str] = []
    verify = auth._verify
    monkeypatch.setattr(auth, "_verify", lambda *a: paid.append(a[0]) or verify(*a))
    answers = [
        refusal(house.signs_in, "ann", "wrong password"),
        refusal(house.signs_in, "nobody", "wrong password"),
        refusal(house.signs_in, "x" * 5_000, "wrong password"),
        refusal(house.signs_in, "ann\ud800", "wrong \udfff"),
        refusal(house.signs_in, "ann", ""),
    ]
    assert {(a.code, a.detail, str(a.params), a.retry_after) for a in answers} == {
        ("signed_out", "wrong_password", "{}", None)
    }
    assert len(paid) == 5


def test_a_ban_shows_only_after_the_right_password(house: Gatehouse) -> None:
    house.signs_up("bob")
    until = house.clock.now() + 60
    house.messenger.bans.ban("bob", reason="rude", by="ann", at=0, until=until, scope="all")
    assert refusal(house.signs_in, "bob", "wrong password").code == "signed_out"
    refused = refusal(house.signs_in, "bob")
    assert (refused.code, refused.retry_after) == ("banned", 60.0)
    assert refused.params == {"reason": "rude", "until": iso(until)}
    house.clock.passes(60)
    house.signs_in("bob")


def test_who_may_not_write_may_sign_in(house: Gatehouse) -> None:
    house.signs_up("bob")
    house.messenger.bans.ban("bob", reason="", by="", at=0, until=None, scope="write")
    house.signs_in("bob")


def test_a_hash_an_admin_pasted_is_accepted_and_renewed(house: Gatehouse) -> None:
    house.signs_up("ann")
    house.messenger.users.change("ann", password=generate_password_hash("pasted password"))
    house.signs_in("ann", "pasted password")
    assert house.stored("ann").startswith("$argon2id$")
    house.signs_in("ann", "pasted password")


def test_a_weaker_hash_is_renewed_at_sign_in(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.signs_up("ann")
    weak = house.stored("ann")
    house.signs_in("ann")
    assert house.stored("ann") == weak
    monkeypatch.setattr(auth, "_hasher", PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    house.signs_in("ann")
    assert "t=2" in house.stored("ann")


def test_one_password_typed_on_two_keyboards_is_one(house: Gatehouse) -> None:
    house.signs_up("ann", "cafe\u0301 au lait")
    house.signs_in("ann", "café au lait")


def test_the_longest_password_with_more_behind_it_is_wrong_and_is_paid_for(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = "Aq" * 512
    house.signs_up("ann", longest)
    paid: list[str] = []
    verify = auth._verify
    monkeypatch.setattr(auth, "_verify", lambda *a: paid.append(a[1]) or verify(*a))
    for wrong in (longest + "x", longest + "x" * 100_000):
        assert refusal(house.signs_in, "ann", wrong).code == "signed_out"
        assert paid.pop() == longest, "what a wrong one costs"
    change = house.gate.change_password
    answer = refusal(change, house.messenger.users.get("ann"), longest + "x", "another good one")
    assert answer.detail == "invalid.current_password"
    house.signs_in("ann", longest)


def test_the_longest_password_may_be_typed_on_another_keyboard(house: Gatehouse) -> None:
    house.signs_up("ann", "éa" * 341)
    house.signs_in("ann", "e\u0301a" * 341)
    assert refusal(house.signs_in, "ann", "e\u0301a" * 342).code == "signed_out"


def test_guessing_is_throttled_for_the_guesser_and_not_for_the_owner(open_house: Open) -> None:
    house = open_house(login_limit=Rate(3, 180.0))
    house.signs_up("ann")
    for _ in range(3):
        assert refusal(house.signs_in, "ann", "wrong password").code == "signed_out"
    refused = refusal(house.signs_in, "Ann")
    assert (refused.code, refused.retry_after) == ("too_fast", 180.0)
    house.signs_in("ann", address=THERE)
    house.clock.passes(180)
    house.signs_in("ann")
    for _ in range(3):
        assert refusal(house.signs_in, "ann", "wrong password").code == "signed_out"


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_the_throttle_does_not_tell_which_names_exist(open_house: Open, name: str) -> None:
    house = open_house(login_limit=Rate(3, 180.0))
    house.signs_up("alice")
    spellings = (name, name.upper(), name.title())
    codes = [refusal(house.signs_in, spelling, "wrong").code for spelling in spellings]
    assert codes == ["signed_out"] * 3
    assert refusal(house.signs_in, name[0] + name[1:].upper(), "wrong").code == "too_fast"


def test_an_address_may_guess_ten_times_as_often_over_all_names(open_house: Open) -> None:
    house = open_house(login_limit=Rate(1, 180.0))
    house.signs_up("ann")
    for number in range(10):
        assert refusal(house.signs_in, f"name{number}", "x").code == "signed_out"
    assert refusal(house.signs_in, "ann").code == "too_fast"
    house.signs_in("ann", address=THERE)
    for number in range(200):
        assert refusal(house.signs_in, f"home{number}", "x", HOME).code == "signed_out"
    assert refusal(house.signs_in, "home200", "x", HOME).code == "too_fast"


def test_signing_in_rightly_costs_nothing(open_house: Open) -> None:
    house = open_house(login_limit=Rate(1, 180.0))
    house.signs_up("ann")
    for _ in range(30):
        house.signs_in("ann")


def test_a_new_password_needs_the_old_one(house: Gatehouse) -> None:
    user = house.signs_up("ann")
    change = house.gate.change_password
    wrong = refusal(change, user, "wrong password", "another good one")
    assert wrong.detail == "invalid.current_password"
    assert refusal(change, user, PASSWORD, "short").detail == "invalid.password_short"
    change(house.messenger.users.get("ann"), PASSWORD, "another good one")
    assert refusal(house.signs_in, "ann").code == "signed_out"
    house.signs_in("ann", "another good one")


# A session belongs to one account with one password, whatever else happens meanwhile


def deletes(house: Gatehouse, name: str) -> None:
    house.messenger.users.document.update(lambda rows: {name: None})


def test_a_namesake_does_not_inherit_the_sessions_of_a_deleted_account(house: Gatehouse) -> None:
    house.signs_up("ann")
    old = house.signs_in("ann")
    deletes(house, "ann")  # no server hangs on this gatekeeper, so nobody else ends the session
    house.signs_up("ann", "quite another secret")
    assert house.gate.who(old) is None
    assert house.gate.who(house.signs_in("ann", "quite another secret"))


def test_two_who_ask_for_one_name_do_not_sign_each_other_out(house: Gatehouse) -> None:
    first, second = (house.gate.new_user("ann", "", PASSWORD) for _ in range(2))
    token = house.gate.start_session(house.gate.add(first, PASSWORD), HERE, "Firefox")
    assert refusal(house.gate.add, second, PASSWORD).detail == "taken"
    assert house.gate.who(token)


def test_an_account_deleted_while_no_server_ran_leaves_no_session(open_house: Open) -> None:
    house = open_house()
    house.signs_up("ann"), house.signs_up("ben")
    tokens = [house.signs_in("ann"), house.signs_in("ben")]
    house.messenger.close()
    rows = house.file("users.json")
    del rows["ann"]
    (house.messenger.folder.root / "users.json").write_text(json.dumps(rows), "utf-8")
    later = open_house()
    assert {row["user"] for row in later.file("sessions.json").values()} == {"ben"}
    assert [bool(later.gate.who(token)) for token in tokens] == [False, True]


def while_it_verifies(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen once, right after the next password was compared with its hash."""
    verify, left = auth._verify, [happens]

    def verifies(*args: Any) -> Any:
        outcome = verify(*args)
        if left:
            left.pop()()
        return outcome

    monkeypatch.setattr(auth, "_verify", verifies)


def test_a_sign_in_overtaken_by_a_new_password_is_refused(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.signs_up("ann")
    while_it_verifies(monkeypatch, lambda: house.gate.set_password("ann", "brand new secret"))
    assert refusal(house.signs_in, "ann").code == "signed_out"
    assert house.file("sessions.json") == {}
    house.signs_in("ann", "brand new secret")


def test_a_sign_in_overtaken_by_a_deletion_is_refused(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.signs_up("ann")
    while_it_verifies(monkeypatch, lambda: deletes(house, "ann"))
    assert refusal(house.signs_in, "ann").code == "signed_out"
    assert house.file("sessions.json") == {}


def test_renewing_a_weak_hash_does_not_undo_a_new_password(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.signs_up("ann")
    house.messenger.users.change("ann", password=generate_password_hash(PASSWORD))
    while_it_verifies(monkeypatch, lambda: house.gate.set_password("ann", "brand new secret"))
    assert refusal(house.signs_in, "ann").code == "signed_out"
    house.signs_in("ann", "brand new secret")
    assert refusal(house.signs_in, "ann").code == "signed_out"


def test_two_sign_ins_that_renew_one_hash_both_succeed(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.signs_up("ann")
    house.messenger.users.change("ann", password=generate_password_hash(PASSWORD))
    tokens: list[str] = []
    while_it_verifies(monkeypatch, lambda: tokens.append(house.signs_in("ann")))
    tokens.append(house.signs_in("ann"))
    assert all(house.gate.who(token) for token in tokens)


def test_of_two_password_changes_at_once_the_first_to_be_written_holds(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = house.signs_up("ann")
    while_it_verifies(monkeypatch, lambda: house.gate.set_password("ann", "brand new secret"))
    refused = refusal(house.gate.change_password, user, PASSWORD, "an intruder's choice")
    assert refused.detail == "invalid.current_password"
    house.signs_in("ann", "brand new secret")


def test_a_hash_changed_by_hand_ends_the_sessions_of_the_account_alone(house: Gatehouse) -> None:
    house.signs_up("ann"), house.signs_up("ben")
    old, other = house.signs_in("ann"), house.signs_in("ben")
    rows = house.file("users.json")
    rows["ann"]["password"] = generate_password_hash("another password")
    (house.messenger.folder.root / "users.json").write_text(json.dumps(rows), "utf-8")
    house.messenger.poll()
    eventually(lambda: house.gate.who(old) is None)
    assert house.gate.who(other)
    renewing = house.signs_in("ann", "another password")
    assert house.stored("ann").startswith("$argon2id$"), "renewed, which is no change by hand"
    threading.Event().wait(0.2)
    assert house.gate.who(renewing)


def test_a_page_left_open_for_weeks_stays_signed_in_and_a_closed_one_does_not(
    house: Gatehouse,
) -> None:
    house.signs_up("ann")
    tokens = [house.signs_in("ann"), house.signs_in("ann")]
    found = house.gate.who(tokens[0])
    assert found
    live = SimpleNamespace(all=lambda: [SimpleNamespace(session_id=found[0].id)])
    house.messenger.hub = live  # type: ignore[assignment]
    for _ in range(20):
        house.clock.passes(86_400)
        house.messenger._write_seen()
    assert [house.gate.who(token) is not None for token in tokens] == [True, False]
    for _ in range(71):
        house.clock.passes(86_400)
        house.messenger._write_seen()
    assert house.gate.who(tokens[0]) is None, "after 90 days, whatever is open"


# The admin's link


def test_the_setup_link_makes_one_admin(house: Gatehouse) -> None:
    house.signs_up("ann")
    house.signs_up("eve")
    token = house.gate.setup_token
    for wrong in ("", "x", token[:-1], token + "x"):
        assert not house.gate.is_setup_token(wrong)
        assert refusal(house.gate.set_up, wrong, "eve").code == "not_found"
    house.gate.set_up(token, "ann")
    assert refusal(house.gate.set_up, token, "eve").code == "not_found"
    assert house.file("users.json")["ann"]["role"] == "admin"
    assert house.file("users.json")["eve"]["role"] == "member"


def test_the_setup_link_is_void_once_there_is_an_admin_by_other_means(house: Gatehouse) -> None:
    house.signs_up("ann")
    token = house.gate.setup_token
    assert house.gate.is_setup_token(token)
    house.messenger.users.change("ann", role="admin")
    assert not house.gate.is_setup_token(token)


# Connecting and speaking


def test_connects_are_thirty_a_minute_unless_lifted(open_house: Open, tmp_path: Path) -> None:
    house = open_house()
    for _ in range(30):
        house.gate.admit("ann", HERE)
    assert refusal(house.gate.admit, "ann", HERE).code == "too_fast"
    house.gate.admit("ben", HERE)
    house.clock.passes(60)
    house.gate.admit("ann", HERE)
    lifted = Gatehouse(tmp_path / "other", spam_limit=None)
    for number in range(100):
        lifted.gate.admit("ann", HERE)
        lifted.speaks("ann", f"{number}")
    lifted.messenger.close()


def test_a_ban_closes_the_door_and_the_mouth_at_once(house: Gatehouse) -> None:
    house.gate.admit("bob", HERE)
    house.speaks("bob", "hi")
    house.messenger.bans.ban("bob", reason="", by="", at=0, until=None, scope="all")
    assert refusal(house.gate.admit, "bob", HERE).code == "banned"
    assert refusal(house.speaks, "bob", "hi").code == "banned"


def test_up_the_ladder_and_down_again(open_house: Open) -> None:
    house = open_house(spam_limit=Rate(2, 10.0), spam_ladder=(0.0, 30.0, 300.0))
    texts = (f"text {number}" for number in range(1_000))

    def floods() -> Refused:
        for _ in range(2):
            house.speaks("ann", next(texts))
        return refusal(house.speaks, "ann", next(texts))

    first = floods()
    assert (first.code, first.retry_after) == ("too_fast", 10.0)
    assert house.warned == [10.0]
    assert "ann" not in house.file("temp_bans.json")

    second = refusal(house.speaks, "ann", next(texts))
    assert (second.code, second.retry_after) == ("banned", 30.0)
    row = house.file("temp_bans.json")["ann"]
    assert (row["scope"], row["by"]) == ("write", "limiter")
    assert row["until"] == iso(house.clock.now() + 30)
    assert row["reason"]

    for _ in range(20):  # while banned, refusals climb nothing
        assert refusal(house.speaks, "ann", next(texts)).code == "banned"
    assert house.file("strikes.json")["ann"]["rung"] == 1
    house.speaks("ann", "", kind="history")

    house.clock.passes(30)
    third = floods()  # the ban has emptied the window; the next offence is the next rung
    assert (third.code, third.retry_after) == ("banned", 300.0)
    house.clock.passes(86_400)
    assert floods().retry_after == 300.0, "a clean day went one rung down"
    house.clock.passes(3 * 86_400)
    assert floods().code == "too_fast"
    assert len(house.warned) == 2

    log = (house.messenger.folder.spam_log).read_text("utf-8").splitlines()
    assert [line.split("\t")[5] for line in log] == [
        "warned",
        "banned 30s",
        "banned 300s",
        "banned 300s",
        "warned",
    ]
    assert log[0].split("\t")[1:5] == ["ann", HERE, "message", "2/10s"]


def test_many_tabs_over_the_limit_at_once_climb_one_rung(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house(spam_limit=Rate(1, 10.0), spam_ladder=(0.0, 30.0, 300.0, 3_600.0))
    house.speaks("ann", "0")
    refusal(house.speaks, "ann", "1")
    write, writing = system.write, threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> Any:
        writing.set()
        threading.Event().wait(0.2)
        write(*args, **kwargs)

    monkeypatch.setattr(system, "write", slowly)
    refused: list[Refused] = []
    first, *others = [
        threading.Thread(target=lambda: refused.append(refusal(house.speaks, "ann", "2")))
        for _ in range(5)
    ]
    first.start()
    assert writing.wait(PATIENCE_S), "the first offence is being written"
    for tab in others:
        tab.start()
    for tab in (first, *others):
        tab.join(PATIENCE_S)
    assert [(r.code, r.retry_after) for r in refused] == [("banned", 30.0)] * 5
    assert house.file("strikes.json")["ann"]["rung"] == 1


def test_on_threads_two_tabs_at_once_climb_one_rung(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house(spam_limit=Rate(1, 10.0), spam_ladder=(0.0, 30.0, 300.0, 3_600.0))
    house.speaks("ann", "0")
    refusal(house.speaks, "ann", "1")
    spend, late = house.gate._budgets.spend, iter((0.05, 0.3))

    def spends(*args: Any) -> Any:
        outcome = spend(*args)
        threading.Event().wait(next(late))  # as a thread may be held up anywhere
        return outcome

    monkeypatch.setattr(house.gate._budgets, "spend", spends)
    refused: list[Refused] = []
    tabs = [
        threading.Thread(target=lambda: refused.append(refusal(house.speaks, "ann", "2")))
        for _ in range(2)
    ]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(10)
    assert [(r.code, r.retry_after) for r in refused] == [("banned", 30.0)] * 2
    assert house.file("strikes.json")["ann"]["rung"] == 1


def test_the_warning_is_told_before_the_disk_is_waited_for(open_house: Open) -> None:
    house = open_house(spam_limit=Rate(1, 10.0))
    on_disk: list[Any] = []
    house.gate.on_warning = lambda actor, wait: on_disk.append(house.file("strikes.json"))
    house.speaks("ann", "0")
    refusal(house.speaks, "ann", "1")
    assert on_disk == [{}]
    assert house.file("strikes.json")["ann"]["rung"] == 0


def test_the_windows_are_counted_by_one_thread_at_a_time(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house(login_limit=Rate(10_000, 60.0), signup_limit=Rate(10_000, 60.0))
    inside, most = 0, 0

    class Crowded(SlidingWindow):
        def accept(self, key: Any, now: float) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.01)
            inside -= 1

    for window in (
        house.gate._failed_here,
        house.gate._failed_address._single,
        house.gate._sign_ups._single,
        house.gate._connects,
    ):
        window.__class__ = Crowded

    def comes(number: int) -> None:
        house.signs_up(f"guest{number}")
        house.signs_in(f"guest{number}")
        house.gate.admit(f"guest{number}", HERE)

    crowd = [threading.Thread(target=comes, args=(n,)) for n in range(6)]
    for guest in crowd:
        guest.start()
    for guest in crowd:
        guest.join(20)
    assert most == 1


def test_a_shorter_ladder_after_a_restart_still_answers(open_house: Open) -> None:
    first = open_house(spam_limit=Rate(1, 10.0), spam_ladder=(0.0, 1.0, 2.0, 3.0))
    for number in range(4):
        first.speaks("ann", f"a{number}")
        refusal(first.speaks, "ann", f"b{number}")
        if number == 0:
            refusal(first.speaks, "ann", "c")
        first.clock.passes(5)
        first.clock.passes(10)
    first.messenger.close()
    second = open_house(spam_limit=Rate(1, 10.0), spam_ladder=(0.0, 1.0))
    second.clock.passes(120)
    second.speaks("ann", "a")
    assert refusal(second.speaks, "ann", "b").code == "banned"


def test_the_same_text_is_over_the_limit_the_fifth_time(house: Gatehouse) -> None:
    for _ in range(4):
        house.speaks("ann", "buy this")
        house.clock.passes(5)
    refused = refusal(house.speaks, "ann", "buy this")
    assert refused.detail == "too_fast.same_text"
    house.speaks("ann", "sorry")
