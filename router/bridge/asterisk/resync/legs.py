"""Legs that were found in Asterisk.

Keeps one invariant: a leg is taken over for a call that is there and has no other, or is hung up.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.bridge.asterisk.ari.events import Channel
from router.bridge.asterisk.ari.requests import Done, GetChannel, GetVariable, Gone, Outcome
from router.bridge.asterisk.calls import CallPhase, Leg, LegPhase
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.ids import AGENT_VARIABLE, CALL_VARIABLE
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.resync.lists import RETRY_US, UNKNOWN_CAUSE, args_of


class LegsFound:
    """Legs that are there, and whom they are for."""

    def __init__(self, desk: Desk, legs: Legs) -> None:
        self._desk = desk
        self._legs = legs
        self._probes: dict[str, dict[str, str]] = {}
        """Legs that ring, of which is asked for whom, with what is known so far."""

    def forget(self) -> None:
        """What was found is of an earlier time."""
        self._probes.clear()

    def are_known(self) -> bool:
        """Say whether it is known of all of them whom they are for."""
        return not self._probes

    def find(self, channel: Channel, mixed: Mapping[str, set[str]]) -> None:
        """A leg is there."""
        args = args_of(channel, self._desk.settings.app)
        leg = self._desk.legs.get(channel.id)
        if leg is None and args is not None and len(args) == 3:
            leg = self._adopt(channel.id, args[1], args[2])
        if leg is None:
            if channel.id in self._desk.legs:
                return
            if args is None:
                self._probes[channel.id] = {}
                for variable in (CALL_VARIABLE, AGENT_VARIABLE):
                    self._desk.request(GetVariable(channel.id, variable))
            else:
                self._legs.shun(channel.id)
            return
        if channel.state == "Ringing":
            self._legs.ringing(leg)
        call = self._desk.calls.get(leg.call)
        if args is not None and call is not None and leg.phase is LegPhase.RINGING:
            members = mixed.get(self._desk.ids.mixing(call.channel), ())
            if call.in_mixing and leg.id in members and call.channel in members:
                leg.agreed = True  # they talk: the router had agreed, most likely, and the comparison tells it
            self._legs.answered(leg)

    def look(self, leg_id: str) -> None:
        """Ask whether a leg is there."""
        if leg_id in self._desk.legs:
            self._desk.request(GetChannel(leg_id))

    def looked(self, leg_id: str, outcome: Outcome) -> None:
        """It is known whether a leg is there, or not yet."""
        leg = self._desk.legs.get(leg_id)
        if leg is None:
            return
        match outcome:
            case Done(body=Channel() as channel):
                if channel.state == "Ringing":
                    self._legs.ringing(leg)
                if args_of(channel, self._desk.settings.app) is not None:
                    self._legs.answered(leg)
            case Gone():
                self._legs.gone(leg, UNKNOWN_CAUSE)
            case _:
                self._desk.timers.set(("look", leg_id), self._desk.now_us + RETRY_US)

    def _adopt(self, leg_id: str, agent: str, call_id: str) -> Leg | None:
        """Take over a leg of an earlier run; one whose caller is gone, or has another, is hung up."""
        parts = self._desk.ids.leg_of(leg_id)
        call = self._desk.calls.get(call_id)
        assert parts is not None
        if call is None or call.phase is CallPhase.LEAVING or (call.leg is not None and call.leg.id != leg_id):
            self._legs.shun(leg_id)
            return None
        leg = Leg(leg_id, call_id, agent, parts.offer, direct=parts.direct, now_us=self._desk.now_us)
        leg.dialled = True
        self._legs.take(call, leg)
        return leg

    def variable(self, request: GetVariable, outcome: Outcome) -> None:
        """It is known for whom a leg rings, or not."""
        known = self._probes.get(request.channel)
        if known is None:
            return
        known[request.variable] = str(outcome.body) if isinstance(outcome, Done) else ""
        if len(known) < 2:
            return
        del self._probes[request.channel]
        agent, call = known[AGENT_VARIABLE], known[CALL_VARIABLE]
        if agent and call:
            leg = self._adopt(request.channel, agent, call)
            if leg is not None:
                leg.rang = True
        else:
            self._legs.shun(request.channel)
