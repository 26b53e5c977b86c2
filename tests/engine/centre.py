"""A small contact centre for hand-written scenarios: times in seconds, and short words for what came out."""

from __future__ import annotations

from typing import Any

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.events import Event
from router.engine.settings import SECOND_US, QueueSettings, Settings
from router.engine.views import AgentView, CallView, QueueView
from router.engine.vocabulary import RejectReason
from tests.oracle import Oracle

MACHINES = (Oracle, Engine)
START_S = 100_000


def us(seconds: float) -> int:
    """Return microseconds; scenarios start at `START_S`, so that time 0 is far away."""
    return round(seconds * SECOND_US)


def at_us(seconds: float) -> int:
    return us(START_S + seconds)


class Centre:
    """An engine or an oracle, driven by commands at so many seconds after the start."""

    def __init__(self, machine: type[Any], queue: QueueSettings | None = None, **fields: Any) -> None:
        queues = fields.pop("queues", {"q": queue or QueueSettings()})
        self.settings = Settings(queues=queues, **fields)
        self.machine = machine(self.settings, time_us=at_us(0))
        self.now_s: float = 0
        self.audit()

    def do(self, command: c.Command, at: float | None = None) -> list[Event]:
        """Apply a command, at the time of the one before if none is given, and return the events."""
        if at is not None:
            self.now_s = at
        events: list[Event] = self.machine.apply(command, at_us(self.now_s))
        self.audit()
        return events

    def audit(self) -> None:
        if isinstance(self.machine, Engine):
            self.machine.audit()

    def advance(self, at: float) -> list[Event]:
        return self.do(c.Advance(), at)

    def sign_in(self, *agents: str, at: float | None = None, **fields: Any) -> None:
        """Sign in agents, one after the other."""
        for agent in agents:
            self.do(c.SignIn(agent, **fields), at)

    def enqueue(self, call: str, at: float | None = None, **fields: Any) -> list[Event]:
        """Enqueue a call, in queue q unless another is named."""
        return self.do(c.Enqueue(call, fields.pop("queue", "q"), **fields), at)

    def accept(self, call: str, at: float | None = None) -> list[Event]:
        return self.do(c.Accept(self.offer(call)), at)

    def reject(self, call: str, at: float | None = None, reason: str = "") -> list[Event]:
        return self.do(c.Reject(self.offer(call), reason), at)

    def refusal(self, command: c.Command, at: float | None = None) -> tuple[RejectReason, str]:
        """Apply a command that breaks a rule; return the reason and the subject."""
        events = self.do(command, at)
        assert isinstance(events[-1], e.CommandRejected), events
        result = self.machine.last_result
        assert (result.rejection, result.subject) == (events[-1].reason, events[-1].subject)
        return events[-1].reason, events[-1].subject

    def offer(self, call: str) -> int:
        offer = self.call(call).offer
        assert offer is not None, f"{call} has no offer"
        return offer

    def who(self, call: str) -> str | None:
        """Return the agent who has the call."""
        return self.call(call).agent

    def call(self, call: str) -> CallView:
        view: CallView = self.machine.call(call)
        return view

    def agent(self, agent: str) -> AgentView:
        view: AgentView = self.machine.agent(agent)
        return view

    def queue(self, queue: str = "q") -> QueueView:
        view: QueueView = self.machine.queue(queue)
        return view

    def waiting(self, queue: str = "q") -> list[str]:
        names: list[str] = self.machine.waiting(queue)
        return names


def kinds(events: list[Event]) -> list[str]:
    """Return the names of the events' classes."""
    return [type(event).__name__ for event in events]


def offered(events: list[Event]) -> list[tuple[str, str]]:
    """Return who was offered what, or assigned it without an offer."""
    return [(event.call, event.agent) for event in events if isinstance(event, e.OfferMade | e.CallAssigned)]


def second(event: Event) -> float:
    """Return the second of the scenario in which an event happened."""
    return event.time_us / SECOND_US - START_S
