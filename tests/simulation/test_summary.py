"""Goal: every figure is what its words say, from runs whose counts are known; nothing is divided by 0."""

from __future__ import annotations

import math

import msgspec
import pytest

from router.simulation.metrics import CALL_METRICS, METRICS, Unit, read_agents, read_calls, read_queue, read_run
from router.simulation.results import QueueFigures
from router.simulation.student import student_quantile
from router.simulation.summary import Scope, summarise
from tests.simulation.made_runs import LENGTH_US, make_agent, make_callers, make_calls, make_no_calls, make_run

SECOND_US = 1_000_000


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("offered", 100),
        ("answered", 80),
        ("abandoned", 15),
        ("blocked", 4),
        ("refused", 1),
        ("unfinished", 0),
        ("delayed_share", 0.6),
        ("service_level", 0.7),
        ("abandoned_share", 0.15),
        ("blocked_share", 0.04),
        ("wait_served_mean_us", 10 * SECOND_US),
        ("wait_served_p50_us", 50 * SECOND_US),
        ("wait_served_p80_us", 80 * SECOND_US),
        ("wait_served_p95_us", 95 * SECOND_US),
        ("wait_all_mean_us", 12 * SECOND_US),
        ("wait_all_p50_us", 100 * SECOND_US),
        ("wait_all_p80_us", 160 * SECOND_US),
        ("wait_all_p95_us", 190 * SECOND_US),
        ("talk_mean_us", 180 * SECOND_US),
        ("redial_share", 0.2),
        ("resolution", 0.75),
        ("first_call_resolution", 50 / 80),
        ("satisfaction", 4.0),
        ("slips", 50),
        ("skips", 50),
        ("kin_slips", 20),
        ("overtaken_share", 0.03),
    ],
)
def test_a_figure_of_calls_is_what_its_words_say(metric: str, expected: float) -> None:
    assert read_calls(make_calls())[metric] == pytest.approx(expected)


def test_every_figure_of_calls_is_expected_above() -> None:
    marks = test_a_figure_of_calls_is_what_its_words_say.pytestmark  # type: ignore[attr-defined]
    (parameters,) = (mark.args[1] for mark in marks if mark.name == "parametrize")
    assert {name for name, _ in parameters} == {metric.name for metric in CALL_METRICS}


def test_no_calls_have_counts_and_nothing_else() -> None:
    found = read_calls(make_no_calls())
    for name, value in found.items():
        assert value == (0 if METRICS[name].unit is Unit.COUNT else None), name


def test_resolution_that_is_not_told_is_none() -> None:
    found = read_calls(make_calls(resolved=0, unresolved=0, first_resolved=0))
    assert found["resolution"] is None
    assert found["first_call_resolution"] is None


def test_a_queues_line() -> None:
    found = read_queue(QueueFigures(calls=make_calls(), length_integral_us=3 * LENGTH_US, length_max=9), LENGTH_US)
    assert (found["length_mean"], found["length_max"], found["offered"]) == (3.0, 9.0, 100.0)


def test_agents_together_are_weighted_by_their_time() -> None:
    whole_day = make_agent("a", "g", present_us=LENGTH_US, ready_us=LENGTH_US, busy_us=LENGTH_US)
    half_day = make_agent("b", "g", present_us=LENGTH_US // 2, ready_us=LENGTH_US // 4, busy_us=LENGTH_US // 8)
    found = read_agents([whole_day, half_day], LENGTH_US)
    assert found["present_mean"] == 1.5
    assert found["utilisation"] == pytest.approx(1.125 / 1.5)
    assert found["occupancy"] == pytest.approx(1.125 / 1.25)
    assert found["agent_answered"] == 80
    assert found["jain"] == pytest.approx((1 + 0.5) ** 2 / (2 * 1.25))


def test_agents_who_never_came_are_not_in_jains_index() -> None:
    absent = make_agent("b", "g", present_us=0, ready_us=0, busy_us=0, answered=0)
    assert read_agents([make_agent("a", "g"), absent], LENGTH_US)["jain"] == 1.0
    never_ready = make_agent("c", "g", ready_us=0, busy_us=0, answered=0)
    assert read_agents([make_agent("a", "g"), never_ready], LENGTH_US)["jain"] == 1.0
    alone = read_agents([absent], LENGTH_US)
    assert (alone["jain"], alone["occupancy"], alone["utilisation"], alone["present_mean"]) == (None, None, None, 0.0)


def test_the_whole_run() -> None:
    found = read_run(make_run(queues={"loans": make_calls(), "cards": make_calls()}))
    assert found["length_mean"] == 6.0  # of both queues
    assert found["length_max"] is None  # the queues' maxima need not be of one instant
    assert found["raqfm_variance_s2"] == pytest.approx(2.0)
    assert found["occupancy"] == pytest.approx(0.6)


def test_ratios_are_taken_run_by_run_and_then_averaged() -> None:
    runs = [
        make_run(0, queues={"loans": make_calls(offered=100, abandoned=10)}),
        make_run(1, queues={"loans": make_calls(offered=300, abandoned=90)}),
    ]
    found = summarise(runs).overall["abandoned_share"]
    assert found.mean == pytest.approx(0.2)  # and not 100 / 400
    assert found.values == pytest.approx((0.1, 0.3))
    assert found.half_width == pytest.approx(student_quantile(0.95, 1) * math.sqrt(0.02 / 2))


def test_a_queue_without_calls_in_one_run() -> None:
    found = summarise([make_run(0), make_run(1, queues={"loans": make_no_calls()})]).queues["loans"]
    assert found["service_level"].values == (0.7, None)
    assert found["service_level"].partial
    assert found["offered"].values == (100.0, 0.0)


def test_a_subject_that_one_run_lacks_has_no_figures_there() -> None:
    found = summarise([make_run(0, queues={"cards": make_calls()}), make_run(1)])
    assert found.queues["cards"]["offered"].values == (100.0, None)
    assert found.queues["loans"]["offered"].values == (None, 100.0)


def test_every_subject_is_there_with_its_figures() -> None:
    summary = summarise([make_run(0), make_run(1), make_run(2)])
    assert summary.replications == 3
    assert list(summary.subjects(Scope.QUEUES)) == list(summary.subjects(Scope.CALLERS)) == ["loans"]
    assert list(summary.groups) == ["junior", "senior"]
    assert list(summary.agents) == ["junior", "senior-1", "senior-2"]
    assert summary.groups["senior"]["occupancy"].mean == pytest.approx(0.5)
    assert summary.agents["senior-2"]["occupancy"].mean == pytest.approx(0.6)
    assert summary.queues["loans"]["length_max"].values == (7.0, 8.0, 9.0)
    assert summary.overall.keys() == METRICS.keys()
    places = {place for place, _, _ in summary.all_estimates()}
    assert places == {
        "overall", "queues.loans", "callers.loans", "groups.junior", "groups.senior",
        "agents.junior", "agents.senior-1", "agents.senior-2",
    }  # fmt: skip


def test_first_calls_whose_resolution_nobody_knows_do_not_count() -> None:
    untold = make_calls(resolved=0, unresolved=0, first_calls=30, first_resolved=0)
    mixed = make_calls(first_calls=110)
    run = make_run(queues={"loans": mixed, "cards": untold}, calls=make_calls(first_calls=140))
    run = msgspec.structs.replace(run, callers={"a": make_calls(), "b": untold, "c": untold})
    callers = (
        make_callers("a", resolution_by_level=((0, 0.5),)),
        make_callers("b"),
        make_callers("c", queue="cards"),
        make_callers("nobody_yet"),
    )
    found = summarise([run], callers)
    assert found.overall["first_call_resolution"].mean == pytest.approx(50 / 80)
    assert found.queues["loans"]["first_call_resolution"].mean == pytest.approx(50 / 80)
    assert found.queues["cards"]["first_call_resolution"].mean is None
    assert found.callers["a"]["first_call_resolution"].mean == pytest.approx(50 / 80)
    assert found.overall["offered"].mean == 100
    assert summarise([run]).overall["first_call_resolution"].mean == pytest.approx(50 / 140)


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one is right"):
        summarise([])
