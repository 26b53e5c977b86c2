"""Goal: the native run of a recorded day is the reference replay, command by command and in its figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import PRESETS, with_preset
from router.engine.settings import Settings, WrapUp
from router.engine.vocabulary import NoAnswerAction, WrapUpMode
from router.simulation import (
    READERS,
    AgentBehaviour,
    DayPlan,
    DayPlanner,
    EventHash,
    Happening,
    Ledger,
    PlannedAgent,
    PlannedCall,
    Replay,
    ReplayError,
    plan_day,
    read_log,
    replay_settings,
    run_day,
)
from router.simulation.recorded.day_run import DaySimulation
from tests.simulation.logs import make_rows, recorded_data, write_log

SECOND = 1_000_000
# Hashes of the recorded days under seed 1, as the reference replay had them before there was a native one.
HASHES = {
    ("2014-03-12", "balanced"): "3909a32353da131d66597a0c3465bf33f68cc11449022c7ff01f3a9f1052c46d",
    ("2014-03-12", "fcfs-longest-idle"): "79ddeae6acbd0ef04573a22931c1055bd199c4bc5ac63b2709db4c5dfff353a2",
    ("2014-05-26", "balanced"): "1e481e99f878550f81fd4794c0dd2f592dcaecc25806ee9e7f0725376c7d37da",
    ("2014-05-26", "most-skilled"): "2388afc5b46d37714eff0c102e235a0a7887d35c521c634398e7661f90de420d",
}


def plan_of(folder: Path, seed: int = 1, calls: int = 150) -> DayPlan:
    log = read_log(write_log(folder / f"calls-{seed}.csv", make_rows(seed, calls)), READERS["vanad"])
    return plan_day(log, log.day(), seed=seed)


def refer(plan: DayPlan, rules: Settings, ring_us: int) -> tuple[list[Happening], Ledger, Replay]:
    replay = Replay(plan, rules, behaviour=AgentBehaviour(seed=plan.seed, ring_us=ring_us))
    ledger, happenings = Ledger(plan), []
    for happening in replay.run():
        ledger.observe(happening.time_us, happening.command, happening.events)
        happenings.append(happening)
    return happenings, ledger, replay


def check_same(plan: DayPlan, rules: Settings, ring_us: int = SECOND) -> None:
    wanted, ledger, replay = refer(plan, rules, ring_us)
    stepwise = DaySimulation(plan, rules, ring_us=ring_us, stepwise=True)
    for place, (ours, theirs) in enumerate(zip(stepwise.steps(), wanted, strict=True)):
        assert ours == theirs, place
    found = run_day(plan, rules, ring_us=ring_us)
    for result in (stepwise.result(), found):
        assert result.figures == ledger.figures()
        assert result.shifts == tuple(ledger.shifts())
        assert result.outcomes.waited_us.tolist() == ledger.outcomes().waited_us.tolist()
        assert result.outcomes.ends.tolist() == ledger.outcomes().ends.tolist()
        assert result.commands == replay.engine.sequence
        assert result.events == replay.event_hash.events
        assert result.engine == replay.statistics()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_day_under_every_preset(tmp_path: Path, preset: str) -> None:
    plan = plan_of(tmp_path)
    check_same(plan, with_preset(replay_settings(plan.types), preset))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    ring=st.sampled_from([0, 1, 3, 15, 19, 20, 25]),
    action=st.sampled_from(NoAnswerAction),
    wrap_up=st.sampled_from([WrapUp(), WrapUp(WrapUpMode.FIXED, 20 * SECOND), WrapUp(WrapUpMode.MANUAL, 60 * SECOND)]),
    automatic=st.booleans(),
    waiting_max=st.sampled_from([None, 0, 1, 3]),
)
def test_any_day_under_any_rules(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    ring: int,
    action: NoAnswerAction,
    wrap_up: WrapUp,
    automatic: bool,
    waiting_max: int | None,
) -> None:
    plan = plan_of(tmp_path_factory.mktemp("logs"), seed, calls=60)
    plain = replay_settings(plan.types)
    changes = {"no_answer_action": action, "wrap_up": wrap_up, "automatic": automatic, "waiting_max": waiting_max}
    queues = {name: msgspec.structs.replace(queue, **changes) for name, queue in plain.queues.items()}
    check_same(plan, msgspec.structs.replace(plain, queues=queues), ring * SECOND)


def test_what_falls_on_one_instant_keeps_its_order() -> None:
    """Calls of several types, agents who come and go and callers who give up, all at the same few seconds."""
    calls = tuple(
        PlannedCall(
            f"call-{n:05d}",
            str(n * 7 % 3),
            (n // 9) * 2 * SECOND,
            (n % 4) * SECOND,
            (n % 5) * SECOND if n % 3 else None,
        )
        for n in range(120)
    )
    agents = tuple(
        PlannedAgent(
            f"agent-{n}", (str(n % 3), str((n + 1) % 3)), (n % 4) * 2 * SECOND, (n % 4 + 6 + n % 5) * 2 * SECOND
        )
        for n in range(14)
    )
    plan = DayPlan("1970-01-01", 0, 1, 2, calls, agents)
    for ring_us in (0, SECOND, 2 * SECOND):
        check_same(plan, replay_settings(plan.types), ring_us)


def test_a_day_that_begins_before_its_midnight_and_one_without_agents() -> None:
    calls = (
        PlannedCall("early", "1", 5 * SECOND, SECOND, None),
        PlannedCall("late", "1", 50 * SECOND, SECOND, 9 * SECOND),
    )
    agent = PlannedAgent("ada", ("1",), 10 * SECOND, 30 * SECOND)
    rules = replay_settings(["1"])
    check_same(DayPlan("1970-01-01", 20 * SECOND, 1, 2, calls, (agent,)), rules)
    check_same(DayPlan("1970-01-01", 0, 1, 2, calls, ()), rules)
    check_same(DayPlan("1970-01-01", 0, 1, 2, (), (agent,)), rules)


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, calls=30)
    with pytest.raises(ValueError, match="lack queues of the day: type-0, type-1, type-2"):
        DaySimulation(plan, Settings())
    narrow = msgspec.structs.replace(replay_settings(plan.types), agents_max=3)
    for stepwise in (False, True):
        with pytest.raises(ReplayError, match="agents_max, 3"):
            run_day(plan, narrow, check=stepwise)


@pytest.mark.parametrize(("day", "preset"), HASHES)
def test_a_recorded_day_has_the_hash_it_always_had(day: str, preset: str) -> None:
    log = read_log(recorded_data(f"vanad_day_{day}.csv"), READERS["vanad"])
    plan = plan_day(log, log.day())
    event_hash = EventHash()
    for happening in DaySimulation(plan, with_preset(replay_settings(plan.types), preset), stepwise=True).steps():
        event_hash.update(happening.events)
    assert event_hash.hexdigest() == HASHES[day, preset]


@pytest.mark.long
def test_every_day_of_a_month_is_the_reference_in_every_command() -> None:
    log = read_log(recorded_data("calls_2014-05.csv.gz"), READERS["vanad"])
    planner = DayPlanner(log)
    wrap_up = WrapUp(WrapUpMode.FIXED, 20 * SECOND)
    for number, day in enumerate(log.days):
        plan = planner.plan(day, seed=number)
        rules = with_preset(replay_settings(plan.types), sorted(PRESETS)[number % len(PRESETS)])
        if number % 2:
            queues = {name: msgspec.structs.replace(queue, wrap_up=wrap_up) for name, queue in rules.queues.items()}
            rules = msgspec.structs.replace(rules, queues=queues)
        check_same(plan, rules, number % 4 * SECOND)
