"""The native counts against a reference in plain Python, over random runs: every reading must be equal after each step.

Method: deadlines fire together with the command that comes after them, so that what a command changes may be another
thing than what its first events were about; and counts that begin in the middle of a run are held to it as well.
"""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import ByUrgency, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import RejectReason, Urgency, WrapUpMode
from router.server._native import AgentCounts, CallCounts, CommandCounts, Followers
from router.server.metrics import catalogue as m
from router.server.metrics.agent_meter import AgentMeter
from router.server.metrics.call_meter import CallMeter
from router.server.metrics.catalogue import Metric, Reading
from router.server.metrics.command_meter import COMMAND_NAMES, CommandMeter
from router.server.tally import ENGINE_BOUNDS, PER_SECOND_NS, Buckets, Distribution
from tests.engine.choices import SeededChoices
from tests.engine.drive import draw_operation, world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import mix_of
from tests.engine.lockstep import Apply, ApplyRequest
from tests.oracle import Oracle
from tests.server.metrics.reference_meters import Reference

KINDS = get_args(c.Command)
PLACES = {kind: place for place, kind in enumerate(KINDS)}
OUTCOMES = ("done", "rejected", "repeated")
S = 1_000_000
AUTOMATIC = QueueSettings(
    automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, 10 * S), target_us=ByUrgency(20 * S, 20 * S, 5 * S)
)


class Side:
    """The native counts and the reference, both begun at one moment."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reference = Reference(engine)
        self.calls = CallMeter(engine)
        self.agents = AgentMeter(engine)
        self.commands = CommandMeter()
        self.followers = Followers(engine)
        for follower in (self.calls.native, self.agents.native, self.commands.native):
            self.followers.append(follower)

    def observe(self, command: c.Command, events: list[e.Event]) -> None:
        self.followers.observe("pbx", PLACES[type(command)])
        self.reference.observe(command, events)

    def repeated(self, command: c.Command) -> None:
        self.commands.repeated(command)
        self.reference.repeated(command)

    def check(self, *, is_reading: bool) -> None:
        assert plain(self.calls.readings()) == plain(self.reference.calls.readings())
        if is_reading:
            # to read is to count the time until now, which must not matter to what comes
            self.agents.count_to(self.engine.time_us)
            self.reference.agents.count_to(self.engine.time_us)
            assert plain(self.agents.readings()) == plain(self.reference.agents.readings())
        found = plain(self.commands.readings())
        for kind, name in COMMAND_NAMES.items():
            for outcome in OUTCOMES:
                assert found[m.COMMANDS][name, outcome] == self.reference.outcomes[kind, outcome], (name, outcome)
        assert found[m.REJECTIONS] == {(reason.name,): self.reference.rejections[reason] for reason in RejectReason}


def plain(readings: object) -> dict[Metric, dict[tuple[str, ...], float | Distribution]]:
    return {reading.metric: dict(reading.values) for reading in readings}  # type: ignore[attr-defined]


class Run:
    """One random run, with sides that begin at the start, after a restore, in the middle and late."""

    def __init__(self, seed: int) -> None:
        self.choices = SeededChoices(f"native-counts-{seed}")
        self.world = world_of(self.choices)
        chosen = settings(self.choices, self.world)
        self.oracle = Oracle(chosen, time_us=0)
        self.engine = Engine(chosen, time_us=0)
        self.mix = mix_of(self.choices) if self.choices.chance(70) else None
        self.sides = [Side(self.engine)]
        self.kinds: Counter[str] = Counter()

    def go(self, operations: int) -> None:
        for number in range(operations):
            if number in (operations // 2, operations * 3 // 4):
                self.sides.append(Side(self.engine))
            if number == operations // 4:
                # calls may have other numbers from here on
                self.engine = Engine.restore(self.engine.snapshot())
                self.sides = [Side(self.engine)]
            operation = draw_operation(self.choices, self.world, self.oracle, self.mix)
            if isinstance(operation, Apply | ApplyRequest) and operation.time_us >= self.engine.time_us:
                self.step(operation)

    def step(self, operation: Apply | ApplyRequest) -> None:
        command, time_us = operation.command, operation.time_us
        if isinstance(operation, ApplyRequest):
            request = {"client": operation.client, "request_id": operation.request_id, "content": b"as ever."}
            self.oracle.apply_request(command, time_us, **request)
            result, events = self.engine.apply_request(command, time_us, **request)
            if result.repeated:
                for side in self.sides:
                    side.repeated(command)
                return
        else:
            self.oracle.apply(command, time_us)
            events = self.engine.apply(command, time_us)
        self.kinds.update(type(event).__name__ for event in events)
        is_reading = self.choices.chance(30)
        for side in self.sides:
            side.observe(command, events)
            side.check(is_reading=is_reading)


def test_the_native_counts_agree_with_the_reference() -> None:
    kinds: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for seed in range(20):
        run = Run(seed)
        run.go(120)
        kinds += run.kinds
        for (_, outcome), count in run.sides[0].reference.outcomes.items():
            outcomes[outcome] += count
    # everything that is counted has happened
    counted = (*Reference(Engine()).calls.acts(), *Reference(Engine()).agents.acts())
    assert not [kind.__name__ for kind in counted if not kinds[kind.__name__]]
    assert all(outcomes[outcome] > 0 for outcome in OUTCOMES)


def reading_of(meter: CallMeter | AgentMeter | CommandMeter, metric: Metric) -> dict[tuple[str, ...], object]:
    readings: list[Reading] = [reading for reading in meter.readings() if reading.metric is metric]
    return dict(readings[0].values)


def told(engine: Engine, meter: CallMeter | AgentMeter | CommandMeter, command: c.Command, time_us: int) -> None:
    followers = Followers(engine)
    followers.append(meter.native)
    engine.apply(command, time_us)
    followers.observe("", PLACES[type(command)])


def test_a_change_of_urgency_does_not_reach_back() -> None:
    """A deadline assigns the call while it is normal; the command of the same step makes it urgent."""
    engine = Engine(Settings(queues={"a": AUTOMATIC}), time_us=0)
    meter = CallMeter(engine)
    told(engine, meter, c.SignIn("ada"), 0)
    told(engine, meter, c.Enqueue("first", "a"), 0)
    told(engine, meter, c.Enqueue("second", "a"), 0)
    told(engine, meter, c.Complete("first"), 1 * S)
    # the wrap-up ends at 11 s, which assigns the second call: in time for a normal one, too late for an urgent one
    told(engine, meter, c.UpdateCall("second", urgency=Urgency.URGENT), 12 * S)
    assert engine.call("second").urgency is Urgency.URGENT
    assert reading_of(meter, m.SERVICE_LEVEL_MET) == {("a",): 2}


def test_a_removed_queue_is_forgotten_and_begins_anew() -> None:
    both = Settings(queues={"a": QueueSettings(), "b": QueueSettings()})
    engine = Engine(both, time_us=0)
    meter = CallMeter(engine)
    told(engine, meter, c.Enqueue("one", "b"), 0)
    told(engine, meter, c.Cancel("one"), 1 * S)
    assert reading_of(meter, m.ENQUEUED) == {("a",): 0, ("b",): 1}
    told(engine, meter, c.Configure(Settings(queues={"a": QueueSettings()})), 2 * S)
    assert reading_of(meter, m.ENQUEUED) == {("a",): 0}
    told(engine, meter, c.Configure(both), 3 * S)
    assert reading_of(meter, m.ENQUEUED) == {("a",): 0, ("b",): 0}


def test_sums_are_wider_than_64_bits() -> None:
    """Waits over as much engine time as there may be: their sum is beyond what 64 bits hold."""
    engine = Engine(Settings(queues={"a": QueueSettings()}), time_us=0)
    meter = CallMeter(engine)
    end_us = 1 << 61
    for number in range(9):
        told(engine, meter, c.Enqueue(f"c{number}", "a"), 0)
    for number in range(9):
        told(engine, meter, c.Cancel(f"c{number}"), end_us)
    wait = reading_of(meter, m.WAIT)["a", "abandoned"]
    assert isinstance(wait, Distribution)
    assert wait.total == 9 * end_us / S
    assert wait.counts[-1] == 9


def test_buckets_are_those_of_the_tally() -> None:
    meter = CommandMeter()
    expected = Buckets(ENGINE_BOUNDS, PER_SECOND_NS)
    for bound in ENGINE_BOUNDS:
        for value in (round(bound * PER_SECOND_NS) + by for by in (-1, 0, 1)):
            meter.decided(value)
            expected.add(value)
    assert reading_of(meter, m.APPLY)[()] == expected.distribution()


def test_what_makes_no_sense_is_refused() -> None:
    engine = Engine(Settings(), time_us=0)
    counts = CommandCounts(bounds=[1, 2])
    for kind in (len(KINDS), 255):
        with pytest.raises(Exception, match="COMMAND_KINDS"):
            counts.repeated(kind)
    with pytest.raises(OverflowError):
        counts.repeated(256)
    for bounds in ([], [1, 1], [2, 1]):
        with pytest.raises(Exception, match="values"):
            CommandCounts(bounds=bounds)
        with pytest.raises(Exception, match="values"):
            CallCounts(engine, wait_bounds=bounds, handle_bounds=[1])
    with pytest.raises(TypeError):
        AgentCounts(None)  # type: ignore[arg-type]
    assert len(counts.commands) == len(KINDS)
    assert all(set(outcomes) == {0} for outcomes in counts.commands)
