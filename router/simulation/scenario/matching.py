"""Which groups of agents may take which calls, worked out once for each demand."""

from __future__ import annotations

from collections.abc import Mapping

from router.config.report import Place
from router.engine.requirements import AgentTerm, AnyOf, Requirement, SkillTerm, Step
from router.engine.settings import QueueSettings, Settings
from router.simulation.scenario.model import AgentGroup, Callers

Groups = list[tuple[AgentGroup, Place]]
Kinds = list[tuple[Callers, Place]]


class Matching:
    """The groups of a scenario against the demands of its callers. O(groups × different demands) in all."""

    def __init__(self, kinds: Kinds, groups: Groups, settings: Settings) -> None:
        self.kinds = kinds
        self.groups = groups
        self.settings = settings
        self._takers: dict[tuple[str, Requirement], frozenset[int]] = {}

    def queues(self, callers: Callers) -> dict[str, QueueSettings]:
        """Return the queues that a call may come to wait in: its own, and those that this one overflows to."""
        found: dict[str, QueueSettings] = {}
        name: str | None = callers.queue
        while name is not None and name not in found and name in self.settings.queues:
            found[name] = self.settings.queues[name]
            name = found[name].overflow
        return found

    def takers(self, callers: Callers, queue: QueueSettings) -> frozenset[int]:
        """Return the groups, by index, with somebody who meets a step of what such a call demands in a queue."""
        demand = (callers.channel, callers.requirement or queue.requirement)
        if demand not in self._takers:
            self._takers[demand] = frozenset(
                index for index, (group, _) in enumerate(self.groups) if _may_take(group, *demand)
            )
        return self._takers[demand]

    def offers(self) -> tuple[list[Mapping[str, QueueSettings]], set[int]]:
        """Return for each group the queues that offer it calls, by name, and which groups get calls at all."""
        offering: list[dict[str, QueueSettings]] = [{} for _ in self.groups]
        served: set[int] = set()
        seen: set[tuple[str, frozenset[int]]] = set()
        for callers, _ in self.kinds:
            for name, queue in self.queues(callers).items():
                takers = self.takers(callers, queue)
                if (name, takers) in seen:
                    continue
                seen.add((name, takers))
                served |= takers
                for index in () if queue.automatic else takers:
                    offering[index][name] = queue
        return list(offering), served


def _may_take(group: AgentGroup, channel: str, requirement: Requirement) -> bool:
    if group.capacity and channel not in group.capacity:
        return False
    return any(_meets(group, step) for step in requirement.steps)


def _meets(group: AgentGroup, step: Step) -> bool:
    def has(term: SkillTerm) -> bool:
        return group.skills.get(term.skill, 0) >= term.level

    for term in step.terms:
        match term:
            case SkillTerm():
                met = has(term)
            case AnyOf():
                met = any(has(alternative) for alternative in term.terms)
            case AgentTerm():
                met = has_agent(group, term.agent)
        if not met:
            return False
    return True


def has_agent(group: AgentGroup, name: str) -> bool:
    """Return whether an agent of the group has this name. O(1)."""
    if group.count == 1:
        return name == group.name
    stem, _, number = name.rpartition("-")
    plain = number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 10
    return stem == group.name and plain and int(number) <= group.count
