"""Actions: what the floor asks its surroundings to do, and what these answer.

Requests to Asterisk, and what comes of them, are in `ari.requests`; here is the rest. Keeps one invariant: an action is
a value, which says everything that is needed to carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from router.bridge.asterisk.ari.requests import Outcome, Request
from router.client import LiveAgent, LiveCall, Reconciled, Reply
from router.engine.commands import Command
from router.engine.views import AgentView, CallView

Level = Literal["debug", "info", "warning", "error"]


class Send(msgspec.Struct, frozen=True):
    """Send a command to the router, in order. `call` is the call that it is about, if it is about one."""

    number: int
    command: Command
    call: str = ""


class Reconcile(msgspec.Struct, frozen=True):
    """Compare all that we have with what the router has. No command is asked for until this is answered."""

    number: int
    calls: tuple[LiveCall, ...]
    agents: tuple[LiveAgent, ...]


class LearnAgents(msgspec.Struct, frozen=True):
    """Find out which agents an earlier run has signed in: a dry run of Reconcile without any, then each one's view.

    Of `calls` it is asked, too, whether an agent has them; and which callbacks there are beside the calls of `known`.
    """

    number: int
    calls: tuple[str, ...] = ()
    known: tuple[LiveCall, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """One line of the log."""

    level: Level
    text: str
    call: str = ""
    agent: str = ""
    offer: int = 0
    channel: str = ""
    fields: Mapping[str, str] = {}


class Count(msgspec.Struct, frozen=True):
    """Count something, or observe a duration in seconds. `name` is one of `COUNTS` or `DURATIONS`."""

    name: str
    label: str = ""
    value: float = 1.0


class Wait(msgspec.Struct, frozen=True):
    """A caller waits: announcements may begin."""

    call: str
    channel: str
    queue: str


class WaitOver(msgspec.Struct, frozen=True):
    """A caller waits no more: announcements end."""

    call: str


class Stop(msgspec.Struct, frozen=True):
    """End with an error: another bridge has taken over, and two would fight."""

    reason: str


Action = Request | Send | Reconcile | LearnAgents | Note | Count | Wait | WaitOver | Stop


class Applied(msgspec.Struct, frozen=True):
    """The router has carried out the command."""

    reply: Reply


class Refused(msgspec.Struct, frozen=True):
    """The router has refused it, for one of the reasons in docs/integrating.md."""

    reason: str
    message: str = ""


class Unanswered(msgspec.Struct, frozen=True):
    """Nobody knows whether it was carried out."""

    text: str = ""


class Learned(msgspec.Struct, frozen=True):
    """The agents signed in through this bridge, those of the calls that an agent has, and callbacks of ours."""

    agents: tuple[AgentView, ...]
    assigned: tuple[str, ...] = ()
    callbacks: tuple[CallView, ...] = ()


Asked = Request | Send | Reconcile | LearnAgents
Answer = Outcome | Applied | Refused | Unanswered | Learned | Reconciled

COUNTS: Final[Mapping[str, str]] = {
    "calls": "calls that came, by what became of their beginning (admitted, feature, unwanted, adopted)",
    "calls_ended": "calls that ended, by how"
    " (abandoned, completed, agent_hung_up, refused, fallback, key, callback, callback_given_up,"
    " ended_by_router)",
    "legs": "telephones rung, by what came of it (answered, withdrawn, and the words for why they did not answer)",
    "connects": "attempts to connect two sides, by how they went (connected, retried, failed, undone by the router)",
    "requests_failed": "requests to Asterisk that did not succeed, by outcome (gone, conflict, failed, unreachable)",
    "commands_refused": "commands that the router refused, by reason",
    "commands_unanswered": "commands of which nobody knows whether they were carried out",
    "events_unexpected": "events that came twice, late or about nobody known, by type",
    "features": "feature codes dialled, by kind and how they went (such as sign_in, or sign_in_failed)",
    "transfers": "transfers dialled by agents, by how they went (done, refused, unknown_code, by_telephone, by_caller)",
    "callbacks": "callbacks, by how they went (agreed, refused, reached, unreached, given_up)",
    "resyncs": "comparisons with what Asterisk has, by how they went (done, failed)",
    "reconciles": "comparisons with what the router has, by how they went (agreed, differed, failed)",
    "differences": "differences found by Reconcile, by kind",
}

DURATIONS: Final[Mapping[str, str]] = {
    "accept_seconds": "from an agent's answer to the router's word that the call is theirs",
    "connect_seconds": "from an agent's answer to both sides being connected",
    "ring_seconds": "from a telephone being rung to its answer",
    "wait_seconds": "from a caller's arrival to being connected for the first time",
}
