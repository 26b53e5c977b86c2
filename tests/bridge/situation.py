"""A world that is told like a play: a caller calls, a telephone rings, somebody answers."""

from __future__ import annotations

from typing import Self, TypeVar

from router.engine import commands as c
from router.engine.vocabulary import Availability, CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.world import CLIENT, World

T = TypeVar("T")


class Situation(World):
    """A world in which everything arrives at once, unless told otherwise."""

    def ready(self, *agents: str) -> Self:
        self.connect()
        self.join()
        self.deliver_all()
        for agent in agents:
            self.pbx.dial_in(("agent", "sign_in"), f"PJSIP/{agent}")
            self.deliver_all()
        if "ada" not in agents:
            self.supervise(c.SetAvailability("ada", False, "not in this play"))
            self.deliver_all()
        self.log.clear()
        return self

    def calls(self, *args: str) -> ModelChannel:
        caller = self.pbx.dial_in(args or ("in", "loans"))
        assert caller is not None
        self.deliver_all()
        return caller

    def rings(self) -> ModelChannel:
        """Return the only telephone that is rung, after it has begun to ring."""
        (leg,) = self.pbx.legs("Down")
        self.pbx.ring(leg, dial_first=True)
        self.deliver_all()
        return leg

    def picks_up(self, *, late: bool = False) -> ModelChannel:
        """Let the telephone that rings be answered, of which nobody was told yet: too late, if the offer is over."""
        leg = self.rings()
        if late:
            self.supervise(c.SetAvailability("ben", False, "break"))
        self.pbx.lift(leg)
        self.pbx.enter(leg)
        return leg

    def answers(self) -> ModelChannel:
        leg = self.picks_up()
        self.deliver_all()
        return leg

    def state(self, caller: ModelChannel) -> CallState:
        return self.router.engine.call(f"{CLIENT}-{caller.line}").state

    def agent(self, name: str) -> tuple[Availability, str]:
        view = self.router.engine.agent(name)
        return view.availability, view.reason

    def asked(self, kind: type[T]) -> int:
        """Return how often something was asked of Asterisk, or a command sent to the router."""
        words = (f"> {kind.__name__}(", f"command={kind.__name__}(")
        return sum(any(word in line for word in words) for line in self.log)
