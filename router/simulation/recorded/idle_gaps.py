"""How much presence in a log was not really idle: agents between calls while somebody waited whom they can serve.

A log without breaks and wrap-up shows both as gaps between calls. In a replay the agent takes calls in them, so this
share says how much the replay's staff is flattered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.engine.settings import SECOND_US
from router.simulation.recorded.day_plan import DayPlan
from router.simulation.recorded.recorded_day import RecordedDay

RINGING_US: Final = 2 * SECOND_US  # a shorter wait is the phone ringing at an agent who is free


class IdleGaps(msgspec.Struct, frozen=True):
    """Shares of all agents' presence: between calls, and between calls while wanted; None if nobody was present."""

    between_calls_share: float | None
    wanted_share: float | None


def measure_idle_gaps(day: RecordedDay, plan: DayPlan) -> IdleGaps:
    """Measure the gaps of a recorded day, with the skills of its plan. Whole seconds; O(calls + agents · day)."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for call in day.calls:
        if call.answered_us is not None and call.released_us is not None:
            spans.setdefault(call.agent, []).append((call.answered_us // SECOND_US, call.released_us // SECOND_US))
    waiting = _waiting_by_type(day)
    types = {agent.agent: agent.types for agent in plan.agents}
    between = wanted = present = 0
    for agent, own in spans.items():
        first, last = min(start for start, _ in own), max(end for _, end in own)
        idle = np.ones(last - first, dtype=bool)
        for start, end in own:
            idle[start - first : end - first] = False
        needed = _any_waiting(waiting, types[f"agent-{agent}"], first, last)
        present += last - first
        between += int(idle.sum())
        wanted += int((idle & needed).sum())
    if not present:
        return IdleGaps(None, None)
    return IdleGaps(between / present, wanted / present)


def _waiting_by_type(day: RecordedDay) -> dict[str, npt.NDArray[np.bool_]]:
    ends = [max(call.released_us or 0, call.arrived_us + call.waited_us) for call in day.calls]
    length = max(ends) // SECOND_US + 2
    changes: dict[str, npt.NDArray[Any]] = {}
    for call in day.calls:
        change = changes.setdefault(call.type, np.zeros(length, dtype=np.int64))
        if call.waited_us > RINGING_US:
            change[(call.arrived_us + RINGING_US) // SECOND_US] += 1
            change[(call.arrived_us + call.waited_us) // SECOND_US] -= 1
    return {kind: np.cumsum(change) > 0 for kind, change in changes.items()}


def _any_waiting(
    waiting: dict[str, npt.NDArray[np.bool_]], types: Iterable[str], first: int, last: int
) -> npt.NDArray[np.bool_]:
    needed = np.zeros(last - first, dtype=bool)
    for kind in types:
        if kind in waiting:
            needed |= waiting[kind][first:last]
    return needed
