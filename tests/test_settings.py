"""Every setting in the forms an admin may write it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from soyuz.domain.sliding_window import Rate
from soyuz.settings import BadSetting, load

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """The settings of an empty data folder under the given variables."""
    return lambda **environ: load({"SOYUZ_DATA": str(tmp_path), **environ})


def test_without_any_the_defaults_are_the_contracts(read: Any) -> None:
    settings = read()
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.spam_limit == Rate(8, 10.0)
    assert settings.spam_ladder == (0.0, 30.0, 300.0, 3_600.0, 86_400.0)
    assert settings.login_limit == Rate(10, 180.0)
    assert settings.signup_limit == Rate(60, 600.0)
    assert settings.sockets_per_user == 20
    assert settings.fsync == "always"
    assert settings.trusted_proxies == LOOPBACK


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("spam_limit", "off", None),
        ("spam_limit", " OFF ", None),
        ("spam_limit", "20/1m", Rate(20, 60.0)),
        ("spam_limit", "1/0.5s", Rate(1, 0.5)),
        ("spam_limit", "1000000/1s", Rate(1_000_000, 1.0)),
        ("spam_ladder", "warn", (0.0,)),
        ("spam_ladder", "30s", (30.0,)),
        ("spam_ladder", "Warn, 1m ,2D", (0.0, 60.0, 172_800.0)),
        ("login_limit", "3/1h", Rate(3, 3_600.0)),
        ("port", "0", 0),
        ("fsync", "Interval", "interval"),
        ("fast_path", "off", False),
        ("trusted_proxies", "", ()),
        ("trusted_proxies", "loopback", LOOPBACK),
        ("trusted_proxies", "10.0.0.1", (ip_network("10.0.0.1/32"),)),
        (
            "trusted_proxies",
            "loopback, 10.0.0.0/8,2001:db8::/32",
            (*LOOPBACK, ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
        ),
    ],
)
def test_a_setting_is_read_in_each_form(read: Any, name: str, written: str, value: Any) -> None:
    assert getattr(read(**{f"SOYUZ_{name.upper()}": written}), name) == value


@pytest.mark.parametrize(
    "written",
    [
        "8/nans",
        "8/infs",
        "8/-1s",
        "8/0s",
        "-8/1s",
        "8/s",
        "8",
        "8/1e9h",
        "1000001/10s",
        f"{10**30}/1s",
    ],
)
def test_a_rate_must_be_a_number_of_events_in_a_time(read: Any, written: str) -> None:
    with pytest.raises(BadSetting, match="SOYUZ_SPAM_LIMIT"):
        read(SOYUZ_SPAM_LIMIT=written)


@pytest.mark.parametrize("rung", ["nans", "infs", "-1s", "0s", "1e9h", "3650d", "1e400s", "s", ""])
def test_a_rung_lasts_longer_than_nothing_and_not_for_ever(read: Any, rung: str) -> None:
    with pytest.raises(BadSetting, match="SOYUZ_SPAM_LADDER"):
        read(SOYUZ_SPAM_LADDER=f"warn,{rung}")


def test_a_data_folder_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for data, sentence in ((file, "no folder"), (file / "below", "no folder"), ("~no.one", "user")):
        with pytest.raises(BadSetting, match=sentence):
            load({"SOYUZ_DATA": str(data)})


def test_a_settings_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes('host = "caf\xe9"'.encode("latin-1"))
    with pytest.raises(BadSetting, match="must be UTF-8"):
        load({"SOYUZ_DATA": str(tmp_path)})
    file.unlink()
    file.mkdir()
    with pytest.raises(BadSetting, match="cannot be read"):
        load({"SOYUZ_DATA": str(tmp_path)})

    def refuse(*args: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(BadSetting, match="Permission denied"):
        load({"SOYUZ_DATA": str(tmp_path)})


def test_a_number_in_the_file_needs_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("sockets_per_user = 3\nfsync = 'off'\n")
    settings = load({"SOYUZ_DATA": str(tmp_path)})
    assert (settings.sockets_per_user, settings.fsync) == (3, "off")
