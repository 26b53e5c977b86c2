"""What a client knows of the contact centre from watching it, and the commands that make sense there.

Keeps one invariant: the same events and the same seed give the same commands.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import SECOND_US
from router.engine.vocabulary import Urgency

QUEUES = ("loans", "cards", "general", "chats")
SKILLS = ("loans", "cards", "german")
AGENTS_PER_CLIENT = 6
LIVE_CALLS_MAX = 120


class Floor:
    """The calls, offers and agents that there are now, as far as the events tell."""

    def __init__(self) -> None:
        self.waiting: dict[str, None] = {}
        self.offers: dict[int, tuple[str, str]] = {}
        self.assigned: dict[str, str] = {}
        self.wrapping: dict[str, str] = {}
        self.completed: dict[str, str] = {}
        self.signed_in: dict[str, bool] = {}

    def observe(self, event: e.Event) -> None:
        """Take in one event."""
        match event:
            case e.CallEnqueued() | e.CallRequeued() | e.CallTransferred():
                self._wait(event.call)
            case e.OfferMade():
                self.waiting.pop(event.call, None)
                self.offers[event.offer] = (event.call, event.agent)
            case e.OfferAccepted():
                self.offers.pop(event.offer, None)
            case e.OfferRejected() | e.OfferExpired() | e.OfferWithdrawn():
                self.offers.pop(event.offer, None)
                self._wait(event.call)
            case e.CallAssigned():
                self.waiting.pop(event.call, None)
                self.assigned[event.call] = event.agent
            case e.CallCompleted() | e.CallAbandoned() | e.CallRefused():
                self._finish(event)
            case e.WrapUpStarted():
                self.wrapping[event.agent] = event.call
            case e.WrapUpEnded():
                self.wrapping.pop(event.agent, None)
            case e.AgentSignedIn():
                self.signed_in[event.agent] = True
            case e.AgentAvailabilityChanged():
                self.signed_in[event.agent] = event.availability.name == "READY"
            case e.AgentSignedOut():
                self.signed_in.pop(event.agent, None)

    def _wait(self, call: str) -> None:
        self.assigned.pop(call, None)
        self.waiting[call] = None

    def _finish(self, event: e.CallCompleted | e.CallAbandoned | e.CallRefused) -> None:
        self.waiting.pop(event.call, None)
        self.assigned.pop(event.call, None)
        if isinstance(event, e.CallCompleted):
            self.completed[event.call] = event.agent
            if len(self.completed) > 50:
                self.completed.pop(next(iter(self.completed)))

    @property
    def live_calls(self) -> int:
        return len(self.waiting) + len(self.offers) + len(self.assigned)


class Actor:
    """Draws the commands of one client; its agents and calls begin with its name."""

    def __init__(self, name: str, seed: int, floor: Floor) -> None:
        self.name = name
        self.rng = random.Random(seed)
        self._floor = floor
        self._numbers = itertools.count(1)

    def command(self) -> c.Command:
        """Return the next command: mostly one that fits, now and then one that breaks a rule."""
        while True:
            draw = self.rng.choices(KINDS, WEIGHTS)[0]
            found = draw(self)
            if found is not None:
                return found

    def new_call(self) -> c.Enqueue:
        """Return a call that there was never before."""
        rng = self.rng
        queue = rng.choice(QUEUES)
        return c.Enqueue(
            f"{self.name}-{next(self._numbers)}",
            queue,
            channel="chat" if queue == "chats" else "voice",
            requirement=self._requirement() if rng.random() < 0.2 else None,
            urgency=rng.choices((Urgency.NORMAL, Urgency.IMPORTANT, Urgency.URGENT), (8, 1, 1))[0],
            priority=rng.choice((0, 0, 0, 3, 9)),
            preferred_agents=(self._agent(),) if rng.random() < 0.1 else (),
            credited_wait_us=rng.choice((0, 0, 0, 5 * SECOND_US)),
            customer=f"customer-{rng.randrange(40)}" if rng.random() < 0.5 else "",
            attributes={"language": "de"} if rng.random() < 0.1 else {},
            explain=rng.random() < 0.05,
        )

    # --- names

    def _agent(self) -> str:
        return f"{self.name}-agent-{self.rng.randrange(AGENTS_PER_CLIENT)}"

    def _pick(self, names: dict[str, object] | dict[str, None] | dict[str, str] | dict[str, bool]) -> str | None:
        return self.rng.choice(list(names)) if names else None

    def _offer(self) -> int | None:
        if self.rng.random() < 0.02:
            return self.rng.randrange(1, 50)
        return self.rng.choice(list(self._floor.offers)) if self._floor.offers else None

    def _requirement(self) -> Requirement:
        rng = self.rng
        if rng.random() < 0.5:
            return Requirement(
                (Step((SkillTerm(rng.choice(SKILLS), rng.randint(1, 5)),)), Step(after_us=2 * SECOND_US))
            )
        return Requirement(
            (
                Step(
                    (AnyOf((SkillTerm("loans", 2), SkillTerm("cards", rng.randint(1, 9)))),), (Preference("german", 5),)
                ),
            )
        )

    # --- kinds of commands; None where nothing fits

    def enqueue(self) -> c.Command | None:
        return self.new_call() if self._floor.live_calls < LIVE_CALLS_MAX else None

    def sign_in(self) -> c.Command | None:
        skills = {skill: self.rng.randint(1, 10) for skill in SKILLS if self.rng.random() < 0.8}
        return c.SignIn(self._agent(), skills, {"voice": 1, "chat": self.rng.choice((1, 3))})

    def sign_out(self) -> c.Command | None:
        return c.SignOut(self._agent())

    def set_availability(self) -> c.Command | None:
        agent = self._agent()
        if self._floor.signed_in.get(agent, True) and self.rng.random() < 0.3:
            return c.SetAvailability(agent, False, "break", self.rng.random() < 0.5)
        return c.SetAvailability(agent, True)

    def update_agent(self) -> c.Command | None:
        return c.UpdateAgent(self._agent(), skills={"loans": self.rng.randint(1, 10), "german": 3})

    def accept(self) -> c.Command | None:
        offer = self._offer()
        return None if offer is None else c.Accept(offer)

    def reject(self) -> c.Command | None:
        offer = self._offer()
        return None if offer is None else c.Reject(offer, "busy")

    def complete(self) -> c.Command | None:
        call = self._pick(self._floor.assigned)
        return None if call is None else c.Complete(call)

    def end_wrap_up(self) -> c.Command | None:
        agent = self._pick(self._floor.wrapping)
        return None if agent is None else c.EndWrapUp(agent)

    def cancel(self) -> c.Command | None:
        call = self._pick(self._floor.waiting)
        return None if call is None else c.Cancel(call, "hung up")

    def update_call(self) -> c.Command | None:
        call = self._pick(self._floor.waiting)
        if call is None:
            return None
        return c.UpdateCall(call, priority=self.rng.randrange(10), attributes={"vip": "yes"})

    def requeue(self) -> c.Command | None:
        call = self._pick(self._floor.assigned)
        return None if call is None else c.Requeue(call, self.rng.random() < 0.7, "not connected")

    def transfer(self) -> c.Command | None:
        call = self._pick(self._floor.assigned)
        return None if call is None else c.Transfer(call, self.rng.choice(QUEUES[:3]), self.rng.random() < 0.5)

    def assign(self) -> c.Command | None:
        call = self._pick(self._floor.waiting)
        return None if call is None else c.Assign(call, self._agent())

    def turn_into_callback(self) -> c.Command | None:
        call = self._pick(self._floor.waiting)
        return None if call is None else c.TurnIntoCallback(call)

    def record_outcome(self) -> c.Command | None:
        call = self._pick(self._floor.completed)
        return None if call is None else c.RecordOutcome(call, self.rng.random() < 0.8, self.rng.randint(1, 5))

    def pause_queue(self) -> c.Command | None:
        return c.PauseQueue(self.rng.choice(QUEUES))

    def resume_queue(self) -> c.Command | None:
        return c.ResumeQueue(self.rng.choice(QUEUES))

    def nonsense(self) -> c.Command | None:
        return self.rng.choice(
            (
                c.Complete("nobody"),
                c.Accept(2**40),
                c.Cancel("gone"),
                c.SignOut("stranger"),
                c.Assign("gone", "stranger"),
            )
        )


_MIX: dict[Callable[[Actor], c.Command | None], int] = {
    Actor.enqueue: 26,
    Actor.accept: 24,
    Actor.complete: 20,
    Actor.sign_in: 8,
    Actor.set_availability: 8,
    Actor.end_wrap_up: 6,
    Actor.cancel: 4,
    Actor.reject: 3,
    Actor.requeue: 3,
    Actor.transfer: 3,
    Actor.update_call: 3,
    Actor.record_outcome: 3,
    Actor.assign: 2,
    Actor.sign_out: 2,
    Actor.turn_into_callback: 1,
    Actor.update_agent: 1,
    Actor.pause_queue: 1,
    Actor.resume_queue: 3,
    Actor.nonsense: 2,
}
KINDS = tuple(_MIX)
WEIGHTS = tuple(_MIX.values())
