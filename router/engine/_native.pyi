"""Types of the compiled engine."""

from collections.abc import Iterable
from typing import final

from router.engine.commands import Command
from router.engine.events import Event
from router.engine.requirements import Requirement
from router.engine.settings import Settings
from router.engine.views import (
    AgentView,
    CallExplanation,
    CallView,
    CustomerView,
    Decision,
    Eligibility,
    QueueView,
    Result,
    Statistics,
)

TIME_US_MAX: int
LIMITS: dict[str, int]

@final
class Engine:
    """The routing engine: a deterministic state machine that knows no clock.

    Times are int64 microseconds since the epoch, 0 to 2^61. Not thread-safe: one caller at a time.
    """

    def __init__(self, settings: Settings | None = None, *, time_us: int = 0) -> None:
        """Create an empty engine; with `settings`, apply `Configure` at `time_us` as the first command."""
    @classmethod
    def restore(cls, snapshot: bytes) -> Engine:
        """Rebuild an engine from `snapshot()`. Raises `CorruptSnapshot`."""
    def apply(self, command: Command, time_us: int) -> list[Event]:
        """Fire the deadlines up to `time_us`, carry out the command, and return the events in order.

        Raises `InvalidCommand` or `TimeWentBackwards`, having changed nothing.
        """
    def apply_many(self, commands: Iterable[tuple[int, Command]]) -> list[Event]:
        """Apply (time_us, command) pairs in order and return all events. Stops at the first that raises."""
    def apply_request(
        self, command: Command, time_us: int, *, client: str, request_id: str, content: bytes
    ) -> tuple[Result, list[Event]]:
        """Apply a command once per (client, request_id); `content` is a digest (8 to 64 bytes) of what was asked.

        A repeat returns the first result with `repeated` set and no events. Raises `RequestIdReused` when
        the content differs.
        """
    def remembers(self, client: str, request_id: str, time_us: int) -> bool:
        """Say whether a request of this client would be answered from memory at `time_us`."""
    def advance(self, time_us: int) -> list[Event]:
        """Apply `Advance`: only fire what is due."""
    def next_deadline(self) -> int | None:
        """Return the time of the earliest deadline, None if there is none. O(1)."""
    def due_time(self, time_us: int, limit: int) -> int:
        """Return the time of the deadline that fires as number `limit`, or `time_us` if that is earlier.

        So that a shell can fire many deadlines in steps: `advance` to this time fires at most `limit` of those that
        are known now, and more only where some fall on the same instant. O(limit log limit). Raises `InvalidCommand`.
        """
    @property
    def last_result(self) -> Result | None:
        """The answer to the last command applied; None before the first one, and after `restore`."""
    @property
    def sequence(self) -> int:
        """Number of the last command applied; 0 before the first."""
    @property
    def time_us(self) -> int:
        """Time of the last command applied."""
    @property
    def settings(self) -> Settings:
        """The settings that rule now."""
    @property
    def tracing(self) -> bool:
        """Whether every decision is recorded for `last_decisions`; off by default, costs nothing when off."""
    @tracing.setter
    def tracing(self, value: bool) -> None: ...
    @property
    def last_decisions(self) -> tuple[Decision, ...]:
        """The decisions of the last command, in order, if `tracing` is on."""
    def call(self, call: str) -> CallView:
        """Return one call, live or remembered. Raises `UnknownName`."""
    def agent(self, agent: str) -> AgentView:
        """Return one agent. Raises `UnknownName`."""
    def queue(self, queue: str) -> QueueView:
        """Return one queue. Raises `UnknownName`."""
    def calls(self) -> list[CallView]:
        """Return all calls, live and remembered, by order."""
    def agents(self) -> list[AgentView]:
        """Return all agents by name."""
    def queues(self) -> list[QueueView]:
        """Return all configured queues by name."""
    def customers(self) -> list[CustomerView]:
        """Return all remembered customers by name."""
    def position(self, call: str) -> int | None:
        """Return a waiting call's place in its queue, from 1; None if it does not wait. O(log n).

        Raises `UnknownName`.
        """
    def waiting(self, queue: str, limit: int = 100) -> list[str]:
        """Return the first `limit` waiting calls of a queue by rank. Raises `UnknownName`."""
    def count_agents(self, requirement: Requirement, *, channel: str = "voice", step: int = 0) -> int:
        """Count the agents, ready, closing or engaged, who satisfy a step and have any capacity on the channel.

        O(profiles). Raises `InvalidCommand`, or `UnknownName` for the channel.
        """
    def explain_call(self, call: str) -> CallExplanation:
        """Say why a call is where it is. O(agents) for a waiting call. Raises `UnknownName`."""
    def explain_agent(self, call: str, agent: str) -> Eligibility:
        """Say whether an agent may take a call now, and if not, why not. Raises `UnknownName`."""
    def decisions(self, call: str) -> tuple[Decision, ...]:
        """Return the last decisions (at most 8) about a call that was enqueued with `explain`."""
    def would_take(self, agent: str) -> str | None:
        """Return the call that a signed-in agent would get now if no queue were paused; None if there is none.

        An agent who is not available is taken as free. Nothing changes. O(classes). Raises `UnknownName`.
        """
    def would_get(self, call: str) -> str | None:
        """Return the agent whom a waiting call would get now if its queue were not paused; None if there is none.

        Nothing changes. O(classes). Raises `UnknownName`.
        """
    def statistics(self) -> Statistics:
        """Return the counters of work done."""
    def snapshot(self) -> bytes:
        """Return the whole state in its canonical form. O(state)."""
    def state_hash(self) -> str:
        """Return the SHA-256 of the snapshot in hex. O(state)."""
    def audit(self) -> None:
        """Check every invariant of the whole state. Raises `InvariantViolated`. O(state)."""
    def fork(
        self,
        *,
        names: bool = True,
        resume_queues: bool = False,
        offer_always: bool = False,
        manual_wrap_up: bool = False,
    ) -> Engine:
        """Return an engine to try things on, in the same state: it decides as this one would, which stays as it is.

        It knows nothing that is only remembered (finished calls, customers, requests, attributes, explanations),
        forgets at once what is finished, and of what was learned has only what weighs in its decisions. Without
        `names` the calls that it begins with have none: it is made faster, and cannot be restored from a snapshot.
        `resume_queues`: no queue is paused; its first command begins with what resuming them does. `offer_always`:
        automatic queues make offers like the others, which wait for 366 days. `manual_wrap_up`: after every call, until
        `EndWrapUp`, whatever the queue says.
        O(agents + live calls + queues), whatever is remembered.
        """
    def copy(self) -> Engine:
        """Return an engine of its own in the same state, with all that is remembered. O(state)."""
    def rewind(self, start: Engine) -> None:
        """Become equal to `start`; O(agents + live calls + queues) where this is a copy of it that has run on."""
