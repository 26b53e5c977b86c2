"""What commands come in, what becomes of them, and how long each part of the way takes.

Keeps one invariant: a command counts once: as done, rejected, repeated or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final, get_args

from router.engine.commands import Command
from router.engine.vocabulary import RejectReason
from router.server._native import CommandCounts
from router.server.errors import REASONS
from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading, single
from router.server.tally import (
    ENGINE_BOUNDS,
    LATENCY_BOUNDS,
    PER_SECOND_NS,
    SIZE_BOUNDS,
    Buckets,
    distribution_of,
    whole,
)
from router.server.writing.applier import COMMAND_NUMBERS

_OUTCOMES: Final = ("done", "rejected", "repeated")
COMMAND_NAMES: Final[dict[type[Any], str]] = {
    kind: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(Command)
}
"""Each kind of command under the name that it has in `router.v1.Command`, or would have."""


class CommandMeter:
    """Count commands and the time they take, as `Meters`. Starts with all counts at 0."""

    def __init__(self) -> None:
        self.native: Final = CommandCounts(bounds=whole(ENGINE_BOUNDS, PER_SECOND_NS))
        """What follows the engine, and is told natively of what is repeated and decided."""
        self._refusals = {reason: 0 for reason in REASONS if reason not in RejectReason.__members__}
        self._answer = Buckets(LATENCY_BOUNDS, PER_SECOND_NS)
        self._commit = Buckets(LATENCY_BOUNDS, PER_SECOND_NS)
        self._group = Buckets(SIZE_BOUNDS)
        self._snapshots = {"saved": 0, "failed": 0}
        self._snapshots_in_place = 0
        self._snapshot_bytes = 0
        self._snapshot_pause_ns = 0
        self._snapshot_save_ns = 0
        self._snapshot_s: float | None = None

    def repeated(self, command: Command) -> None:
        """Count a command that was answered from memory."""
        self.native.repeated(COMMAND_NUMBERS[type(command)])

    def refused(self, reason: str) -> None:
        """Count a request or command that the engine never saw."""
        self._refusals[reason] = self._refusals.get(reason, 0) + 1

    def decided(self, duration_ns: int) -> None:
        """Count the time that one command took inside the engine."""
        self.native.decided(duration_ns)

    def answered(self, commands: int, duration_ns: int) -> None:
        """Count the way of commands from their arrival to their answer; those of a batch take it together."""
        self._answer.add(duration_ns)

    def flushed(self, entries: int, duration_ns: int) -> None:
        """Count one flush."""
        self._commit.add(duration_ns)
        self._group.add(entries)

    def snapshot_saved(self, size_bytes: int, pause_ns: int, save_ns: int, *, in_place: bool) -> None:
        """Count a snapshot."""
        self._snapshots["saved"] += 1
        self._snapshots_in_place += in_place
        self._snapshot_bytes, self._snapshot_pause_ns, self._snapshot_save_ns = size_bytes, pause_ns, save_ns
        self._snapshot_s = monotonic()

    def snapshot_failed(self) -> None:
        """Count a snapshot that came to nothing."""
        self._snapshots["failed"] += 1

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(1): there are so many commands and reasons, and no more."""
        yield Reading(
            m.COMMANDS,
            [
                ((name, outcome), count)
                for name, counts in zip(COMMAND_NAMES.values(), self.native.commands, strict=True)
                for outcome, count in zip(_OUTCOMES, counts, strict=True)
            ],
        )
        rejections = self.native.rejections
        yield Reading(m.REJECTIONS, [((reason.name,), rejections[reason]) for reason in RejectReason])
        yield Reading(m.REFUSALS, [((reason,), count) for reason, count in self._refusals.items()])
        yield single(m.APPLY, distribution_of(ENGINE_BOUNDS, self.native.durations, PER_SECOND_NS))
        yield single(m.ANSWER, self._answer.distribution())
        yield single(m.COMMIT, self._commit.distribution())
        yield single(m.GROUP, self._group.distribution())
        yield Reading(m.SNAPSHOTS, [((outcome,), count) for outcome, count in self._snapshots.items()])
        yield single(m.SNAPSHOTS_IN_PLACE, self._snapshots_in_place)
        yield single(m.SNAPSHOT_SIZE, self._snapshot_bytes)
        yield single(m.SNAPSHOT_PAUSE, self._snapshot_pause_ns / PER_SECOND_NS)
        yield single(m.SNAPSHOT_TIME, self._snapshot_save_ns / PER_SECOND_NS)
        yield single(m.SNAPSHOT_AGE, 0.0 if self._snapshot_s is None else monotonic() - self._snapshot_s)
