"""The meters against what the engine itself says, over random runs: counts, states and times must agree exactly.

Method: each deadline is fired in a step of its own, so that nothing changes between steps, and the agents' time in each
state can be added up from the engine's views.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Availability, CallState, EngagementState
from router.server._native import Followers
from router.server.metrics import catalogue as m
from router.server.metrics.agent_meter import AgentMeter
from router.server.metrics.call_meter import CallMeter
from router.server.metrics.catalogue import Metric
from router.server.tally import Distribution
from tests.engine.choices import SeededChoices
from tests.engine.drive import world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import CommandSource, mix_of, next_time, restart_time
from tests.oracle import Oracle

KINDS = get_args(c.Command)
FINISHED = (CallState.COMPLETED, CallState.ABANDONED, CallState.REFUSED)
ENDED = (e.OfferAccepted, e.OfferRejected, e.OfferExpired, e.OfferWithdrawn)


class Meters:
    """The two meters, told of events as the server tells them."""

    def __init__(self, engine: Engine) -> None:
        self.calls = CallMeter(engine)
        self.agents = AgentMeter(engine)
        self._followers = Followers(engine, (self.calls.native, self.agents.native))

    def observe(self, command: c.Command) -> None:
        self._followers.observe("", KINDS.index(type(command)))

    def value(self, metric: Metric, *labels: str) -> float | Distribution:
        readings = [*self.calls.readings(), *self.agents.readings()]
        (values,) = [reading.values for reading in readings if reading.metric is metric]
        return dict(values)[labels]

    def values(self, metric: Metric) -> dict[tuple[str, ...], float | Distribution]:
        readings = [*self.calls.readings(), *self.agents.readings()]
        (values,) = [reading.values for reading in readings if reading.metric is metric]
        return dict(values)


def state_of(agent: object) -> str:
    """Return an agent's state from its view, by the words of the documentation."""
    if agent.engagements:  # type: ignore[attr-defined]
        return "busy"
    availability = agent.availability  # type: ignore[attr-defined]
    return {Availability.READY: "idle", Availability.SIGNED_OUT: "signed_out"}.get(availability, "not_ready")


class Expected:
    """What the metrics should say, from views and events alone."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.time_us = engine.time_us
        self.states = Counter(state_of(agent) for agent in engine.agents())
        self.agent_us: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.sums_us: Counter[tuple[str, str]] = Counter()
        self.queue_of_offer = {
            one.offer: one.queue
            for agent in engine.agents()
            for one in agent.engagements
            if one.state is EngagementState.OFFERED
        }

    def step(self, events: Sequence[e.Event]) -> None:
        engine = self.engine
        downtime_us = sum(event.downtime_us for event in events if isinstance(event, e.Restarted))
        passed_us = engine.time_us - self.time_us - downtime_us
        self.time_us = engine.time_us
        for state, agents in self.states.items():
            self.agent_us[state] += agents * passed_us
        self.states = Counter(state_of(agent) for agent in engine.agents())
        for event in events:
            self.count(event)
        configured = engine.settings.queues
        for counter in (self.counts, self.sums_us):
            for key in [key for key in counter if key[1] not in configured]:
                del counter[key]

    def count(self, event: e.Event) -> None:
        queue = getattr(event, "queue", "")
        if isinstance(event, e.OfferMade):
            self.queue_of_offer[event.offer] = queue
        elif isinstance(event, ENDED):
            queue = self.queue_of_offer.pop(event.offer)
        elif isinstance(event, e.CallOverflowed | e.CallTransferred):
            queue = event.from_queue
        self.counts[type(event).__name__, queue] += 1
        if isinstance(event, e.CallAssigned | e.CallAbandoned | e.CallRefused):
            self.sums_us[type(event).__name__, queue] += event.wait_us
        if isinstance(event, e.CallCompleted):
            self.sums_us["CallCompleted", queue] += event.handle_us
        if isinstance(event, e.CallAssigned):
            targets = self.engine.settings.queues[queue].target_us
            # the urgency is the call's own until it changes, which no event of a step with an assignment does
            urgency = self.engine.call(event.call).urgency.name.lower()
            target_us = getattr(targets, urgency)
            self.counts["met", queue] += event.wait_us <= target_us


def check(meters: Meters, expected: Expected) -> None:
    engine = expected.engine
    for state in ("idle", "busy", "not_ready", "signed_out"):
        assert meters.value(m.AGENTS, state) == expected.states[state]
    for state in ("idle", "busy", "not_ready"):
        assert meters.value(m.AGENT_SECONDS, state) == expected.agent_us[state] / 1_000_000
    engagements = [one for agent in engine.agents() for one in agent.engagements]
    assert meters.value(m.WRAP_UPS) == sum(one.state is EngagementState.WRAP_UP for one in engagements)
    live = [call for call in engine.calls() if call.state not in FINISHED]
    assert meters.value(m.CALLS_DETACHED) == sum(call.detached for call in live)
    for metric, kind in (
        (m.ENQUEUED, "CallEnqueued"),
        (m.TRANSFERRED, "CallTransferred"),
        (m.REQUEUED, "CallRequeued"),
        (m.OFFERS, "OfferMade"),
        (m.SERVICE_LEVEL_MET, "met"),
    ):
        found = {queue: count for (queue,), count in meters.values(metric).items()}
        assert found == {queue: expected.counts[kind, queue] for queue in engine.settings.queues}, metric.name
    for (queue, outcome), count in meters.values(m.OFFER_OUTCOMES).items():
        assert count == expected.counts[f"Offer{outcome.capitalize()}", queue]
    for queue in engine.settings.queues:
        overflowed = sum(n for (name, _), n in meters.values(m.OVERFLOWED).items() if name == queue)
        assert overflowed == expected.counts["CallOverflowed", queue]
        ended = 0
        for end, kind in (("answered", "CallAssigned"), ("abandoned", "CallAbandoned"), ("refused", "CallRefused")):
            wait = meters.value(m.WAIT, queue, end)
            assert isinstance(wait, Distribution)
            assert sum(wait.counts) == expected.counts[kind, queue]
            assert wait.total == expected.sums_us[kind, queue] / 1_000_000
            ended += sum(wait.counts)
        assert meters.value(m.SERVICE_LEVEL_CALLS, queue) == ended
        handle = meters.value(m.HANDLE, queue)
        assert isinstance(handle, Distribution)
        assert sum(handle.counts) == expected.counts["CallCompleted", queue]
        assert handle.total == expected.sums_us["CallCompleted", queue] / 1_000_000


class Run:
    """One random run, with meters that begin at the start and others that begin in its middle."""

    def __init__(self, seed: int) -> None:
        self.choices = SeededChoices(f"meters-{seed}")
        self.world = world_of(self.choices)
        chosen = settings(self.choices, self.world)
        self.oracle = Oracle(chosen, time_us=0)
        self.engine = Engine(chosen, time_us=0)
        self.mix = mix_of(self.choices) if self.choices.chance(70) else None
        self.sides = [(Meters(self.engine), Expected(self.engine))]
        self.kinds: Counter[str] = Counter()

    def go(self, commands: int) -> None:
        for number in range(commands):
            if number == commands // 2:
                self.sides.append((Meters(self.engine), Expected(self.engine)))
            if self.choices.chance(4):
                self.apply(c.Restart(), restart_time(self.choices, self.oracle))
                continue
            time_us = next_time(self.choices, self.oracle)
            while (deadline_us := self.engine.next_deadline()) is not None and deadline_us <= time_us:
                self.apply(c.Advance(), deadline_us)
            self.apply(CommandSource(self.choices, self.world, self.oracle, self.mix).command(), time_us)

    def apply(self, command: c.Command, time_us: int) -> None:
        self.oracle.apply(command, time_us)
        events = self.engine.apply(command, time_us)
        self.kinds.update(type(event).__name__ for event in events)
        for meters, expected in self.sides:
            meters.observe(command)
            meters.agents.count_to(self.engine.time_us)
            expected.step(events)
            check(meters, expected)


def test_the_meters_agree_with_the_engine() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(16):
        run = Run(seed)
        run.go(90)
        kinds += run.kinds
    # everything that is counted has happened
    for kind in (e.CallAssigned, e.CallDetached, e.CallRefused, e.Configured, e.Restarted, e.WrapUpEnded, *ENDED):
        assert kinds[kind.__name__] > 0, kind
