"""Deadlines on a clock that somebody else holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.timers import Timers


def test_a_timer_fires_once_at_its_time() -> None:
    timers, fired = Timers(100.0), list[float]()
    timers.after(5, lambda: fired.append(timers.now))
    timers.fire(104.9)
    assert fired == []
    timers.fire(110)
    timers.fire(120)
    assert fired == [105.0]
    assert timers.now == 120


def test_a_timer_that_repeats_catches_up() -> None:
    timers, fired = Timers(100.0), list[float]()
    timer = timers.every(10, lambda: fired.append(timers.now))
    timers.fire(135)
    assert fired == [110.0, 120.0, 130.0]
    assert timers.next_deadline() == 140.0
    timer.cancel()
    assert timers.next_deadline() is None


def test_a_cancelled_timer_is_no_deadline() -> None:
    timers = Timers(0.0)
    first, _ = timers.after(1, lambda: None), timers.after(2, lambda: None)
    first.cancel()
    assert timers.next_deadline() == 2.0
    timers.compact()
    assert timers.next_deadline() == 2.0


def test_a_timer_may_start_another() -> None:
    timers, fired = Timers(0.0), list[float]()
    timers.after(1, lambda: timers.after(1, lambda: fired.append(timers.now)))
    timers.fire(5)
    assert fired == [2.0]


@given(st.lists(st.integers(0, 50), max_size=30), st.sets(st.integers(0, 29)))
def test_timers_fire_in_order_of_time_then_of_making(delays: list[int], cancelled: set[int]) -> None:
    timers, fired = Timers(0.0), list[tuple[int, int]]()
    made = [timers.after(delay, lambda n=n, d=delay: fired.append((d, n))) for n, delay in enumerate(delays)]  # type: ignore[misc]
    for n in cancelled:
        if n < len(made):
            made[n].cancel()
    timers.fire(100)
    assert fired == sorted((delay, n) for n, delay in enumerate(delays) if n not in cancelled)
