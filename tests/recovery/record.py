"""The clients' own record: what was asked, what was answered, and what was seen. The journal is held against it.

Keeps one invariant: an answer, once given, never changes; a second one to the same request must be equal to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from router.client import RouterError
from router.engine.commands import Command
from router.engine.views import AgentView, CallView, QueueView, Result

View = CallView | AgentView | QueueView


class Outcome(msgspec.Struct, frozen=True):
    """What a client was told: the command's sequence, and either why it was rejected or what it led to."""

    sequence: int
    rejection: str = ""
    subject: str = ""
    call_state: str = ""
    queue: str = ""
    agent: str = ""
    offer: int = 0

    @classmethod
    def of_result(cls, result: Result) -> Outcome:
        """Return the outcome in a result, of an answer or of an engine."""
        if result.rejection is not None:
            return cls(result.sequence, result.rejection.name, result.subject)
        state = "" if result.call_state is None else result.call_state.name
        return cls(result.sequence, "", "", state, result.queue or "", result.agent or "", result.offer or 0)

    @classmethod
    def of_error(cls, error: RouterError) -> Outcome | None:
        """Return the outcome in an error, None if the command did not reach the engine or nobody knows."""
        return None if error.sequence is None else cls(error.sequence, error.reason, error.subject)


class Deed(msgspec.Struct):
    """One request of a client. One without a name has no `request_id`: it enqueues a call, once, and that tells it."""

    client_id: str
    request_id: str
    command: Command | None
    """None for a config, which is `toml`."""
    toml: str = ""
    outcome: Outcome | None = None
    attempts: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What finds the deed again in the journal."""
        return self.client_id, self.request_id or f"call:{getattr(self.command, 'call', '')}"


class Sighting(msgspec.Struct, frozen=True):
    """What a query showed, as of a sequence."""

    sequence: int
    view: View


class Contradiction(AssertionError):
    """The server said two things that cannot both be true, or did what it said it had not."""


class Record:
    """Everything that all clients know together."""

    def __init__(self) -> None:
        self.deeds: dict[tuple[str, str], Deed] = {}
        self.fresh: list[Deed] = []
        """Answered since somebody looked last."""
        self.sightings: list[Sighting] = []
        self.highest_sequence = 0
        self.acknowledged = 0
        """How many requests were answered."""
        self.repeated = 0
        self.retried = 0
        self._numbers = itertools.count(1)

    def intend(self, client_id: str, command: Command | None, *, toml: str = "", idempotent: bool = True) -> Deed:
        """Note a request that is about to be sent."""
        request_id = f"r{next(self._numbers)}" if idempotent else ""
        deed = Deed(client_id, request_id, command, toml)
        self.deeds[deed.key] = deed
        return deed

    def sent(self, deed: Deed) -> None:
        """Note an attempt."""
        deed.attempts += 1
        self.retried += deed.attempts == 2

    def answered(self, deed: Deed, outcome: Outcome, *, repeated: bool) -> None:
        """Note an answer. Raises `Contradiction` if it is not the one that was given before."""
        self.seen(outcome.sequence)
        self.repeated += repeated
        if deed.outcome is not None and deed.outcome != outcome:
            raise Contradiction(f"{deed.key} was answered with {deed.outcome}, and now with {outcome}")
        if deed.outcome is None:
            deed.outcome = outcome
            self.fresh.append(deed)
            self.acknowledged += 1

    def sighted(self, sequence: int, view: View) -> None:
        """Note what a query showed."""
        self.seen(sequence)
        self.sightings.append(Sighting(sequence, view))

    def seen(self, sequence: int) -> None:
        """Note that somebody outside knows of a sequence: so it must outlast everything."""
        self.highest_sequence = max(self.highest_sequence, sequence)

    def unanswered(self) -> Iterator[Deed]:
        """Yield the idempotent requests without an answer."""
        return (deed for deed in self.deeds.values() if deed.outcome is None and deed.request_id)
