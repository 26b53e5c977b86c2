"""Requirements: what a call demands of an agent, and how the demand changes as the call waits."""

from __future__ import annotations

import msgspec


class SkillTerm(msgspec.Struct, frozen=True, tag="skill"):
    """The agent has `skill` at `level` (1 to 10) or better."""

    skill: str
    level: int = 1


class AgentTerm(msgspec.Struct, frozen=True, tag="agent"):
    """The agent is the one named."""

    agent: str


class AnyOf(msgspec.Struct, frozen=True, tag="any_of"):
    """At least one of 1 to 32 skill terms holds."""

    terms: tuple[SkillTerm, ...]


class Preference(msgspec.Struct, frozen=True):
    """A skill that is welcome but not demanded, with an importance from 1 to 10."""

    skill: str
    importance: int = 5


class Step(msgspec.Struct, frozen=True):
    """What a call demands once it has waited `after_us`: every term holds. No terms: any agent will do.

    At most 32 terms and 32 preferences.
    """

    terms: tuple[SkillTerm | AgentTerm | AnyOf, ...] = ()
    prefer: tuple[Preference, ...] = ()
    after_us: int = 0


class Requirement(msgspec.Struct, frozen=True):
    """1 to 16 steps; the first has `after_us` 0 and each later one a greater value. Each replaces the one before."""

    steps: tuple[Step, ...] = (Step(),)
