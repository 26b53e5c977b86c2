"""The two situations a router is in: agents wait for calls, or calls wait for agents.

Each round of a scenario leaves the same classes behind that it found, so rounds measure the same thing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import router
from bench import workloads
from router import CallAssigned, Complete, Engine, Enqueue, Event

Timed = list[tuple[int, router.Command]]

STEP_US = 1_000
"""Engine time between commands."""

BUSY_AGENTS = 2_000
OUTCOMES_PER_AGENT = 3


@dataclass(frozen=True)
class Measurement:
    """What one batch of commands cost, in counted work and in processor time, which knows no other processes."""

    decisions: int
    candidates: int
    classes: int
    affinity_pairs: int
    barred: int
    elapsed_ns: int

    def __add__(self, other: Measurement) -> Measurement:
        return Measurement(
            self.decisions + other.decisions,
            self.candidates + other.candidates,
            self.classes + other.classes,
            self.affinity_pairs + other.affinity_pairs,
            self.barred + other.barred,
            self.elapsed_ns + other.elapsed_ns,
        )

    @property
    def candidates_per_decision(self) -> float:
        return self.candidates / self.decisions

    @property
    def ns_per_decision(self) -> float:
        return self.elapsed_ns / self.decisions

    @property
    def bound(self) -> int:
        """Candidates may never be more than this."""
        return self.classes + self.affinity_pairs + self.barred


def measure(engine: Engine, commands: Timed) -> tuple[Measurement, list[Event]]:
    """Apply the commands in one batch, and count and time what that took."""
    before = engine.statistics()
    start_ns = time.thread_time_ns()
    events = engine.apply_many(commands)
    elapsed_ns = time.thread_time_ns() - start_ns
    after = engine.statistics()
    return (
        Measurement(
            after.decisions - before.decisions,
            after.candidates - before.candidates,
            after.classes - before.classes,
            after.affinity_pairs - before.affinity_pairs,
            after.barred - before.barred,
            elapsed_ns,
        ),
        events,
    )


class Scenario:
    """An engine with a population, and a clock that moves a little with each command."""

    def __init__(self, agents: int, settings: router.Settings) -> None:
        self.population = workloads.population()
        self.agents = agents
        self.time_us = workloads.DAY_START_US
        self.engine = Engine(settings, time_us=self.time_us)
        self.skills = {sign_in.agent: dict(sign_in.skills) for sign_in in workloads.sign_ins(self.population, agents)}
        self.enqueued: dict[str, Enqueue] = {}
        self.assignments: list[CallAssigned] = []
        self.calls_made = 0
        self.apply(workloads.sign_ins(self.population, agents))
        self.apply(workloads.outcomes(agents, OUTCOMES_PER_AGENT))

    def at(self, commands: Sequence[router.Command]) -> Timed:
        """Give each command the next moment."""
        start_us = self.time_us
        self.time_us += STEP_US * len(commands)
        return [(start_us + STEP_US * number, command) for number, command in enumerate(commands, 1)]

    def apply(self, commands: object) -> list[Event]:
        """Apply commands that are not measured."""
        return self.engine.apply_many(self.at(list(commands)))  # type: ignore[call-overload]

    def next_calls(self, count: int) -> list[Enqueue]:
        calls = list(workloads.calls(self.population, count, self.agents, seed=self.calls_made, first=self.calls_made))
        self.calls_made += count
        self.enqueued.update((call.call, call) for call in calls)
        return calls

    def check(self, events: list[Event], expected: int) -> list[CallAssigned]:
        """Check a batch's assignments by definition: as many as expected, each call once, each agent able and free."""
        made = [event for event in events if isinstance(event, CallAssigned)]
        assert len(made) == expected
        assert len({event.call for event in made}) == expected
        assert len({event.agent for event in made}) == expected
        for event in made:
            requirement = self.enqueued[event.call].requirement
            assert requirement is not None
            assert workloads.satisfies(self.skills[event.agent], requirement)
        assert not any(isinstance(event, router.CommandRejected) for event in events)
        return made


class IdleAgents(Scenario):
    """All agents are idle; calls arrive and each is given the best agent at once."""

    def __init__(self, agents: int) -> None:
        super().__init__(agents, workloads.settings())

    def round(self, count: int) -> tuple[Timed, Callable[[list[Event]], None]]:
        """Return the commands to be measured and what checks and undoes them."""

        def finish(events: list[Event]) -> None:
            self.assignments = self.check(events, count)
            self.apply([Complete(event.call) for event in self.assignments])

        return self.at(self.next_calls(count)), finish


class WaitingCalls(Scenario):
    """All agents talk and calls wait; agents become free and each is given the best call at once."""

    def __init__(self, waiting: int) -> None:
        super().__init__(BUSY_AGENTS, workloads.settings())
        self.draw = random.Random(3)
        self.talking: list[str] = []
        while len(self.talking) < BUSY_AGENTS * 9 // 10 or self.waiting_total() < waiting:
            events = self.apply(self.next_calls(500))
            self.talking += [event.call for event in events if isinstance(event, CallAssigned)]

    def waiting_total(self) -> int:
        return sum(view.waiting for view in self.engine.queues())

    def round(self, count: int) -> tuple[Timed, Callable[[list[Event]], None]]:
        """Return the commands to be measured and what checks and undoes them."""
        self.draw.shuffle(self.talking)
        done, self.talking = self.talking[:count], self.talking[count:]

        def finish(events: list[Event]) -> None:
            self.assignments = self.check(events, count)
            self.talking += [event.call for event in self.assignments]
            self.apply([self._same_again(event.call) for event in self.assignments])

        return self.at([Complete(call) for call in done]), finish

    def _same_again(self, call: str) -> Enqueue:
        """Enqueue another call of the class that was just served, so that every class keeps its size."""
        gone = self.enqueued[call]
        self.calls_made += 1
        again = Enqueue(
            f"again-{self.calls_made:07}",
            gone.queue,
            requirement=gone.requirement,
            priority=gone.priority,
            preferred_agents=gone.preferred_agents,
        )
        self.enqueued[again.call] = again
        return again
