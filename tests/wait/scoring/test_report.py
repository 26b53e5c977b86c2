"""Goal: a report compares on the same calls, in the right groups, and loses no call."""

from __future__ import annotations

import numpy as np
import pytest

from router.wait.scoring.report import FORECASTS, OURS, count_big_types, make_report
from tests.wait.scoring.made_calls import collect


def test_groups_are_of_answered_calls_of_the_types() -> None:
    rows = [
        {"waited": 50, "type": "5"},
        {"waited": 70, "type": "5"},
        {"waited": 30, "type": "20"},
        {"waited": 500, "type": "1"},
        {"waited": 900, "type": "5", "answered": False},
    ]
    report = make_report(collect(rows), ["5", "20", "9"], np.ones(5))
    assert [(group.group, group.calls, group.mean_wait_s) for group in report.served] == [
        ("big types", 3, pytest.approx(50.0)),
        ("all types", 4, pytest.approx(162.5)),
        ("type 5", 2, pytest.approx(60.0)),
        ("type 20", 1, pytest.approx(30.0)),
    ]
    overall = report.overall
    assert overall is not None
    biases = {name: overall.forecasts[name].point.bias_s for name in FORECASTS}
    assert biases == pytest.approx(
        {OURS: 10, "les": 0, "hol": -10, "average_les": -20, "average_same_length": -30, "mean_by_type": 20}
    )
    assert report.abandoned == 1
    assert report.contradicted == {OURS: 1.0, "les": 1.0}


def test_quantiles_are_compared_on_calls_that_have_all() -> None:
    rows = [{"waited": 50}, {"waited": 95, "quantiles": False}, {"waited": 80}]
    overall = make_report(collect(rows), ["5"], np.ones(3)).overall
    assert overall is not None
    for name in (OURS, "les"):
        quantiles = overall.forecasts[name].quantiles
        assert quantiles is not None
        assert (quantiles.calls, quantiles.coverage) == (2, 1.0)
    assert overall.forecasts["hol"].quantiles is None
    assert overall.calls == 3


def test_parts_take_every_big_answered_call_once() -> None:
    numbers = np.random.default_rng(5)
    rows: list[dict[str, object]] = [
        {
            "waited": float(numbers.exponential(60)),
            "mean": float(numbers.exponential(60)),
            "arrived": float(numbers.integers(8 * 3600, 20 * 3600)),
            "day": f"2024-03-0{numbers.integers(1, 6)}",
            "type": numbers.choice(["5", "20", "1"]),
            "answered": numbers.random() < 0.9,
            "method": numbers.choice(["simulated", "corrected"]),
        }
        for _ in range(500)
    ]
    report = make_report(collect(rows), ["5", "20"], np.ones(500))
    overall = report.overall
    assert overall is not None
    for parts in (report.by_level, report.by_hour, tuple(report.by_day.values())):
        assert sum(part.calls for part in parts) == overall.calls
        squares = sum(part.calls * (part.point.rmse_share * part.mean_wait_s) ** 2 for part in parts)
        mean_square = (overall.forecasts[OURS].point.rmse_share * overall.mean_wait_s) ** 2
        assert squares / overall.calls == pytest.approx(mean_square)
    assert [part.begins for part in report.by_level] == [0, 4, 8, 15, 30, 60, 120, 250]
    assert [part.begins for part in report.by_hour] == list(range(8, 20))
    assert sorted(report.by_day) == [f"2024-03-0{day}" for day in range(1, 6)]
    assert sum(report.methods.values()) == overall.calls
    stated = {each.stated: each.held for each in report.stated}
    assert list(stated) == [0.1, 0.5, 0.8, 0.9]
    assert sorted(stated.values()) == list(stated.values())


def test_censored_scores_are_weighted() -> None:
    rows = [{"waited": 50}, {"waited": 70}]
    report = make_report(collect(rows), ["5"], np.array([1.0, 0.5]))
    assert report.censored[0].mean_wait_s == pytest.approx((50 + 2 * 70) / 3)
    assert report.served[0].mean_wait_s == pytest.approx(60)
    assert report.censored[0].forecasts[OURS].point.bias_s == pytest.approx((10 - 2 * 10) / 3)


def test_the_big_types_are_the_five_with_the_most_calls() -> None:
    assert count_big_types({"a": 1, "b": 9, "c": 3, "d": 4, "e": 5, "f": 3}) == ("b", "e", "d", "c", "f")
    assert count_big_types({"b": 1, "a": 1}) == ("a", "b")
