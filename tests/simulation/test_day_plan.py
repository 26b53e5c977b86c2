"""Goal: a day's plan says what `docs/replay.md` says it does, and does not depend on policy.

Method: logs small enough to work out by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from router.simulation import (
    READERS,
    DayPlan,
    Log,
    NothingToReplay,
    PlannedAgent,
    Window,
    busiest_minutes,
    plan_day,
    read_log,
)
from router.simulation.recorded.columns import sort_types
from router.simulation.recorded.day_plan import count_served, infer_skills
from router.simulation.recorded.draws import draw_below
from tests.simulation.logs import make_rows, write_log

MIDNIGHT_US = 1_709_510_400_000_000  # 2024-03-04
SECOND = 1_000_000


def log_of(folder: Path, *rows: str) -> Log:
    return read_log(write_log(folder / "calls.csv", list(rows)), READERS["vanad"])


def answered(arrived: int, kind: int, agent: int, day: str = "2024-03-04") -> str:
    return f"{day},{arrived},{kind},{agent},{arrived + 1},{arrived + 61},{arrived + 61}"


def test_agents_are_present_from_first_answer_to_last_release(tmp_path: Path) -> None:
    log = log_of(tmp_path, answered(100, 1, 7), answered(200, 1, 7), answered(200, 2, 8), answered(900, 2, 7))
    plan = plan_day(log, log.day(), skill_calls_min=1)
    assert plan.agents == (
        PlannedAgent("agent-7", ("1", "2"), MIDNIGHT_US + 101 * SECOND, MIDNIGHT_US + 961 * SECOND),
        PlannedAgent("agent-8", ("2",), MIDNIGHT_US + 201 * SECOND, MIDNIGHT_US + 261 * SECOND),
    )


def test_skills_need_enough_calls(tmp_path: Path) -> None:
    log = log_of(tmp_path, *(answered(at, kind, 7) for at, kind in ((1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (6, 3))),
                 answered(7, 2, 8), answered(8, 2, 8))  # fmt: skip
    assert infer_skills(count_served(log), log.day(), 2) == {"7": {"1", "3"}, "8": {"2"}}
    assert infer_skills(count_served(log), log.day(), 3) == {"7": {"1", "2", "3"}, "8": {"2"}}


def test_no_agent_is_without_skill_and_no_answered_type_without_agent(tmp_path: Path) -> None:
    log = log_of(tmp_path, answered(1, 1, 7), answered(2, 1, 7), answered(3, 9, 7), answered(4, 2, 8))
    # 7 has type 1; nobody reaches 2 calls of type 9, so who answered it keeps it; 8 has nothing else
    assert infer_skills(count_served(log), log.day(), 2) == {"7": {"1", "9"}, "8": {"2"}}


def test_skills_of_several_days_come_from_all_of_them(tmp_path: Path) -> None:
    rows = [answered(at, 1, 7, "2024-03-03") for at in range(19)] + [answered(1, 1, 7), answered(2, 2, 7)]
    rows += [answered(3, 2, 8)]
    log = log_of(tmp_path, *rows)
    plan = plan_day(log, log.day("2024-03-04"))
    assert plan.skill_calls_min == 20
    assert [agent.types for agent in plan.agents] == [("1", "2"), ("2",)]
    one_day = log_of(tmp_path, *rows[19:])
    assert plan_day(one_day, one_day.day()).skill_calls_min == 2


def test_handle_times_are_recorded_or_drawn_from_the_same_type(tmp_path: Path) -> None:
    gave_up = [f"2024-03-04,{at},2,-1,-1,-1,{at + 5}" for at in range(300, 340)]
    rows = [answered(100, 1, 7), "2024-03-04,101,2,7,110,140,140", "2024-03-04,102,2,7,150,250,250", *gave_up]
    log = log_of(tmp_path, *rows, "2024-03-04,400,3,-1,-1,-1,405")
    plan = plan_day(log, log.day())
    handles = [call.handle_us // SECOND for call in plan.calls]
    assert handles[:3] == [60, 30, 100]
    assert set(handles[3:-1]) == {30, 100}
    assert handles[-1] in {60, 30, 100}


def test_drawn_handle_times_stay_what_they_were(tmp_path: Path) -> None:
    # replays of old recordings must stay repeatable: each is drawn by the number of the call in its day, from 1
    gave_up = [f"2024-03-04,{at},2,-1,-1,-1,{at + 5}" for at in range(300, 340)]
    log = log_of(
        tmp_path, *(f"2024-03-04,{at},2,7,{at},{at + 10 + at},{at + 10 + at}" for at in range(100, 110)), *gave_up
    )
    pool = [call.handled_us for call in log.calls() if call.handled_us is not None]
    for number, call in enumerate(plan_day(log, log.day(), seed=3).calls[10:], start=11):
        assert call.handle_us == pool[draw_below(10, 3, "handle", "2024-03-04", number)]


def test_abandoned_callers_keep_their_patience_and_answered_ones_exceed_their_wait(tmp_path: Path) -> None:
    log = log_of(tmp_path, *make_rows(3))
    plan = plan_day(log, log.day(), seed=5)
    for recorded, planned in zip(log.day().calls, plan.calls, strict=True):
        if recorded.answered_us is None:
            assert planned.patience_us == recorded.waited_us
        else:
            assert planned.patience_us is None or planned.patience_us > recorded.waited_us


def test_a_plan_depends_on_the_seed_alone(tmp_path: Path) -> None:
    log = log_of(tmp_path, *make_rows(3))
    assert plan_day(log, log.day(), seed=5) == plan_day(log, log.day(), seed=5)
    other = plan_day(log, log.day(), seed=6)
    assert other.calls != plan_day(log, log.day(), seed=5).calls
    assert [call.arrives_us for call in other.calls] == [call.arrives_us for call in plan_day(log, log.day()).calls]


def test_a_log_without_answers_cannot_be_replayed(tmp_path: Path) -> None:
    log = log_of(tmp_path, "2024-03-04,100,5,-1,-1,-1,200")
    with pytest.raises(NothingToReplay, match="no answered call"):
        plan_day(log, log.day())


def test_types_are_sorted_by_number() -> None:
    assert sort_types(["10", "9", "2", "vip", "2"]) == ("2", "9", "10", "vip")


def test_busiest_minutes_against_trying_every_start(tmp_path: Path) -> None:
    log = log_of(tmp_path, *make_rows(4, calls=200))
    plan = plan_day(log, log.day())
    found = busiest_minutes(plan, 10)
    arrivals = [call.arrives_us for call in plan.calls]
    counts = {start: sum(start <= at < start + 600 * SECOND for at in arrivals) for start in arrivals}
    best = max(counts.values())
    assert found == Window(found.from_us, found.from_us + 600 * SECOND, best)
    assert found.from_us == min(start for start, count in counts.items() if count == best)


def test_a_part_of_a_day_has_its_calls_and_those_present(tmp_path: Path) -> None:
    log = log_of(tmp_path, *make_rows(4))
    plan = plan_day(log, log.day())
    window = busiest_minutes(plan, 20)
    part = plan.between(window.from_us, window.until_us)
    assert isinstance(part, DayPlan)
    assert len(part.calls) == window.calls
    assert part.agents
    assert all(agent.from_us >= window.from_us and agent.until_us > window.from_us for agent in part.agents)
