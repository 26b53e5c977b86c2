"""Agents who could take a call this moment, grouped by skills, so that a hypothetical call can be tried on them.

Invariant: after a refresh the groups are exactly what the engine's agent views say. Only agents named by events
since the last refresh are looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from router.engine import Engine
from router.engine.events import Event
from router.engine.requirements import AgentTerm, AnyOf, SkillTerm, Step
from router.engine.settings import ChannelSettings
from router.engine.views import AgentView
from router.engine.vocabulary import Availability

Group = tuple[frozenset[tuple[str, int]], frozenset[str]]  # skills with levels, open channels


class OpenAgents:
    """Follows which agents are ready with an open channel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._group_of: dict[str, Group] = {}
        self._sizes: Counter[Group] = Counter()
        self._stale: set[str] | None = None  # None: everybody

    def observe(self, events: Sequence[Event]) -> None:
        """Note whose state changed. O(events)."""
        if self._stale is not None:
            self._stale.update(agent for event in events if (agent := getattr(event, "agent", "")))

    def forget(self) -> None:
        """Look at everybody again at the next question."""
        self._stale = None

    def any_satisfies(self, step: Step, channel: str, channels: Mapping[str, ChannelSettings]) -> bool:
        """Say whether an agent who is open on the channel satisfies the step. O(groups + agents changed since)."""
        self._refresh(channels)
        named = {term.agent for term in step.terms if isinstance(term, AgentTerm)}
        if named:
            return len(named) == 1 and self.satisfies(named.pop(), step, channel, channels)
        return any(channel in open_on and _satisfy(dict(skills), step) for skills, open_on in self._sizes)

    def satisfies(self, agent: str, step: Step, channel: str, channels: Mapping[str, ChannelSettings]) -> bool:
        """Say whether one agent is open on the channel and satisfies the step."""
        self._refresh(channels)
        group = self._group_of.get(agent)
        if group is None or channel not in group[1]:
            return False
        named = {term.agent for term in step.terms if isinstance(term, AgentTerm)}
        return named <= {agent} and _satisfy(dict(group[0]), step)

    def _refresh(self, channels: Mapping[str, ChannelSettings]) -> None:
        views: Iterable[AgentView]
        if self._stale is None:
            self._group_of.clear()
            self._sizes.clear()
            views = self._engine.agents()
        else:
            views = [self._engine.agent(agent) for agent in sorted(self._stale)]
        self._stale = set()
        for view in views:
            self._place(view, channels)

    def _place(self, view: AgentView, channels: Mapping[str, ChannelSettings]) -> None:
        old = self._group_of.pop(view.agent, None)
        if old is not None:
            self._sizes[old] -= 1
            if not self._sizes[old]:
                del self._sizes[old]
        open_on = _open_channels(view, channels)
        if open_on:
            group = (frozenset(view.skills.items()), open_on)
            self._group_of[view.agent] = group
            self._sizes[group] += 1


def _open_channels(view: AgentView, channels: Mapping[str, ChannelSettings]) -> frozenset[str]:
    if view.availability is not Availability.READY:
        return frozenset()
    used = Counter(engagement.channel for engagement in view.engagements)
    if any(channels[channel].exclusive for channel in used):
        return frozenset()
    return frozenset(
        channel
        for channel, capacity in view.capacity.items()
        if (not used if channels[channel].exclusive else used[channel] < capacity)
    )


def _satisfy(skills: Mapping[str, int], step: Step) -> bool:
    """Say whether skills meet every skill term; terms that name an agent are the caller's business."""
    for term in step.terms:
        options: Sequence[SkillTerm] = term.terms if isinstance(term, AnyOf) else ()
        if isinstance(term, SkillTerm):
            options = (term,)
        if options and not any(skills.get(option.skill, 0) >= option.level for option in options):
            return False
    return True
