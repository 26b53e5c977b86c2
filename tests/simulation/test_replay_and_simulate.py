"""Goal: `replay` and `simulate` agree: a recorded day as a scenario gives the same end and the same wait, call by call.

Method: the scenarios are TOML that a user could write. A scenario's calls are numbered by arrival, as the plan's are,
so that they can be told one by one; figures over all calls are compared as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config import PRESETS, with_preset
from router.engine.events import CallAbandoned, CallAssigned
from router.fairness import Checker
from router.simulation import (
    READERS,
    DayPlan,
    DayRun,
    End,
    Log,
    plan_day,
    queue_name,
    read_log,
    replay_settings,
    run_day,
)
from router.simulation.run import Simulation, simulate
from router.simulation.scenario.model import Scenario
from router.simulation.scenario.read import parse_scenario
from tests.simulation.logs import make_rows, recorded_data, write_log

SECOND = 1_000_000
RING = 'ring = "1s"\n'


def write_callers(file: Path, types: tuple[str, ...]) -> str:
    tables = [
        f"[router.queues.{queue_name(kind)}]\nskills = {{ {queue_name(kind)} = 1 }}\n"
        f"[callers.{queue_name(kind)}]\n"
        f'recorded = {{ file = "{file.name}", types = ["{kind}"], handle_times = true, patience = true }}\n'
        for kind in reversed(types)  # the order of tables must not matter
    ]
    return "".join(tables)


def write_agents(plan: DayPlan, start_us: int) -> str:
    """Write the agents of a day as groups of one with a shift."""
    tables = []
    for agent in plan.agents:
        skills = ", ".join(f"{queue_name(kind)} = 10" for kind in agent.types)
        shift = [f"{(time - start_us) // SECOND}s" for time in (agent.from_us, agent.until_us)]
        tables.append(f"[agents.{agent.agent}]\nskills = {{ {skills} }}\nshifts = [{shift}]\n{RING}")
    return "".join(tables)


def head(preset: str, seed: int) -> str:
    return f'[simulation]\nlength = "24h"\nreplications = 1\nseed = {seed}\n[router]\npreset = "{preset}"\n'


def replay_of(plan: DayPlan, preset: str) -> DayRun:
    return run_day(plan, with_preset(replay_settings(plan.types), preset))


def tell_waits(scenario: Scenario) -> dict[str, tuple[End, int]]:
    """Step through a scenario; return the end and the wait of each call by name. The contract must hold."""
    found, checker = {}, Checker()
    for happening in Simulation(scenario).happenings():
        checker.observe(happening.time_us, happening.command, happening.events)
        for event in happening.events:
            if isinstance(event, CallAssigned):
                found[event.call] = End.ANSWERED, event.wait_us
            elif isinstance(event, CallAbandoned):
                found[event.call] = End.ABANDONED, event.wait_us
    assert checker.report().ok, checker.report().summary()
    return found


def planned_waits(plan: DayPlan, run: DayRun) -> dict[str, tuple[End, int]]:
    return {
        f"call-{number}": (End(end), waited_us)
        for number, (end, waited_us) in enumerate(
            zip(run.outcomes.ends.tolist(), run.outcomes.waited_us.tolist(), strict=True), start=1
        )
    }


def read_day(path: Path) -> Log:
    return read_log(path, READERS["vanad"])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seed", [1, 5])
def test_a_made_up_day_call_by_call(tmp_path: Path, preset: str, seed: int) -> None:
    file = write_log(tmp_path / "day.csv", make_rows(seed, 200))
    log = read_day(file)
    plan = plan_day(log, log.day(), seed=seed)
    wanted = planned_waits(plan, replay_of(plan, preset))
    assert len(wanted) == 200
    assert {end for end, _ in wanted.values()} == {End.ANSWERED, End.ABANDONED}
    start_us = plan.starts_us + log.day().calls[0].arrived_us // (3600 * SECOND) * 3600 * SECOND
    callers = head(preset, seed) + write_callers(file, plan.types)
    by_file = f'[recorded_agents]\nfile = "{file.name}"\n{RING}'
    for agents in (by_file, write_agents(plan, start_us)):
        scenario = parse_scenario(callers + agents, "day.toml", tmp_path)
        assert tell_waits(scenario) == wanted


def test_another_ring_or_seed_would_be_noticed(tmp_path: Path) -> None:
    file = write_log(tmp_path / "day.csv", make_rows(3, 200))
    log = read_day(file)
    plan = plan_day(log, log.day(), seed=3)
    wanted = planned_waits(plan, replay_of(plan, "balanced"))
    agents = f'[recorded_agents]\nfile = "{file.name}"\n'
    other_ring = head("balanced", 3) + write_callers(file, plan.types) + agents + 'ring = "2s"\n'
    other_seed = head("balanced", 4) + write_callers(file, plan.types) + agents + RING
    for text in (other_ring, other_seed):
        assert tell_waits(parse_scenario(text, "day.toml", tmp_path)) != wanted


@pytest.mark.parametrize("day", ["2014-03-12", "2014-05-26"])
def test_a_recorded_day_in_its_figures(day: str) -> None:
    file = recorded_data(f"vanad_day_{day}.csv")
    log = read_day(file)
    plan = plan_day(log, log.day())
    run = replay_of(plan, "balanced")
    text = head("balanced", 1) + write_callers(file, plan.types) + f'[recorded_agents]\nfile = "{file.name}"\n{RING}'
    (found,) = simulate(parse_scenario(text, "day.toml", file.parent))
    calls, waited_us = run.figures.calls, run.outcomes.waited_us
    assert (found.calls.offered, found.calls.answered, found.calls.abandoned) == (
        calls.offered,
        calls.answered,
        calls.abandoned,
    )
    assert found.calls.wait_all_sum_us == int(waited_us.sum())
    assert found.calls.wait_served_sum_us == int(waited_us[run.outcomes.ends == End.ANSWERED].sum())
    for kind in plan.types:
        assert found.callers[queue_name(kind)].answered == run.figures.by_type[kind].answered
    assert {agent.agent: (agent.present_us, agent.busy_us) for agent in found.agents} == {
        shift.agent: (shift.present_us, shift.busy_us) for shift in run.shifts
    }
