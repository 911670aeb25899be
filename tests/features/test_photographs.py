"""A picture as phones make them is taken, whatever bytes its pieces end with."""

from __future__ import annotations

from bench.load import picture
from tests.conftest import Person


def test_a_photograph_of_several_megabytes_becomes_an_avatar(alice: Person) -> None:
    photograph = picture()
    assert 2_000_000 < len(photograph) < 5_000_000
    answer = alice.browser.sends("/settings", files={"avatar": ("x.jpg", photograph)})
    assert answer.status_code == 302, answer.text
