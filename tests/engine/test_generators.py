"""Goal: the random runs reach what they are for. Method: fixed runs on the oracle alone, and what happened counted.

A generator that no longer brings detached calls, restarts at awkward moments or too many requirements would leave the
comparison of engine and oracle as green as ever; this test fails then.
"""

from __future__ import annotations

from collections import Counter

from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import RequestIdReused, TimeWentBackwards
from router.engine.settings import SECOND_US
from router.engine.views import CallView
from router.engine.vocabulary import Availability, CallState, EngagementState
from tests.engine.drive import OPERATIONS_PER_RUN, Run, draw_operation
from tests.engine.lockstep import ApplyRequest, Restore, outcome
from tests.oracle import Oracle

RUNS = 90
CLOSING = Availability.CLOSING
WANTED = (
    "restart after no time", "restart after an hour", "restart after a restart",
    "offer due at that instant", "offer due before", "offer extended", "offer due of a closing agent",
    "held call", "bar over", "bar left", "detached call",
    "OfferWithdrawn in a restart", "OfferMade in a restart", "CallAssigned in a restart",
    "CallHoldEnded in a restart", "CallStepReached in a restart", "CallOverdue in a restart",
    "WrapUpEnded in a restart", "AgentAvailabilityChanged in a restart",
    "detach waiting", "detach offered", "detach assigned", "detach and offers",
    "attach waiting", "attach assigned", "attach and offers",
    "Detach: UNKNOWN_CALL", "Detach: CALL_DETACHED", "Attach: UNKNOWN_CALL", "Attach: CALL_NOT_DETACHED",
    "Enqueue: TOO_MANY_REQUIREMENTS", "UpdateCall: TOO_MANY_REQUIREMENTS", "Transfer: TOO_MANY_REQUIREMENTS",
)  # fmt: skip


class Seen(Counter[str]):
    """What has happened, in words, and how often."""

    def note(self, what: str, happened: bool = True) -> None:
        self[what] += happened

    def before_restart(self, oracle: Oracle, time_us: int) -> None:
        """Count what a restart at this time will meet."""
        down = time_us > oracle.time_us
        self.note("restart after no time", not down)
        self.note("restart after an hour", time_us > oracle.time_us + 3600 * SECOND_US)
        offers = [
            (agent, one) for agent in oracle.agents() for one in agent.engagements
            if one.state == EngagementState.OFFERED and one.until_us is not None
        ]  # fmt: skip
        for agent, one in offers:
            assert one.until_us is not None
            self.note("offer due at that instant", one.until_us == time_us and down)
            self.note("offer due before", one.until_us < time_us)
            self.note("offer extended", one.until_us > time_us and down)
            self.note("offer due of a closing agent", one.until_us <= time_us and agent.availability == CLOSING)
        for call in oracle.calls():
            self.note("held call", call.held and down and call.state == CallState.WAITING)
            self.note("bar over", any(bar.until_us <= time_us for bar in call.bars))
            self.note("bar left", any(bar.until_us > time_us for bar in call.bars))
            self.note("detached call", call.detached)

    def detachment(self, command: c.Detach | c.Attach, before: dict[str, CallView], events: list[e.Event]) -> None:
        """Count in which state a call was detached or attached."""
        name = type(command).__name__.lower()
        if command.call in before and any(isinstance(event, e.CallDetached | e.CallAttached) for event in events):
            self.note(f"{name} {before[command.call].state.name.lower()}")
            self.note(f"{name} and offers", any(isinstance(event, e.OfferMade) for event in events))

    def run(self, run: Run) -> None:
        """Do all operations of a run on an oracle, and count."""
        oracle = Oracle(run.settings, time_us=run.start_us)
        last_command: c.Command = c.Advance()
        for _ in range(OPERATIONS_PER_RUN):
            operation = draw_operation(run.choices, run.world, oracle, run.mix, run.grid_us)
            if isinstance(operation, Restore):
                continue
            command, before = operation.command, {call.call: call for call in oracle.calls()}
            if isinstance(command, c.Restart):
                self.before_restart(oracle, operation.time_us)
                self.note("restart after a restart", isinstance(last_command, c.Restart))
            events = outcome(oracle, operation)[isinstance(operation, ApplyRequest) :]
            if not any(event in (TimeWentBackwards, RequestIdReused) for event in events):
                last_command = command
                self.after(command, before, events)

    def after(self, command: c.Command, before: dict[str, CallView], events: list[e.Event]) -> None:
        """Count what a command brought."""
        if isinstance(command, c.Detach | c.Attach):
            self.detachment(command, before, events)
        for event in events:
            self.note(f"{type(event).__name__} in a restart", isinstance(command, c.Restart))
            if isinstance(event, e.CommandRejected):
                self.note(f"{type(command).__name__}: {event.reason.name}")


def test_the_random_runs_reach_restarts_detached_calls_and_the_bound_on_requirements() -> None:
    seen = Seen()
    for number in range(RUNS):
        seen.run(Run(f"fixed/{number}"))
    assert not [what for what in WANTED if not seen[what]], seen
