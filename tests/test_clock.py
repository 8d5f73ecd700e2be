"""Virtual time jumps from one thing to the next, exactly; real time waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mexchange.clock import FOREVER, SECOND, Clock, SimClock, WallClock, nanoseconds


@pytest.mark.parametrize(
    ("text", "length"),
    [("250us", 250_000), ("1.5s", 1_500_000_000), ("1h30m", 5400 * SECOND), ("1d", 86400 * SECOND)],
)
def test_lengths_of_time(text: str, length: int) -> None:
    assert nanoseconds(text) == length


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "0.1ns", "-1s", "1h 5x"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time; write"):
        nanoseconds(text)


@pytest.mark.parametrize("value", [1.5, True, None])
def test_a_length_of_time_is_an_int_or_a_text(value: object) -> None:
    with pytest.raises(TypeError, match="no length of time"):
        nanoseconds(value)  # type: ignore[arg-type]


def test_callbacks_come_in_order_of_time_and_then_of_asking() -> None:
    clock, seen = SimClock(100), []
    for at, name in [(300, "c"), (200, "a"), (200, "b"), (100, "now")]:
        clock.call_at(at, partial(lambda name: seen.append((clock.now_ns, name)), name))
    clock.run(1000)
    assert seen == [(100, "now"), (200, "a"), (200, "b"), (300, "c")]
    assert clock.now_ns == 1000


def test_what_is_due_at_the_end_belongs_to_the_next_run() -> None:
    clock, seen = SimClock(), []
    clock.call_at(10, lambda: seen.append(clock.now_ns))
    clock.run(10)
    assert not seen
    clock.run(11)
    assert seen == [10]


def test_the_past_is_refused() -> None:
    clock = SimClock(50)
    with pytest.raises(ValueError, match="past"):
        clock.call_at(49, print)
    with pytest.raises(ValueError, match="past"):
        clock.run(49)


def test_skipping_stops_before_anything_else() -> None:
    clock, could = SimClock(), []

    def skip() -> None:
        could.extend([clock.skip_to(20), clock.now_ns, clock.skip_to(30), clock.skip_to(99)])

    clock.call_at(10, skip)
    clock.call_at(30, lambda: None)
    clock.run(50)
    assert could == [True, 20, False, False]


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=20), st.integers(0, 2 * 10**18))
def test_a_sleeper_wakes_at_exactly_its_nanosecond(times: list[int], start_ns: int) -> None:
    clock, seen = SimClock(start_ns), []

    async def sleeper() -> None:
        for at in sorted(times):
            await clock.sleep_until(start_ns + at)
            seen.append(clock.now_ns - start_ns)

    clock.run(start_ns + 10**15 + 1, [sleeper])
    assert seen == sorted(times)


@given(st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=10))
def test_a_jump_to_a_deadline_reports_exactly_that_deadline(lengths: list[float]) -> None:
    """Else trio, which compares floats, would ask for the same deadline for ever."""
    clock, woken = SimClock(), []

    async def sleeper() -> None:
        for length in lengths:
            deadline = trio.current_time() + length
            await trio.sleep_until(deadline)
            woken.append(trio.current_time() >= deadline)

    clock.run(10**17, [sleeper])
    assert woken == [True] * len(lengths)


def test_some_deadlines_round_below_themselves() -> None:
    """The trap is real: these cannot be had back from whole nanoseconds."""
    deadlines = [k / 7 for k in range(1, 200)]
    below = [d for d in deadlines if round(d * SECOND) / SECOND < d]
    assert below
    clock = SimClock()
    for deadline in below:
        assert clock.deadline_to_sleep_time(deadline) == 0
        assert clock.current_time() == deadline
        assert abs(Fraction(clock.now_ns, SECOND) - Fraction(deadline)) < Fraction(1, SECOND)


def test_callbacks_and_sleepers_share_one_time() -> None:
    clock, seen = SimClock(), []

    async def sleeper() -> None:
        for _ in range(3):
            await trio.sleep(0.000_000_010)
            seen.append(("task", clock.now_ns))

    for at in (5, 15, 25):
        clock.call_at(at, lambda: seen.append(("callback", clock.now_ns)))
    clock.run(40, [sleeper])
    expected = [("callback", 5), ("task", 10), ("callback", 15), ("task", 20), ("callback", 25)]
    assert seen == [*expected, ("task", 30)]


@pytest.mark.parametrize("with_task", [False, True])
def test_an_exception_ends_the_run(with_task: bool) -> None:
    clock = SimClock()

    def fail() -> None:
        raise LookupError("broken strategy")

    clock.call_at(5, fail)
    with pytest.raises(LookupError, match="broken strategy"):
        clock.run(10, [trio.sleep_forever] if with_task else [])


def test_an_exception_of_a_task_is_raised_as_it_is() -> None:
    async def fail() -> None:
        await trio.sleep(1)
        raise LookupError("broken strategy")

    with pytest.raises(LookupError, match="broken strategy"):
        SimClock().run(2 * SECOND, [fail])


@pytest.mark.parametrize("make", [lambda: SimClock(7), WallClock])
def test_both_clocks_are_one_interface(make: Callable[[], Clock]) -> None:
    clock, seen = make(), []
    start_ns = clock.now_ns

    async def task() -> None:
        await clock.sleep_until(start_ns + 3_000_000)
        seen.append("task")

    clock.call_at(start_ns + 1_000_000, lambda: seen.append("callback"))
    clock.run(start_ns + 20_000_000, [task])
    assert seen == ["callback", "task"]
    assert clock.now_ns >= start_ns + 20_000_000


def test_the_wall_clock_waits() -> None:
    clock, before = WallClock(), time.monotonic_ns()
    clock.run(clock.now_ns + 30_000_000)
    assert 30_000_000 <= time.monotonic_ns() - before < 5 * SECOND
    assert abs(clock.now_ns - time.time_ns()) < 5 * SECOND


def test_without_an_end_it_runs_until_nothing_is_left() -> None:
    clock = SimClock()
    clock.call_at(3, lambda: clock.call_at(9, lambda: None))
    clock.run(FOREVER)
    assert clock.now_ns == 9
