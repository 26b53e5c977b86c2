"""Causes: why an agent's telephone did not answer, from Asterisk's hangup cause, and what follows for the agent.

Keeps one invariant: only the cause decides, and whether it rang at all; Dial's status differs among drivers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

import msgspec

SECOND_US: Final = 1_000_000


class LegEnd(Enum):
    """Why a leg ended before the agent had answered; the value is the word told to the router."""

    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no answer"
    CONGESTION = "congestion"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


class Ending(msgspec.Struct, frozen=True):
    """What follows for the agent: not ready, or the offer is rejected and the agent stays ready.

    `ready_again_us` is after how long a not-ready agent is made ready again, if nobody else said anything; None: never.
    """

    not_ready: bool
    ready_again_us: int | None = None


ENDINGS: Final[Mapping[LegEnd, Ending]] = MappingProxyType(
    {
        LegEnd.BUSY: Ending(not_ready=True, ready_again_us=30 * SECOND_US),
        LegEnd.REJECTED: Ending(not_ready=False),
        LegEnd.NO_ANSWER: Ending(not_ready=False),
        LegEnd.CONGESTION: Ending(not_ready=False),
        LegEnd.UNREACHABLE: Ending(not_ready=True, ready_again_us=60 * SECOND_US),
        LegEnd.FAILED: Ending(not_ready=False),
    }
)

NO_ANSWER_CAUSE: Final = 19

_ENDS: Final[Mapping[int, LegEnd]] = MappingProxyType(
    dict.fromkeys((17,), LegEnd.BUSY)
    | dict.fromkeys((16, 21, 31), LegEnd.REJECTED)
    | dict.fromkeys((34, 38, 41, 42, 44, 47), LegEnd.CONGESTION)
    | dict.fromkeys((0, 1, 2, 3, 18, 20, 22, 23, 27, 28), LegEnd.UNREACHABLE)
)


def end_of(cause: int, *, rang: bool) -> LegEnd:
    """Return why a leg ended. One that gave up without ever having rung did not reach a telephone."""
    if cause == NO_ANSWER_CAUSE:
        return LegEnd.NO_ANSWER if rang else LegEnd.UNREACHABLE
    return _ENDS.get(cause, LegEnd.FAILED)
