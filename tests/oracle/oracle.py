"""The oracle: a second engine with the same API, which keeps one plain state and scans it for everything."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec

from router.engine import commands as c
from router.engine.errors import RequestIdReused, TimeWentBackwards, UnknownName
from router.engine.events import CommandRejected, Event
from router.engine.requirements import Requirement
from router.engine.settings import Settings
from router.engine.views import AgentView, CallView, CustomerView, QueueView, Result
from router.engine.vocabulary import Availability, EngagementState
from tests.oracle import administration, commands, scoring, views
from tests.oracle.deadlines import all_deadlines, fire_due
from tests.oracle.matching import may_take
from tests.oracle.memory import drop_surplus, forget
from tests.oracle.reasons import Reason
from tests.oracle.restart import restart
from tests.oracle.state import Call, Request, State

ACTIONS: dict[type, Callable[[State, Any], None]] = {
    c.SignIn: administration.sign_in,
    c.SignOut: administration.sign_out,
    c.SetAvailability: administration.set_availability,
    c.UpdateAgent: administration.update_agent,
    c.Enqueue: commands.enqueue,
    c.UpdateCall: commands.update_call,
    c.Cancel: commands.cancel,
    c.Requeue: commands.requeue,
    c.Transfer: commands.transfer,
    c.Assign: commands.assign_by_force,
    c.TurnIntoCallback: commands.turn_into_callback,
    c.Accept: commands.accept,
    c.Reject: commands.reject,
    c.Complete: commands.complete,
    c.EndWrapUp: commands.end_wrap_up,
    c.RecordOutcome: commands.record_outcome,
    c.Configure: administration.configure,
    c.PauseQueue: administration.pause_queue,
    c.ResumeQueue: administration.resume_queue,
    c.Detach: commands.detach,
    c.Attach: commands.attach,
    c.Restart: restart,
    c.Advance: lambda state, command: None,
}

ABOUT_A_CALL = (
    c.Enqueue, c.UpdateCall, c.Cancel, c.Requeue, c.Transfer, c.Assign, c.TurnIntoCallback, c.Complete, c.RecordOutcome,
    c.Detach, c.Attach,
)  # fmt: skip


class Oracle:
    """Do what the engine does, slowly. Commands are taken to be well formed."""

    def __init__(self, settings: Settings | None = None, *, time_us: int = 0) -> None:
        self._state = State(now_us=time_us)
        if settings is not None:
            self.apply(c.Configure(settings), time_us)

    def apply(self, command: c.Command, time_us: int) -> list[Event]:
        """Fire the deadlines up to `time_us`, carry out the command, and return the events in order."""
        state = self._state
        if time_us < state.now_us:
            raise TimeWentBackwards(f"time {time_us} is before {state.now_us}")
        state.sequence += 1
        state.events = []
        state.reasons = []
        state.last_us = state.now_us
        if isinstance(command, c.Restart):
            state.now_us = time_us
        else:
            fire_due(state, time_us)
        forget(state)
        about = self._call_of(command)
        rejection: commands.Refusal | None = None
        try:
            ACTIONS[type(command)](state, command)
        except commands.Refusal as refusal:
            rejection = refusal
            state.emit(CommandRejected, reason=refusal.reason, subject=refusal.subject)
        fire_due(state, time_us)
        state.last_result = self._result(about, rejection)
        return state.events

    def apply_request(
        self, command: c.Command, time_us: int, *, client: str, request_id: str, content: bytes
    ) -> tuple[Result, list[Event]]:
        """Apply a command once per (client, request_id)."""
        state = self._state
        remembered = state.requests.get((client, request_id))
        if remembered is not None:
            end_us = remembered.result.time_us + state.settings.request_retention_us
            if time_us < end_us:
                if remembered.content != content:
                    raise RequestIdReused(f"request {request_id!r} of client {client!r} came with other content")
                return msgspec.structs.replace(remembered.result, repeated=True), []
        events = self.apply(command, time_us)
        assert state.last_result is not None
        state.requests.pop((client, request_id), None)
        state.requests[client, request_id] = Request(content, state.last_result)
        drop_surplus(state)
        return state.last_result, events

    def advance(self, time_us: int) -> list[Event]:
        """Only fire what is due."""
        return self.apply(c.Advance(), time_us)

    def next_deadline(self) -> int | None:
        """Return the time of the earliest deadline, None if there is none."""
        return min((deadline.time_us for deadline in all_deadlines(self._state)), default=None)

    @property
    def last_result(self) -> Result | None:
        return self._state.last_result

    @property
    def sequence(self) -> int:
        return self._state.sequence

    @property
    def time_us(self) -> int:
        return self._state.now_us

    @property
    def settings(self) -> Settings:
        return self._state.settings

    def snapshot(self) -> State:
        """Return a copy of the whole state."""
        return copy.deepcopy(self._state)

    @classmethod
    def restore(cls, snapshot: State) -> Oracle:
        """Rebuild an oracle from `snapshot()`."""
        oracle = cls()
        oracle._state = copy.deepcopy(snapshot)
        return oracle

    # Queries

    def call(self, call: str) -> CallView:
        return views.call_view(self._state, self._known_call(call))

    def agent(self, agent: str) -> AgentView:
        if agent not in self._state.agents:
            raise UnknownName("agent", agent)
        return views.agent_view(self._state.agents[agent])

    def queue(self, queue: str) -> QueueView:
        self._check_queue(queue)
        return views.queue_view(self._state, self._state.queues[queue])

    def calls(self) -> list[CallView]:
        calls = sorted(self._state.calls.values(), key=lambda call: call.order)
        return [views.call_view(self._state, call) for call in calls]

    def agents(self) -> list[AgentView]:
        return [views.agent_view(agent) for _, agent in sorted(self._state.agents.items())]

    def queues(self) -> list[QueueView]:
        return [views.queue_view(self._state, queue) for _, queue in sorted(self._state.queues.items())]

    def customers(self) -> list[CustomerView]:
        customers = sorted(self._state.customers, key=lambda one: one.name)
        return [CustomerView(customer=one.name, agent=one.agent, served_us=one.served_us) for one in customers]

    def position(self, call: str) -> int | None:
        return views.position(self._state, self._known_call(call))

    def waiting(self, queue: str, limit: int = 100) -> list[str]:
        self._check_queue(queue)
        calls = [call for call in self._state.waiting_calls() if call.queue == queue]
        return [call.name for call in scoring.by_rank(self._state, calls)[:limit]]

    def count_agents(self, requirement: Requirement, *, channel: str = "voice", step: int = 0) -> int:
        if channel not in self._state.settings.channels:
            raise UnknownName("channel", channel)
        return sum(
            (agent.availability in (Availability.READY, Availability.CLOSING) or agent.engaged)
            and agent.capacity.get(channel, 0) > 0
            and scoring.satisfies(agent, requirement.steps[step])
            for agent in self._state.agents.values()
        )

    def reasons(self) -> list[Reason]:
        """Return why the last command's offers went where they went, in order."""
        return list(self._state.reasons)

    def unserved(self) -> list[tuple[str, str]]:
        """Return the pairs of a waiting call and an agent who may take it: at rest there are none."""
        return [
            (call.name, agent.name)
            for call in self._state.waiting_calls()
            for agent in self._state.agents.values()
            if may_take(self._state, agent, call)
        ]

    # Helpers

    def _known_call(self, name: str) -> Call:
        if name not in self._state.calls:
            raise UnknownName("call", name)
        return self._state.calls[name]

    def _check_queue(self, name: str) -> None:
        if name not in self._state.queues:
            raise UnknownName("queue", name)

    def _call_of(self, command: c.Command) -> str | None:
        """Return the name of the call that a command is about; of an offer that is not pending, none."""
        if isinstance(command, c.Accept | c.Reject):
            found = self._state.engagement(command.offer)
            return found[1].call if found is not None and found[1].state == EngagementState.OFFERED else None
        return command.call if isinstance(command, ABOUT_A_CALL) else None

    def _result(self, about: str | None, rejection: commands.Refusal | None) -> Result:
        state = self._state
        call = state.calls.get(about) if about is not None else None
        return Result(
            sequence=state.sequence,
            time_us=state.now_us,
            rejection=None if rejection is None else rejection.reason,
            subject="" if rejection is None else rejection.subject,
            call_state=None if call is None else call.state,
            queue=None if call is None else call.queue,
            agent=None if call is None else call.agent,
            offer=None if call is None else call.offer,
        )
