"""Figures of a day: what was offered, answered and abandoned, how long callers waited and how busy agents were.

Invariant: the figures of a recorded day and of a replayed one come from the same arithmetic over the same two
things, outcomes of calls and shifts of agents, so that they can stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from router.engine.commands import Command
from router.engine.events import (
    AgentSignedIn,
    AgentSignedOut,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallRefused,
    Event,
    OfferExpired,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.settings import SECOND_US
from router.engine.vocabulary import AssignmentCause
from router.fairness.measures import jain_index
from router.simulation.day_plan import DayPlan, sort_types
from router.simulation.recorded_day import RecordedDay

ANSWERED_WITHIN_US: Final = 20 * SECOND_US


class Outcome(msgspec.Struct, frozen=True):
    """How one call ended. `end` is "answered", "abandoned", "refused" or "waiting" (nobody ever came)."""

    type: str
    end: str
    waited_us: int


class Shift(msgspec.Struct, frozen=True):
    """How long one agent was there and how much of it busy."""

    agent: str
    present_us: int
    busy_us: int


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a set of calls. Waits are microseconds; None where there is no call to tell from.

    `answered_within_share` is of all offered calls, those that gave up included. The wait of a call that was
    not answered runs to its end.
    """

    offered: int
    answered: int
    abandoned: int
    refused: int
    waiting: int
    answered_within_20_s: int
    abandoned_share: float | None
    answered_within_share: float | None
    wait_answered_mean_us: float | None
    wait_answered_p50_us: int | None
    wait_answered_p95_us: int | None
    wait_all_mean_us: float | None


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a whole day.

    `occupancy` is busy time over presence of all agents together; `jain_index` is (Σx)² / (nΣx²) of the
    agents' own occupancies, 1 when all are equally busy.
    """

    calls: CallFigures
    by_type: dict[str, CallFigures]
    agents: int
    occupancy: float | None
    jain_index: float | None


def figure_calls(outcomes: Sequence[Outcome]) -> CallFigures:
    """Return the figures of a set of calls."""
    ends = {
        end: sum(outcome.end == end for outcome in outcomes) for end in ("answered", "abandoned", "refused", "waiting")
    }
    waits = sorted(outcome.waited_us for outcome in outcomes if outcome.end == "answered")
    within = sum(wait <= ANSWERED_WITHIN_US for wait in waits)
    return CallFigures(
        offered=len(outcomes),
        answered=ends["answered"],
        abandoned=ends["abandoned"],
        refused=ends["refused"],
        waiting=ends["waiting"],
        answered_within_20_s=within,
        abandoned_share=_divide(ends["abandoned"], len(outcomes)),
        answered_within_share=_divide(within, len(outcomes)),
        wait_answered_mean_us=_divide(sum(waits), len(waits)),
        wait_answered_p50_us=percentile(waits, 50),
        wait_answered_p95_us=percentile(waits, 95),
        wait_all_mean_us=_divide(sum(outcome.waited_us for outcome in outcomes), len(outcomes)),
    )


def figure_day(outcomes: Sequence[Outcome], shifts: Sequence[Shift]) -> DayFigures:
    """Return the figures of a whole day, by type and in all."""
    by_type: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_type.setdefault(outcome.type, []).append(outcome)
    return DayFigures(
        calls=figure_calls(outcomes),
        by_type={kind: figure_calls(by_type[kind]) for kind in sort_types(by_type)},
        agents=len(shifts),
        occupancy=_divide(sum(shift.busy_us for shift in shifts), sum(shift.present_us for shift in shifts)),
        jain_index=jain_index([shift.busy_us / shift.present_us for shift in shifts if shift.present_us]),
    )


def percentile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the nearest-rank percentile of ordered values, None if there are none."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _divide(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def figure_recording(day: RecordedDay) -> DayFigures:
    """Return the figures of a day as it was recorded, agents present from first answer to last release."""
    outcomes = [
        Outcome(call.type, "abandoned" if call.answered_us is None else "answered", call.waited_us)
        for call in day.calls
    ]
    return figure_day(outcomes, _record_shifts(day))


def _record_shifts(day: RecordedDay) -> list[Shift]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for call in day.calls:
        if call.answered_us is not None and call.released_us is not None:
            spans.setdefault(call.agent, []).append((call.answered_us, call.released_us))
    return [
        Shift(
            agent, max(end for _, end in own) - min(start for start, _ in own), sum(end - start for start, end in own)
        )
        for agent, own in sorted(spans.items())
    ]


class _AgentClock:
    """Adds up presence and busy time of one agent. Busy counts offers, talk and wrap-up."""

    def __init__(self) -> None:
        self.signed_in = False
        self.engagements = 0
        self.since_us = 0
        self.present_us = 0
        self.busy_us = 0

    def change(self, time_us: int, *, signed_in: bool | None = None, engagements: int = 0) -> None:
        if self.signed_in or self.engagements:
            self.present_us += time_us - self.since_us
        if self.engagements:
            self.busy_us += time_us - self.since_us
        self.since_us = time_us
        self.engagements += engagements
        if signed_in is not None:
            self.signed_in = signed_in


class Ledger:
    """Follows a replay and adds up its figures from the events alone."""

    def __init__(self, plan: DayPlan) -> None:
        self._types = {call.call: call.type for call in plan.calls}
        self._arrivals = {call.call: call.arrives_us for call in plan.calls}
        self._ends: dict[str, tuple[str, int]] = {}
        self._clocks: dict[str, _AgentClock] = {}
        self._now_us = plan.starts_us

    def observe(self, time_us: int, command: Command, events: Sequence[Event]) -> None:
        """Count what one command brought."""
        self._now_us = time_us
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)

    def figures(self) -> DayFigures:
        """Return the figures up to the last command."""
        outcomes = []
        for call, kind in self._types.items():
            end, time_us = self._ends.get(call, ("waiting", self._now_us))
            outcomes.append(Outcome(kind, end, max(0, time_us - self._arrivals[call])))
        for clock in self._clocks.values():
            clock.change(self._now_us)
        shifts = [Shift(agent, clock.present_us, clock.busy_us) for agent, clock in sorted(self._clocks.items())]
        return figure_day(outcomes, shifts)

    def _clock(self, agent: str) -> _AgentClock:
        return self._clocks.setdefault(agent, _AgentClock())

    def _on_signed_in(self, event: AgentSignedIn) -> None:
        self._clock(event.agent).change(event.time_us, signed_in=True)

    def _on_signed_out(self, event: AgentSignedOut) -> None:
        self._clock(event.agent).change(event.time_us, signed_in=False)

    def _on_engaged(self, event: OfferMade | WrapUpStarted) -> None:
        self._clock(event.agent).change(event.time_us, engagements=1)

    def _on_released(self, event: OfferRejected | OfferExpired | OfferWithdrawn | CallCompleted | WrapUpEnded) -> None:
        self._clock(event.agent).change(event.time_us, engagements=-1)

    def _on_assigned(self, event: CallAssigned) -> None:
        if event.cause is not AssignmentCause.ACCEPTED:  # an accepted offer is counted since it was made
            self._clock(event.agent).change(event.time_us, engagements=1)
        self._ends[event.call] = ("answered", event.time_us)

    def _on_abandoned(self, event: CallAbandoned) -> None:
        self._ends[event.call] = ("abandoned", event.time_us)

    def _on_refused(self, event: CallRefused) -> None:
        self._ends[event.call] = ("refused", event.time_us)


_HANDLERS: Final[Mapping[type, Callable[[Ledger, Any], None]]] = {
    AgentSignedIn: Ledger._on_signed_in,
    AgentSignedOut: Ledger._on_signed_out,
    OfferMade: Ledger._on_engaged,
    OfferRejected: Ledger._on_released,
    OfferExpired: Ledger._on_released,
    OfferWithdrawn: Ledger._on_released,
    CallAssigned: Ledger._on_assigned,
    CallCompleted: Ledger._on_released,
    WrapUpStarted: Ledger._on_engaged,
    WrapUpEnded: Ledger._on_released,
    CallAbandoned: Ledger._on_abandoned,
    CallRefused: Ledger._on_refused,
}
