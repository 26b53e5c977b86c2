"""Returns: callers whose agent's telephone is hung up, or who have lost their agent, and wait again.

Keeps one invariant: who is left without a leg waits, out of the mixing bridge, and the router is told if it has to be.
"""

from __future__ import annotations

from router.bridge.asterisk.callers import Callers
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.unmixing import Unmixing
from router.engine.commands import Requeue


class Returns:
    """What is done for callers who wait again."""

    def __init__(
        self, desk: Desk, link: Link, hearing: Hearing, callers: Callers, unmixing: Unmixing, lines: Lines
    ) -> None:
        self._desk = desk
        self._link = link
        self._hearing = hearing
        self._callers = callers
        self._unmixing = unmixing
        self._lines = lines

    def take_back(self, call: Call, leg: Leg, why: str) -> None:
        """The router has taken the call back from an agent."""
        if leg.phase is LegPhase.RINGING:
            self._desk.count("legs", "withdrawn")
        self.back_to_waiting(call, leg, why)

    def let_wait(self, call: Call, why: str) -> None:
        """A call that is offered to nobody waits; the router shall know it."""
        if call.leg is not None:
            self.take_back(call, call.leg, why)
        else:
            self._link.compare_again("nobody is offered a call that waits")

    def back_to_waiting(self, call: Call, leg: Leg, why: str) -> None:
        """Hang up the call's leg; the caller waits on."""
        if leg.mixed and not leg.agreed:
            self._desk.count("connects", "undone")
        self._desk.end_leg(leg, why)
        self.release(call)

    def release(self, call: Call) -> None:
        """A call has no leg any more, and waits."""
        call.leg = None
        if call.phase is CallPhase.LEAVING:
            return
        call.phase = CallPhase.WAITING
        if call.off_line:
            self._lines.stop(call)
        if call.in_mixing:
            self._unmixing.unmix(call)
        self._hearing.settle(call)
        if call.detached:
            self._link.compare_again("nobody is offered a call that waits")
        if not self._link.together and ("patience", call.id) not in self._desk.timers:
            self._callers.be_patient(call)

    def give_back(self, call: Call, offer: int, why: str) -> None:
        """Give a call back that the router had given to an agent; it keeps its place."""
        call.returned.add(offer)
        self._link.send(Requeue(call.id, True, why), call=call.id)
