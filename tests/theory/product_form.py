"""Exact steady state of first come, first served and longest idle with skills: FCFS-ALIS (Adan & Weiss 2014).

State: the busy agents in the order in which the calls they serve came, how many wait between them, and the idle agents,
the longest idle last. It has a product form. All sums here run over every order of the agents: for a handful of agents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import permutations


class Skills:
    """Callers of several types with rates, agents with rates of service, and who may serve whom."""

    def __init__(
        self, arrivals: Mapping[str, float], service: Mapping[str, float], serves: Mapping[str, Sequence[str]]
    ) -> None:
        self.arrivals = dict(arrivals)
        self.service = dict(service)
        self.serves = {agent: frozenset(types) for agent, types in serves.items()}

    def rate_of(self, types: frozenset[str]) -> float:
        return math.fsum(self.arrivals[kind] for kind in types)

    def only(self, agents: Sequence[str]) -> frozenset[str]:
        """Return the types that nobody but these agents serves."""
        others = frozenset().union(*(self.serves[agent] for agent in self.service if agent not in agents))
        return frozenset(self.arrivals) - others

    def any(self, agents: Sequence[str]) -> frozenset[str]:
        """Return the types that at least one of these agents serves."""
        return frozenset().union(*(self.serves[agent] for agent in agents))

    @cached_property
    def _weights(self) -> dict[tuple[tuple[str, ...], int], float]:
        """Return the chance of each (order of agents, how many of them are busy), whatever the lines between them."""
        weights: dict[tuple[tuple[str, ...], int], float] = {}
        for order in permutations(self.service):
            for busy in range(len(order) + 1):
                weight = 1.0
                for j in range(1, busy + 1):
                    room = math.fsum(self.service[agent] for agent in order[:j]) - self.rate_of(self.only(order[:j]))
                    if room <= 0:
                        raise ValueError(f"{sorted(order[:j])} get more calls than they can serve")
                    weight /= room
                for j in range(busy, len(order)):
                    weight /= self.rate_of(self.any(order[j:]))
                weights[order, busy] = weight
        whole = math.fsum(weights.values())
        return {state: weight / whole for state, weight in weights.items()}

    def _load(self, order: tuple[str, ...], j: int) -> float:
        """Return the ratio of the geometric number of calls that wait behind the j-th busy agent's one."""
        return self.rate_of(self.only(order[:j])) / math.fsum(self.service[agent] for agent in order[:j])

    def delayed(self, kind: str) -> float:
        """Return P(wait) of a type: all agents who serve it are busy."""
        able = {agent for agent, types in self.serves.items() if kind in types}
        return math.fsum(weight for (order, busy), weight in self._weights.items() if able <= set(order[:busy]))

    def wait_mean(self, kind: str) -> float:
        """Return the mean wait of a type, those included who do not wait (by Little's law)."""
        waiting = 0.0
        for (order, busy), weight in self._weights.items():
            for j in range(1, busy + 1):
                types = self.only(order[:j])
                if kind in types:
                    load = self._load(order, j)
                    waiting += weight * load / (1 - load) * self.arrivals[kind] / self.rate_of(types)
        return waiting / self.arrivals[kind]

    def utilisation(self, agent: str) -> float:
        """Return the share of time an agent is busy."""
        return math.fsum(weight for (order, busy), weight in self._weights.items() if agent in order[:busy])

    def served_rate(self, kind: str, agent: str) -> float:
        """Return how many calls of a type an agent takes in a unit of time: at their arrival, or from the line."""
        rate = 0.0
        for (order, busy), weight in self._weights.items():
            longest_idle = next((each for each in reversed(order[busy:]) if kind in self.serves[each]), None)
            rate += weight * self.arrivals[kind] * (longest_idle == agent)
            if agent in order[:busy] and kind in self.serves[agent]:
                rate += weight * self.service[agent] * self._takes(order, busy, agent, kind)
        return rate

    def _takes(self, order: tuple[str, ...], busy: int, agent: str, kind: str) -> float:
        """Return the chance that the first call in line that this agent serves is of this type."""
        none_before, chance = 1.0, 0.0
        for j in range(order.index(agent) + 1, busy + 1):
            types = self.only(order[:j])
            able = types & self.serves[agent]
            if able:
                load, share = self._load(order, j), self.rate_of(able) / self.rate_of(types)
                none_here = (1 - load) / (1 - load * (1 - share))
                if kind in able:
                    chance += none_before * (1 - none_here) * self.arrivals[kind] / self.rate_of(able)
                none_before *= none_here
        return chance


def matching_rates(
    callers: Mapping[str, float], agents: Mapping[str, float], serves: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], float]:
    """Return the share of each (type, agent type) among the matches of two endless lines (Adan & Weiss 2012).

    Callers' types and agents' types are drawn independently with these chances; agents are matched one after the
    other, each with the earliest call left that it serves, however far behind.
    """
    shares = dict.fromkeys(((kind, agent) for agent in agents for kind in serves[agent]), 0.0)
    line = Skills(callers, agents, serves)
    whole = 0.0
    for order in permutations(agents):
        weight = 1.0
        for j in range(1, len(order)):
            weight /= math.fsum(agents[agent] for agent in order[:j]) - line.rate_of(line.only(order[:j]))
        whole += weight
        for agent in agents:
            beyond = 1.0
            for kind in serves[agent]:
                shares[kind, agent] += weight * agents[agent] * line._takes(order, len(order) - 1, agent, kind)
                beyond -= line._takes(order, len(order) - 1, agent, kind)
            for kind in serves[agent]:
                new = callers[kind] / line.rate_of(frozenset(serves[agent]))
                shares[kind, agent] += weight * agents[agent] * beyond * new
    return {pair: share / whole for pair, share in shares.items()}
