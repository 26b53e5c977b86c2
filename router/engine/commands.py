"""Commands: everything that can go into the engine, as immutable typed values.

Times and durations are int64 microseconds and end in `_us`. Names (calls, agents, queues, skills,
channels, customers) are 1 to 255 bytes of UTF-8 without control characters. Limits are checked when a
command is applied: a malformed one raises `InvalidCommand` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from router.engine.requirements import Requirement
from router.engine.settings import Settings
from router.engine.vocabulary import Urgency


class SignIn(msgspec.Struct, frozen=True, tag=True):
    """Sign an agent in, ready or not.

    `skills` maps at most 64 skills to levels from 1 to 10. `capacity` maps channels to how many calls the
    agent may hold on each, from 1 to 1,000; empty means one call on every configured channel.
    """

    agent: str
    skills: Mapping[str, int] = {}
    capacity: Mapping[str, int] = {}
    ready: bool = True


class SignOut(msgspec.Struct, frozen=True, tag=True):
    """Sign an agent out: offers are withdrawn, wrap-ups end, assignments run on to their end."""

    agent: str


class SetAvailability(msgspec.Struct, frozen=True, tag=True):
    """Make an agent ready, or not ready with a reason; `after_call` lets the work in hand finish first."""

    agent: str
    ready: bool
    reason: str = ""
    after_call: bool = False


class UpdateAgent(msgspec.Struct, frozen=True, tag=True):
    """Replace a signed-in agent's skills, capacity or both; None leaves as is."""

    agent: str
    skills: Mapping[str, int] | None = None
    capacity: Mapping[str, int] | None = None


class Enqueue(msgspec.Struct, frozen=True, tag=True):
    """Put a call in a queue.

    `requirement` None takes the queue's. `priority` is 0 to 9, 9 first. `preferred_agents` (at most 16) are
    those it is held for during `hold_us` (None: the queue's `preferred_hold_us`). `credited_wait_us` is
    waiting already done elsewhere. `attributes` (at most 64, 16 KiB in all) are handed on as they are.
    `explain` keeps the reasons of every decision about this call.
    """

    call: str
    queue: str
    channel: str = "voice"
    requirement: Requirement | None = None
    urgency: Urgency = Urgency.NORMAL
    priority: int = 0
    preferred_agents: tuple[str, ...] = ()
    hold_us: int | None = None
    credited_wait_us: int = 0
    customer: str = ""
    attributes: Mapping[str, str] = {}
    callback: bool = False
    explain: bool = False


class UpdateCall(msgspec.Struct, frozen=True, tag=True):
    """Change a call that is not finished; None leaves as is. A pending offer stands."""

    call: str
    urgency: Urgency | None = None
    priority: int | None = None
    requirement: Requirement | None = None
    preferred_agents: tuple[str, ...] | None = None
    attributes: Mapping[str, str] | None = None


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """The caller is gone: end a waiting or offered call as abandoned."""

    call: str
    reason: str = ""


class Requeue(msgspec.Struct, frozen=True, tag=True):
    """Return an offered or assigned call to its queue, in its place or at the end."""

    call: str
    keep_place: bool = True
    reason: str = ""


class Transfer(msgspec.Struct, frozen=True, tag=True):
    """Move a waiting, offered or assigned call to a queue, keeping its effective arrival or starting anew.

    `requirement` None takes the new queue's; `preferred_agents` None keeps them without a hold.
    """

    call: str
    queue: str
    keep_place: bool = True
    requirement: Requirement | None = None
    preferred_agents: tuple[str, ...] | None = None
    hold_us: int | None = None


class Assign(msgspec.Struct, frozen=True, tag=True):
    """Assign a call to a named agent, over skill, hold and readiness, never over capacity."""

    call: str
    agent: str


class TurnIntoCallback(msgspec.Struct, frozen=True, tag=True):
    """The caller hangs up and keeps the place: the call goes on as a callback."""

    call: str


class Accept(msgspec.Struct, frozen=True, tag=True):
    """The agent answered the offer."""

    offer: int


class Reject(msgspec.Struct, frozen=True, tag=True):
    """The agent refused the offer."""

    offer: int
    reason: str = ""


class Complete(msgspec.Struct, frozen=True, tag=True):
    """The conversation of an assigned call ended."""

    call: str


class EndWrapUp(msgspec.Struct, frozen=True, tag=True):
    """The agent finished after-call work: of `call`, or of the oldest when `call` is empty."""

    agent: str
    call: str = ""


class RecordOutcome(msgspec.Struct, frozen=True, tag=True):
    """Record, now or much later, how a completed call went: resolved or not, satisfaction 1 to 5, or both.

    When the call is no longer remembered, `agent` and `queue` say whose it was.
    """

    call: str
    resolved: bool | None = None
    satisfaction: int | None = None
    agent: str = ""
    queue: str = ""


class Configure(msgspec.Struct, frozen=True, tag=True):
    """Replace all settings at once. `moves` maps a removed queue that has calls to the queue that takes them."""

    settings: Settings
    moves: Mapping[str, str] = {}


class PauseQueue(msgspec.Struct, frozen=True, tag=True):
    """Stop serving a queue: calls may still enter and wait."""

    queue: str


class ResumeQueue(msgspec.Struct, frozen=True, tag=True):
    """Serve a paused queue again."""

    queue: str


class Detach(msgspec.Struct, frozen=True, tag=True):
    """The system that holds the call is out of reach: the call keeps its place, and nobody may take it."""

    call: str


class Attach(msgspec.Struct, frozen=True, tag=True):
    """The system that holds the call is back."""

    call: str


class Restart(msgspec.Struct, frozen=True, tag=True):
    """The first command after the engine's shell was down: nobody is punished for the time since the last command."""


class Advance(msgspec.Struct, frozen=True, tag=True):
    """Only fire the deadlines that are due."""


Command = (
    SignIn | SignOut | SetAvailability | UpdateAgent
    | Enqueue | UpdateCall | Cancel | Requeue | Transfer | Assign | TurnIntoCallback
    | Accept | Reject
    | Complete | EndWrapUp | RecordOutcome
    | Configure | PauseQueue | ResumeQueue | Detach | Attach | Restart | Advance
)  # fmt: skip
