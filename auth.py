"""The gatehouse: who may sign up, sign in and connect, who may speak, and what that costs."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from msgspec import structs
from werkzeug.security import check_password_hash

from soyuz import runtime
from soyuz.domain.address import bucket, is_shared
from soyuz.domain.bans import Ban
from soyuz.domain.budgets import CONNECTS, Budgets, Kind
from soyuz.domain.errors import Refused, check_all
from soyuz.domain.instant import iso
from soyuz.domain.ladder import WARN, Strikes, climb
from soyuz.domain.names import as_typed, clean_username, fold
from soyuz.domain.passwords import clean_password, same_keys, tried_password
from soyuz.domain.sliding_window import Rate, SlidingWindow
from soyuz.domain.text import clean_display_name
from soyuz.domain.user import Actor, User
from soyuz.messenger import Edit, Messenger
from soyuz.paths import COMMON_PASSWORDS
from soyuz.settings import LIFTED
from soyuz.store.disk import Unavailable
from soyuz.store.sessions import Session

log = logging.getLogger("soyuz.auth")

HASHES_AT_ONCE = 2  # each takes 19 MiB and a core
HASHES_WAITING = 50
SHARED_ADDRESS_FACTOR = 20  # a class behind one router
ADDRESS_FACTOR = 10  # sign-ins that fail, per address against per account and address
MAX_NAME_BYTES = 1_024
KEY_CHARACTERS = 64

# OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, t=2, p=1 is its minimum.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Gatekeeper:
    """Verbs about accounts, sessions and the limiter, over the messenger's stores."""

    def __init__(self, messenger: Messenger) -> None:
        settings = messenger.settings
        self.setup_token = secrets.token_urlsafe(24)
        self.on_warning: Callable[[Actor, float], None] = lambda actor, retry_after: None
        self._messenger = messenger
        self._clock = messenger.clock
        self._users = messenger.users
        self._lock = threading.Lock()  # over all windows and `_rising`; never while we wait
        self._rising: dict[str, _Rise] = {}
        self._hashing = runtime.Pool(HASHES_AT_ONCE, HASHES_WAITING)
        self._budgets = Budgets(settings.spam_limit or LIFTED)
        self._connects = SlidingWindow(CONNECTS)
        self._sign_ups = _Throttle(settings.signup_limit)
        self._failed_here = SlidingWindow(settings.login_limit)
        limit = settings.login_limit
        self._own_hashes: set[str] = set()  # in changes we are making ourselves
        self._users.on_change.append(self._end_if_changed_by_hand)
        _dummy_hash()  # made now, so that the first unknown name costs what every other does
        self._failed_address = _Throttle(Rate(limit.limit * ADDRESS_FACTOR, limit.window_s))

    # Accounts

    def sign_up(self, username: str, display_name: str, password: str, address: str) -> User:
        """Make a member. Raises Refused: invalid (detail taken), too_fast, banned, unavailable."""
        self._refuse_banned(None, address)
        user = self.new_user(username, display_name, password)
        self._refuse_banned(user.username, address)
        with self._lock:
            self._sign_ups.spend(address, self._clock.monotonic())
        return self.add(user, password)

    def new_user(self, username: str, display_name: str, password: str) -> User:
        """Check what a sign-up gives; the account is not made yet. Raises Refused `invalid`."""
        given = display_name.strip()
        name, shown, _ = check_all(
            lambda: self._free_name(username),
            lambda: clean_display_name(display_name) if given else "",
            lambda: clean_password(password, fold(username), common_passwords()),
        )
        shown = shown or clean_display_name(as_typed(username))
        return User(name, shown, created_at=iso(self._clock.now()))

    def _free_name(self, username: str) -> str:
        name = clean_username(username)
        if self._users.look_alike(name):
            raise Refused("invalid", "taken", username=name)
        return name

    def add(self, user: User, password: str) -> User:
        """Hash the password and write the account. Raises Refused `invalid` or `unavailable`."""
        hashed = self._hash(same_keys(password))
        made = User(user.username, user.display_name, hashed, user.role, None, user.created_at)
        with _available():
            if self._users.get(user.username) is None:
                # What a deleted namesake left behind would be signed in to this account.
                self._messenger.sessions.end_all(user.username)
            self._users.create(made)
        return made

    def sign_in(self, username: str, password: str, address: str, browser: str) -> str:
        """Give the token of a new session.

        Raises Refused: too_fast, signed_out (wrong, whatever was wrong), banned, unavailable. The
        hash is paid for unknown names too, so time tells nothing.
        """
        now = self._clock.monotonic()
        is_short = len(username.encode("utf-8", "replace")) <= MAX_NAME_BYTES
        user = self._users.get(username) if is_short else None
        # Any spelling of any name has one key, or the throttle would tell which names exist.
        key = (fold(username[:MAX_NAME_BYTES])[:KEY_CHARACTERS], bucket(address))
        with self._lock:
            if wait := self._failed_here.wait(key, now):
                raise Refused("too_fast", "too_fast.sign_in", retry_after=wait)
            self._failed_address.spend(address, now)
            self._failed_here.accept(key, now)
        proved = self._proved(user, password)
        if proved is None:
            raise Refused("signed_out", "wrong_password")
        with self._lock:
            self._failed_here.empty(key)
            self._failed_address.take_back(address)
        self._refuse_banned(proved.username, address)
        return self.start_session(proved, address, browser)

    def start_session(self, proved: User, address: str, browser: str) -> str:
        """Give the token of a new session of someone who has proved to be `proved`.

        Raises Refused: unavailable, and signed_out when the account has another password by now:
        whoever changed it has ended all sessions, and this one must not come after.
        """
        token, sessions = secrets.token_urlsafe(32), self._messenger.sessions
        with _available():
            sessions.start(token, proved.username, self._clock.now(), address, browser)
            if not self._is_still(proved):
                if found := sessions.find(token, self._clock.now()):
                    sessions.end(found.id)
                raise Refused("signed_out", "wrong_password")
        return token

    def change_password(self, user: User, current: str, new: str, also: Edit = dict) -> User:
        """Set a new password, and in the same write what else `also` changes of the account's row.

        Gives the account with it; other sessions are the caller's. Raises Refused: invalid,
        too_fast, unavailable.
        """
        now = self._clock.monotonic()
        key = (user.username, "settings")
        cleaned = self.checked_password(user, new)
        with self._lock:
            if wait := self._failed_here.wait(key, now):
                raise Refused("too_fast", "too_fast.sign_in", retry_after=wait)
            self._failed_here.accept(key, now)
        proved = self._proved(user, current)
        if proved is None:
            raise Refused("invalid", "invalid.current_password")
        with self._lock:
            self._failed_here.empty(key)
        changed = self._rehashed(proved, cleaned, also)
        if changed is None:
            raise Refused("invalid", "invalid.current_password")
        return changed

    def checked_password(self, user: User, password: str) -> str:
        """Give a password the account may have. Raises Refused `invalid`."""
        return clean_password(password, user.username, common_passwords())

    def set_password(self, username: str, password: str) -> None:
        """Hash and write a password. The sessions are the caller's.

        Raises Refused: not_found, unavailable.
        """
        hashed = self._hash(same_keys(password))
        with self._changing_hash(username, hashed):
            self._users.change(username, password=hashed)

    def set_up(self, token: str, username: str) -> None:
        """Make an account the first admin, once. Raises Refused `not_found`, `unavailable`."""
        if not self.is_setup_token(token):
            raise Refused("not_found")
        self.setup_token = ""  # first, so that two who press at once do not both become admin
        try:
            with _available():
                self._users.change(username, role="admin")
        except Refused:
            self.setup_token = token
            raise

    def is_setup_token(self, token: str) -> bool:
        """Say whether the setup link still works."""
        wanted = self.setup_token
        return (
            bool(wanted)
            and not self._users.has_admin()
            and secrets.compare_digest(token.encode(), wanted.encode())
        )

    # Sessions and bans

    def who(self, token: str | None) -> tuple[Session, User] | None:
        """Give the session and the account a cookie's token stands for."""
        session = self._messenger.sessions.find(token, self._clock.now()) if token else None
        user = self._users.get(session.username) if session else None
        return (session, user) if session and user else None

    def banned(self, username: str | None, address: str) -> Ban | None:
        """Give the ban that keeps an account or an address out of everything."""
        return self._messenger.bans.of(username, address, "all", self._clock.now())

    def write_ban(self, username: str, address: str) -> Ban | None:
        """Give the ban that keeps a person from writing."""
        return self._messenger.bans.of(username, address, "write", self._clock.now())

    def admit(self, username: str, address: str) -> None:
        """Let a connection in. Raises Refused: banned, too_fast."""
        self._refuse_banned(username, address)
        if self._messenger.settings.spam_limit is None:
            return
        now = self._clock.monotonic()
        with self._lock:
            if wait := self._connects.wait(username, now):
                raise Refused("too_fast", retry_after=wait)
            self._connects.accept(username, now)

    # The limiter

    def may_speak(self, actor: Actor, kind: Kind, text: str = "") -> None:
        """Count one event of a person. Raises Refused: banned, too_fast, unavailable."""
        with self._lock:
            ban = self._ban_of(actor)
            if ban and kind != "history":
                raise self.refusal(ban)
            if self._messenger.settings.spam_limit is None:
                return
            rule, wait = self._budgets.spend(kind, actor.id, self._clock.monotonic(), text)
            if not rule:
                return
            climbed = None if ban else self._climb(actor, rule)
        if climbed:
            self._write_down(actor, rule, wait, *climbed)
        raise Refused("too_fast", f"too_fast.{rule}", retry_after=wait)

    def refusal(self, ban: Ban) -> Refused:
        """Give the refusal a ban leads to, with its reason and end."""
        left = None if ban.until is None else max(0.0, ban.until - self._clock.now())
        detail = "banned.write" if ban.scope == "write" else "banned"
        return Refused(
            "banned",
            detail if ban.reason else f"{detail}.without_reason",
            retry_after=left,
            reason=ban.reason,
            until=None if ban.until is None else iso(ban.until),
        )

    def _ban_of(self, actor: Actor) -> Ban | None:
        """Give the ban a person is under, also one that is still on its way to the disk."""
        rise = self._rising.get(actor.id)
        coming = rise.ban if rise else None
        out = self.banned(actor.id, actor.address)
        return out or coming or self.write_ban(actor.id, actor.address)

    def _climb(self, actor: Actor, rule: str) -> tuple[Strikes, Ban | None]:
        """Give where an offence leads; other tabs begin from there, long before it is on the disk."""
        ladder, now = self._messenger.settings.spam_ladder, self._clock.now()
        rise = self._rising.setdefault(actor.id, _Rise())
        rise.waiting += 1
        rise.strikes = climb(ladder, rise.strikes or self._messenger.strikes.get(actor.id), now)
        span = ladder[rise.strikes.rung]
        if span == WARN:
            return rise.strikes, None
        rise.ban = Ban(self._messenger.say(f"ban.reason.{rule}"), now + span, "write")
        self._budgets.empty(actor.id)
        return rise.strikes, rise.ban

    def _write_down(
        self, actor: Actor, rule: str, wait: float, strikes: Strikes, ban: Ban | None
    ) -> None:
        messenger, at = self._messenger, strikes.at
        rate, span = self._budgets.rate(rule), messenger.settings.spam_ladder[strikes.rung]
        figures = f"{rate.limit}/{rate.window_s:g}s"
        action = f"banned {span:g}s" if ban else "warned"
        rise = self._rising[actor.id]
        try:
            messenger.spam_log.write(at, actor.id, actor.address, rule, figures, action)
            if not ban:
                # Before we wait for the disk: the ban of another tab must not be told first.
                self.on_warning(actor, wait)
            with _available():
                if ban:
                    messenger.bans.ban(
                        actor.id,
                        reason=ban.reason,
                        by="limiter",
                        at=at,
                        until=ban.until,
                        scope="write",
                    )
                messenger.strikes.put(actor.id, rise.strikes or strikes)
        finally:
            with self._lock:
                rise.waiting -= 1
                if not rise.waiting:
                    del self._rising[actor.id]
        if ban:
            raise self.refusal(ban)

    def _refuse_banned(self, username: str | None, address: str) -> None:
        if ban := self.banned(username, address):
            raise self.refusal(ban)

    # Hashing

    def _hash(self, password: str) -> str:
        try:
            return self._hashing.run(_hasher.hash, password)
        except runtime.Busy:
            raise Refused("unavailable", "unavailable.hashing", retry_after=5.0) from None

    def _proved(self, user: User | None, password: str) -> User | None:
        """Give the account as it stands once the password has proved right, else None."""
        stored = user.password if user else ""
        tried, fits = tried_password(password)
        try:
            right, renew = self._hashing.run(_verify, stored, tried)
        except runtime.Busy:
            raise Refused("unavailable", "unavailable.hashing", retry_after=5.0) from None
        if user is None or not (right and fits):
            return None
        if not renew:
            return user
        # Overtaken by another change of the hash, that one is the one to prove the password by.
        return self._rehashed(user, tried) or self._proved(self._users.get(user.username), password)

    def _rehashed(self, proved: User, password: str, also: Edit = dict) -> User | None:
        """Write a new hash in place of the one that was proved; None when that was gone already."""
        hashed = self._hash(password)

        def put(rows: Mapping[str, Any]) -> dict[str, Any]:
            row = rows.get(proved.username)
            if row is None or row.get("password") != proved.password:
                return {}  # it was changed while we hashed, and that change holds
            return {proved.username: {**also(row), "password": hashed}}

        with self._changing_hash(proved.username, hashed):
            self._users.document.update(put)
        changed = structs.replace(proved, password=hashed)
        return changed if self._is_still(changed) else None

    @contextmanager
    def _changing_hash(self, username: str, hashed: str) -> Iterator[None]:
        """Around a change of ours: whoever asked for it sees to the sessions."""
        user = self._users.get(username)
        hashes = {hashed, user.password if user else ""}  # a full disk puts the old one back
        self._own_hashes.update(hashes)
        try:
            with _available():
                yield
        finally:
            self._own_hashes.difference_update(hashes)

    def _end_if_changed_by_hand(self, was: User | None, now: User | None) -> None:
        """An admin who replaces a hash wants whoever is signed in by the old password out."""
        if was is None or now is None or was.password == now.password:
            return
        if now.password not in self._own_hashes:
            runtime.spawn(self._messenger.sessions.end_all, now.username)

    def _is_still(self, proved: User) -> bool:
        now = self._users.get(proved.username)
        return now is not None and now.password == proved.password


class _Rise:
    """Where an account stands on the ladder while that is not on the disk yet."""

    def __init__(self) -> None:
        self.waiting = 0  # how many wait for the disk
        self.strikes: Strikes | None = None
        self.ban: Ban | None = None


class _Throttle:
    """So many events per address, many times more where many people share one."""

    def __init__(self, rate: Rate) -> None:
        self._single = SlidingWindow(rate)
        self._shared = SlidingWindow(Rate(rate.limit * SHARED_ADDRESS_FACTOR, rate.window_s))

    def spend(self, address: str, now: float) -> None:
        """Count one event. Raises Refused `too_fast`."""
        window, key = self._of(address), bucket(address)
        if wait := window.wait(key, now):
            raise Refused("too_fast", "too_fast.address", retry_after=wait)
        window.accept(key, now)

    def take_back(self, address: str) -> None:
        """Uncount the latest event: it turned out well."""
        self._of(address).take_back(bucket(address))

    def _of(self, address: str) -> SlidingWindow:
        return self._shared if is_shared(address) else self._single


class _available:
    """Turn a disk that takes nothing into the refusal people are told."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Unavailable):
            raise Refused("unavailable", "unavailable.disk") from error


def _verify(stored: str, password: str) -> tuple[bool, bool]:
    """Give whether the password is right and whether its hash should be renewed."""
    try:
        if stored.startswith("$argon2"):
            return _hasher.verify(stored, password), _hasher.check_needs_rehash(stored)
        if stored:
            return check_password_hash(stored, password), True
        _hasher.verify(_dummy_hash(), password)
    except (Argon2Error, InvalidHashError, ValueError, TypeError):
        pass
    return False, False


@cache
def _dummy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


@cache
def common_passwords() -> frozenset[str]:
    """Give the passwords everyone tries first, lower-cased; soyuz/data says where they are from."""
    return frozenset(COMMON_PASSWORDS.read_text("utf-8").split("\n"))
