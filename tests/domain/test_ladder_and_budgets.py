"""The limiter, sentence by sentence: a warning, then longer bans; clean days lead down again."""

from __future__ import annotations

from soyuz.domain.budgets import Budgets
from soyuz.domain.ladder import CLEAN_DAY_S, WARN, Strikes, climb, settle
from soyuz.domain.sliding_window import Rate

LADDER = (WARN, 30.0, 300.0, 3_600.0)


def test_the_first_offence_is_a_warning() -> None:
    assert climb(LADDER, None, 100.0) == Strikes(0, 100.0)


def test_the_next_within_a_minute_is_the_first_ban() -> None:
    assert climb(LADDER, Strikes(0, 100.0), 160.0).rung == 1


def test_a_warning_older_than_a_minute_is_given_again() -> None:
    assert climb(LADDER, Strikes(0, 100.0), 160.1) == Strikes(0, 160.1)


def test_a_later_offence_is_the_next_rung_and_the_last_rung_is_the_last() -> None:
    assert climb(LADDER, Strikes(1, 0.0), 10_000.0).rung == 2
    assert climb(LADDER, Strikes(3, 0.0), 10_000.0).rung == 3


def test_a_clean_day_goes_one_rung_down_and_down_to_the_ground() -> None:
    stood = Strikes(2, 0.0)
    assert settle(stood, CLEAN_DAY_S - 1) == 2
    assert settle(stood, CLEAN_DAY_S) == 1
    assert settle(stood, 2 * CLEAN_DAY_S) == 0
    assert settle(stood, 3 * CLEAN_DAY_S) is None
    assert climb(LADDER, stood, 3 * CLEAN_DAY_S).rung == 0


def test_a_clock_set_back_forgives_nothing() -> None:
    assert settle(Strikes(2, 1_000_000.0), 0.0) == 2


def test_a_ladder_may_begin_with_a_ban() -> None:
    ladder = (30.0, 300.0)
    first = climb(ladder, None, 0.0)
    assert ladder[first.rung] == 30.0
    assert climb(ladder, first, 1.0).rung == 1


def test_the_same_text_may_be_said_four_times_a_minute() -> None:
    budgets = Budgets(Rate(100, 10.0))
    for second in range(4):
        assert budgets.spend("message", "ann", float(second), "buy this") == ("", 0.0)
    rule, wait = budgets.spend("message", "ann", 4.0, "buy this ")
    assert (rule, wait) == ("same_text", 56.0)
    assert budgets.spend("message", "ann", 4.0, "something else")[0] == ""
    assert budgets.spend("message", "ben", 4.0, "buy this")[0] == ""
    assert budgets.spend("message", "ann", 60.0, "buy this")[0] == ""


def test_a_refused_event_is_not_counted() -> None:
    budgets = Budgets(Rate(2, 10.0))
    for second in range(2):
        assert not budgets.spend("message", "ann", float(second), f"{second}")[0]
    for _ in range(50):
        assert budgets.spend("message", "ann", 5.0, "more")[0] == "message"
    assert budgets.spend("message", "ann", 10.0, "more") == ("", 0.0)


def test_each_kind_has_its_own_budget() -> None:
    budgets = Budgets(Rate(1, 10.0))
    budgets.spend("message", "ann", 0.0, "hi")
    assert [budgets.spend("typing", "ann", 0.0)[0] for _ in range(31)] == [""] * 30 + ["typing"]
    assert [budgets.spend("history", "ann", 0.0)[0] for _ in range(61)] == [""] * 60 + ["history"]


def test_a_ban_empties_the_window() -> None:
    budgets = Budgets(Rate(1, 10.0))
    budgets.spend("message", "ann", 0.0, "hi")
    assert budgets.spend("message", "ann", 0.0, "ho")[0] == "message"
    budgets.empty("ann")
    assert budgets.spend("message", "ann", 0.0, "ho")[0] == ""


def test_a_ban_for_saying_the_same_lets_it_be_said_again_afterwards() -> None:
    budgets = Budgets(Rate(100, 10.0))
    for name in ("ann", "ben"):
        for _ in range(4):
            assert not budgets.spend("message", name, 0.0, "buy this")[0]
    budgets.empty("ann")
    assert budgets.spend("message", "ann", 30.0, "buy this")[0] == ""
    assert budgets.spend("message", "ben", 30.0, "buy this")[0] == "same_text"


def test_a_ladder_made_shorter_leads_to_its_last_rung() -> None:
    """strikes.json outlives a change of SOYUZ_SPAM_LADDER, and may be edited by hand."""
    assert climb((WARN, 30.0), Strikes(4, 0.0), 10.0) == Strikes(1, 10.0)
    assert climb((WARN,), Strikes(4, 0.0), 10.0) == Strikes(0, 10.0)
    assert climb((WARN,), Strikes(4, 0.0), 1_000.0) == Strikes(0, 1_000.0)
