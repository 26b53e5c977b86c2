"""What can be said of a wait from delay history or queue length alone: the rivals that futures have to beat.

An independent reference, in plain Python from the events alone. LES, HOL and QL as in Ibrahim & Whitt (2009), Avg-LES
and AvgC as in Thiongane, Chan & L'Ecuyer (2016), each by queue. Seconds.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from router.engine import Engine
from router.engine.commands import Command, SignIn
from router.engine.events import (
    AgentSignedIn,
    AgentSignedOut,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    Event,
    OfferExpired,
    OfferMade,
    OfferRejected,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.requirements import AnyOf, SkillTerm, Step

AVERAGED: Final = 10
SECOND_US: Final = 1_000_000
LONG_WAIT_S: Final = 1.0
START_S: Final = 1.0
"""What is said before there is any history."""


class Served(msgspec.Struct, frozen=True):
    """An answered call: how long it waited, and how many of its queue it found waiting."""

    wait_s: float
    found: int


class QueueLine:
    """One queue as the events tell it."""

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}  # call -> since when, by arrival
        self.last_s: float | None = None
        self.last_long: deque[float] = deque(maxlen=AVERAGED)
        self.by_found: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=AVERAGED))
        self.service_s, self.services = 0.0, 0
        self.exposed_s, self.given_up = 0.0, 0

    def add_served(self, served: Served) -> None:
        self.last_s = served.wait_s
        if served.wait_s > LONG_WAIT_S:
            self.last_long.append(served.wait_s)
            self.by_found[served.found].append(served.wait_s)

    @property
    def service_rate(self) -> float:
        return self.services / self.service_s if self.services else 0.0

    @property
    def patience_rate(self) -> float:
        return self.given_up / self.exposed_s if self.exposed_s else 0.0


class Baselines:
    """Follows a run's events and makes every baseline's estimate for a call that has just come to wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._skills: dict[str, dict[str, int]] = {}
        self._signed_in: set[str] = set()
        self._queues: dict[str, QueueLine] = defaultdict(QueueLine)
        self._found: dict[str, int] = {}
        self._offered: set[str] = set()
        self._wrap_ups: dict[int, tuple[str, int]] = {}
        self._completed: tuple[int, str] = (0, "")

    def observe(self, command: Command, events: Sequence[Event]) -> None:
        """Learn from a command and its events, in their order."""
        if isinstance(command, SignIn):
            self._skills[command.agent] = dict(command.skills or {})
        for event in events:
            if isinstance(event, CallEnqueued):
                line = self._queues[event.queue]
                self._found[event.call] = len(line.waiting.keys() - self._offered)
                line.waiting[event.call] = event.time_us
            elif isinstance(event, OfferMade):
                self._offered.add(event.call)
            elif isinstance(event, OfferRejected | OfferExpired):
                self._offered.discard(event.call)
            elif isinstance(event, CallAssigned | CallAbandoned):
                self._on_end_of_wait(event)
            else:
                self._on_work(event)

    def _on_end_of_wait(self, event: CallAssigned | CallAbandoned) -> None:
        line = self._queues[event.queue]
        del line.waiting[event.call]
        self._offered.discard(event.call)
        wait_s = event.wait_us / SECOND_US
        found = self._found.pop(event.call)
        line.exposed_s += wait_s
        if isinstance(event, CallAssigned):
            line.add_served(Served(wait_s, found))
        else:
            line.given_up += 1

    def _on_work(self, event: Event) -> None:
        if isinstance(event, AgentSignedIn):
            self._signed_in.add(event.agent)
        elif isinstance(event, AgentSignedOut):
            self._signed_in.discard(event.agent)
        elif isinstance(event, CallCompleted):
            line = self._queues[event.queue]
            line.service_s += event.handle_us / SECOND_US
            line.services += 1
            self._completed = (event.offer, event.queue)
        elif isinstance(event, WrapUpStarted) and event.offer == self._completed[0]:
            self._wrap_ups[event.offer] = (self._completed[1], event.time_us)
        elif isinstance(event, WrapUpEnded) and event.offer in self._wrap_ups:
            queue, since_us = self._wrap_ups.pop(event.offer)
            self._queues[queue].service_s += (event.time_us - since_us) / SECOND_US

    def estimate(self, call: str, now_us: int) -> dict[str, float]:
        """Return every baseline's estimate for a call that came at `now_us` and waits."""
        view = self._engine.call(call)
        line = self._queues[view.queue]
        step, ahead = view.requirement.steps[view.step], (view.position or 1) - 1
        les_s = START_S if line.last_s is None else line.last_s
        head_us = next((since for name, since in line.waiting.items() if name not in self._offered), now_us)
        hol_s = (now_us - head_us) / SECOND_US
        return {
            "LES": les_s,
            "HOL": hol_s,
            "max(LES, HOL)": max(les_s, hol_s),
            "Avg-LES": mean(line.last_long, les_s),
            "AvgC": mean(line.by_found[self._found[call]], les_s),
            "QL": self._from_length(line, step, ahead, 0.0),
            "QLm": self._from_length(line, step, ahead, line.patience_rate),
        }

    def _from_length(self, line: QueueLine, step: Step, ahead: int, patience_rate: float) -> float:
        servers = sum(satisfies(self._skills[agent], step) for agent in self._signed_in)
        capacity = servers * line.service_rate
        if not capacity:
            return START_S if line.last_s is None else line.last_s
        return sum(1 / (capacity + place * patience_rate) for place in range(ahead + 1))


def mean(values: Sequence[float], otherwise_s: float) -> float:
    """Return the mean, or what is said otherwise where there is nothing."""
    return sum(values) / len(values) if values else otherwise_s


def satisfies(skills: dict[str, int], step: Step) -> bool:
    """Say by the definition whether skills meet a step, which demands skills only."""
    return all(any(skills.get(one.skill, 0) >= one.level for one in choices(term)) for term in step.terms)


def choices(term: object) -> tuple[SkillTerm, ...]:
    """Return the skills of which one is demanded."""
    if isinstance(term, AnyOf):
        return term.terms
    assert isinstance(term, SkillTerm), term
    return (term,)
