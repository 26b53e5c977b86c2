"""Is any single command linear in agents or calls? None may be, but for snapshot, configure, restart, audit.

Method: each command many times at two sizes, ten times apart. The median time at the larger size stays within a small
multiple of the median at the smaller (a linear command would take ten times as long). The worst times are shown.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import router
from bench import workloads
from bench.figures import note
from bench.scenarios import Scenario
from router import CallAssigned, CommandRejected, Enqueue, Event, OfferMade

SAMPLES = 200
LARGE = 10
RATIO_MAX = 4.0
FLOOR_NS = 3_000
"""Below this, a median is noise and cache misses, not growth."""

# agents, and calls waiting for those of them who talk
CENTRES = {"idle agents": (10_000, 0), "waiting calls": (1_000, 5_000)}


@dataclass
class Timings:
    """Times of one kind of command, and the events they brought."""

    times_ns: list[int] = field(default_factory=list)
    events: int = 0

    @property
    def median_ns(self) -> float:
        return statistics.median(self.times_ns)


class Centre(Scenario):
    """A centre with the offer step and manual wrap-up, so that every command has something to act on."""

    def __init__(self, agents: int, waiting: int) -> None:
        super().__init__(agents, workloads.offering(workloads.settings()))
        self.timings: dict[str, Timings] = {}
        self.talking: list[CallAssigned] = []
        while waiting and sum(view.waiting for view in self.engine.queues()) < waiting:
            self.take(self.apply(self.next_calls(500)))

    def take(self, events: list[Event]) -> None:
        """Let every offered agent accept."""
        for offer in events:
            if isinstance(offer, OfferMade):
                accepted = self.run(None, router.Accept(offer.offer))
                self.talking += [event for event in accepted if isinstance(event, CallAssigned)]

    def run(self, kind: str | None, command: router.Command) -> list[Event]:
        """Apply one command; time it under `kind`, if one is given."""
        ((time_us, _),) = self.at([command])
        start_ns = time.thread_time_ns()
        events = self.engine.apply(command, time_us)
        elapsed_ns = time.thread_time_ns() - start_ns
        assert not any(isinstance(event, CommandRejected) for event in events), events
        if kind is not None:
            self._note(kind, elapsed_ns, len(events))
        return events

    def query(self, kind: str, ask: Callable[[], object]) -> None:
        start_ns = time.thread_time_ns()
        answer = ask()
        self._note(kind, time.thread_time_ns() - start_ns, 1)
        assert answer is not None

    def _note(self, kind: str, elapsed_ns: int, events: int) -> None:
        timings = self.timings.setdefault(kind, Timings())
        timings.times_ns.append(elapsed_ns)
        timings.events += events

    def undo(self, events: list[Event]) -> None:
        """Withdraw what is still offered: the calls go, their agents are free again."""
        for event in events:
            if isinstance(event, OfferMade):
                self.run(None, router.Cancel(event.call))


def call_commands(centre: Centre, number: int) -> None:
    """A call's life, and every command that it can meet on the way."""
    (call,) = centre.next_calls(1)
    centre.run("Enqueue", call)
    centre.query("position", lambda: centre.engine.call(call.call))
    centre.query("position", lambda: centre.engine.position(call.call) or 0)
    centre.run("UpdateCall", router.UpdateCall(call.call, priority=(call.priority + 1) % 3))
    centre.run("TurnIntoCallback", router.TurnIntoCallback(call.call))
    centre.run("Detach", router.Detach(call.call))
    centre.run("Attach", router.Attach(call.call))
    other_queue = workloads.queue_name(number % workloads.QUEUES)
    moved = centre.run("Transfer", router.Transfer(call.call, other_queue, requirement=call.requirement))
    if any(isinstance(event, OfferMade) for event in moved):
        centre.run("Requeue", router.Requeue(call.call))
    centre.run("Cancel", router.Cancel(call.call))
    requirement = workloads.never_seen_requirement(centre.population, number)
    fresh = Enqueue(f"fresh-{number:07}", call.queue, requirement=requirement)
    centre.run("Enqueue, requirement never seen", fresh)
    centre.run("Cancel", router.Cancel(fresh.call))


def agent_commands(centre: Centre, number: int) -> None:
    """An agent's day: a fresh one with a known profile, and one with a profile of its own."""
    known = f"new-{number:04}"
    profile = dict(centre.population.profiles[number % workloads.PROFILES])
    centre.undo(centre.run("SignIn", router.SignIn(known, profile)))
    centre.run("SetAvailability, not ready", router.SetAvailability(known, ready=False))
    centre.undo(centre.run("SetAvailability, ready", router.SetAvailability(known, ready=True)))
    centre.undo(centre.run("UpdateAgent", router.UpdateAgent(known, skills={**profile, f"own-{number}": 5})))
    centre.run("SignOut", router.SignOut(known))
    unseen = f"unseen-{number:04}"
    skills = {**profile, f"unseen-{number}": 7}
    centre.undo(centre.run("SignIn, profile never seen", router.SignIn(unseen, skills)))
    centre.run("SignOut", router.SignOut(unseen))


def service_commands(centre: Centre, number: int) -> None:
    """What happens between an agent and a call."""
    if not centre.talking:
        centre.take(centre.apply(centre.next_calls(50)))
    talk = centre.talking.pop()
    centre.run("Complete", router.Complete(talk.call))
    offers = centre.run("EndWrapUp", router.EndWrapUp(talk.agent))
    centre.run("RecordOutcome", router.RecordOutcome(talk.call, satisfaction=4))
    offer = next((event for event in offers if isinstance(event, OfferMade)), None)
    if offer is None:
        return
    again = centre.run("Reject", router.Reject(offer.offer))
    for made in (event for event in again if isinstance(event, OfferMade)):
        accepted = centre.run("Accept", router.Accept(made.offer))
        centre.talking = [event for event in accepted if isinstance(event, CallAssigned)] + centre.talking


def supervisor_commands(centre: Centre, number: int) -> None:
    """What a supervisor does: stops and starts a queue that nobody free could serve, and forces an assignment."""
    queue = workloads.queue_name(number % workloads.QUEUES)
    centre.run("PauseQueue", router.PauseQueue(queue))
    centre.run("ResumeQueue", router.ResumeQueue(queue))
    agent = f"forced-{number:04}"
    centre.undo(centre.run("SignIn", router.SignIn(agent, {"forced": 1})))
    (call,) = centre.next_calls(1)
    centre.run("Enqueue", call)
    centre.run("Assign", router.Assign(call.call, agent))
    centre.run("Complete", router.Complete(call.call))
    centre.run("SignOut", router.SignOut(agent))


@pytest.mark.parametrize("name", CENTRES)
def test_no_command_is_linear(benchmark: BenchmarkFixture, name: str, quick: bool) -> None:
    agents, waiting = (size // 10 if quick else size for size in CENTRES[name])
    samples = SAMPLES // 4 if quick else SAMPLES
    small, large = Centre(agents, waiting), Centre(agents if waiting else agents * LARGE, waiting * LARGE)

    def run() -> None:
        for number in range(samples):
            for centre in (small, large):
                call_commands(centre, number)
                agent_commands(centre, number)
                service_commands(centre, number)
                supervisor_commands(centre, number)

    benchmark.pedantic(run, rounds=1)
    for centre in (small, large):
        centre.engine.audit()
    assert small.timings.keys() == large.timings.keys()
    for kind, timings in small.timings.items():
        tenfold = large.timings[kind]
        figures = {
            f"{name}: {waiting or agents:,}, median, µs": timings.median_ns / 1000,
            f"{LARGE * (waiting or agents):,}, µs": tenfold.median_ns / 1000,
            f"{name}: worst of both, µs": max(timings.times_ns + tenfold.times_ns) / 1000,
        }
        note(benchmark, "commands", kind, figures)
    slow = [kind for kind, timings in small.timings.items() if grew(timings, large.timings[kind])]
    if not quick:
        assert not slow


def grew(small: Timings, large: Timings) -> bool:
    """Say whether one kind of command takes longer in the larger centre."""
    return large.median_ns > max(FLOOR_NS, RATIO_MAX * small.median_ns)
