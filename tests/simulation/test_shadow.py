"""Goal: the engine that follows a log stands, at every moment, as the log says the centre stood.

Method: made-up days followed step by step beside a naive count; skills, overlaps and agreement by hand.
"""

from __future__ import annotations

from pathlib import Path

from router.engine import SECOND_US, Engine
from router.engine.views import AgentView, Availability
from router.simulation import READERS
from router.simulation.recorded.log_days import LogDay, Step, read_log_days
from router.simulation.recorded.shadow import SKILL_CALLS_MIN, SKILL_DAYS_MAX, Shadow
from tests.simulation.logs import make_rows, write_log

DAY = "2024-03-04"


def read(tmp_path: Path, rows: list[str]) -> list[LogDay]:
    return read_log_days([write_log(tmp_path / "calls.csv", rows)], READERS["vanad"])


def follow_all(shadow: Shadow, days: list[LogDay]) -> None:
    for day in days:
        shadow.begin_day(day)
        for step in day.steps():
            shadow.follow(*step)
        shadow.end_day()


def signed_in(engine: Engine) -> dict[str, AgentView]:
    return {view.agent: view for view in engine.agents() if view.availability is not Availability.SIGNED_OUT}


def talks(rows: int, *, day: str, agent: int, kind: int = 5, from_s: int = 1000) -> list[str]:
    """Return calls that an agent answers at once, one after the other."""
    times = [from_s + 100 * number for number in range(rows)]
    return [f"{day},{time},{kind},{agent},{time},{time + 50},{time + 50}" for time in times]


def test_the_engine_stands_as_the_centre_stood(tmp_path: Path) -> None:
    days = read(tmp_path, make_rows(1, 200, DAY) + make_rows(2, 200, "2024-03-06"))
    shadow = Shadow()
    for day in days:
        shadow.begin_day(day)
        waiting: dict[int, str] = {}
        talking: dict[int, str] = {}
        seen: set[str] = set()
        for time_us, step, row in day.steps():
            shadow.follow(time_us, step, row)
            if step is Step.ARRIVES:
                waiting[row] = day.types[row]
            elif step is Step.RELEASED:
                del talking[row]
            else:
                kind = waiting.pop(row)
                if step is Step.ANSWERED:
                    talking[row] = day.agents[row]
                    seen.add(day.agents[row])
                    assert kind == day.types[row]
            assert shadow.engine.time_us == day.starts_us + time_us
            queues = {view.queue: view for view in shadow.engine.queues()}
            assert all(view.paused for view in queues.values())
            assert sum(view.waiting for view in queues.values()) == len(waiting)
            assert sum(view.offered for view in queues.values()) == 0
            present = signed_in(shadow.engine)
            assert present.keys() == seen
            held = [agent for agent, view in present.items() for _ in view.engagements]
            assert sorted(held) == sorted(talking.values())
        shadow.end_day()
        assert not signed_in(shadow.engine)
        assert sum(view.waiting + view.assigned for view in shadow.engine.queues()) == 0
        shadow.engine.audit()


def test_a_type_has_its_queue_from_its_first_call_on(tmp_path: Path) -> None:
    (day,) = read(tmp_path, [f"{DAY},10,7,-1,-1,-1,50", f"{DAY},20,5,-1,-1,-1,50"])
    shadow = Shadow()
    shadow.begin_day(day)
    first, second, *_ = day.steps()
    shadow.follow(*first)
    assert [view.queue for view in shadow.engine.queues()] == ["type-7"]
    shadow.follow(*second)
    assert [view.queue for view in shadow.engine.queues()] == ["type-5", "type-7"]


def test_skills_are_what_an_agent_has_answered_often_and_lately(tmp_path: Path) -> None:
    few, enough = SKILL_CALLS_MIN - 1, SKILL_CALLS_MIN
    rows = talks(few, day="2024-03-01", agent=1) + talks(enough, day="2024-03-01", agent=2, from_s=9000)
    days = read(tmp_path, rows)
    shadow = Shadow()
    shadow.begin_day(days[0])
    *_, last = (step for step in days[0].steps() if step[1] is Step.ANSWERED)
    for step in days[0].steps():
        if step == last:
            assert signed_in(shadow.engine)["2"].skills == {}
        shadow.follow(*step)
    assert {agent: view.skills for agent, view in signed_in(shadow.engine).items()} == {"1": {}, "2": {"type-5": 10}}
    shadow.end_day()

    again = SKILL_DAYS_MAX + 1  # March 1 and 21 days
    late = talks(1, day=f"2024-03-{again}", agent=2) + talks(1, day=f"2024-03-{again}", agent=1, from_s=5000)
    later = read(tmp_path, late)
    shadow.begin_day(later[0])
    for step in later[0].steps():
        shadow.follow(*step)
    assert {agent: view.skills for agent, view in signed_in(shadow.engine).items()} == {
        "1": {"type-5": 10},
        "2": {"type-5": 10},
    }
    shadow.end_day()

    gone = read(tmp_path, talks(1, day="2024-04-13", agent=1, kind=9))  # 22 days after
    shadow.begin_day(gone[0])
    for step in gone[0].steps():
        shadow.follow(*step)
    assert signed_in(shadow.engine)["1"].skills == {}


def test_an_agent_in_two_calls_at_once(tmp_path: Path) -> None:
    rows = [f"{DAY},10,5,1,10,60,60", f"{DAY},20,5,1,40,90,90", f"{DAY},70,5,1,95,99,99"]
    (day,) = read(tmp_path, rows)
    shadow = Shadow()
    shadow.begin_day(day)
    held = []
    for step in day.steps():
        shadow.follow(*step)
        for view in signed_in(shadow.engine).values():
            held.append((step[0] // SECOND_US, len(view.engagements), view.capacity["voice"]))
    expected = [(10, 1, 1), (20, 1, 1), (40, 2, 2), (60, 1, 1), (70, 1, 1), (90, 0, 1), (95, 1, 1), (99, 0, 1)]
    assert held == expected


def test_says_how_often_our_engine_would_have_chosen_the_same(tmp_path: Path) -> None:
    learning = talks(SKILL_CALLS_MIN, day="2024-03-01", agent=1)
    rows = [
        f"{DAY},5,5,1,5,30,30",  # at once: no choice
        f"{DAY},10,5,1,30,40,40",  # the oldest: agreed
        f"{DAY},20,5,-1,-1,-1,90",
        f"{DAY},25,5,1,40,50,50",  # a younger one
        f"{DAY},60,9,2,70,80,80",  # by an agent who has no known skill
    ]
    shadow = Shadow()
    follow_all(shadow, read(tmp_path, learning + rows))
    assert (shadow.agreement.assigned, shadow.agreement.agreed, shadow.agreement.idle) == (3, 1, 1)


def test_the_follower_sees_every_command(tmp_path: Path) -> None:
    sequences: list[int] = []

    class Follower:
        def __init__(self, engine: Engine) -> None:
            self.engine = engine

        def observe(self) -> None:
            sequences.append(self.engine.sequence)

    shadow = Shadow(Follower)
    follow_all(shadow, read(tmp_path, make_rows(1, 60, DAY)))
    assert sequences == list(range(1, shadow.commands + 1))


def test_the_day_may_be_left_in_the_middle(tmp_path: Path) -> None:
    days = read(tmp_path, make_rows(1, 100, DAY) + make_rows(2, 50, "2024-03-05"))
    shadow = Shadow()
    shadow.begin_day(days[0])
    for number, step in enumerate(days[0].steps()):
        if number == 150:
            break
        shadow.follow(*step)
    shadow.end_day()
    assert sum(view.waiting + view.assigned for view in shadow.engine.queues()) == 0
    follow_all(shadow, days[1:])
    shadow.engine.audit()


def test_the_same_log_gives_the_same_engine(tmp_path: Path) -> None:
    days = read(tmp_path, make_rows(3, 120, DAY))
    shadows = [Shadow() for _ in range(2)]
    for shadow in shadows:
        follow_all(shadow, days)
    assert shadows[0].engine.state_hash() == shadows[1].engine.state_hash()
