"""Runs made by hand, for tests of what is done with runs: every figure is known without a simulation."""

from __future__ import annotations

from typing import Any

import msgspec

from router.engine.settings import MINUTE_US, SECOND_US, QueueSettings, Settings
from router.simulation.results import (
    AgentFigures,
    Balance,
    CallFigures,
    Discrimination,
    QueueFigures,
    Replication,
    Series,
)
from router.simulation.scenario.model import AgentGroup, Callers, Distribution, Family, PoissonArrivals, Scenario

LENGTH_US = 60 * MINUTE_US


def make_calls(**changes: Any) -> CallFigures:
    """Return 100 calls, 80 of them answered after 10 s on the mean; the percentiles are 1 s, 2 s, … 99 s."""
    calls = CallFigures(
        offered=100,
        answered=80,
        abandoned=15,
        blocked=4,
        refused=1,
        unfinished=0,
        delayed=60,
        answered_in_target=70,
        wait_all_sum_us=1200 * SECOND_US,
        wait_served_sum_us=800 * SECOND_US,
        wait_all_percentiles_us=tuple(float(n * 2 * SECOND_US) for n in range(1, 100)),
        wait_served_percentiles_us=tuple(float(n * SECOND_US) for n in range(1, 100)),
        talk_sum_us=80 * 180 * SECOND_US,
        redials=20,
        resolved=60,
        unresolved=20,
        first_calls=80,
        first_resolved=50,
        satisfactions=40,
        satisfaction_sum=160.0,
        slips=5,
        skips=5,
        overtaken=3,
        kin_slips=2,
        kin_skips=2,
    )
    return msgspec.structs.replace(calls, **changes)


def make_no_calls() -> CallFigures:
    """Return the figures of no calls at all."""
    fields = CallFigures.__struct_fields__
    return CallFigures(**{name: None if name.endswith("percentiles_us") else 0 for name in fields})  # type: ignore[arg-type]


def make_agent(name: str, group: str, busy_share: float = 0.5, **changes: Any) -> AgentFigures:
    """Return an agent who was there all the time, ready for half an hour of it, and so busy in that."""
    agent = AgentFigures(
        agent=name,
        group=group,
        present_us=LENGTH_US,
        ready_us=LENGTH_US // 2,
        offered_us=0,
        talk_us=round(LENGTH_US // 2 * busy_share),
        wrap_up_us=0,
        busy_us=round(LENGTH_US // 2 * busy_share),
        answered=40,
        rejected=0,
        not_answered=0,
    )
    return msgspec.structs.replace(agent, **changes)


def make_run(number: int = 0, *, queues: dict[str, CallFigures] | None = None, **changes: Any) -> Replication:
    """Return a run of one queue `loans` with the calls of `make_calls`, and of a junior and two seniors."""
    of_queues = queues or {"loans": make_calls()}
    run = Replication(
        number=number,
        length_us=LENGTH_US,
        calls=next(iter(of_queues.values())),
        callers=dict(of_queues),
        queues={
            name: QueueFigures(calls=calls, length_integral_us=3 * LENGTH_US, length_max=7 + number)
            for name, calls in of_queues.items()
        },
        agents=(
            make_agent("junior", "junior", 0.8),
            make_agent("senior-1", "senior", 0.4),
            make_agent("senior-2", "senior", 0.6),
        ),
        balance=Balance(1, 99, 100, 0, 3 * LENGTH_US, 3 * LENGTH_US),
        discrimination=Discrimination(calls=100, sum_s=0.0, square_sum_s2=200.0, busy_periods=4, residue_s=0.0),
        series=None,
        commands=1000,
        events=2500,
        customers=120,
        event_hash=0xFEDCBA9876543210 + number,
    )
    return msgspec.structs.replace(run, **changes)


def make_series(queues: dict[str, float], slices: int = 6) -> Series:
    """Return a series in which each queue is as long as said in the first slice and twice as long in all later ones."""
    return Series(
        slice_us=LENGTH_US // slices,
        offered=(10,) * slices,
        waiting={name: (length, *[2 * length] * (slices - 1)) for name, length in queues.items()},
        present={"junior": (1.0,) * slices, "senior": (2.0,) * slices},
        busy={"junior": (0.5,) * slices, "senior": (1.5,) * slices},
        wait_mean_us=(None,) * slices,
    )


def make_callers(name: str = "loans", **changes: Any) -> Callers:
    """Return callers of the queue `loans`, 30 an hour, served for three minutes."""
    callers = Callers(
        name=name,
        queue="loans",
        arrivals=PoissonArrivals((30 / 3600,)),
        handle_time=Distribution(Family.EXPONENTIAL, 3 * MINUTE_US),
    )
    return msgspec.structs.replace(callers, **changes)


def make_scenario(**changes: Any) -> Scenario:
    """Return a scenario that the runs above might be of."""
    scenario = Scenario(
        source="hotline.toml",
        settings=Settings(queues={"loans": QueueSettings()}),
        callers=(make_callers(),),
        agents=(AgentGroup(name="junior", count=1), AgentGroup(name="senior", count=2)),
        length_us=LENGTH_US,
        replications=3,
        seed=7,
    )
    return msgspec.structs.replace(scenario, **changes)
