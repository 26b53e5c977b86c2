"""The story of every call, from commands and events, and what is counted of it at the end. See recount.py."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum

import numpy as np

from router.engine.commands import Enqueue, RecordOutcome
from router.engine.events import (
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    CallOverflowed,
    CallRefused,
    CallRequeued,
    Event,
    OfferMade,
)
from router.engine.requirements import Requirement
from router.engine.vocabulary import LimitCause
from router.simulation.results import PERCENTILES, CallFigures, Discrimination
from router.simulation.scenario.model import Scenario


@dataclass
class Spell:
    """A time of waiting in a queue, or (queue "") of talking."""

    queue: str
    from_us: int
    until_us: int | None = None
    overflowed: bool = False  # goes on from the spell before, in another queue


@dataclass
class CallStory:
    """All that happened to one call."""

    name: str
    callers: str
    redial: bool
    channel: str
    first_queue: str
    target_us: int
    arrival_us: int
    measured: bool  # arrived in the measured time
    place: tuple[int, int]  # effective arrival, order
    likeness: tuple[object, ...]  # what makes kin, but for the queue and its requirement
    own_requirement: Requirement | None
    queue: str
    waits: list[Spell] = field(default_factory=list)
    talks: list[Spell] = field(default_factory=list)
    presented_us: int | None = None
    end: str = ""  # answered, abandoned, blocked or refused: what came first; "": nothing yet
    end_us: int | None = None  # of that
    blocked_at_once: bool = False
    resolved: bool | None = None
    satisfaction: int | None = None
    slips: list[CallStory] = field(default_factory=list)  # by whom it was overtaken
    skips: list[CallStory] = field(default_factory=list)  # whom it overtook
    kin_slips: list[CallStory] = field(default_factory=list)
    kin_skips: list[CallStory] = field(default_factory=list)

    def wait_us(self, run_end_us: int) -> int:
        return (run_end_us if self.end_us is None else self.end_us) - self.arrival_us

    def talk_us(self, run_end_us: int) -> int:
        return sum((run_end_us if talk.until_us is None else talk.until_us) - talk.from_us for talk in self.talks)

    def is_delayed(self) -> bool:
        return self.presented_us != self.arrival_us and not self.blocked_at_once

    def stays(self) -> list[tuple[int, int | None]]:
        """From when until when the call waited, whatever the queue."""
        stays: list[tuple[int, int | None]] = []
        for spell in self.waits:
            if spell.overflowed:
                stays[-1] = (stays[-1][0], spell.until_us)
            else:
                stays.append((spell.from_us, spell.until_us))
        return stays


class CallStories:
    """Follows all calls. A line holds who is still to be presented in a queue, by place."""

    def __init__(self, scenario: Scenario, window: tuple[int, int]) -> None:
        self.all: list[CallStory] = []
        self.flow: list[tuple[int, str, CallStory]] = []  # who comes, is served, is served no more and leaves, in order
        self._scenario = scenario
        self._window = window
        self._by_name: dict[str, CallStory] = {}
        self._lines: dict[str, list[tuple[tuple[int, int], str]]] = {name: [] for name in scenario.settings.queues}
        self._enqueue: Enqueue | None = None

    def expect(self, command: Enqueue) -> None:
        self._enqueue = command

    def channel_of(self, name: str) -> str:
        return self._by_name[name].channel

    def note_outcome(self, command: RecordOutcome) -> None:
        call = self._by_name[command.call]
        if command.resolved is not None:
            call.resolved = command.resolved
        if command.satisfaction is not None:
            call.satisfaction = command.satisfaction

    def take(self, event: Event) -> None:
        if isinstance(event, CallEnqueued):
            self._begin(event)
        elif isinstance(event, OfferMade):
            self._present(self._by_name[event.call], event.time_us)
        elif isinstance(event, CallAssigned):
            self._assign(self._by_name[event.call], event.time_us)
        elif isinstance(event, CallCompleted):
            call = self._by_name[event.call]
            self._end_talk(call, event.time_us)
            self._leave(call, event.time_us)
        elif isinstance(event, CallOverflowed):
            self._overflow(self._by_name[event.call], event)
        elif isinstance(event, CallRequeued):
            self._requeue(self._by_name[event.call], event)
        elif isinstance(event, CallAbandoned):
            self._give_up(self._by_name[event.call], "abandoned", event.time_us)
        elif isinstance(event, CallRefused):
            call = self._by_name[event.call]
            blocked = event.cause is LimitCause.QUEUE_FULL
            call.blocked_at_once = blocked and event.time_us == call.arrival_us
            self._give_up(call, "blocked" if blocked else "refused", event.time_us)

    def _begin(self, event: CallEnqueued) -> None:
        command = self._enqueue
        assert command is not None
        assert command.call == event.call
        targets = self._scenario.settings.queues[event.queue].target_us
        call = CallStory(
            name=event.call,
            callers=self._callers_of(command),
            redial=event.call.count("-") > 1,
            channel=command.channel,
            first_queue=event.queue,
            target_us=(targets.normal or 0, targets.important or 0, targets.urgent or 0)[command.urgency],
            arrival_us=event.time_us,
            measured=self._window[0] <= event.time_us < self._window[1],
            place=(event.effective_arrival_us, event.sequence),
            likeness=(command.channel, command.urgency, command.priority, event.preferred_agents),
            own_requirement=command.requirement,
            queue=event.queue,
        )
        self.all.append(call)
        self._by_name[call.name] = call
        self.flow.append((event.time_us, "comes", call))
        self._wait(call, event.time_us)

    def _callers_of(self, command: Enqueue) -> str:
        """Callers are told apart by what their calls ask for: those of a test must differ in it."""
        asked = (command.queue, command.channel, command.urgency, command.priority)
        names = [
            one.name
            for one in self._scenario.callers
            if (one.queue, one.channel, one.urgency, one.priority) == asked and one.requirement == command.requirement
        ]
        assert len(names) == 1
        return names[0]

    def _wait(self, call: CallStory, time_us: int, *, overflowed: bool = False) -> None:
        call.waits.append(Spell(call.queue, time_us, overflowed=overflowed))
        insort(self._lines[call.queue], (call.place, call.name))

    def _present(self, call: CallStory, time_us: int) -> None:
        line = self._lines[call.queue]
        if (call.place, call.name) not in line:
            return
        for _, name in line[: line.index((call.place, call.name))]:
            other = self._by_name[name]
            other.slips.append(call)
            call.skips.append(other)
            if self._are_kin(call, other):
                other.kin_slips.append(call)
                call.kin_skips.append(other)
        line.remove((call.place, call.name))
        if call.presented_us is None:
            call.presented_us = time_us

    def _are_kin(self, one: CallStory, other: CallStory) -> bool:
        own = self._scenario.settings.queues[one.queue].requirement
        asked = [call.own_requirement or own for call in (one, other)]
        return one.likeness == other.likeness and asked[0] == asked[1]

    def _leave_line(self, call: CallStory) -> None:
        line = self._lines[call.queue]
        if (call.place, call.name) in line:
            line.remove((call.place, call.name))

    def _assign(self, call: CallStory, time_us: int) -> None:
        self._present(call, time_us)
        call.waits[-1].until_us = time_us
        call.talks.append(Spell("", time_us))
        self.flow.append((time_us, "is served", call))
        if not call.end:
            call.end, call.end_us = "answered", time_us

    def _overflow(self, call: CallStory, event: CallOverflowed) -> None:
        self._leave_line(call)
        call.waits[-1].until_us = event.time_us
        call.queue = event.queue
        self._wait(call, event.time_us, overflowed=True)

    def _requeue(self, call: CallStory, event: CallRequeued) -> None:
        assert event.kept_place
        if call.talks and call.talks[-1].until_us is None:
            self._end_talk(call, event.time_us)
            self._wait(call, event.time_us)

    def _give_up(self, call: CallStory, end: str, time_us: int) -> None:
        self._leave_line(call)
        call.waits[-1].until_us = time_us
        if not call.end:
            call.end, call.end_us = end, time_us
        self._leave(call, time_us)

    def _end_talk(self, call: CallStory, time_us: int) -> None:
        call.talks[-1].until_us = time_us
        self.flow.append((time_us, "is served no more", call))

    def _leave(self, call: CallStory, time_us: int) -> None:
        self.flow.append((time_us, "leaves", call))


def percentiles(waits: Sequence[int]) -> tuple[float, ...] | None:
    return tuple(float(one) for one in np.percentile(waits, PERCENTILES)) if waits else None


def call_figures(calls: Sequence[CallStory], end_us: int) -> CallFigures:
    """Count these calls, all of which arrived in the measured time."""

    def measured(others: Iterable[CallStory]) -> int:
        return sum(other.measured for other in others)

    answered = [call for call in calls if call.end == "answered"]
    waits = [call.wait_us(end_us) for call in calls]
    served = [call.wait_us(end_us) for call in answered]
    scores = [call.satisfaction for call in calls if call.satisfaction is not None]
    first = [call for call in calls if not call.redial]
    return CallFigures(
        offered=len(calls),
        answered=len(answered),
        abandoned=sum(call.end == "abandoned" for call in calls),
        blocked=sum(call.end == "blocked" for call in calls),
        refused=sum(call.end == "refused" for call in calls),
        unfinished=sum(call.end == "" for call in calls),
        delayed=sum(call.is_delayed() for call in calls),
        answered_in_target=sum(call.wait_us(end_us) <= call.target_us for call in answered),
        wait_all_sum_us=sum(waits),
        wait_served_sum_us=sum(served),
        wait_all_percentiles_us=percentiles(waits),
        wait_served_percentiles_us=percentiles(served),
        talk_sum_us=sum(call.talk_us(end_us) for call in calls),
        redials=sum(call.redial for call in calls),
        resolved=sum(call.resolved is True for call in calls),
        unresolved=sum(call.resolved is False for call in calls),
        first_calls=len(first),
        first_resolved=sum(call.resolved is True for call in first),
        satisfactions=len(scores),
        satisfaction_sum=float(sum(scores)),
        slips=sum(measured(call.slips) for call in calls),
        skips=sum(measured(call.skips) for call in calls),
        overtaken=sum(measured(call.slips) > 0 for call in calls),
        kin_slips=sum(measured(call.kin_slips) for call in calls),
        kin_skips=sum(measured(call.kin_skips) for call in calls),
    )


def discrimination(flow: Iterable[tuple[int, str, CallStory]], window: tuple[int, int]) -> Discrimination:
    """Count D of each call in fractions: the sums over busy periods are 0 then, without any rounding."""
    present = served = 0
    last_us = began_us = 0
    share = period_sum = Fraction(0)
    share_at_arrival: dict[str, Fraction] = {}
    found: list[Fraction] = []
    periods = 0
    for time_us, what, call in flow:
        if served:
            share += Fraction((time_us - last_us) * served, present)
        last_us = time_us
        if what == "comes":
            if present == 0:
                began_us, period_sum = time_us, Fraction(0)
            present += 1
            share_at_arrival[call.name] = share
        elif what == "leaves":
            present -= 1
            difference = call.talk_us(time_us) - (share - share_at_arrival[call.name])
            period_sum += difference
            if call.measured and not call.blocked_at_once:
                found.append(difference)
            if present == 0:
                assert period_sum == 0
                periods += window[0] <= began_us < window[1] and time_us > began_us
        else:
            served += 1 if what == "is served" else -1
    return Discrimination(
        calls=len(found),
        sum_s=float(sum(found)) / 1e6,
        square_sum_s2=fsum((float(one) / 1e6) ** 2 for one in found),
        busy_periods=periods,
        residue_s=0.0,
    )
