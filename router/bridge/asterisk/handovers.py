"""Handovers: a telephone has transferred a call (SIP REFER), and somebody else is there in its place.

Asterisk puts a channel of its own where the telephone's was. An agent's telephone hands the caller over; a caller's
puts somebody else through, as an agent's does who has called another queue to ask there. Keeps one invariant: whoever
is left when one of the two goes is not left alone.
"""

from __future__ import annotations

from collections.abc import Container

from router.bridge.asterisk.actions import Wait, WaitOver
from router.bridge.asterisk.ari.events import Channel
from router.bridge.asterisk.ari.requests import Gone, HangUp
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase, Mixing, Sound
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.naming import Naming

_AGAIN_US = 1_000_000


class Handovers:
    """Calls that go on without their agents."""

    def __init__(self, desk: Desk, hearing: Hearing, arriving: Arriving, leaving: Leaving, naming: Naming) -> None:
        self._desk = desk
        self._hearing = hearing
        self._arriving = arriving
        self._leaving = leaving
        self._naming = naming

    def concerns(self, channel: str) -> bool:
        """Say whether a channel is known that may transfer a call."""
        return channel in self._desk.legs or channel in self._desk.callers or channel in self._desk.peers

    def replaced(self, before: Channel, channel: Channel) -> None:
        """A channel has taken the place of another one."""
        leg = self._desk.legs.get(before.id)
        call = self._desk.peers.get(before.id)
        caller = self._desk.callers.get(before.id)
        if leg is not None and self._talks(leg):
            self._begin(self._desk.calls[leg.call], leg, channel.id)
        elif caller is not None:
            self.put_through(caller, channel)
        elif call is not None:
            self._begin_anew(call, channel.id)
        elif not self.concerns(channel.id):  # otherwise a list had it already
            self._undo(channel)

    def _undo(self, channel: Channel) -> None:
        self._desk.note("warning", "a transfer by somebody who talks with no caller is undone", channel=channel.id)
        self._desk.request(HangUp(channel.id))
        # while Asterisk is still exchanging the two, that may come to nothing
        self._desk.timers.set(("stray-end", channel.id), self._desk.now_us + _AGAIN_US)

    def put_through(self, call: Call, channel: Channel) -> None:
        """The caller's telephone has put somebody else through: the call goes on as it was, with that channel."""
        for name in sorted(call.missing):
            self._arriving.variable(call, name, Gone("the channel is gone"))
        if self._desk.callers.get(call.channel) is not call:
            self._undo(channel)  # it was a feature code
            return
        if (known := self._desk.callers.get(channel.id)) is not None:
            self._leaving.gone(known)  # a list had it already, and it was taken for a call of its own
        self._desk.note("info", f"the caller puts channel {channel.id} through", call=call.id, channel=call.channel)
        self._desk.count("transfers", "by_caller")
        self._desk.touch(call.channel)
        del self._desk.callers[call.channel]
        self._desk.ids.put_through(call.channel, channel.id)
        self._desk.callers[channel.id] = call
        call.channel, call.look = channel.id, None
        call.answered, call.up = True, channel.state == "Up"
        call.sound, call.saying = Sound.UNSURE, ""
        if call.waits:
            self._desk.ask(WaitOver(call.id))
            self._desk.ask(Wait(call.id, call.channel, call.queue))
        self._naming.name(call)
        self._leaving.go_again(call)
        self._hearing.settle(call)

    def _talks(self, leg: Leg) -> bool:
        if self._desk.call_of(leg) is None:
            return False
        # one that was found after a start is put into the mixing bridge once more, where it is already
        return leg.phase is LegPhase.MIXED or (leg.phase is LegPhase.ANSWERED and leg.agreed and leg.mixed)

    def _begin_anew(self, call: Call, channel: str) -> None:
        """A caller is handed over once more."""
        del self._desk.peers[call.peer]
        self._desk.request(HangUp(call.peer))
        self._take(call, channel)

    def _begin(self, call: Call, leg: Leg, channel: str) -> None:
        self._desk.count("transfers", "by_telephone")
        self._desk.note("info", f"the agent's telephone hands the caller over to channel {channel}", leg=leg)
        self._leaving.over(call, talked=True)
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
            self._leaving.leave(call, self._desk.settings.after_agent, "agent_hung_up")
