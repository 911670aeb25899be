"""Where the program's own files lie and where a data folder keeps what."""

from __future__ import annotations

from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent
TEMPLATES = PROGRAM / "templates"
STATIC = PROGRAM / "static"
CATALOGUES = STATIC / "i18n"
COMMON_PASSWORDS = Path(__file__).resolve().parent / "data" / "common_passwords.txt"


class DataFolder:
    """The names inside one data folder; docs/files.md describes each."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.users = self.root / "users.json"
        self.permanent_bans = self.root / "perma_banned.json"
        self.temporary_bans = self.root / "temp_bans.json"
        self.sessions = self.root / "sessions.json"
        self.strikes = self.root / "strikes.json"
        self.spam_log = self.root / "spam_log.txt"
        self.secret_key = self.root / "secret.key"
        self.settings = self.root / "settings.toml"
        self.journal = self.root / "journal"
        self.history = self.root / "history"
        self.uploads = self.root / "uploads"
        self.backups = self.root / "backups"
        self.lock = self.root / ".soyuz.lock"
        self.owner = self.root / ".soyuz.owner"
        self.control_socket = self.root / "control.sock"
        self.control_token = self.root / ".soyuz.control"

    def holds_data(self) -> bool:
        """Say whether a server was ever started here, or files were laid out for one."""
        signs = (self.users, self.permanent_bans, self.temporary_bans, self.journal)
        return any(path.exists() for path in signs)

    def passing(self) -> set[Path]:
        """Give what means nothing once no server runs, and the backups themselves."""
        return {
            self.lock,
            self.owner,
            self.control_socket,
            self.control_token,
            self.backups,
        }

    def lasting(self) -> list[Path]:
        """Give the files and folders that are the data; beside them may lie a whole checkout."""
        known = {path for path in vars(self).values() if path != self.root}
        return sorted(known - self.passing())

    def rooms(self) -> list[Path]:
        """Give the folders of the rooms' histories."""
        return sorted(path for path in self.history.glob("*") if path.is_dir())
