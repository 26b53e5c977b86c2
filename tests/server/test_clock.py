"""The clock never falls, and runs at its speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.server.clock import Clock

SECOND_NS = 1_000_000_000


def clock_over(readings: list[int], speed: float = 1.0, not_before_us: int = 0, wall_ns: int = 5 * SECOND_NS) -> Clock:
    """Return a clock whose monotonic readings are given, the first being its start."""
    source = iter(readings)
    return Clock(speed, not_before_us=not_before_us, wall_ns=lambda: wall_ns, monotonic_ns=lambda: next(source))


@given(st.lists(st.integers(0, 2**62), min_size=2, max_size=30), st.sampled_from([0.001, 0.5, 1, 3, 60, 100_000]))
def test_time_never_falls_whatever_the_source_does(readings: list[int], speed: float) -> None:
    clock = clock_over(readings, speed)
    times = [clock.now_us() for _ in readings[1:]]
    assert times == sorted(times)
    assert times[0] >= 5_000_000


def test_starts_at_wall_time_or_at_the_last_time_known() -> None:
    assert clock_over([0, 0]).now_us() == 5_000_000
    assert clock_over([0, 0], not_before_us=4_000_000).now_us() == 5_000_000
    assert clock_over([0, 0], not_before_us=6_000_000).now_us() == 6_000_000


@pytest.mark.parametrize(
    ("speed", "elapsed_us"), [(1, 2_000_000), (60, 120_000_000), (0.5, 1_000_000), (2.5, 5_000_000)]
)
def test_runs_at_its_speed(speed: float, elapsed_us: int) -> None:
    assert clock_over([7, 7 + 2 * SECOND_NS], speed).now_us() == 5_000_000 + elapsed_us


def test_real_seconds_until_a_time() -> None:
    assert clock_over([0, 0], 60).seconds_until(5_000_000 + 60_000_000) == pytest.approx(1.0)
    assert clock_over([0, 0]).seconds_until(4_000_000) == 0.0


@pytest.mark.parametrize("speed", [0, -1, 1e9, float("nan"), float("inf")])
def test_impossible_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Clock(speed)
