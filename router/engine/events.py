"""Events: everything that comes out of the engine, as immutable typed values.

Every event carries the engine time at which it happened and the sequence of the command that brought it.
Offer numbers identify one pairing of a call with an agent, from the offer (or the direct assignment) to
the end of wrap-up; they are never used again.
"""

from __future__ import annotations

import msgspec

from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    LimitCause,
    NoAnswerAction,
    RejectReason,
    WithdrawalCause,
)


class EventBase(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What all events have in common."""

    time_us: int
    sequence: int


class CommandRejected(EventBase, frozen=True, tag=True, kw_only=True):
    """The command broke a rule and changed nothing. `subject` is the name or number that the rule was about."""

    reason: RejectReason
    subject: str


class AgentSignedIn(EventBase, frozen=True, tag=True, kw_only=True):
    """An agent signed in."""

    agent: str
    availability: Availability


class AgentSignedOut(EventBase, frozen=True, tag=True, kw_only=True):
    """An agent signed out, by command or because an offer was not answered (`no_answer`)."""

    agent: str
    no_answer: bool


class AgentAvailabilityChanged(EventBase, frozen=True, tag=True, kw_only=True):
    """An agent became ready, not ready or closing. `reason` is the client's, or "no_answer"."""

    agent: str
    availability: Availability
    reason: str


class AgentUpdated(EventBase, frozen=True, tag=True, kw_only=True):
    """An agent's skills or capacity were replaced."""

    agent: str


class CallEnqueued(EventBase, frozen=True, tag=True, kw_only=True):
    """A call entered. `preferred_agents` are sorted and include the customer's last agent where the queue wants it."""

    call: str
    queue: str
    effective_arrival_us: int
    preferred_agents: tuple[str, ...]
    hold_until_us: int | None


class CallUpdated(EventBase, frozen=True, tag=True, kw_only=True):
    """A call was updated."""

    call: str


class CallAbandoned(EventBase, frozen=True, tag=True, kw_only=True):
    """The caller gave up after `wait_us` of real waiting (credited waiting is not counted)."""

    call: str
    queue: str
    wait_us: int
    reason: str


class CallRequeued(EventBase, frozen=True, tag=True, kw_only=True):
    """A call was returned to its queue by command. `agent` is the one who had it."""

    call: str
    queue: str
    agent: str
    kept_place: bool
    reason: str


class CallTransferred(EventBase, frozen=True, tag=True, kw_only=True):
    """A call moved to another queue by command. `agent` is the one who talked, empty if nobody did."""

    call: str
    from_queue: str
    queue: str
    agent: str
    kept_place: bool
    hold_until_us: int | None


class CallOverflowed(EventBase, frozen=True, tag=True, kw_only=True):
    """A call met a limit of `from_queue` and went on to `queue`."""

    call: str
    from_queue: str
    queue: str
    cause: LimitCause


class CallRefused(EventBase, frozen=True, tag=True, kw_only=True):
    """A call met a limit of its queue and nobody takes it over: it is finished."""

    call: str
    queue: str
    cause: LimitCause
    wait_us: int


class CallStepReached(EventBase, frozen=True, tag=True, kw_only=True):
    """A waiting call's requirement went on to step `step` (0 is the first)."""

    call: str
    step: int


class CallHoldEnded(EventBase, frozen=True, tag=True, kw_only=True):
    """A call is no longer held for its preferred agents."""

    call: str


class CallOverdue(EventBase, frozen=True, tag=True, kw_only=True):
    """A waiting call passed its queue's starvation bound."""

    call: str


class CallTurnedIntoCallback(EventBase, frozen=True, tag=True, kw_only=True):
    """The caller is off the line; the call keeps its place."""

    call: str


class OfferMade(EventBase, frozen=True, tag=True, kw_only=True):
    """A call is presented to an agent, who must accept before `expires_us`."""

    offer: int
    call: str
    agent: str
    queue: str
    expires_us: int
    callback: bool


class OfferAccepted(EventBase, frozen=True, tag=True, kw_only=True):
    """The agent accepted."""

    offer: int
    call: str
    agent: str


class OfferRejected(EventBase, frozen=True, tag=True, kw_only=True):
    """The agent refused; the call keeps its place."""

    offer: int
    call: str
    agent: str
    reason: str


class OfferExpired(EventBase, frozen=True, tag=True, kw_only=True):
    """The agent did not answer in time; the call keeps its place. `action` is what happens to the agent."""

    offer: int
    call: str
    agent: str
    action: NoAnswerAction


class OfferWithdrawn(EventBase, frozen=True, tag=True, kw_only=True):
    """The offer was taken back."""

    offer: int
    call: str
    agent: str
    cause: WithdrawalCause


class CallAssigned(EventBase, frozen=True, tag=True, kw_only=True):
    """A call is with an agent, after `wait_us` of real waiting in this stay."""

    offer: int
    call: str
    agent: str
    queue: str
    cause: AssignmentCause
    wait_us: int


class CallCompleted(EventBase, frozen=True, tag=True, kw_only=True):
    """The conversation ended after `handle_us` with this agent."""

    offer: int
    call: str
    agent: str
    queue: str
    handle_us: int


class WrapUpStarted(EventBase, frozen=True, tag=True, kw_only=True):
    """After-call work began; it ends at `until_us` at the latest."""

    offer: int
    call: str
    agent: str
    until_us: int


class WrapUpEnded(EventBase, frozen=True, tag=True, kw_only=True):
    """After-call work ended."""

    offer: int
    call: str
    agent: str


class OutcomeRecorded(EventBase, frozen=True, tag=True, kw_only=True):
    """An outcome of a call was counted for its agent and queue."""

    call: str
    agent: str
    queue: str


class QueuePaused(EventBase, frozen=True, tag=True, kw_only=True):
    """A queue is no longer served."""

    queue: str


class QueueResumed(EventBase, frozen=True, tag=True, kw_only=True):
    """A queue is served again."""

    queue: str


class CallMoved(EventBase, frozen=True, tag=True, kw_only=True):
    """A call moved because `Configure` removed its queue."""

    call: str
    from_queue: str
    queue: str


class Configured(EventBase, frozen=True, tag=True, kw_only=True):
    """New settings rule from here on."""


class CallDetached(EventBase, frozen=True, tag=True, kw_only=True):
    """The system that holds the call is out of reach: the call keeps its place and nobody may take it."""

    call: str


class CallAttached(EventBase, frozen=True, tag=True, kw_only=True):
    """The system that holds the call is back: the call may be taken again."""

    call: str


class Restarted(EventBase, frozen=True, tag=True, kw_only=True):
    """The server was down for `downtime_us` and is back. Offers that stay pending expire that much later."""

    downtime_us: int


Event = (
    CommandRejected
    | AgentSignedIn | AgentSignedOut | AgentAvailabilityChanged | AgentUpdated
    | CallEnqueued | CallUpdated | CallAbandoned | CallRequeued | CallTransferred | CallOverflowed | CallRefused
    | CallStepReached | CallHoldEnded | CallOverdue | CallTurnedIntoCallback
    | OfferMade | OfferAccepted | OfferRejected | OfferExpired | OfferWithdrawn
    | CallAssigned | CallCompleted | WrapUpStarted | WrapUpEnded | OutcomeRecorded
    | QueuePaused | QueueResumed | CallMoved | Configured
    | CallDetached | CallAttached | Restarted
)  # fmt: skip
