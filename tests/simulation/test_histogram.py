"""Goal: percentiles from the histogram are those of the values themselves, to 0.1 %.

Method: numpy's percentiles of the same values, for distributions of waits from microseconds to months.
"""

from __future__ import annotations

import numpy as np
import pytest

from router.simulation._native import Histogram

PERCENTS = tuple(float(percent) for percent in range(101))
LONGEST_US = 366 * 86_400 * 1_000_000


def histogram_of(values: np.ndarray) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(int(value))
    return histogram


def values_of(kind: str) -> np.ndarray:
    generator = np.random.default_rng(5)
    if kind == "mostly no wait":
        waits = generator.exponential(20e6, 5_000)
        return np.where(generator.random(5_000) < 0.7, 0, waits).astype(np.int64)
    if kind == "log uniform":
        return np.exp(generator.uniform(0, np.log(LONGEST_US), 5_000)).astype(np.int64)
    if kind == "lognormal":
        return generator.lognormal(np.log(90e6), 1.1, 5_000).astype(np.int64)
    return generator.integers(0, 5_000, 3_001)


@pytest.mark.parametrize("kind", ["mostly no wait", "log uniform", "lognormal", "small"])
def test_percentiles_are_exact_to_a_thousandth(kind: str) -> None:
    values = values_of(kind)
    found = histogram_of(values).percentiles(PERCENTS)
    expected = np.percentile(values, PERCENTS)
    assert np.all(np.abs(np.array(found) - expected) <= 0.001 * expected)


def test_short_waits_are_exact() -> None:
    values = np.random.default_rng(6).integers(0, 2_048, 999)
    assert histogram_of(values).percentiles(PERCENTS) == pytest.approx(np.percentile(values, PERCENTS), abs=1e-9)


@pytest.mark.parametrize("value", [0, 1, 2_047, 2_048, 2_049, 4_095, 4_096, 123_456_789, LONGEST_US])
def test_one_value_is_every_percentile(value: int) -> None:
    found = histogram_of(np.array([value])).percentiles((0.0, 50.0, 100.0))
    assert found == pytest.approx((value,) * 3, rel=2**-11, abs=0)


def test_of_no_values_there_are_no_percentiles() -> None:
    assert Histogram().percentiles((50.0,)) == ()


def test_merging_is_adding_all() -> None:
    short, long = values_of("small"), values_of("log uniform")
    merged, other = histogram_of(short), histogram_of(long)
    merged.merge(other)
    together = histogram_of(np.concatenate([long, short]))
    assert len(merged) == len(together) == len(short) + len(long)
    assert merged.percentiles(PERCENTS) == together.percentiles(PERCENTS)
    other.merge(histogram_of(short))
    assert other.percentiles(PERCENTS) == together.percentiles(PERCENTS)


@pytest.mark.parametrize("value", [-1, LONGEST_US + 1])
def test_what_is_no_duration_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="0 to 366 days"):
        Histogram().add(value)
