"""Goal: the figures of a recorded and of a replayed day are right, and made alike.

Method: days small enough to count by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from router.engine import (
    Advance,
    AgentSignedIn,
    AgentSignedOut,
    AssignmentCause,
    Availability,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallRefused,
    LimitCause,
    OfferMade,
    OfferRejected,
    WrapUpEnded,
    WrapUpStarted,
)
from router.fairness.measures import jain_index
from router.simulation import (
    READERS,
    DayPlan,
    Ledger,
    PlannedCall,
    figure_recording,
    measure_idle_gaps,
    plan_day,
    read_log,
)
from router.simulation.recorded.figures import (
    End,
    Outcomes,
    figure_calls,
    figure_day,
    percentile,
    record_outcomes,
    record_shifts,
)
from tests.simulation.logs import make_rows, write_log

SECOND = 1_000_000


def test_percentiles_are_nearest_rank() -> None:
    values = list(range(1, 21))
    assert [percentile(values, percent) for percent in (0, 5, 6, 50, 95, 96, 100)] == [1, 1, 2, 10, 19, 20, 20]
    assert percentile([], 50) is None


def test_jain_index() -> None:
    assert jain_index([0.5, 0.5, 0.5]) == pytest.approx(1)
    assert jain_index([1, 0, 0, 0]) == pytest.approx(0.25)
    assert jain_index([]) is None
    assert jain_index([0.0]) is None


def test_call_figures() -> None:
    answered = [(End.ANSWERED, 0), (End.ANSWERED, 20), (End.ANSWERED, 21)]
    waits = [*answered, (End.ABANDONED, 7), (End.REFUSED, 0), (End.WAITING, 12)]
    figures = figure_calls(Outcomes.of(("1", end, wait * SECOND) for end, wait in waits))
    assert (figures.offered, figures.answered, figures.abandoned, figures.refused, figures.waiting) == (6, 3, 1, 1, 1)
    assert figures.answered_within_20_s == 2
    assert figures.answered_within_share == pytest.approx(2 / 6)
    assert figures.abandoned_share == pytest.approx(1 / 6)
    assert figures.wait_answered_mean_us == pytest.approx(41 / 3 * SECOND)
    assert figures.wait_all_mean_us == pytest.approx(10 * SECOND)
    assert figures.wait_answered_p50_us == 20 * SECOND


def test_no_calls_no_figures() -> None:
    figures = figure_calls(Outcomes.of([]))
    assert (figures.offered, figures.abandoned_share, figures.wait_answered_p95_us) == (0, None, None)


def test_figures_of_a_recording(tmp_path: Path) -> None:
    rows = [
        "2024-03-04,100,1,7,100,150,150",
        "2024-03-04,120,2,8,130,230,230",
        "2024-03-04,125,2,-1,-1,-1,155",
        "2024-03-04,170,1,7,170,200,200",
    ]
    log = read_log(write_log(tmp_path / "calls.csv", rows), READERS["vanad"])
    figures = figure_recording(log.day())
    assert (figures.calls.offered, figures.calls.answered, figures.calls.abandoned, figures.agents) == (4, 3, 1, 2)
    assert list(figures.by_type) == ["1", "2"]
    assert figures.by_type["2"].wait_all_mean_us == 20 * SECOND
    assert figures.occupancy == pytest.approx((80 + 100) / (100 + 100))
    assert figures.jain_index == pytest.approx((0.8 + 1) ** 2 / (2 * (0.64 + 1)))


def test_days_together_are_as_one_long_day(tmp_path: Path) -> None:
    first = make_rows(1, 60)
    second = [row.replace("2024-03-04", "2024-03-05") for row in make_rows(2, 80) if row.split(",")[2] != "0"]
    days = read_log(write_log(tmp_path / "calls.csv", [*first, *second]), READERS["vanad"]).days
    outcomes = Outcomes.join([record_outcomes(day) for day in days])
    shifts = [shift for day in days for shift in record_shifts(day)]
    assert outcomes.types == ("0", "1", "2")
    one_by_one = Outcomes.of(
        (outcomes.types[place], End(end), waited_us)
        for place, end, waited_us in zip(
            outcomes.type_places.tolist(), outcomes.ends.tolist(), outcomes.waited_us.tolist(), strict=True
        )
    )
    pooled = figure_day(outcomes, shifts)
    assert pooled == figure_day(one_by_one, shifts)
    for kind in ("0", "1", "2"):
        calls = [call for day in days for call in day.calls if call.type == kind]
        assert pooled.by_type[kind].offered == len(calls) > 0
        assert pooled.by_type[kind].wait_all_mean_us == sum(call.waited_us for call in calls) / len(calls)
    assert pooled.agents == 6
    assert figure_calls(Outcomes.join([])).offered == 0


def test_idle_gaps_of_a_recording(tmp_path: Path) -> None:
    rows = [
        "2024-03-04,100,1,7,100,150,150",
        "2024-03-04,152,1,8,162,170,170",  # waits from 152: 7 could have taken it from 154 (ringing aside) to 162
        "2024-03-04,180,1,7,180,200,200",
    ]
    log = read_log(write_log(tmp_path / "calls.csv", rows), READERS["vanad"])
    gaps = measure_idle_gaps(log.day(), plan_day(log, log.day(), skill_calls_min=1))
    assert gaps.between_calls_share == pytest.approx(30 / 108)
    assert gaps.wanted_share == pytest.approx(8 / 108)


def test_the_ledger_counts_calls_and_busy_time() -> None:
    calls = tuple(PlannedCall(name, "1", at, 0, None) for name, at in (("a", 0), ("b", 10), ("c", 20), ("d", 30)))
    ledger = Ledger(DayPlan("2024-03-04", 0, 1, 2, calls, ()))
    events = [
        AgentSignedIn(time_us=0, sequence=1, agent="ada", availability=Availability.READY),
        OfferMade(time_us=10, sequence=1, offer=1, call="a", agent="ada", queue="q", expires_us=99, callback=False),
        OfferRejected(time_us=15, sequence=1, offer=1, call="a", agent="ada", reason=""),
        OfferMade(time_us=20, sequence=1, offer=2, call="a", agent="ada", queue="q", expires_us=99, callback=False),
        CallAssigned(time_us=25, sequence=1, offer=2, call="a", agent="ada", queue="q",
                     cause=AssignmentCause.ACCEPTED, wait_us=25),
        CallAbandoned(time_us=40, sequence=1, call="b", queue="q", wait_us=30, reason=""),
        CallRefused(time_us=41, sequence=1, call="c", queue="q", cause=LimitCause.WAIT_LIMIT, wait_us=21),
        CallCompleted(time_us=50, sequence=1, offer=2, call="a", agent="ada", queue="q", handle_us=25),
        WrapUpStarted(time_us=50, sequence=1, offer=2, call="a", agent="ada", until_us=60),
        WrapUpEnded(time_us=60, sequence=1, offer=2, call="a", agent="ada"),
        AgentSignedOut(time_us=100, sequence=1, agent="ada", no_answer=False),
    ]  # fmt: skip
    for event in events:
        ledger.observe(event.time_us, Advance(), [event])
    figures = ledger.figures()
    assert figures.calls == figure_calls(
        Outcomes.of([("1", End.ANSWERED, 25), ("1", End.ABANDONED, 30), ("1", End.REFUSED, 21), ("1", End.WAITING, 70)])
    )
    assert figures.agents == 1
    assert figures.occupancy == pytest.approx((5 + 5 + 25 + 10) / 100)


def test_an_automatic_assignment_after_sign_out_still_counts() -> None:
    ledger = Ledger(DayPlan("2024-03-04", 0, 1, 2, (PlannedCall("a", "1", 0, 0, None),), ()))
    events = [
        AgentSignedIn(time_us=0, sequence=1, agent="ada", availability=Availability.READY),
        CallAssigned(time_us=10, sequence=1, offer=1, call="a", agent="ada", queue="q",
                     cause=AssignmentCause.AUTOMATIC, wait_us=10),
        AgentSignedOut(time_us=20, sequence=1, agent="ada", no_answer=False),
        CallCompleted(time_us=40, sequence=1, offer=1, call="a", agent="ada", queue="q", handle_us=30),
    ]  # fmt: skip
    for event in events:
        ledger.observe(event.time_us, Advance(), [event])
    ledger.observe(90, Advance(), [])
    assert ledger.figures().occupancy == pytest.approx(30 / 40)
