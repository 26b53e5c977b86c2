"""Resync: find out what Asterisk has, after the WebSocket was away or the bridge was restarted.

What has changed is done as if its event had come. Keeps one invariant: what was heard or asked for since the WebSocket
came back counts for more than the lists, which may be older.
"""

from __future__ import annotations

from collections.abc import Callable

from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.ari.events import Channel, Event, MixingBridge
from router.bridge.asterisk.ari.requests import (
    DestroyMixing,
    Done,
    GetChannel,
    GetVariable,
    Gone,
    HangUp,
    ListBridges,
    ListChannels,
    Outcome,
)
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.callbacks import CallingBack
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase, Mixing
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Arrival
from router.bridge.asterisk.handovers import Handovers
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.ids import AGENT_VARIABLE, CALL_VARIABLE
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.link import Link, LinkState
from router.bridge.asterisk.unmixing import Unmixing
from router.bridge.asterisk.visits import Visits

RETRY_US = 1_000_000
_AGAIN = ("resync", "")
_UNKNOWN_CAUSE = 16


def arrival_of(channel: Channel, args: tuple[str, ...]) -> Arrival:
    """Return what is known of a channel that has entered Stasis."""
    return Arrival(
        channel=channel.id,
        name=channel.name,
        args=args,
        number=channel.dialplan.exten,
        context=channel.dialplan.context,
        caller_number=channel.caller.number,
        caller_name=channel.caller.name,
        variables=channel.channelvars,
    )


class Resync:
    """Comparing with what Asterisk has."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        book: AgentBook,
        hearing: Hearing,
        arriving: Arriving,
        leaving: Leaving,
        unmixing: Unmixing,
        connecting: Connecting,
        legs: Legs,
        visits: Visits,
        handovers: Handovers,
        callbacks: CallingBack,
    ) -> None:
        self._desk = desk
        self._link = link
        self._book = book
        self._hearing = hearing
        self._arriving = arriving
        self._leaving = leaving
        self._unmixing = unmixing
        self._connecting = connecting
        self._legs = legs
        self._visits = visits
        self._handovers = handovers
        self._callbacks = callbacks
        self.connected = False
        self._asked: list[ListChannels | ListBridges] = []
        self._channels: tuple[Channel, ...] | None = None
        self._bridges: tuple[MixingBridge, ...] | None = None
        self._probes: dict[str, dict[str, str]] = {}
        """Legs that ring, of which is asked for whom, with what is known so far."""
        self._adopted: set[str] = set()
        """Callers that were found, and may still wait for channel variables."""
        self._next: Callable[[], None] | None = None
        """What is to be done once nothing is missing about them."""
        self._doubtful: set[str] = set()
        """Legs that may have come and gone while nothing was heard, and after or before the list was made."""
        self._later: list[Event] = []

    @property
    def under_way(self) -> bool:
        """Whether it is still to be found out what Asterisk has."""
        if not self.connected or self._channels is None or self._bridges is None:
            return True
        return self._next is not None or bool(self._probes)

    def lost(self) -> None:
        """The WebSocket is gone."""
        if self.connected:
            self._desk.note("warning", "Asterisk's events are out of reach; calls live on there")
        self.connected = False
        self._link.pbx_known = False
        self._desk.timers.clear(_AGAIN)
        self._probes.clear()
        self._adopted.clear()
        self._next = None
        self._later.clear()
        self._channels = self._bridges = None
        self._asked = []

    def back(self) -> None:
        """The WebSocket is there."""
        self.connected = True
        self._doubtful = {leg.id for leg in self._desk.legs.values() if not leg.dialled}
        self._desk.fresh = set(self._doubtful)
        self.ask()
        self._book.subscribe()

    def ask(self) -> None:
        """Ask Asterisk what it has."""
        if self.connected:
            self._channels = self._bridges = None
            self._asked = [ListChannels(), ListBridges()]
            for request in self._asked:
                self._desk.request(request)

    def keep(self, event: Event) -> None:
        """Keep an event about somebody who may be found yet."""
        self._later.append(event)

    def forget(self, channel: str) -> None:
        """A channel has come in anew: what was kept is of an earlier time."""
        self._later = [one for one in self._later if getattr(getattr(one, "channel", None), "id", "") != channel]

    def listed(self, request: ListChannels | ListBridges, outcome: Outcome) -> None:
        """Asterisk has answered, or not."""
        if not any(request is asked for asked in self._asked):
            return  # of an earlier time
        if not isinstance(outcome, Done):
            self._asked = []
            self._desk.count("resyncs", "failed")
            self._desk.note("warning", f"what Asterisk has could not be found out; it is tried again: {outcome}")
            self._desk.timers.set(_AGAIN, self._desk.now_us + RETRY_US)
            return
        if isinstance(request, ListChannels):
            self._channels = tuple(outcome.body)
        else:
            self._bridges = tuple(outcome.body)
        if self._channels is not None and self._bridges is not None:
            self._asked = []
            self._compare(self._channels, self._bridges)

    def _compare(self, channels: tuple[Channel, ...], bridges: tuple[MixingBridge, ...]) -> None:
        self._desk.count("resyncs", "done")
        there = {channel.id: channel for channel in channels}
        mixed = {bridge.id: set(bridge.channels) for bridge in bridges}
        fresh = self._desk.fresh or set()
        self._find_gone(there, mixed, fresh)
        for channel in channels:
            if channel.id not in fresh:
                self._find(channel, mixed)
        self._next = lambda: self._compare_legs(channels, mixed, fresh)
        self.settle()

    def _compare_legs(self, channels: tuple[Channel, ...], mixed: dict[str, set[str]], fresh: set[str]) -> None:
        for channel in channels:
            known = channel.id in self._desk.legs
            if (known or channel.id not in fresh) and self._desk.ids.leg_of(channel.id) is not None:
                self._find_leg(channel, mixed)
        self._find_mixings(mixed, fresh)
        self._desk.fresh = None

    def settle(self) -> None:
        """Go on once the callers are known, since a leg belongs to a call; and see whether everything is known."""
        if self._next is not None:
            self._adopted = {
                one for one in self._adopted if one in self._desk.callers and self._desk.callers[one].missing
            }
            if self._adopted:
                return
            then, self._next = self._next, None
            then()
        if not self.under_way and not self._link.pbx_known:
            self._desk.note("info", "it is known what Asterisk has", calls=str(len(self._desk.calls)))
            self._link.pbx_known = True

    def take_later(self) -> list[Event]:
        """Return the events that were kept, if it is known by now whom they are about."""
        if self.under_way:
            return []
        later, self._later = self._later, []
        return later

    # --- what is gone

    def _find_gone(self, there: dict[str, Channel], mixed: dict[str, set[str]], fresh: set[str]) -> None:
        for call in list(self._desk.callers.values()):
            channel = there.get(call.channel)
            if call.channel not in fresh and (channel is None or self._args(channel) is None):
                mixing = self._desk.ids.mixing(call.channel)
                instead = self._put_through(mixing, mixed.get(mixing, set()))
                if instead is not None and instead in there:
                    self._handovers.put_through(call, there[instead])
                else:
                    self._leaving.gone(call)
        for leg in list(self._desk.legs.values()):
            if leg.id in there:
                continue
            if leg.id not in fresh:
                self._legs.gone(leg, _UNKNOWN_CAUSE)
            elif leg.id in self._doubtful:
                self.look(leg.id)
        for name, call in list(self._desk.lines.items()):
            if name not in fresh and name not in there:
                self._callbacks.gone(call, _UNKNOWN_CAUSE)
        for name in list(self._desk.peers):
            if name not in fresh and (name not in there or self._args(there[name]) is None):
                self._handovers.gone(name)
        for name in list(self._visits.by_channel):
            if name not in fresh and name not in there:
                self._visits.gone(name)

    def _args(self, channel: Channel) -> tuple[str, ...] | None:
        """Return the arguments with which a channel is in our application; None if it is not."""
        stasis = channel.stasis()
        return tuple(stasis[1]) if stasis is not None and stasis[0] == self._desk.settings.app else None

    # --- what is there

    def _find(self, channel: Channel, mixed: dict[str, set[str]]) -> None:
        """A channel is there that is no leg: a caller."""
        args = self._args(channel)
        ids = self._desk.ids
        if ids.is_customer(channel.id) and channel.id not in self._desk.callers:
            self._find_line(channel, args, mixed)
            return
        if args is None or ids.leg_of(channel.id) is not None or self._is_peer(channel.id, mixed):
            return
        if ids.is_forwarded(args):
            self._desk.request(HangUp(channel.id))
            return
        known = self._desk.callers.get(channel.id)
        if known is not None and known.went:
            # it went on in the dialplan, and has come back
            self._leaving.gone(known)
            known = None
        if known is not None:
            if channel.state == "Up":
                self._hearing.is_up(known)
            if known.saying:
                # its end may have been missed
                self._hearing.said(known)
        elif channel.id not in self._visits.by_channel:
            in_mixing = any(channel.id in members and ids.caller_of_mixing(one) for one, members in mixed.items())
            adopted = self._link.state in (LinkState.AWAY, LinkState.JOINING)
            call = self._arriving.arrive(
                arrival_of(channel, args), up=channel.state == "Up", adopted=adopted, in_mixing=in_mixing
            )
            if call is not None:
                self._adopted.add(call.channel)

    def _find_line(self, channel: Channel, args: tuple[str, ...] | None, mixed: dict[str, set[str]]) -> None:
        """A customer is there who is called back, or was by an earlier run."""
        call = self._desk.lines.get(channel.id)
        if call is not None:
            if args is not None:
                self._callbacks.up(call)
            return
        earlier = self._link.state in (LinkState.AWAY, LinkState.JOINING)
        if args is None or len(args) != 2 or not earlier or args[1] in self._desk.calls:
            self._desk.request(HangUp(channel.id))
            return
        in_mixing = channel.id in mixed.get(self._desk.ids.mixing(channel.id), ())
        self._arriving.arrive(
            arrival_of(channel, args), up=True, adopted=True, in_mixing=in_mixing, called_back=args[1]
        )
        self._adopted.add(channel.id)

    def _is_peer(self, channel: str, mixed: dict[str, set[str]]) -> bool:
        """Say whether a channel is where a caller was handed over to: in the mixing bridge of somebody else."""
        if channel in self._desk.peers:
            return True
        for mixing, members in mixed.items():
            caller = self._desk.ids.caller_of_mixing(mixing)
            if channel in members and caller not in (None, channel):
                return self._put_through(mixing, members) != channel
        return False

    def _put_through(self, mixing: str, members: set[str]) -> str | None:
        """Return who is with an agent instead of the caller, who is not there any more."""
        others = [one for one in members if self._desk.ids.leg_of(one) is None]
        alone = self._desk.ids.caller_of_mixing(mixing) in members or len(others) == len(members)
        return others[0] if len(others) == 1 and not alone else None

    def _find_leg(self, channel: Channel, mixed: dict[str, set[str]]) -> None:
        args = self._args(channel)
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
                if self._args(channel) is not None:
                    self._legs.answered(leg)
            case Gone():
                self._legs.gone(leg, _UNKNOWN_CAUSE)
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
        self.settle()

    def _find_mixings(self, mixed: dict[str, set[str]], fresh: set[str]) -> None:
        ids = self._desk.ids
        for mixing, members in mixed.items():
            caller = ids.caller_of_mixing(mixing)
            if caller is None or mixing in fresh:
                continue
            call = self._desk.callers.get(caller)
            if call is None:
                self._desk.request(DestroyMixing(mixing))
                for one in members:
                    if ids.leg_of(one) is None:
                        # the caller was handed over to it, and is gone
                        self._desk.request(HangUp(one))
            else:
                if call.mixing is Mixing.NONE:
                    call.mixing, call.in_mixing = Mixing.MADE, caller in members
                self._find_peer(call, members)
        self._settle_mixings(mixed, fresh)

    def _find_peer(self, call: Call, members: set[str]) -> None:
        others = [one for one in members if one != call.channel and self._desk.ids.leg_of(one) is None]
        if call.channel in members and len(others) == 1 and others[0] not in self._desk.peers:
            self._handovers.found(call, others[0], members)

    def _settle_mixings(self, mixed: dict[str, set[str]], fresh: set[str]) -> None:
        ids = self._desk.ids
        for call in list(self._desk.calls.values()):
            members = mixed.get(ids.mixing(call.channel), set())
            leg = call.leg
            if leg is not None and leg.phase is LegPhase.MIXED:
                if not {call.channel, leg.id} <= members and ids.mixing(call.channel) not in fresh:
                    self._connecting.mix_again(leg)
            elif call.phase is CallPhase.HANDED_OVER and call.peer not in members | fresh:
                self._desk.request(HangUp(call.peer))
                self._handovers.gone(call.peer)
            elif call.phase in (CallPhase.WAITING, CallPhase.RINGING) and call.in_mixing:
                self._unmixing.unmix(call)
