"""What agents do: how many are in each state, and for how long, all added up. Readings of what was counted natively.

Keeps one invariant: each agent is in one state at a time, and time that has been counted is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from router.engine import Engine
from router.server._native import AgentCounts
from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading, single
from router.server.tally import PER_SECOND_US

STATES: Final = ("idle", "busy", "not_ready", "signed_out")
_WITH_TIMES: Final = 3
"""Nobody is there while signed out: that is no agent's time."""


class AgentMeter:
    """Follow agents' availability and engagements. Whoever has an engagement is busy; time is engine time."""

    def __init__(self, engine: Engine) -> None:
        """Begin where the engine stands, with all times at 0. O(agents + calls)."""
        self.native: Final = AgentCounts(engine)
        """What follows the engine."""

    def count_to(self, time_us: int) -> None:
        """Count the time until now; what happened before that comes too late to be told apart."""
        self.native.count_to(time_us)

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(1)."""
        yield Reading(m.AGENTS, [((name,), n) for name, n in zip(STATES, self.native.agents, strict=True)])
        times = list(zip(STATES, self.native.times_us, strict=True))[:_WITH_TIMES]
        yield Reading(m.AGENT_SECONDS, [((name,), time_us / PER_SECOND_US) for name, time_us in times])
        yield single(m.WRAP_UPS, self.native.wrap_ups)
