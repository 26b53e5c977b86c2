"""Enumerations shared by commands, events and views; the native engine has the same, in the same order.

The values are part of the snapshot format and of the protos: append, never renumber.
"""

from __future__ import annotations

from enum import IntEnum


class Urgency(IntEnum):
    """How pressing a call is. Urgent is strictly first: the green channel."""

    NORMAL = 0
    IMPORTANT = 1
    URGENT = 2


class Tier(IntEnum):
    """Strict rank among waiting calls; a lower number is served first."""

    URGENT_OVERDUE = 0
    URGENT = 1
    OVERDUE = 2
    IMPORTANT = 3
    NORMAL = 4


class CallState(IntEnum):
    """Where a call is. The last three are final."""

    WAITING = 0
    OFFERED = 1
    ASSIGNED = 2
    COMPLETED = 3
    ABANDONED = 4
    REFUSED = 5


class Availability(IntEnum):
    """Whether an agent takes calls. `CLOSING` takes no more and becomes not ready when its work ends."""

    SIGNED_OUT = 0
    NOT_READY = 1
    READY = 2
    CLOSING = 3


class EngagementState(IntEnum):
    """What ties an agent to a call at the moment."""

    OFFERED = 0
    ASSIGNED = 1
    WRAP_UP = 2


class NoAnswerAction(IntEnum):
    """What happens to an agent who lets an offer expire."""

    NOT_READY = 0
    KEEP_READY = 1
    SIGN_OUT = 2


class WrapUpMode(IntEnum):
    """How after-call work ends: there is none, after a fixed time, or when the agent says so (capped)."""

    NONE = 0
    FIXED = 1
    MANUAL = 2


class AssignmentCause(IntEnum):
    """Why a call was assigned."""

    ACCEPTED = 0
    AUTOMATIC = 1
    FORCED = 2


class WithdrawalCause(IntEnum):
    """Why a pending offer was taken back."""

    CALL_ABANDONED = 0
    CALL_REQUEUED = 1
    CALL_TRANSFERRED = 2
    FORCED_ASSIGNMENT = 3
    AGENT_NOT_READY = 4
    AGENT_SIGNED_OUT = 5
    CALL_DETACHED = 6
    RESTARTED = 7


class LimitCause(IntEnum):
    """Which queue limit a call met."""

    QUEUE_FULL = 0
    WAIT_LIMIT = 1


class Obstacle(IntEnum):
    """What keeps an agent from taking a call."""

    CALL_NOT_WAITING = 1
    QUEUE_PAUSED = 2
    AGENT_SIGNED_OUT = 3
    AGENT_NOT_READY = 4
    AGENT_CLOSING = 5
    NO_CAPACITY = 6
    AGENT_BUSY = 7
    SKILLS_LACKING = 8
    HELD_FOR_OTHERS = 9
    BARRED = 10
    CALL_DETACHED = 11


class RejectReason(IntEnum):
    """Why a command was rejected; `DESIGN.md` has each command's checks in their order."""

    UNKNOWN_AGENT = 1
    UNKNOWN_CALL = 2
    UNKNOWN_OFFER = 3
    UNKNOWN_QUEUE = 4
    UNKNOWN_CHANNEL = 5
    ALREADY_SIGNED_IN = 6
    AGENT_SIGNED_OUT = 7
    CAPACITY_IN_USE = 8
    TOO_MANY_AGENTS = 9
    DUPLICATE_CALL = 10
    TOO_MANY_CALLS = 11
    CALL_FINISHED = 12
    CALL_WAITING = 13
    CALL_ASSIGNED = 14
    CALL_NOT_ASSIGNED = 15
    CALL_NOT_COMPLETED = 16
    ALREADY_CALLBACK = 17
    OFFER_ENDED = 18
    NO_CAPACITY = 19
    NOT_IN_WRAP_UP = 20
    OUTCOME_ALREADY_RECORDED = 21
    OUTCOME_MISMATCH = 22
    QUEUE_ALREADY_PAUSED = 23
    QUEUE_NOT_PAUSED = 24
    QUEUE_HAS_CALLS = 25
    CHANNEL_IN_USE = 26
    TOO_MANY_REQUIREMENTS = 27
    CALL_DETACHED = 28
    CALL_NOT_DETACHED = 29
