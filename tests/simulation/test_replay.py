"""Goal: a replay is the same whatever the process and wherever it is put through a snapshot, fair, and complete.

Method: made-up days, real engine; the fairness checker watches every event.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import (
    Accept,
    Advance,
    CallAssigned,
    Complete,
    NoAnswerAction,
    OfferExpired,
    OfferRejected,
    QueueSettings,
    Settings,
    WrapUp,
    WrapUpMode,
)
from router.fairness import Checker, Report
from router.simulation import (
    READERS,
    AgentBehaviour,
    DayFigures,
    DayPlan,
    EventHash,
    Happening,
    Ledger,
    Replay,
    ReplayError,
    plan_day,
    read_log,
    replay_settings,
)
from tests.simulation.logs import REPOSITORY, make_rows, write_log


def plan_of(folder: Path, seed: int = 1, calls: int = 150) -> DayPlan:
    log = read_log(write_log(folder / f"calls-{seed}.csv", make_rows(seed, calls)), READERS["vanad"])
    return plan_day(log, log.day(), seed=seed)


def run(replay: Replay) -> tuple[list[Happening], DayFigures, Report]:
    ledger, checker = Ledger(replay.plan), Checker()
    happenings = []
    for happening in replay.run():
        ledger.observe(happening.time_us, happening.command, happening.events)
        checker.observe(happening.time_us, happening.command, happening.events)
        happenings.append(happening)
    return happenings, ledger.figures(), checker.report()


def change_queues(plan: DayPlan, **changes: object) -> Settings:
    plain = replay_settings(plan.types)
    queues = {name: msgspec.structs.replace(queue, **changes) for name, queue in plain.queues.items()}
    return msgspec.structs.replace(plain, queues=queues)


def test_every_call_comes_to_an_end_and_the_contract_holds(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    happenings, figures, report = run(Replay(plan, replay_settings(plan.types)))
    assert report.ok, report.summary()
    assert report.assignments > 100
    assert figures.calls.offered == len(plan.calls)
    assert figures.calls.answered + figures.calls.abandoned == figures.calls.offered
    assert figures.calls.abandoned > 0
    assert [happening.time_us for happening in happenings] == sorted(happening.time_us for happening in happenings)


def test_calls_are_answered_after_the_ring_and_last_as_planned(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    ring_us = 3_000_000
    handles = {call.call: call.handle_us for call in plan.calls}
    happenings, _, _ = run(Replay(plan, replay_settings(plan.types), behaviour=AgentBehaviour(ring_us=ring_us)))
    assigned: dict[str, int] = {}
    offered: dict[int, int] = {}
    for happening in happenings:
        for event in happening.events:
            name = type(event).__name__
            if name == "OfferMade":
                offered[event.offer] = event.time_us
            elif isinstance(event, CallAssigned):
                assert event.time_us == offered[event.offer] + ring_us
                assigned[event.call] = event.time_us
            elif name == "CallCompleted":
                assert event.time_us == assigned[event.call] + handles[event.call]
    assert assigned


def test_a_snapshot_at_any_point_changes_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, calls=40)
    behaviour = AgentBehaviour(seed=2, reject_ppm=150_000, ignore_ppm=100_000)
    settings_ = change_queues(
        plan, no_answer_action=NoAnswerAction.NOT_READY, wrap_up=WrapUp(WrapUpMode.FIXED, 7_000_000)
    )
    plain = Replay(plan, settings_, behaviour=behaviour)
    happenings, _, _ = run(plain)
    for number in range(1, len(happenings) + 1):
        restored = Replay(plan, settings_, behaviour=behaviour, restore_at=[number])
        for _ in restored.run():
            pass
        assert restored.event_hash.hexdigest() == plain.event_hash.hexdigest(), number
        assert restored.statistics() == plain.statistics()
    often = Replay(plan, settings_, behaviour=behaviour, restore_at=range(1, 10_000))
    assert [happening.events for happening in often.run()] == [happening.events for happening in happenings]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    reject=st.integers(0, 400_000),
    ignore=st.integers(0, 400_000),
    ring=st.integers(0, 25),
    action=st.sampled_from(NoAnswerAction),
    wrap_up=st.sampled_from([WrapUp(), WrapUp(WrapUpMode.FIXED, 20_000_000), WrapUp(WrapUpMode.MANUAL, 60_000_000)]),
    automatic=st.booleans(),
    data=st.data(),
)
def test_any_behaviour_leaves_no_rejection_and_no_violation(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    reject: int,
    ignore: int,
    ring: int,
    action: NoAnswerAction,
    wrap_up: WrapUp,
    automatic: bool,
    data: st.DataObject,
) -> None:
    plan = plan_of(tmp_path_factory.mktemp("logs"), seed, calls=60)
    rules = change_queues(plan, no_answer_action=action, wrap_up=wrap_up, automatic=automatic)
    behaviour = AgentBehaviour(seed=seed, reject_ppm=reject, ignore_ppm=ignore, ring_us=ring * 1_000_000)
    replay = Replay(plan, rules, behaviour=behaviour)
    happenings, figures, report = run(replay)
    assert report.ok, report.summary()
    calls = figures.calls
    assert calls.answered + calls.abandoned + calls.waiting == calls.offered
    cuts = data.draw(st.sets(st.integers(1, len(happenings)), max_size=3))
    again = Replay(plan, rules, behaviour=behaviour, restore_at=cuts)
    for _ in again.run():
        pass
    assert again.event_hash.hexdigest() == replay.event_hash.hexdigest()


def test_rejecting_and_ignoring_agents_really_do(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    behaviour = AgentBehaviour(reject_ppm=200_000, ignore_ppm=200_000)
    happenings, _, _ = run(Replay(plan, replay_settings(plan.types), behaviour=behaviour))
    kinds = [type(event) for happening in happenings for event in happening.events]
    assert kinds.count(OfferRejected) > 10
    assert kinds.count(OfferExpired) > 10


def test_an_answer_at_the_instant_of_expiry_is_too_late(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, calls=30)
    behaviour = AgentBehaviour(ring_us=QueueSettings().offer_timeout_us)
    happenings, figures, report = run(Replay(plan, replay_settings(plan.types), behaviour=behaviour))
    assert report.ok, report.summary()
    assert figures.calls.answered == 0
    assert any(type(event) is OfferExpired for happening in happenings for event in happening.events)


def test_the_hash_tells_plans_apart_and_is_of_the_events(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    replay = Replay(plan, replay_settings(plan.types))
    events = [event for happening in replay.run() for event in happening.events]
    expected = hashlib.sha256(b"skill-router events 1\n")
    for event in events:
        expected.update(msgspec.msgpack.encode(event))
    assert replay.event_hash.hexdigest() == expected.hexdigest()
    assert replay.event_hash.events == len(events)
    batched = EventHash()
    batched.update(events[:17])
    batched.update(events[17:])
    assert batched.hexdigest() == expected.hexdigest()
    other = EventHash()
    other.update([*events[:-1], msgspec.structs.replace(events[-1], time_us=events[-1].time_us + 1)])
    assert other.hexdigest() != expected.hexdigest()


def test_three_processes_agree(tmp_path: Path) -> None:
    path = write_log(tmp_path / "calls.csv", make_rows(8))
    program = (
        "import sys; from router.simulation import *\n"
        "log = read_log(sys.argv[1], READERS['vanad']); plan = plan_day(log, log.day())\n"
        "replay = Replay(plan, replay_settings(plan.types)); list(replay.run()); print(replay.event_hash.hexdigest())"
    )
    hashes = set()
    for hash_seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": hash_seed},
        )
        hashes.add(done.stdout.strip())
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_a_shifted_day_is_the_same_day_later(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    later = 123_456_789_000
    plain, _, _ = run(Replay(plan, replay_settings(plan.types)))
    shifted, _, _ = run(Replay(plan.shifted(later), replay_settings(plan.types)))
    assert [(one.time_us + later, one.command) for one in plain] == [(one.time_us, one.command) for one in shifted]
    assert [len(one.events) for one in plain] == [len(one.events) for one in shifted]


def test_deadlines_are_met_by_advancing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    wrap_up = WrapUp(WrapUpMode.FIXED, 12_345_678)
    happenings, _, _ = run(Replay(plan, change_queues(plan, wrap_up=wrap_up)))
    commands = [type(happening.command) for happening in happenings]
    assert commands.count(Complete) == commands.count(Accept)
    assert commands.count(Advance) >= 50


def test_settings_without_a_queue_of_the_day_are_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with pytest.raises(ValueError, match="lack queues of the day: type-0, type-2"):
        Replay(plan, Settings(queues={"type-1": QueueSettings()}))


def test_settings_too_small_for_the_day_are_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    narrow = msgspec.structs.replace(replay_settings(plan.types), agents_max=3)
    with pytest.raises(ReplayError, match="TOO_MANY_AGENTS"):
        list(Replay(plan, narrow).run())
