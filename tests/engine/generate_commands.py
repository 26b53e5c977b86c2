"""Random commands and times: mostly what makes sense in the present state, partly what breaks a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.engine import commands as c
from router.engine.settings import DAY_US, SECOND_US
from router.engine.views import AgentView, CallView
from router.engine.vocabulary import Availability, CallState, EngagementState, NoAnswerAction, Urgency
from tests.engine.choices import Choices, some
from tests.engine.generate import CHANNELS, QUEUES, World, changed_settings, requirement, skills
from tests.oracle import Oracle

FIRINGS_MAX = 25
TRIES = 6


class NothingFits(Exception):
    """No call, agent, offer or queue is in a state for this command."""


class CommandSource:
    """Draws commands that fit, or nearly fit, the state of an oracle."""

    def __init__(self, choices: Choices, world: World, oracle: Oracle, mix: Mix | None = None) -> None:
        self._choices = choices
        self._kinds = KINDS if mix is None else mix
        self._world = world
        self._oracle = oracle
        self._calls: list[CallView] = []
        self._agents: list[AgentView] = []

    def command(self) -> c.Command:
        """Return the next command."""
        self._calls = self._oracle.calls()
        self._agents = self._oracle.agents()
        for _ in range(TRIES):
            try:
                return self._choices.pick(self._kinds)(self)
            except NothingFits:
                continue
        return c.Advance()

    # Names

    def _call(self, *states: CallState) -> str:
        """Return a call in one of the states if there is one, now and then any name."""
        fitting = [call.call for call in self._calls if call.state in states]
        return self._fitting(fitting, self._world.calls)

    def _agent(self, *availabilities: Availability) -> str:
        fitting = [one.agent for one in self._agents if one.availability in availabilities]
        return self._fitting(fitting, self._world.agents)

    def _fitting(self, fitting: Sequence[str], pool: Sequence[str]) -> str:
        if self._choices.chance(6):
            return self._choices.pick(pool)
        if not fitting:
            raise NothingFits
        return self._choices.pick(fitting)

    def _new_call(self) -> str:
        """Return a name that is not taken, or any name. Names of forgotten calls come again."""
        taken = {call.call for call in self._calls}
        free = [name for name in self._world.calls if name not in taken]
        return self._fitting(free or [f"new{self._oracle.sequence}"], self._world.calls)

    def _queue(self) -> str:
        return self._fitting(sorted(self._oracle.settings.queues), QUEUES)

    def _offer(self) -> int:
        engagements = [one for agent in self._agents for one in agent.engagements]
        pending = [one.offer for one in engagements if one.state == EngagementState.OFFERED]
        if not self._choices.chance(6):
            if not pending:
                raise NothingFits
            return self._choices.pick(pending)
        last = max((one.offer for one in engagements), default=1)
        return self._choices.integer(1, last + 2)

    # Parts

    def _capacity(self) -> dict[str, int]:
        configured = sorted(self._oracle.settings.channels)
        pool = CHANNELS if self._choices.chance(5) else configured
        return {channel: self._choices.pick((1, 2, 3)) for channel in some(self._choices, pool, len(pool))}

    def _preferred(self) -> tuple[str, ...]:
        return tuple(some(self._choices, self._world.agents, self._choices.pick((0, 0, 1, 2))))

    def _reason(self) -> str:
        return self._choices.pick(("", "", "break", "lunch"))

    # Commands

    def sign_in(self) -> c.Command:
        signed_out = [one.agent for one in self._agents if one.availability == Availability.SIGNED_OUT]
        known = {one.agent for one in self._agents}
        new = [name for name in self._world.agents if name not in known]
        agent = self._fitting([*signed_out, *new], self._world.agents)
        return c.SignIn(agent, skills(self._choices), self._capacity(), ready=not self._choices.chance(20))

    def sign_out(self) -> c.Command:
        return c.SignOut(self._agent(Availability.READY, Availability.CLOSING, Availability.NOT_READY))

    def become_ready(self) -> c.Command:
        return c.SetAvailability(self._agent(Availability.NOT_READY, Availability.CLOSING), True, self._reason())

    def become_not_ready(self) -> c.Command:
        agent = self._agent(Availability.READY, Availability.CLOSING, Availability.NOT_READY)
        return c.SetAvailability(agent, False, self._reason(), self._choices.chance(60))

    def update_agent(self) -> c.Command:
        agent = self._agent(Availability.READY, Availability.CLOSING, Availability.NOT_READY)
        return c.UpdateAgent(
            agent,
            skills(self._choices) if self._choices.chance(60) else None,
            self._capacity() if self._choices.chance(50) else None,
        )

    def enqueue(self) -> c.Command:
        choices = self._choices
        configured = sorted(self._oracle.settings.channels)
        channel = choices.pick(CHANNELS if choices.chance(3) else (*configured, "voice", configured[0]))
        return c.Enqueue(
            self._new_call(),
            self._queue(),
            channel=channel,
            requirement=requirement(choices, self._world) if choices.chance(35) else None,
            urgency=choices.pick((Urgency.NORMAL, Urgency.NORMAL, Urgency.IMPORTANT, Urgency.URGENT)),
            priority=choices.pick((0, 0, 1, 5, 9)),
            preferred_agents=self._preferred(),
            hold_us=choices.pick((None, None, 0, SECOND_US, 10 * SECOND_US)),
            credited_wait_us=choices.pick((0, 0, 0, 0, SECOND_US, 5 * SECOND_US, 3600 * SECOND_US, 366 * DAY_US)),
            customer=choices.pick(("", *self._world.customers)),
            attributes={"lang": "de"} if choices.chance(10) else {},
            callback=choices.chance(10),
            explain=choices.chance(10),
        )

    def update_call(self) -> c.Command:
        choices = self._choices
        return c.UpdateCall(
            self._call(CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED),
            urgency=choices.pick(tuple(Urgency)) if choices.chance(30) else None,
            priority=choices.integer(0, 9) if choices.chance(30) else None,
            requirement=requirement(choices, self._world) if choices.chance(40) else None,
            preferred_agents=self._preferred() if choices.chance(40) else None,
            attributes={"lang": "fr"} if choices.chance(10) else None,
        )

    def cancel(self) -> c.Command:
        return c.Cancel(self._call(CallState.WAITING, CallState.OFFERED), self._reason())

    def requeue(self) -> c.Command:
        return c.Requeue(
            self._call(CallState.OFFERED, CallState.ASSIGNED), not self._choices.chance(40), self._reason()
        )

    def transfer(self) -> c.Command:
        choices = self._choices
        return c.Transfer(
            self._call(CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED, CallState.ASSIGNED),
            self._queue(),
            keep_place=not choices.chance(40),
            requirement=requirement(choices, self._world) if choices.chance(30) else None,
            preferred_agents=self._preferred() if choices.chance(50) else None,
            hold_us=choices.pick((None, None, 0, SECOND_US, 10 * SECOND_US)),
        )

    def assign(self) -> c.Command:
        call = self._call(CallState.WAITING, CallState.OFFERED)
        return c.Assign(call, self._agent(Availability.READY, Availability.CLOSING, Availability.NOT_READY))

    def detach(self) -> c.Command:
        states = (CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED)
        if self._choices.chance(10):
            return c.Detach(self._call(*states))
        state = self._choices.pick(states)
        return c.Detach(self._fitting([one.call for one in self._calls if one.state == state], self._world.calls))

    def attach(self) -> c.Command:
        detached = [call.call for call in self._calls if call.detached]
        return c.Attach(self._fitting(detached, self._world.calls))

    def turn_into_callback(self) -> c.Command:
        return c.TurnIntoCallback(self._call(CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED))

    def accept(self) -> c.Command:
        return c.Accept(self._offer())

    def reject(self) -> c.Command:
        return c.Reject(self._offer(), self._reason())

    def complete(self) -> c.Command:
        return c.Complete(self._call(CallState.ASSIGNED))

    def end_wrap_up(self) -> c.Command:
        wrapping = [
            (agent.agent, one.call)
            for agent in self._agents
            for one in agent.engagements
            if one.state == EngagementState.WRAP_UP
        ]
        if self._choices.chance(6):
            return c.EndWrapUp(self._agent(*Availability), self._choices.pick(("", *self._world.calls)))
        if not wrapping:
            raise NothingFits
        agent, call = self._choices.pick(wrapping)
        return c.EndWrapUp(agent, self._choices.pick(("", call)))

    def record_outcome(self) -> c.Command:
        choices = self._choices
        resolved = choices.pick((True, False, None))
        satisfaction = choices.integer(1, 5) if resolved is None or choices.chance(50) else None
        completed = [call for call in self._calls if call.state == CallState.COMPLETED]
        if completed and not choices.chance(15):
            call = choices.pick(completed)
            agent = choices.pick(("", "", "", call.agent or "", choices.pick(self._world.agents)))
            queue = choices.pick(("", "", "", call.queue, choices.pick(QUEUES)))
            return c.RecordOutcome(call.call, resolved, satisfaction, agent, queue)
        agent = choices.pick((*self._world.agents, ""))
        return c.RecordOutcome(choices.pick(self._world.calls), resolved, satisfaction, agent, self._queue())

    def configure(self) -> c.Command:
        new = changed_settings(self._choices, self._oracle.settings, self._world)
        moves = {}
        for name in sorted(self._oracle.settings.queues):
            if not self._choices.chance(15):
                moves[name] = self._fitting(sorted(new.queues), QUEUES)
        return c.Configure(new, moves)

    def pause_queue(self) -> c.Command:
        return c.PauseQueue(self._queue())

    def resume_queue(self) -> c.Command:
        paused = [queue.queue for queue in self._oracle.queues() if queue.paused]
        return c.ResumeQueue(self._fitting(paused, QUEUES))

    def restart(self) -> c.Command:
        return c.Restart()

    def advance(self) -> c.Command:
        return c.Advance()


Mix = Sequence[Callable[[CommandSource], c.Command]]


def repeated(*weighted: tuple[int, Callable[[CommandSource], c.Command]]) -> Mix:
    return tuple(kind for weight, kind in weighted for _ in range(weight))


KINDS = repeated(
    (3, CommandSource.advance),
    (24, CommandSource.enqueue),
    (14, CommandSource.sign_in),
    (30, CommandSource.accept),
    (7, CommandSource.reject),
    (13, CommandSource.complete),
    (6, CommandSource.end_wrap_up),
    (9, CommandSource.become_ready),
    (5, CommandSource.become_not_ready),
    (4, CommandSource.update_agent),
    (6, CommandSource.update_call),
    (4, CommandSource.cancel),
    (6, CommandSource.requeue),
    (7, CommandSource.transfer),
    (4, CommandSource.assign),
    (2, CommandSource.turn_into_callback),
    (4, CommandSource.record_outcome),
    (3, CommandSource.sign_out),
    (3, CommandSource.configure),
    (1, CommandSource.pause_queue),
    (3, CommandSource.resume_queue),
    (5, CommandSource.detach),
    (6, CommandSource.attach),
    (3, CommandSource.restart),
)


def mix_of(choices: Choices) -> Mix:
    """Return a mix of its own for a run: some kinds of commands more often, some not at all."""
    factors = {kind: choices.pick((0, 1, 1, 1, 3)) for kind in dict.fromkeys(KINDS)}
    always = (CommandSource.enqueue, CommandSource.sign_in)
    mixed = [kind for kind in KINDS for _ in range(factors[kind])]
    return [*mixed, *always]


def next_time(choices: Choices, oracle: Oracle, grid_us: int = 1) -> int:
    """Return the time of the next command: now, soon, at or beside the next deadline, or far away.

    With a grid of a second, all that comes from commands falls on whole seconds, so that many deadlines coincide.
    """
    now_us = oracle.time_us
    longest_us = longest_jump_us(oracle)
    deadline_us = oracle.next_deadline()
    kind = choices.pick(("now", "now", "now", "soon", "soon", "soon", "soon", "deadline", "deadline", "beside", "far"))
    step_us = 0
    if kind == "soon":
        step_us = choices.integer(0, min(3 * SECOND_US, longest_us))
    elif kind in ("deadline", "beside") and deadline_us is not None:
        step_us = min(deadline_us - now_us, longest_us)
        if kind == "beside":
            step_us = max(0, step_us + choices.pick((-1, 1)))
    elif kind == "far" and choices.chance(30):
        step_us = choices.integer(1, longest_us)
    elif kind == "far" and choices.chance(5) and may_skip_ages(oracle):
        step_us = choices.integer(1, 10 ** choices.integer(10, 17))
    rounded_us = (now_us + step_us + grid_us - 1) // grid_us * grid_us
    return rounded_us if rounded_us <= now_us + max(step_us, longest_us) else now_us + step_us


def restart_time(choices: Choices, oracle: Oracle, grid_us: int = 1) -> int:
    """Return the time of a `Restart`: after no time, seconds or hours, often just when something was due, or beside.

    Nothing fires in a downtime, so it may be as long as it likes.
    """
    now_us = oracle.time_us
    due_us = [one.until_us for agent in oracle.agents() for one in agent.engagements if one.until_us is not None]
    due_us += [call.hold_until_us for call in oracle.calls() if call.held and call.hold_until_us is not None]
    due_us += [bar.until_us for call in oracle.calls() for bar in call.bars]
    kind = choices.pick(("none", "soon", "soon", "due", "due", "due", "beside", "far", "far", "ages"))
    if kind in ("due", "beside") and due_us:
        return max(now_us, choices.pick(due_us) + (choices.pick((-1, 1)) if kind == "beside" else 0))
    longest_us = {"none": 0, "far": 18_000 * SECOND_US, "ages": 10 ** choices.integer(10, 15)}.get(kind, 30 * SECOND_US)
    if oracle.time_us >= 1 << 60:
        longest_us = 0
    step_us = choices.integer(0, longest_us)
    return (now_us + step_us + grid_us - 1) // grid_us * grid_us


def may_skip_ages(oracle: Oracle) -> bool:
    """Say whether nothing would be offered over and over again meanwhile."""
    return oracle.time_us < 1 << 60 and not keep_ready_rounds_us(oracle)


def longest_jump_us(oracle: Oracle) -> int:
    """Return how far time may jump before unanswered offers would be made over and over again too often."""
    return min([7200 * SECOND_US, *(FIRINGS_MAX * round_us for round_us in keep_ready_rounds_us(oracle))])


def keep_ready_rounds_us(oracle: Oracle) -> list[int]:
    return [
        queue.offer_timeout_us + queue.reject_backoff_us
        for queue in oracle.settings.queues.values()
        if queue.no_answer_action == NoAnswerAction.KEEP_READY and not queue.automatic
    ]
