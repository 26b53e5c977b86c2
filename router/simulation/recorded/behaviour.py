"""How agents behave towards offers: accept, reject or let it ring, and when.

Invariant: the answer to an offer follows from a seed, the call, the agent and how often this agent was offered
this call. So a drive over the wire and one in process meet the same agents.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from router.engine.settings import SECOND_US
from router.simulation.recorded.draws import draw_below

PPM = 1_000_000


class Answer(Enum):
    """What an agent does with an offer."""

    ACCEPT = "accept"
    REJECT = "reject"
    IGNORE = "ignore"


class AgentBehaviour(msgspec.Struct, frozen=True):
    """Shares are parts per million and together at most 1,000,000; the rest accepts.

    An accepting agent answers after `ring_us`, a rejecting one after `reject_after_us`. One who was made not
    ready or signed out for not answering is back after `return_after_us`.
    """

    seed: int = 1
    reject_ppm: int = 0
    ignore_ppm: int = 0
    ring_us: int = SECOND_US
    reject_after_us: int = 2 * SECOND_US
    return_after_us: int = 60 * SECOND_US

    def __post_init__(self) -> None:
        if min(self.reject_ppm, self.ignore_ppm) < 0 or self.reject_ppm + self.ignore_ppm > PPM:
            raise ValueError(
                f"reject_ppm {self.reject_ppm} and ignore_ppm {self.ignore_ppm} are not shares of {PPM}; "
                "0 or more each and together at most 1,000,000 is right"
            )
        if min(self.ring_us, self.reject_after_us, self.return_after_us) < 0:
            raise ValueError("ring_us, reject_after_us and return_after_us must be 0 or more")

    def answer(self, call: str, agent: str, attempt: int = 1) -> Answer:
        """Return what the agent does when offered the call for the `attempt`-th time."""
        if self.reject_ppm == self.ignore_ppm == 0:
            return Answer.ACCEPT
        drawn = draw_below(PPM, self.seed, "answer", call, agent, attempt)
        if drawn < self.reject_ppm:
            return Answer.REJECT
        if drawn < self.reject_ppm + self.ignore_ppm:
            return Answer.IGNORE
        return Answer.ACCEPT
