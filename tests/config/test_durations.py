"""Durations: text and microseconds are each other's inverse, and nothing else passes for a duration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.durations import DURATION_US_MAX, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration_us"),
    [
        ("0s", 0),
        ("20s", 20_000_000),
        ("1m30s", 90_000_000),
        ("2h", 7_200_000_000),
        ("500ms", 500_000),
        ("1us", 1),
        ("90m", 5_400_000_000),
        ("366d", DURATION_US_MAX),
        ("1d2h3m4s5ms6us", 93_784_005_006),
    ],
)
def test_reads_what_people_write(text: str, duration_us: int) -> None:
    assert parse_duration(text) == duration_us


@pytest.mark.parametrize(
    "text", ["", "s", "20", "20 s", "30s1m", "1s1s", "1.5s", "-1s", "+1s", "1S", "1w", "never", "١s", "1s\n", "1e3s"]
)
def test_reads_nothing_else(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 10 * DURATION_US_MAX))
def test_what_is_written_is_read_back(duration_us: int) -> None:
    assert parse_duration(format_duration(duration_us)) == duration_us


@given(st.integers(0, 10**6), st.sampled_from(["d", "h", "m", "s", "ms"]))
def test_the_written_form_is_the_shortest_in_use(amount: int, unit: str) -> None:
    duration_us = parse_duration(f"{amount}{unit}")
    assert duration_us is not None
    assert parse_duration(format_duration(duration_us)) == duration_us
    assert len(format_duration(0)) == 2
