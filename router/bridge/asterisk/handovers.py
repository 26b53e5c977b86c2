"""Handovers: an agent's telephone has transferred the caller (SIP REFER), and somebody else is there in its place.

Asterisk puts a channel of its own into the mixing bridge instead of the agent's. Keeps one invariant: whoever is left
when the caller or that channel goes is not left alone.
"""

from __future__ import annotations

from collections.abc import Container

from router.bridge.asterisk.ari.events import Channel
from router.bridge.asterisk.ari.requests import HangUp
from router.bridge.asterisk.callers import Callers
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase, Mixing
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing


class Handovers:
    """Calls that go on without their agents."""

    def __init__(self, desk: Desk, hearing: Hearing, callers: Callers) -> None:
        self._desk = desk
        self._hearing = hearing
        self._callers = callers

    def replaced(self, before: Channel, channel: Channel) -> None:
        """A channel has taken the place of another one."""
        leg = self._desk.legs.get(before.id)
        call = self._desk.peers.get(before.id)
        if leg is not None and self._talks(leg):
            self._begin(self._desk.calls[leg.call], leg, channel.id)
        elif call is not None:
            self._begin_anew(call, channel.id)
        else:
            self._desk.note("warning", "a transfer by somebody who talks with no caller is undone", channel=channel.id)
            self._desk.request(HangUp(channel.id))

    def _talks(self, leg: Leg) -> bool:
        return self._desk.call_of(leg) is not None and leg.phase is LegPhase.MIXED

    def _begin_anew(self, call: Call, channel: str) -> None:
        """A caller is handed over once more."""
        del self._desk.peers[call.peer]
        self._desk.request(HangUp(call.peer))
        self._take(call, channel)

    def _begin(self, call: Call, leg: Leg, channel: str) -> None:
        self._desk.count("transfers", "by_telephone")
        self._desk.note("info", f"the agent's telephone hands the caller over to channel {channel}", leg=leg)
        self._callers.over(call, talked=True)
        call.leg = None
        self._desk.end_leg(leg, "the caller is handed over")
        self._take(call, channel)

    def found(self, call: Call, channel: str, members: Container[str]) -> None:
        """A caller is found with somebody who is no agent: it came to that unheard, or an earlier run knew of it."""
        leg = call.leg
        if leg is not None and leg.phase in (LegPhase.ANSWERED, LegPhase.MIXED) and leg.id not in members:
            self._begin(call, leg, channel)
        elif leg is None and call.phase is CallPhase.WAITING and call.mixing is not Mixing.GOING:
            self._take(call, channel)
        elif call.phase is CallPhase.HANDED_OVER and call.peer not in members:
            self._begin_anew(call, channel)
        else:
            self._desk.request(HangUp(channel))

    def _take(self, call: Call, channel: str) -> None:
        call.phase, call.peer = CallPhase.HANDED_OVER, channel
        call.known = False
        self._desk.peers[channel] = call
        self._desk.timers.clear(("patience", call.id))
        self._hearing.settle(call)

    def gone(self, channel: str) -> None:
        """The one to whom a caller was handed over has hung up."""
        call = self._desk.peers.pop(channel)
        if call.peer == channel:
            call.peer = ""
            self._callers.leave(call, self._desk.settings.after_agent, "agent_hung_up")
