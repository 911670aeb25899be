"""The Messenger: settings, clock, stores, and what is live: the one object every feature is handed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from soyuz import runtime
from soyuz.catalogue import Catalogue
from soyuz.clock import Clock
from soyuz.domain.bans import Ban
from soyuz.domain.budgets import Kind
from soyuz.domain.errors import Refused
from soyuz.domain.instant import epoch, iso
from soyuz.domain.user import Actor, User
from soyuz.paths import DataFolder
from soyuz.settings import Settings
from soyuz.store import backup, schema
from soyuz.store.archive import Unfit
from soyuz.store.bans import Bans
from soyuz.store.disk import Disk, Unavailable
from soyuz.store.document import Document
from soyuz.store.history import History
from soyuz.store.journal import Journal
from soyuz.store.sessions import SEEN_EVERY_S, Session, Sessions
from soyuz.store.spam_log import SpamLog
from soyuz.store.strikes import StrikesBook
from soyuz.store.uploads import Uploads
from soyuz.store.users import Users

if TYPE_CHECKING:
    from soyuz.live.commands import Commands
    from soyuz.live.hub import Hub
    from soyuz.live.presence import Presence

log = logging.getLogger("soyuz")

GOODBYE_S = 0.2  # for what is said last to reach the sockets
POLL_S = 0.25  # how often files are looked at for hand edits: live within two seconds
WRITE_SEEN_EVERY_S = 300.0
DROP_EVERY_S = 60.0
BACKUP_LOOK_EVERY_S = 600.0

Edit = Callable[[Mapping[str, Any]], dict[str, Any]]  # gives an account's row anew; may run twice


class Gate(Protocol):
    """What features may ask of the gatekeeper; auth.py is it."""

    setup_token: str

    def sign_up(self, username: str, display_name: str, password: str, address: str) -> User: ...
    def sign_in(self, username: str, password: str, address: str, browser: str) -> str: ...
    def start_session(self, proved: User, address: str, browser: str) -> str: ...
    def change_password(self, user: User, current: str, new: str, also: Edit = ...) -> User: ...
    def who(self, token: str | None) -> tuple[Session, User] | None: ...
    def banned(self, username: str | None, address: str) -> Ban | None: ...
    def admit(self, username: str, address: str) -> None: ...
    def write_ban(self, username: str, address: str) -> Ban | None: ...
    def may_speak(self, actor: Actor, kind: Kind, text: str = "") -> None: ...
    def refusal(self, ban: Ban) -> Refused: ...
    def new_user(self, username: str, display_name: str, password: str) -> User: ...
    def add(self, user: User, password: str) -> User: ...
    def checked_password(self, user: User, password: str) -> str: ...
    def set_password(self, username: str, password: str) -> None: ...
    def is_setup_token(self, token: str) -> bool: ...
    def set_up(self, token: str, username: str) -> None: ...


class Messenger:
    """Stores are open from the start; `hub`, `commands`, `presence` and `gate` come with the server."""

    gate: Gate
    hub: Hub
    commands: Commands
    presence: Presence

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.catalogue = Catalogue()
        self.folder = DataFolder(settings.data)
        self.disk = Disk(self.folder, settings.fsync)
        self.journal = Journal(self.disk)
        self.users = Users(self.journal)
        self.bans = Bans(self.journal)
        self.sessions = Sessions(self.journal)
        self.strikes = StrikesBook(self.journal)
        self.history = History(self.disk, settings.recent_messages)
        self.uploads = Uploads(self.disk)
        self.spam_log: SpamLog
        self.silenced: dict[str, Ban] = {}  # the bans from writing that people here were told of
        self.stopping = threading.Event()
        self._backup_problem = ""
        self.on_stop: list[Callable[[], None]] = []

    @property
    def backups(self) -> Path:
        """The folder for backups."""
        return self.folder.root / self.settings.backup_folder

    @property
    def documents(self) -> list[Document]:
        """The files that are watched for hand edits."""
        return [
            self.users.document,
            self.bans.permanent,
            self.bans.temporary,
            self.sessions.document,
            self.strikes.document,
        ]

    def open(self) -> None:
        """Own the data folder, make what is missing, read the rest. Raises Owned, OSError."""
        self.disk.open()
        try:
            self._open_files()
        except BaseException:
            self.disk.close()
            raise

    def _open_files(self) -> None:
        schema.prepare(self.disk, self.documents, self._back_up)
        self.journal.open()
        schema.bring_up(self.journal, self.documents, self._back_up)
        for store in (self.users, self.bans, self.sessions, self.strikes, self.uploads):
            store.load()
        self.journal.forget_replayed()
        self._end_sessions_of_nobody()
        self.spam_log = SpamLog(self.folder.spam_log)

    def watch(self) -> None:
        """Begin to look for hand edits and to keep the books."""
        runtime.every(POLL_S, self.poll, self.stopping)
        runtime.every(DROP_EVERY_S, self._drop_old, self.stopping)
        runtime.every(WRITE_SEEN_EVERY_S, self._write_seen, self.stopping)
        if self.settings.backup == "daily":
            runtime.every(BACKUP_LOOK_EVERY_S, self._back_up_daily, self.stopping)

    def poll(self) -> None:
        """Take over hand edits, and bring files up to date."""
        for document in self.documents:
            document.poll()

    def close(self) -> None:
        """Finish writes and give the folder up, whatever else goes wrong on the way."""
        self.stopping.set()
        for stop in self.on_stop:
            try:
                stop()
            except OSError as error:
                log.error("a step of stopping failed: %s", error)
            except Exception:
                log.exception("a step of stopping failed")
        if self.on_stop:
            runtime.sleep(GOODBYE_S)
        for document in self.documents:
            document.catch_up()
        self.disk.close(in_good_order=True)
        self.journal.close()
        self.history.close()
        self.spam_log.close()

    def say(self, key: str, /, **params: object) -> str:
        """Give an English sentence of the catalogue."""
        return self.catalogue.say(key, params)

    def _end_sessions_of_nobody(self) -> None:
        """An account deleted while no server ran leaves sessions, which a namesake must not find."""
        for username in self.sessions.usernames() - self.users.document.value.keys():
            try:
                self.sessions.end_all(username)
            except Unavailable as error:  # a namesake's sign-up will try again
                log.error("the sessions of %s, who is gone, cannot be ended: %s", username, error)

    def _back_up(self, why: str) -> None:
        name = backup.dated_name(why, self.clock.now())
        try:
            backup.make(self.folder, self.backups / name)
        except Unfit as problem:
            raise OSError(f"it must be backed up first, but {problem}") from None
        log.warning("the data folder is brought into a new form; how it was is in %s", name)

    def _back_up_daily(self) -> None:
        daily = backup.Daily(self.folder, self.backups, self.settings.backup_keep)
        try:
            made = runtime.off_loop(daily.make_if_due, self.clock.now())
        except (Unfit, OSError) as problem:
            if str(problem) != self._backup_problem:  # it is tried again every ten minutes
                log.error("no backup was made today: %s", problem)
            self._backup_problem = str(problem)
            return
        if made:
            self._backup_problem = ""
            log.info("backed up to %s", made)

    def _write_seen(self) -> None:
        now = self.clock.now()
        live = {connection.session_id for connection in self.hub.all()}

        def touch(rows: Mapping[str, Any]) -> dict[str, Any]:
            old = (i for i in live if i in rows and now - epoch(rows[i]["seen_at"]) > SEEN_EVERY_S)
            return {i: {**rows[i], "seen_at": iso(now)} for i in old}

        # A page left open loads nothing for weeks, yet its owner is there, and may be talking.
        self.sessions.document.update(touch)
        self.sessions.write_seen(now)

    def _drop_old(self) -> None:
        needed = [d.needed_from for d in self.documents if d.needed_from is not None]
        newest = self.journal.last_seq + 1
        now = self.clock.monotonic()
        self.journal.announce(min([newest, *needed]), now)
        runtime.off_loop(self.journal.drop_old, now)
