"""Measures beside the contract: slips and skips, and how evenly the work is spread (Jain's index of occupancy)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.engine.vocabulary import Availability
from router.fairness.model import Agent, Call

PPM = 1_000_000


class Measures:
    """Counters that grow as the history is followed."""

    def __init__(self) -> None:
        self.commands = 0
        self.events = 0
        self.calls = 0
        self.offers = 0
        self.assignments = 0
        self.forced = 0
        self.slips = 0
        self.skips = 0
        self.calls_overtaken = 0
        self.calls_overtaking = 0
        self.slips_max = 0

    def taken(self, call: Call, older_kin: list[str], calls: Mapping[str, Call]) -> None:
        """Count whom a call passes over that is taken now: its older kin that wait."""
        if not older_kin:
            return
        self.skips += len(older_kin)
        self.calls_overtaking += not call.overtook
        call.overtook = True
        for name in older_kin:
            older = calls[name]
            self.calls_overtaken += older.slips == 0
            older.slips += 1
            self.slips += 1
            self.slips_max = max(self.slips_max, older.slips)

    def account(self, agent: Agent, in_use_ppm: int, time_us: int) -> None:
        """Count the time since the last change as staffed, and its share in use as busy."""
        passed_us = time_us - agent.accounted_us
        agent.accounted_us = time_us
        if passed_us > 0 and (agent.engagements or agent.availability in (Availability.READY, Availability.CLOSING)):
            agent.staffed_us += passed_us
            agent.busy_us_ppm += passed_us * in_use_ppm


def occupancy_of(agents: Iterable[Agent]) -> dict[str, float]:
    """Return the share of staffed time in use, 0 to 1, for every agent who had any."""
    return {agent.name: agent.busy_us_ppm / (agent.staffed_us * PPM) for agent in agents if agent.staffed_us}


def jain_index(values: Iterable[float]) -> float | None:
    """Return (Σx)² ÷ (n Σx²), from 1 ÷ n to 1; None without values or when all are 0. (Jain, Chiu & Hawe 1984.)"""
    found = list(values)
    squares = sum(value * value for value in found)
    return sum(found) ** 2 / (len(found) * squares) if squares else None
