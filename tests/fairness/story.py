"""Hand-written histories for the tests of the checker: commands with the events that an imagined engine answered."""

from __future__ import annotations

from typing import Any

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import AssignmentCause, Availability, NoAnswerAction, RejectReason, WithdrawalCause
from router.fairness import Point, Report, check

SECOND_US = 1_000_000
Telling = tuple[type, dict[str, Any]]


def needs(skill: str, level: int = 1) -> Requirement:
    return Requirement((Step((SkillTerm(skill, level),)),))


class Story:
    """A history as it is written: times in seconds, sequences given out in order.

    Offers are written as `offered(…)`, and so on; each method that is a command takes the events that follow its
    own as `*then`.
    """

    def __init__(self, settings: Settings | None = None, **queue: Any) -> None:
        self.settings = settings or Settings(queues={"alpha": QueueSettings(**queue), "beta": QueueSettings()})
        self.history: list[tuple[int, c.Command, list[e.Event]]] = []
        self.started_us: dict[str, int] = {}

    def tell(self, at: float, command: c.Command, *then: Telling) -> Story:
        """Add a command at a time in seconds with its events, which may have earlier times of their own (`at`)."""
        time_us = round(at * SECOND_US)
        sequence = len(self.history) + 2
        events = []
        for kind, fields in then:
            known = dict(fields)
            event_us = round(known.pop("at", at) * SECOND_US)
            if kind in (e.CallAssigned, e.CallAbandoned, e.CallRefused):
                known.setdefault("wait_us", event_us - self.started_us[known["call"]])
            events.append(kind(**{"time_us": event_us, "sequence": sequence} | known))
        self.history.append((time_us, command, events))
        return self

    def sign_in(self, at: float, agent: str, *then: Telling, ready: bool = True, **fields: Any) -> Story:
        signed_in = (
            e.AgentSignedIn,
            {"agent": agent, "availability": Availability.READY if ready else Availability.NOT_READY},
        )
        return self.tell(at, c.SignIn(agent, ready=ready, **fields), signed_in, *then)

    def enqueue(
        self, at: float, call: str, *then: Telling, queue: str = "alpha", told: Any = (), **fields: Any
    ) -> Story:
        command = c.Enqueue(call, queue, **fields)
        self.started_us[call] = round(at * SECOND_US)
        enqueued = {
            "call": call,
            "queue": queue,
            "effective_arrival_us": max(0, round(at * SECOND_US) - command.credited_wait_us),
            "preferred_agents": command.preferred_agents,
            "hold_until_us": None,
        }
        return self.tell(at, command, (e.CallEnqueued, enqueued | dict(told)), *then)

    def accept(self, at: float, offer: int, call: str, agent: str, *then: Telling) -> Story:
        return self.tell(
            at, c.Accept(offer), (e.OfferAccepted, {"offer": offer, "call": call, "agent": agent}),
            assigned(offer, call, agent, AssignmentCause.ACCEPTED), *then,
        )  # fmt: skip

    def complete(self, at: float, offer: int, call: str, agent: str, *then: Telling) -> Story:
        return self.tell(at, c.Complete(call), completed(offer, call, agent), *then)

    def reject(self, at: float, offer: int, call: str, agent: str, *then: Telling) -> Story:
        told = (e.OfferRejected, {"offer": offer, "call": call, "agent": agent, "reason": ""})
        return self.tell(at, c.Reject(offer), told, *then)

    def restart(self, at: float, *then: Telling, **told: Any) -> Story:
        """Come back at a time in seconds; the downtime is told as it was, unless another is given."""
        last_us = self.history[-1][0] if self.history else 0
        fields = {"downtime_us": round(at * SECOND_US) - last_us} | told
        return self.tell(at, c.Restart(), (e.Restarted, fields), *then)

    def advance(self, at: float, *then: Telling) -> Story:
        return self.tell(at, c.Advance(), *then)

    def report(self) -> Report:
        return check(self.history, self.settings)

    def points(self) -> set[Point]:
        return set(self.report().violation_counts)


def offered(offer: int, call: str, agent: str, *, queue: str = "alpha", expires: float = 1000, **more: Any) -> Telling:
    fields = {"offer": offer, "call": call, "agent": agent, "queue": queue, "callback": False}
    return e.OfferMade, fields | {"expires_us": round(expires * SECOND_US)} | more


def assigned(
    offer: int,
    call: str,
    agent: str,
    cause: AssignmentCause = AssignmentCause.AUTOMATIC,
    *,
    queue: str = "alpha",
    **fields: Any,
) -> Telling:
    return e.CallAssigned, {"offer": offer, "call": call, "agent": agent, "queue": queue, "cause": cause, **fields}


def completed(offer: int, call: str, agent: str, *, queue: str = "alpha", handle_us: int = 0) -> Telling:
    return e.CallCompleted, {"offer": offer, "call": call, "agent": agent, "queue": queue, "handle_us": handle_us}


def expired(offer: int, call: str, agent: str, at: float) -> Telling:
    return e.OfferExpired, {
        "offer": offer, "call": call, "agent": agent, "action": NoAnswerAction.KEEP_READY, "at": at
    }  # fmt: skip


def withdrawn(offer: int, call: str, agent: str, cause: WithdrawalCause) -> Telling:
    return e.OfferWithdrawn, {"offer": offer, "call": call, "agent": agent, "cause": cause}


def of_call(kind: type, call: str, **fields: Any) -> Telling:
    return kind, {"call": call, **fields}


def of_agent(kind: type, agent: str, **fields: Any) -> Telling:
    return kind, {"agent": agent, **fields}


def rejected(reason: RejectReason, subject: str) -> Telling:
    return e.CommandRejected, {"reason": reason, "subject": subject}
