"""The window is exact, cheap and forgets: held against a model that remembers everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from soyuz.domain.sliding_window import Rate, SlidingWindow

RATE = Rate(3, 10.0)


@given(st.lists(st.floats(0.0, 6.0), max_size=60))
def test_it_allows_exactly_what_a_full_memory_would(pauses: list[float]) -> None:
    window, accepted, now = SlidingWindow(RATE), [], 0.0
    for pause in pauses:
        now += pause
        inside = [moment for moment in accepted if now - moment < RATE.window_s]
        wait = window.wait("a", now)
        assert (wait > 0) == (len(inside) >= RATE.limit)
        if wait:
            assert abs(inside[-RATE.limit] + RATE.window_s - now - wait) < 1e-6
        else:
            window.accept("a", now)
            accepted.append(now)
    assert len(accepted) >= min(len(pauses), RATE.limit), "something was allowed"


def test_the_moment_a_wait_ends_the_next_event_is_allowed() -> None:
    window = SlidingWindow(RATE)
    for _ in range(3):
        window.accept("a", 0.0)
    assert window.wait("a", 9.999) > 0
    assert window.wait("a", 10.0) == 0


def test_keys_do_not_share_a_window() -> None:
    window = SlidingWindow(RATE)
    for _ in range(3):
        window.accept("a", 0.0)
    assert window.wait("a", 0.0)
    assert not window.wait("b", 0.0)


def test_an_event_taken_back_was_never_there() -> None:
    window = SlidingWindow(Rate(1, 10.0))
    window.accept("a", 0.0)
    window.take_back("a")
    window.take_back("a")
    assert not window.wait("a", 0.0)
    assert len(window) == 0


def test_a_key_holds_no_more_moments_than_the_limit() -> None:
    window = SlidingWindow(RATE)
    for moment in range(100):
        window.accept("a", moment / 100)
    assert len(window._accepted["a"]) == RATE.limit


def test_the_silent_are_forgotten() -> None:
    window = SlidingWindow(RATE)
    for second in range(1_000):
        window.accept(f"guest{second}", float(second))
    assert len(window) <= RATE.window_s + 2


def test_memory_is_bounded_even_in_a_crowd() -> None:
    window = SlidingWindow(RATE, max_keys=100)
    for number in range(1_000):
        window.accept(number, 0.0)
    assert len(window) <= 100
