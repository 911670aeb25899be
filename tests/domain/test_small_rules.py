"""The rules that fit in a line or two: passwords, roles, users.json, moments, browsers."""

from __future__ import annotations

from typing import Any

import pytest

from auth import common_passwords
from soyuz.domain.browser import describe
from soyuz.domain.errors import Malformed, Refused
from soyuz.domain.instant import epoch, iso
from soyuz.domain.passwords import clean_password
from soyuz.domain.permissions import may
from soyuz.domain.user import Actor, User, parse_users, profile


def test_three_thousand_common_passwords_and_more_are_refused() -> None:
    assert len(common_passwords()) > 3_000
    for password in ("password", "12345678", "PassWord1", "iloveyou", "qwertyuiop"):
        with pytest.raises(Refused):
            clean_password(password, "ann", common_passwords())


@pytest.mark.parametrize(
    ("password", "detail"),
    [
        ("1234567", "short"),
        ("", "short"),
        ("é" * 513, "long"),
        ("aaaaaaaaaa", "common"),
        ("annabelle", "common"),
    ],
)
def test_a_password_is_refused_with_its_reason(password: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        clean_password(password, "annabelle", {"x"})
    assert refused.value.detail == f"invalid.password_{detail}"


def test_nothing_else_is_asked_of_a_password() -> None:
    for password in (
        "correct horse",
        "ピカチュウピカチュウ",
        "x1" * 512,
        "........ .",
        "kaf-e\u0301-kaf",
    ):
        assert clean_password(password, "ann", common_passwords())
    assert clean_password("cafe\u0301-cafe\u0301", "ann", ()) == "café-café"


def test_a_role_reaches_what_it_should() -> None:
    member, admin = Actor("person", "ann", "member"), Actor("person", "ben", "admin")
    assert may(member, "chat")
    assert not may(member, "hear_file_trouble")
    assert may(admin, "hear_file_trouble")
    with pytest.raises(KeyError):
        may(admin, "fly")


def test_users_json_folds_names_and_keeps_what_it_does_not_know() -> None:
    written: Any = {"Ann": {"role": "admin", "shoe_size": 42}}
    assert parse_users(written) == {"ann": {"role": "admin", "shoe_size": 42}}


@pytest.mark.parametrize(
    "written",
    [
        [],
        "x",
        None,
        {"ann": 5},
        {"ann": {"role": "boss"}},
        {"ann": {"password": 5}},
        {"a": {}, "A": {}},
        {"ann": {"avatar": 5}},
    ],
)
def test_users_json_of_a_wrong_shape_is_refused(written: Any) -> None:
    with pytest.raises(Malformed):
        parse_users(written)


def test_a_profile_shows_no_secret() -> None:
    shown = profile(User("ann", "Ann", "$argon2id$secret", avatar="avatars/x.webp"))
    assert "argon2" not in repr(shown)
    assert shown.avatar == "/uploads/avatars/x.webp"


@pytest.mark.parametrize("moment", ["2026-11-22T21:05:07.123Z", "1970-01-01T00:00:00.000Z"])
def test_a_moment_survives_reading_and_writing(moment: str) -> None:
    assert iso(epoch(moment)) == moment


def test_a_browser_is_named_as_people_know_it() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140.0"
    assert describe(firefox) == "Firefox, Linux"
    assert describe(edge) == "Edge, Windows"
    assert describe("") == ""


@pytest.mark.parametrize("year", [1, 226, 999, 1970, 2026, 9998])
def test_a_moment_of_any_year_can_be_read_again(year: int) -> None:
    moment = epoch(f"{year:04d}-12-01T10:20:30.125Z")
    assert iso(moment) == f"{year:04d}-12-01T10:20:30.125Z"
    assert epoch(iso(moment)) == moment
