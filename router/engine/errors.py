"""Exceptions of the engine: malformed input never reaches it, and a broken invariant stops it.

A command that is well formed but breaks a rule is not an exception: it is answered with a
`CommandRejected` event and changes nothing.
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of everything the engine raises."""


class InvalidCommand(EngineError, ValueError):
    """A command or settings value is malformed; the engine did not see it and nothing changed.

    `field` names the offending field, `problem` what is wrong, `wanted` what would be right.
    """

    def __init__(self, field: str, problem: str, wanted: str) -> None:
        super().__init__(f"{field}: {problem}; {wanted}")
        self.field = field
        self.problem = problem
        self.wanted = wanted


class TimeWentBackwards(EngineError, ValueError):
    """A time below the last one was given; nothing changed."""


class RequestIdReused(EngineError, ValueError):
    """A request id came again with other content; nothing changed."""


class CorruptSnapshot(EngineError, ValueError):
    """The bytes are not a whole snapshot of a supported version."""


class UnknownName(EngineError, KeyError):
    """A query named a call, agent or queue that the engine does not know."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(name)
        self.kind = kind
        self.name = name

    def __str__(self) -> str:
        return f"unknown {self.kind} {self.name!r}"


class InvariantViolated(EngineError):
    """The engine found its own state inconsistent. It refuses every later command."""
