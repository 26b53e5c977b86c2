"""Figures of a day: what was offered, answered and abandoned, how long callers waited and how busy agents were.

Invariant: the figures of a recorded day and of a replayed one come from the same arithmetic over the same two
things, outcomes of calls and shifts of agents, so that they can stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

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
from router.simulation.recorded.columns import NOBODY, CallColumns, columns_of, sort_types
from router.simulation.recorded.day_plan import DayPlan
from router.simulation.recorded.recorded_day import RecordedDay

ANSWERED_WITHIN_US: Final = 20 * SECOND_US


class End(IntEnum):
    """How a call ended, by the numbers that the native replay has for it."""

    WAITING = 0  # nobody ever came
    ANSWERED = 1
    ABANDONED = 2
    REFUSED = 3


class Outcomes(msgspec.Struct, frozen=True):
    """How calls ended, as columns: the place of each call's type in `types`, its `End` and how long it waited."""

    types: tuple[str, ...]
    type_places: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    waited_us: npt.NDArray[np.int64]

    @classmethod
    def of(cls, calls: Iterable[tuple[str, End, int]]) -> Outcomes:
        """Make them from (type, end, wait in microseconds)."""
        rows = list(calls)
        types = sort_types(kind for kind, _, _ in rows)
        places = {kind: place for place, kind in enumerate(types)}
        return cls(
            types=types,
            type_places=np.array([places[kind] for kind, _, _ in rows], dtype=np.int64),
            ends=np.array([end for _, end, _ in rows], dtype=np.int64),
            waited_us=np.array([waited_us for _, _, waited_us in rows], dtype=np.int64),
        )

    @classmethod
    def join(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """Put the calls of several days together."""
        types = sort_types(kind for part in parts for kind in part.types)
        places = {kind: place for place, kind in enumerate(types)}
        none = np.zeros(0, dtype=np.int64)
        moved = [np.array([places[kind] for kind in part.types], dtype=np.int64)[part.type_places] for part in parts]
        return cls(
            types=types,
            type_places=np.concatenate([none, *moved]),
            ends=np.concatenate([none, *(part.ends for part in parts)]),
            waited_us=np.concatenate([none, *(part.waited_us for part in parts)]),
        )

    def of_type(self, place: int) -> Outcomes:
        """Return the calls of the type at that place of `types`."""
        chosen = self.type_places == place
        return Outcomes(self.types, self.type_places[chosen], self.ends[chosen], self.waited_us[chosen])


class Shift(msgspec.Struct, frozen=True):
    """How long one agent was there and how much of it busy."""

    agent: str
    present_us: int
    busy_us: int


class DayCallFigures(msgspec.Struct, frozen=True, kw_only=True):
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

    calls: DayCallFigures
    by_type: dict[str, DayCallFigures]
    agents: int
    occupancy: float | None
    jain_index: float | None


def figure_calls(outcomes: Outcomes) -> DayCallFigures:
    """Return the figures of a set of calls. O(n log n)."""
    ends = np.bincount(outcomes.ends, minlength=len(End)).tolist()
    offered = len(outcomes.ends)
    waits = np.sort(outcomes.waited_us[outcomes.ends == End.ANSWERED])
    within = int(np.searchsorted(waits, ANSWERED_WITHIN_US, side="right"))
    return DayCallFigures(
        offered=offered,
        answered=ends[End.ANSWERED],
        abandoned=ends[End.ABANDONED],
        refused=ends[End.REFUSED],
        waiting=ends[End.WAITING],
        answered_within_20_s=within,
        abandoned_share=_divide(ends[End.ABANDONED], offered),
        answered_within_share=_divide(within, offered),
        wait_answered_mean_us=_divide(int(waits.sum()), len(waits)),
        wait_answered_p50_us=percentile(waits, 50),
        wait_answered_p95_us=percentile(waits, 95),
        wait_all_mean_us=_divide(int(outcomes.waited_us.sum()), offered),
    )


def figure_day(outcomes: Outcomes, shifts: Sequence[Shift]) -> DayFigures:
    """Return the figures of a whole day, or of several together, by type and in all."""
    return DayFigures(
        calls=figure_calls(outcomes),
        by_type={kind: figure_calls(outcomes.of_type(place)) for place, kind in enumerate(outcomes.types)},
        agents=len({shift.agent for shift in shifts}),
        occupancy=_divide(sum(shift.busy_us for shift in shifts), sum(shift.present_us for shift in shifts)),
        jain_index=jain_index([shift.busy_us / shift.present_us for shift in shifts if shift.present_us]),
    )


def percentile(ordered: Sequence[int] | npt.NDArray[np.int64], percent: int) -> int | None:
    """Return the nearest-rank percentile of ordered values, None if there are none."""
    if not len(ordered):
        return None
    return int(ordered[max(0, -(-len(ordered) * percent // 100) - 1)])


def _divide(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def figure_recording(day: RecordedDay) -> DayFigures:
    """Return the figures of a day as it was recorded, agents present from first answer to last release."""
    return figure_day(record_outcomes(day), record_shifts(day))


def record_outcomes(day: RecordedDay) -> Outcomes:
    """Return how the calls of a recorded day ended."""
    return outcomes_of(columns_of(day.calls))


def outcomes_of(calls: CallColumns) -> Outcomes:
    """Return how recorded calls ended; types that none of them has are left out."""
    present = np.unique(calls.type_places)
    return Outcomes(
        types=tuple(calls.types[place] for place in present.tolist()),
        type_places=np.searchsorted(present, calls.type_places),
        ends=np.where(calls.handled_us == NOBODY, np.int64(End.ABANDONED), np.int64(End.ANSWERED)),
        waited_us=calls.waited_us,
    )


def record_shifts(day: RecordedDay) -> list[Shift]:
    """Return the presence of the agents of a recorded day, by agent."""
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
        self._ends: dict[str, tuple[End, int]] = {}
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
        return figure_day(self.outcomes(), self.shifts())

    def outcomes(self) -> Outcomes:
        """Return how the calls ended, in the order of the plan; who still waits has waited until the last command."""
        rows = []
        for call, kind in self._types.items():
            end, time_us = self._ends.get(call, (End.WAITING, self._now_us))
            rows.append((kind, end, max(0, time_us - self._arrivals[call])))
        return Outcomes.of(rows)

    def shifts(self) -> list[Shift]:
        """Return the presence of the agents up to the last command, by name."""
        for clock in self._clocks.values():
            clock.change(self._now_us)
        return [Shift(agent, clock.present_us, clock.busy_us) for agent, clock in sorted(self._clocks.items())]

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
        self._ends[event.call] = (End.ANSWERED, event.time_us)

    def _on_abandoned(self, event: CallAbandoned) -> None:
        self._ends[event.call] = (End.ABANDONED, event.time_us)

    def _on_refused(self, event: CallRefused) -> None:
        self._ends[event.call] = (End.REFUSED, event.time_us)


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
