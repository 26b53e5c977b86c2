"""Entries in words, one line each, for people who ask what happened.

Keeps one invariant: every command has its words, and names stand in them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec

from router.engine import commands as c
from router.engine.events import Event
from router.engine.requirements import AgentTerm, Requirement, SkillTerm, Step
from router.engine.settings import SECOND_US
from router.engine.vocabulary import Urgency
from router.journal.entries import ConfigText, Note, SessionChange

AUDITED: Final = (c.Configure, c.Assign, c.PauseQueue, c.ResumeQueue, c.Restart)
"""Commands that change how others work, or override them; with entries about sessions they are the audit trail."""


_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


def describe(command: c.Command) -> str:
    """Return what a command asks for."""
    parts = [_HEADS[type(command)](command), *_details(command)]
    return ", ".join(part for part in parts if part)


def describe_event(event: Event) -> str:
    """Return what happened, and to whom."""
    what = _CAPITAL.sub(" ", type(event).__name__).lower()
    whom = [f"{kind} {name}" for kind in ("call", "agent", "queue") if (name := getattr(event, kind, None))]
    return f"{what} ({', '.join(whom)})" if whom else what


def describe_note(note: Note | None) -> str:
    """Return what the service noted with a command; empty if nothing."""
    match note:
        case ConfigText():
            origin = "the config file" if note.from_file else "a client"
            return f"from {origin}, etag {note.etag}"
        case SessionChange():
            return f"session of {note.client_id} {note.change.name.lower().replace('_', ' ')}"
        case None:
            return ""


def subjects(command: c.Command) -> tuple[set[str], set[str]]:
    """Return the calls and the agents that a command names."""
    calls = {getattr(command, "call", "")}
    agents = {getattr(command, "agent", ""), *(getattr(command, "preferred_agents", None) or ())}
    return calls - {""}, agents - {""}


def as_data(value: Any) -> Any:
    """Return commands, settings and notes as what JSON knows, every field of them, with words for enumerations."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kind = {} if config.tag is None else {"type": config.tag}
        fields = {field.name: as_data(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
        return {**kind, **fields}
    if isinstance(value, Mapping):
        return {key: as_data(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_data(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


_HEADS: Final[dict[type[Any], Any]] = {
    c.SignIn: lambda x: f"sign in agent {x.agent}" + ("" if x.ready else ", not ready"),
    c.SignOut: lambda x: f"sign out agent {x.agent}",
    c.SetAvailability: lambda x: f"set agent {x.agent} {'ready' if x.ready else 'not ready'}",
    c.UpdateAgent: lambda x: f"update agent {x.agent}",
    c.Enqueue: lambda x: f"enqueue call {x.call} in {x.queue}",
    c.UpdateCall: lambda x: f"update call {x.call}",
    c.Cancel: lambda x: f"cancel call {x.call}",
    c.Requeue: lambda x: f"requeue call {x.call}" + ("" if x.keep_place else " at the end"),
    c.Transfer: lambda x: f"transfer call {x.call} to {x.queue}" + ("" if x.keep_place else ", at the end"),
    c.Assign: lambda x: f"assign call {x.call} to agent {x.agent}",
    c.TurnIntoCallback: lambda x: f"turn call {x.call} into a callback",
    c.Accept: lambda x: f"accept offer {x.offer}",
    c.Reject: lambda x: f"reject offer {x.offer}",
    c.Complete: lambda x: f"complete call {x.call}",
    c.EndWrapUp: lambda x: f"end wrap-up of agent {x.agent}" + (f" for call {x.call}" if x.call else ""),
    c.RecordOutcome: lambda x: f"record outcome of call {x.call}",
    c.Configure: lambda x: f"configure {', '.join(sorted(x.settings.queues)) or 'no queues'}",
    c.PauseQueue: lambda x: f"pause queue {x.queue}",
    c.ResumeQueue: lambda x: f"resume queue {x.queue}",
    c.Detach: lambda x: f"detach call {x.call}",
    c.Attach: lambda x: f"attach call {x.call}",
    c.Restart: lambda x: "restart",
    c.Advance: lambda x: "advance",
}


def _details(command: c.Command) -> list[str]:
    """Return the rest of a command: what it gives beyond the default."""
    match command:
        case c.SignIn():
            return [_levels("skills", command.skills), _levels("capacity", command.capacity)]
        case c.UpdateAgent():
            return [_levels("skills", command.skills, "none"), _levels("capacity", command.capacity, "all channels")]
        case c.SetAvailability():
            return ["after the current call" if command.after_call else "", _reason(command.reason)]
        case c.Enqueue():
            return _enqueue(command)
        case c.UpdateCall():
            return [
                "" if command.urgency is None else _word(command.urgency),
                "" if command.priority is None else f"priority {command.priority}",
                _requirement(command.requirement),
                _preferred(command.preferred_agents),
                _attributes(command.attributes),
            ]
        case c.Transfer():
            return [_requirement(command.requirement), _preferred(command.preferred_agents), _hold(command.hold_us)]
        case c.Cancel() | c.Requeue() | c.Reject():
            return [_reason(command.reason)]
        case c.RecordOutcome():
            return _outcome(command)
        case c.Configure():
            return [f"calls of {old} go to {new}" for old, new in sorted(command.moves.items())]
    return []


def _enqueue(command: c.Enqueue) -> list[str]:
    return [
        command.channel if command.channel != "voice" else "",
        _word(command.urgency) if command.urgency is not Urgency.NORMAL else "",
        f"priority {command.priority}" if command.priority else "",
        _requirement(command.requirement),
        _preferred(command.preferred_agents or None),
        _hold(command.hold_us),
        f"credited {_seconds(command.credited_wait_us)}" if command.credited_wait_us else "",
        f"customer {command.customer}" if command.customer else "",
        _attributes(command.attributes or None),
        "callback" if command.callback else "",
        "explain" if command.explain else "",
    ]


def _outcome(command: c.RecordOutcome) -> list[str]:
    return [
        "" if command.resolved is None else ("resolved" if command.resolved else "not resolved"),
        "" if command.satisfaction is None else f"satisfaction {command.satisfaction}",
        f"agent {command.agent}" if command.agent else "",
        f"queue {command.queue}" if command.queue else "",
    ]


def _word(member: IntEnum) -> str:
    return member.name.lower().replace("_", " ")


def _seconds(duration_us: int) -> str:
    return f"{duration_us / SECOND_US:g} s"


def _levels(name: str, levels: Mapping[str, int] | None, empty: str = "") -> str:
    if levels is None:
        return ""
    words = " ".join(f"{key}={level}" for key, level in sorted(levels.items())) or empty
    return f"{name} {words}" if words else ""


def _reason(reason: str) -> str:
    return f"reason {reason!r}" if reason else ""


def _hold(hold_us: int | None) -> str:
    return "" if hold_us is None else f"held for {_seconds(hold_us)}"


def _preferred(agents: tuple[str, ...] | None) -> str:
    return "" if agents is None else f"preferred {' '.join(agents) or 'nobody'}"


def _attributes(attributes: Mapping[str, str] | None) -> str:
    # their values may be personal: the export has them
    return "" if attributes is None else f"attributes {' '.join(sorted(attributes)) or 'none'}"


def _requirement(requirement: Requirement | None) -> str:
    if requirement is None:
        return ""
    return "requirement " + "; ".join(_step(step) for step in requirement.steps)


def _step(step: Step) -> str:
    terms = " + ".join(_term(term) for term in step.terms) or "anybody"
    preferred = "".join(f", rather {one.skill}" for one in step.prefer)
    after = f" after {_seconds(step.after_us)}" if step.after_us else ""
    return f"{terms}{preferred}{after}"


def _term(term: Any) -> str:
    if isinstance(term, SkillTerm):
        return f"{term.skill}>={term.level}"
    if isinstance(term, AgentTerm):
        return f"agent {term.agent}"
    return "(" + " or ".join(_term(one) for one in term.terms) + ")"
