"""Centres for single decisions: agents who wait for calls, or calls that wait for agents.

Each decision leaves the classes as it found them, so that all of them decide about the same thing; what was decided is
checked by definition, on the names in the events.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from bench import workloads
from router import (
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    CallState,
    Cancel,
    Command,
    Complete,
    Engine,
    Enqueue,
    Event,
    OfferMade,
)

STEP_US = 1_000
"""Engine time between commands."""

BUSY_AGENTS = 2_000
OUTCOMES_PER_AGENT = 3


@dataclass(frozen=True)
class Shape:
    """What a centre is like, apart from its size."""

    profiles: int = 50
    requirements: int = 50
    preset: str = "balanced"
    explain: bool = False
    own: bool = False
    """Each call says what it demands; else its queue does."""


class Decision(NamedTuple):
    """What one decision took, by the clock, the pairs that were weighed for it, and who was given to whom."""

    elapsed_ns: int
    candidates: int
    call: str
    agent: str


class Centre:
    """An engine with agents, and a clock that moves a little with each command."""

    def __init__(self, agents: int, shape: Shape) -> None:
        self.shape = shape
        self.agents = agents
        self.population = workloads.population(profile_count=shape.profiles, requirement_count=shape.requirements)
        self.time_us = workloads.DAY_START_US
        self.engine = Engine(workloads.queue_per_requirement(self.population, shape.preset), time_us=self.time_us)
        self.skills = {one.agent: dict(one.skills) for one in workloads.sign_ins(self.population, agents)}
        self.calls_made = 0
        self.demand: dict[str, int] = {}
        for command in workloads.sign_ins(self.population, agents):
            self.apply(command)
        if shape.preset == "balanced":  # who weighs efficiency has learned some
            queues = len(self.population.requirements)
            for outcome in workloads.outcomes(agents, OUTCOMES_PER_AGENT):
                queue = workloads.queue_name(int(str(outcome.queue).removeprefix("queue-")) % queues)
                self.apply(msgspec.structs.replace(outcome, queue=queue))

    def apply(self, command: Command) -> list[Event]:
        self.time_us += STEP_US
        return self.engine.apply(command, self.time_us)

    def call(self, number: int) -> Enqueue:
        """Return the next call, with the requirement of that number."""
        self.calls_made += 1
        _, requirement = self.population.requirements[number]
        name = f"call-{self.calls_made:07}"
        self.demand[name] = number
        wanted = requirement if self.shape.own else None
        return Enqueue(name, workloads.queue_name(number), requirement=wanted, explain=self.shape.explain)

    def timed(self, command: Command) -> tuple[Decision, list[Event]]:
        """Apply a command that brings one assignment, and check it."""
        self.time_us += STEP_US
        time_us, apply = self.time_us, self.engine.apply
        before = self.engine.statistics().candidates
        start_ns = time.perf_counter_ns()
        events = apply(command, time_us)
        elapsed_ns = time.perf_counter_ns() - start_ns
        weighed = self.engine.statistics().candidates - before
        (made,) = (event for event in events if isinstance(event, CallAssigned))
        _, requirement = self.population.requirements[self.demand[made.call]]
        assert workloads.satisfies(self.skills[made.agent], requirement)
        assert not any(isinstance(event, OfferMade) for event in events)
        if self.shape.explain:
            assert self.engine.decisions(made.call)[-1].winner.agent == made.agent
        return Decision(elapsed_ns, weighed, made.call, made.agent), events


class IdleCentre(Centre):
    """All agents are idle; a call comes and is given the best of them at once."""

    def decide(self) -> Decision:
        decision, events = self.timed(self.call(self.calls_made % len(self.population.requirements)))
        assert [type(event) for event in events] == [CallEnqueued, CallAssigned]
        self.apply(Complete(decision.call))
        del self.demand[decision.call]
        return decision


class BusyCentre(Centre):
    """All agents talk and calls wait; an agent becomes free and is given the best of them at once."""

    def __init__(self, waiting: int, shape: Shape) -> None:
        super().__init__(min(BUSY_AGENTS, waiting * 10), shape)
        self.draw = random.Random(3)
        talking: list[CallAssigned] = []
        classes = len(self.population.requirements)
        while len(talking) < self.agents * 9 // 10 or self.waiting() < waiting:
            for _ in range(max(1, min(500, waiting // 10))):
                events = self.apply(self.call(self.calls_made % classes))
                talking += [event for event in events if isinstance(event, CallAssigned)]
        names = [view.call for view in self.engine.calls() if view.state is CallState.WAITING]
        for name in self.draw.sample(names, len(names) - waiting):
            self.apply(Cancel(name))
        # Whoever can serve one of the classes that wait; so it stays, since every class keeps its size.
        self.talking = [made.call for made in talking if self.engine.would_take(made.agent) is not None]

    def waiting(self) -> int:
        return sum(view.waiting for view in self.engine.queues())

    def decide(self) -> Decision:
        place = self.draw.randrange(len(self.talking))
        done = self.talking[place]
        decision, events = self.timed(Complete(done))
        assert [type(event) for event in events] == [CallCompleted, CallAssigned]
        self.talking[place] = decision.call
        del self.demand[done]
        self.apply(self.call(self.demand[decision.call]))  # another of the class that was served
        return decision
