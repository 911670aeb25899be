"""Every setting, read once: a SOYUZ_* variable, else settings.toml, else the default."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

from soyuz import paths
from soyuz.domain.address import IPNetwork
from soyuz.domain.ladder import WARN
from soyuz.domain.sliding_window import Rate

LIFTED = Rate(10**9, 1.0)  # a budget that nobody reaches
LONGEST_S = 10 * 365 * 86_400.0
EVENTS_MAX = 1_000_000  # a sliding window cannot keep any number of moments
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
T = TypeVar("T")


class BadSetting(Exception):
    """A setting cannot be read; the text names it and says what it should look like."""


@dataclass(frozen=True)
class Settings:
    """docs/settings.md says what each field means to an admin."""

    host: str = "127.0.0.1"
    port: int = 5000
    data: Path = paths.PROGRAM
    spam_limit: Rate | None = field(default=Rate(8, 10.0))
    spam_ladder: tuple[float, ...] = (WARN, 30.0, 300.0, 3_600.0, 86_400.0)
    login_limit: Rate = field(default=Rate(10, 180.0))
    signup_limit: Rate = field(default=Rate(60, 600.0))
    sockets_per_user: int = 20
    fsync: str = "always"
    trusted_proxies: tuple[IPNetwork, ...] = _LOOPBACK
    fast_path: bool = True
    max_connections: int = 10_000
    recent_messages: int = 1_000
    backup: str = "daily"
    backup_keep: int = 7
    backup_folder: Path = Path("backups")  # within the data folder, unless it is a full path


def load(environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings. `flags` are values given on the command line. Raises BadSetting, OSError."""
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    data = _folder(str(flags.get("data") or environ.get("SOYUZ_DATA") or paths.PROGRAM))
    written = _settings_toml(paths.DataFolder(data).settings)
    values: dict[str, Any] = {"data": data}
    for name, (example, read) in _READERS.items():
        variable = f"SOYUZ_{name.upper()}"
        text = flags.get(name, environ.get(variable, written.pop(name, None)))
        if text is None:
            continue
        try:
            values[name] = read(str(text).strip())
        except (ValueError, KeyError):
            raise BadSetting(f"{variable} is {text!r}; it should look like {example}") from None
    if written:
        known = ", ".join(sorted(_READERS))
        raise BadSetting(f"settings.toml has an unknown name {min(written)!r}; known are {known}")
    return Settings(**values)


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadSetting(f"the data folder is {text!r}; there is no such user") from None


def _settings_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise BadSetting(f"the data folder {path.parent} is no folder but a file") from None
    except UnicodeDecodeError as error:
        place = f"the byte at {error.start} is none"
        raise BadSetting(f"settings.toml must be UTF-8 text; {place}") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"settings.toml cannot be read: {error}") from None


def read_rate(text: str) -> Rate:
    """Read `8/10s`. Raises ValueError or KeyError."""
    limit, _, window = text.partition("/")
    rate = Rate(int(limit), read_span(window))
    if not 1 <= rate.limit <= EVENTS_MAX:
        raise ValueError(text)
    return rate


def read_span(text: str) -> float:
    """Read `30s`, `5m`, `1h` or `2d` as seconds, under ten years. Raises ValueError or KeyError."""
    text = text.strip().lower()
    seconds = float(text[:-1]) * _UNIT_S[text[-1:]]
    if not 0 < seconds < LONGEST_S:  # of which "nan" and "inf" are neither
        raise ValueError(text)
    return seconds


def _read_ladder(text: str) -> tuple[float, ...]:
    rungs = [rung.strip().lower() for rung in text.split(",")]
    ladder = tuple(WARN if rung == "warn" else read_span(rung) for rung in rungs)
    if WARN in ladder[1:]:
        raise ValueError(text)
    return ladder


def _read_proxies(text: str) -> tuple[IPNetwork, ...]:
    networks: list[IPNetwork] = []
    for part in text.split(","):
        name = part.strip().lower()
        networks += _LOOPBACK if name == "loopback" else [ip_network(name)] if name else []
    return tuple(networks)


def _read_integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return read


def _read_switch(text: str) -> bool:
    return {"on": True, "off": False}[text.lower()]


def _read_choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        return {choice: choice for choice in choices}[text.lower()]

    return read


def _read_text(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "host": ("127.0.0.1", _read_text),
    "port": ("5000", _read_integer(0, 65_535)),
    "spam_limit": (
        "8/10s (8 messages in 10 seconds) or off",
        lambda text: None if text.lower() == "off" else read_rate(text),
    ),
    "spam_ladder": ("warn,30s,5m,1h,24h", _read_ladder),
    "login_limit": ("10/3m", read_rate),
    "signup_limit": ("60/10m", read_rate),
    "sockets_per_user": ("20", _read_integer(1, 10_000)),
    "fsync": ("always, interval or off", _read_choice("always", "interval", "off")),
    "trusted_proxies": ("loopback,10.0.0.0/8", _read_proxies),
    "fast_path": ("on or off", _read_switch),
    "max_connections": ("10000", _read_integer(10, 1_000_000)),
    "recent_messages": ("1000", _read_integer(100, 1_000_000)),
    "backup": ("daily or off", _read_choice("daily", "off")),
    "backup_keep": ("7", _read_integer(1, 1_000)),
    "backup_folder": ("backups", lambda text: Path(_read_text(text)).expanduser()),
}
assert {f.name for f in fields(Settings)} == {"data", *_READERS}
