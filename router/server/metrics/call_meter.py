"""What becomes of calls and offers, by queue: readings of what was counted natively.

Keeps one invariant: whatever happened is counted once, in the queue that the event names, and nothing costs more than
O(1) but the beginning, a change of the config, and reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from router.engine import Engine
from router.engine.vocabulary import LimitCause, Urgency
from router.server._native import CallCounts
from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading, single
from router.server.tally import HANDLE_BOUNDS, PER_SECOND_US, WAIT_BOUNDS, BucketCounts, distribution_of, whole

ENDS: Final = ("answered", "abandoned", "refused")
OUTCOMES: Final = ("accepted", "rejected", "expired", "withdrawn")
_CAUSES: Final = tuple(cause.name.lower() for cause in LimitCause)
_URGENCIES: Final = tuple(urgency.name.lower() for urgency in Urgency)


class QueueCounts(NamedTuple):
    """What was counted of one queue, and the targets that it was counted by, by urgency."""

    enqueued: int
    transferred: int
    requeued: int
    offers: int
    level_calls: int
    level_met: int
    overflowed: Sequence[int]
    outcomes: Sequence[int]
    waits: Sequence[BucketCounts]
    handle: BucketCounts
    targets_us: Sequence[int]


class CallMeter:
    """Count calls and offers. A queue that is no longer configured is forgotten, and so are its counts."""

    def __init__(self, engine: Engine) -> None:
        """Begin where the engine stands, with all counts at 0. O(calls + queues)."""
        self.native: Final = CallCounts(
            engine, wait_bounds=whole(WAIT_BOUNDS, PER_SECOND_US), handle_bounds=whole(HANDLE_BOUNDS, PER_SECOND_US)
        )
        """What follows the engine."""

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(queues)."""
        queues = [(name, QueueCounts(*counts)) for name, counts in self.native.queues()]
        for metric, name in (
            (m.ENQUEUED, "enqueued"),
            (m.TRANSFERRED, "transferred"),
            (m.REQUEUED, "requeued"),
            (m.SERVICE_LEVEL_CALLS, "level_calls"),
            (m.SERVICE_LEVEL_MET, "level_met"),
            (m.OFFERS, "offers"),
        ):
            yield Reading(metric, [((queue,), getattr(counts, name)) for queue, counts in queues])
        for metric, name, words in (
            (m.OVERFLOWED, "overflowed", _CAUSES),
            (m.OFFER_OUTCOMES, "outcomes", OUTCOMES),
        ):
            yield Reading(
                metric,
                [((q, word), n) for q, counts in queues for word, n in zip(words, getattr(counts, name), strict=True)],
            )
        yield Reading(
            m.WAIT,
            [
                ((queue, end), distribution_of(WAIT_BOUNDS, wait, PER_SECOND_US))
                for queue, counts in queues
                for end, wait in zip(ENDS, counts.waits, strict=True)
            ],
        )
        yield Reading(
            m.HANDLE,
            [((queue,), distribution_of(HANDLE_BOUNDS, counts.handle, PER_SECOND_US)) for queue, counts in queues],
        )
        yield Reading(
            m.TARGET,
            [
                ((queue, urgency), target_us / PER_SECOND_US)
                for queue, counts in queues
                for urgency, target_us in zip(_URGENCIES, counts.targets_us, strict=True)
            ],
        )
        yield single(m.OVERDUE, self.native.overdue)
        yield single(m.CALLS_DETACHED, self.native.detached)
