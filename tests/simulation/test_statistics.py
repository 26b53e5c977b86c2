"""Goal: every figure of a run is what its definition says, whatever happens in the run.

Method: runs of varied scenarios, step by step; `recount` counts again from their commands and events, and all is
compared: what is whole exactly, percentiles to 0.1 %, the rest but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import (
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, Urgency, WrapUpMode
from router.simulation._native import Run
from router.simulation.results import CallFigures, Happening, Replication
from router.simulation.scenario.model import (
    AgentGroup,
    Callers,
    Distribution,
    Ending,
    Family,
    HuntedAgent,
    Hunting,
    LineOrder,
    PoissonArrivals,
    Redial,
    RenewalArrivals,
    Scenario,
    ShiftEnd,
)
from tests.simulation.recount import recount

TOLERANCE = 1e-9


def exponential(mean_s: float) -> Distribution:
    return Distribution(Family.EXPONENTIAL, int(mean_s * SECOND_US))


def constant(mean_s: float) -> Distribution:
    return Distribution(Family.DETERMINISTIC, int(mean_s * SECOND_US))


def demanding(skill: str, level: int = 1) -> Requirement:
    return Requirement(steps=(Step(terms=(SkillTerm(skill, level),)),))


def one_line(**changes: Any) -> Scenario:
    """Return M/M/1 with ρ = 0.8, with a warm-up."""
    settings = Settings(queues={"line": QueueSettings(automatic=True)})
    callers = Callers(name="people", queue="line", arrivals=PoissonArrivals((0.8,)), handle_time=exponential(1))
    return msgspec.structs.replace(
        Scenario(
            source="test",
            settings=settings,
            callers=(callers,),
            agents=(AgentGroup(name="agent", count=1),),
            length_us=1_000 * SECOND_US,
            warm_up_us=100 * SECOND_US,
        ),
        **changes,
    )


def in_step() -> Scenario:
    """Return a queue in which calls come and go at the very same instants, also at both ends of the measured time."""
    base = one_line(length_us=100 * SECOND_US, warm_up_us=10 * SECOND_US)
    target = ByUrgency(SECOND_US, SECOND_US, SECOND_US)
    queue = QueueSettings(target_us=target, automatic=True, wait_max_us=2 * SECOND_US, waiting_max=3)
    people = msgspec.structs.replace(base.callers[0], handle_time=constant(2), patience=constant(2))
    return msgspec.structs.replace(
        base,
        settings=Settings(queues={"line": queue}),
        callers=(msgspec.structs.replace(people, arrivals=RenewalArrivals(constant(1))),),
        agents=(AgentGroup(name="agent", count=1, staffing=(1, 0, 1), staffing_period_us=20 * SECOND_US),),
    )


def often_empty() -> Scenario:
    """Return a queue where nobody can wait, and whose agent is away now and then: calls are turned away from nobody."""
    base = in_step()
    people = msgspec.structs.replace(base.callers[0], handle_time=exponential(0.7))
    queue = QueueSettings(automatic=True, waiting_max=0)
    return msgspec.structs.replace(base, settings=Settings(queues={"line": queue}), callers=(people,))


LOANS = QueueSettings(
    requirement=demanding("loans"),
    target_us=ByUrgency(20 * SECOND_US, 30 * SECOND_US, 5 * SECOND_US),
    offer_timeout_us=8 * SECOND_US,
    reject_backoff_us=10 * SECOND_US,
    wrap_up=WrapUp(WrapUpMode.MANUAL, 40 * SECOND_US),
    waiting_max=6,
    overflow="help",
    call_weights=CallWeights(priority=5_000, age=1_000),
)
HELP = QueueSettings(
    requirement=Requirement(
        steps=(Step(terms=(SkillTerm("help", 3),)), Step(terms=(SkillTerm("help"),), after_us=25 * SECOND_US))
    ),
    no_answer_action=NoAnswerAction.KEEP_READY,
    offer_timeout_us=5 * SECOND_US,
    wait_max_us=90 * SECOND_US,
    waiting_max=8,
    wrap_up=WrapUp(WrapUpMode.FIXED, 7 * SECOND_US),
    last_agent_preferred=True,
    last_agent_hold_us=5 * SECOND_US,
    overflow="chat",
)
CHAT = QueueSettings(automatic=True, waiting_max=10, wrap_up=WrapUp(WrapUpMode.FIXED, 2 * SECOND_US))


def busy_day(**changes: Any) -> Scenario:
    """Return a small centre with everything on: more calls than it can serve, and all that can happen to them."""
    settings = Settings(
        queues={"loans": LOANS, "help": HELP, "chat": CHAT},
        channels={"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)},
        finished_retention_us=1,
    )
    common: dict[str, Any] = {
        "patience": exponential(60),
        "skill": "loans",
        "resolution_by_level": ((0, 0.4), (5, 0.8)),
        "satisfaction_by_wait": ((0, 4.6), (15 * SECOND_US, 3.3), (40 * SECOND_US, 1.5)),
        "redial_unresolved": Redial(0.7, exponential(60), 2),
        "redial_abandoned": Redial(0.6, exponential(30)),
    }
    callers = (
        Callers(
            name="borrowers", queue="loans", arrivals=PoissonArrivals((0.06, 0.12, 0.03), 5 * MINUTE_US),
            handle_time=Distribution(Family.LOGNORMAL, 40 * SECOND_US, 0.8), wrap_up=exponential(12), **common,
        ),
        Callers(
            name="urgent borrowers", queue="loans", urgency=Urgency.URGENT, arrivals=PoissonArrivals((0.015,)),
            handle_time=exponential(45), wrap_up=exponential(12), **common,
        ),
        Callers(
            name="important people", queue="help", priority=7, requirement=demanding("help", 5),
            arrivals=PoissonArrivals((0.02,)), handle_time=Distribution(Family.GAMMA, 30 * SECOND_US, 0.6),
            customers=5, known=True, **common,
        ),
        Callers(
            name="people", queue="help", arrivals=PoissonArrivals((0.08,)), handle_time=exponential(30),
            customers=40, known=True, **common,
        ),
        Callers(
            name="demanding people", queue="help", requirement=demanding("help", 2), arrivals=PoissonArrivals((0.03,)),
            handle_time=exponential(30), **common,
        ),
        Callers(
            name="typists", queue="chat", channel="chat", arrivals=PoissonArrivals((0.1,)),
            handle_time=Distribution(Family.UNIFORM, 60 * SECOND_US, 0.4), **common,
        ),
    )  # fmt: skip
    agents = (
        AgentGroup(
            name="junior", count=4, skills={"loans": 2, "help": 2}, ring=exponential(3), reject=0.1,
            reject_after=constant(2), no_answer=0.1, return_after=constant(20), staffing=(4, 2, 3),
            staffing_period_us=3 * MINUTE_US, at_shift_end=ShiftEnd.REQUEUE,
        ),
        AgentGroup(
            name="senior", count=3, skills={"loans": 8, "help": 6}, handle_factor=0.8, ring=constant(1),
            capacity={"voice": 1, "chat": 3}, staffing=(2, 3), staffing_period_us=4 * MINUTE_US,
            at_shift_end=ShiftEnd.CUT,
        ),
        AgentGroup(
            name="writer", count=2, capacity={"chat": 3}, staffing=(1, 2), staffing_period_us=2 * MINUTE_US,
            at_shift_end=ShiftEnd.FINISH,
        ),
    )  # fmt: skip
    return msgspec.structs.replace(
        Scenario(
            source="test",
            settings=settings,
            callers=callers,
            agents=agents,
            length_us=HOUR_US,
            warm_up_us=7 * MINUTE_US,
        ),
        **changes,
    )


def quiet_day() -> Scenario:
    """Return the busy day with few calls, so that nobody is there now and then."""
    day = busy_day(length_us=4 * HOUR_US)
    callers = [
        msgspec.structs.replace(one, arrivals=PoissonArrivals((0.004,)), patience=exponential(300))
        for one in day.callers
    ]
    return msgspec.structs.replace(day, callers=tuple(callers))


SCENARIOS = {
    "one line": one_line(),
    "one line, cut": one_line(ending=Ending.CUT, warm_up_us=0),
    "all at the same instants": in_step(),
    "all at the same instants, cut": msgspec.structs.replace(in_step(), ending=Ending.CUT),
    "often empty": often_empty(),
    "busy day": busy_day(),
    "busy day, cut": busy_day(ending=Ending.CUT, seed=2),
    "quiet day": quiet_day(),
    "hunting, first come": busy_day(hunting=Hunting()),
    "hunting, last come": busy_day(hunting=Hunting(LineOrder.LAST_COME, HuntedAgent.RANDOM), length_us=HOUR_US // 2),
    "hunting, at random": busy_day(hunting=Hunting(LineOrder.RANDOM), length_us=HOUR_US // 2, ending=Ending.CUT),
}


def happenings_of(run: Run) -> Iterator[Happening]:
    while (step := run.step()) is not None:
        yield Happening(*step)


@pytest.fixture(scope="module", params=SCENARIOS)
def counted_twice(request: pytest.FixtureRequest) -> tuple[Replication, Replication]:
    scenario = SCENARIOS[request.param]
    run = Run(scenario, 0, named=True, slices=7)
    happenings = list(happenings_of(run))
    found = run.replication()
    return found, recount(scenario, happenings, found)


def test_calls(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.calls.offered > 50
    assert_same_calls(found.calls, expected.calls)
    assert found.callers.keys() == expected.callers.keys()
    for name in expected.callers:
        assert_same_calls(found.callers[name], expected.callers[name])


def test_queues(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.queues.keys() == expected.queues.keys()
    for name, queue in expected.queues.items():
        assert_same_calls(found.queues[name].calls, queue.calls)
        assert found.queues[name].length_integral_us == queue.length_integral_us
        assert found.queues[name].length_max == queue.length_max


def test_agents(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.agents == expected.agents


def test_balance(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.balance == expected.balance
    assert found.balance.length_integral_us == found.balance.waited_us
    assert found.balance.waiting_at_start + found.balance.entered == found.balance.left + found.balance.waiting_at_end


def test_discrimination(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.discrimination.residue_s < 1e-6
    one, two = (msgspec.structs.asdict(counted.discrimination) for counted in counted_twice)
    assert {**one, "residue_s": 0} == pytest.approx({**two, "residue_s": 0}, rel=TOLERANCE, abs=TOLERANCE)
    assert expected.discrimination.calls > 0


def test_series(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert found.series is not None
    assert expected.series is not None
    assert found.series.offered == expected.series.offered
    assert sum(found.series.offered) == found.calls.offered
    assert found.series.slice_us == -(-found.length_us // 7)
    for name in ("waiting", "present", "busy"):
        one, two = getattr(found.series, name), getattr(expected.series, name)
        assert one.keys() == two.keys()
        for key in two:
            assert one[key] == pytest.approx(two[key], rel=TOLERANCE, abs=TOLERANCE)
    assert found.series.wait_mean_us == pytest.approx(expected.series.wait_mean_us, rel=TOLERANCE)


def test_numbers_of_things(counted_twice: tuple[Replication, Replication]) -> None:
    found, expected = counted_twice
    assert (found.commands, found.events, found.customers) == (expected.commands, expected.events, expected.customers)


def assert_same_calls(found: CallFigures, expected: CallFigures) -> None:
    one, two = msgspec.structs.asdict(found), msgspec.structs.asdict(expected)
    for name in ("wait_all_percentiles_us", "wait_served_percentiles_us"):
        assert one.pop(name) == pytest.approx(two.pop(name), rel=1e-3, abs=0)
    assert one == two
    ends = found.answered + found.abandoned + found.blocked + found.refused + found.unfinished
    assert ends == found.offered
    assert found.first_calls + found.redials == found.offered


def test_slips_equal_skips(counted_twice: tuple[Replication, Replication]) -> None:
    found, _ = counted_twice
    assert found.calls.slips == found.calls.skips
    assert found.calls.kin_slips == found.calls.kin_skips


def event_hash(scenario: Scenario) -> int:
    run = Run(scenario, 0)
    run.run()
    return run.event_hash


def test_the_event_hash_is_over_what_happens_and_not_over_names_or_what_is_measured() -> None:
    base = one_line()
    people = msgspec.structs.replace(base.callers[0], queue="row")
    renamed = msgspec.structs.replace(
        base,
        settings=Settings(queues={"row": base.settings.queues["line"]}),
        callers=(people,),
        agents=(AgentGroup(name="somebody", count=1),),
    )
    longer = msgspec.structs.replace(base, warm_up_us=0, length_us=base.warm_up_us + base.length_us)
    slower = msgspec.structs.replace(people, handle_time=exponential(1.00001))
    assert event_hash(renamed) == event_hash(longer) == event_hash(base)
    assert event_hash(msgspec.structs.replace(renamed, callers=(slower,))) != event_hash(base)
