"""The floor: what the bridge knows of callers and agents, and what it asks of Asterisk and of the router.

Pure: no I/O, no clock. Whatever happens is told to the floor with the time, and it answers with actions. Keeps one
invariant: what is asked for follows from what was told, in order, and from nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from router.bridge.asterisk.actions import (
    Action,
    Answer,
    Asked,
    LearnAgents,
    Learned,
    Reconcile,
    Send,
    Stop,
)
from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari.requests import (
    AddToMixing,
    Conflict,
    DestroyMixing,
    Done,
    Failed,
    GetChannel,
    GetDevice,
    GetVariable,
    Gone,
    HangUp,
    ListBridges,
    ListChannels,
    MakeMixing,
    Outcome,
    Request,
    SubscribeDevices,
    Unreachable,
)
from router.bridge.asterisk.callers import Callers
from router.bridge.asterisk.calls import Call, CallPhase, LegPhase
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import FloorSettings
from router.bridge.asterisk.handovers import Handovers
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.resync import Resync, arrival_of
from router.bridge.asterisk.rulings import Rulings
from router.bridge.asterisk.timers import Key
from router.bridge.asterisk.transfers import TransferDialling
from router.bridge.asterisk.visits import Visits
from router.client import LiveAgent, LiveCall
from router.engine import events

_STRAY_US = 1_000_000
_MIXING_RETRY_US = 1_000_000


class Floor:
    """All calls and agents of one bridge. All times are microseconds of one clock that never goes back."""

    def __init__(self, settings: FloorSettings, now_us: int) -> None:
        self._desk = desk = Desk(settings, now_us)
        self._link = link = Link(desk, self.live)
        self._book = AgentBook(desk, link)
        self._visits = Visits(desk, link, self._book)
        self._hearing = Hearing(desk)
        self._callers = Callers(desk, link, self._hearing, self._visits)
        self._legs = Legs(desk, link, self._book, self._hearing, self._callers)
        self._rulings = Rulings(desk, self._book, self._callers, self._legs)
        self._transfers = TransferDialling(desk, link)
        self._handovers = Handovers(desk, self._hearing, self._callers)
        self._resync = Resync(
            desk, link, self._book, self._hearing, self._callers, self._legs, self._visits, self._handovers
        )
        link.on_learned = self._learned
        link.doubtful = self._callers.alone
        link.on_reconciled = self._rulings.reconciled
        link.on_together = self._together
        link.on_away = self._away

    # --- what may be seen

    @property
    def next_deadline_us(self) -> int | None:
        """When `tick` is to be called next; None while nothing is timed."""
        return self._desk.timers.next_us

    @property
    def pbx_known(self) -> bool:
        """Whether the bridge knows what Asterisk has."""
        return self._link.pbx_known

    @property
    def router_together(self) -> bool:
        """Whether bridge and router are of one mind."""
        return self._link.together

    def counts(self) -> Mapping[str, int]:
        """Return how many calls are in each phase, and how many legs and agents there are."""
        phases = Counter(call.phase for call in self._desk.calls.values())
        return {phase.value: phases[phase] for phase in CallPhase} | {
            "legs": len(self._desk.legs),
            "agents": len(self._book.live()),
        }

    def live(self) -> tuple[tuple[LiveCall, ...], tuple[LiveAgent, ...]]:
        """Return all calls and agents as the router should have them."""
        calls = (self._live(call) for call in self._desk.calls.values() if call.phase is not CallPhase.LEAVING)
        return tuple(call for call in calls if call is not None), self._book.live()

    def _live(self, call: Call) -> LiveCall | None:
        if call.enqueue is None or not call.known:
            return None
        leg = call.leg
        if leg is None or leg.phase is LegPhase.ENDING:
            return LiveCall(call.id, enqueue=call.enqueue)
        if leg.agreed:
            return LiveCall(call.id, talking=leg.agent, enqueue=call.enqueue)
        return LiveCall(call.id, ringing=leg.offer, enqueue=call.enqueue)

    # --- what happens

    def hear(self, event: ari.Event, now_us: int) -> list[Action]:
        """Take in an event of Asterisk, or what became of the connection to it."""
        self._desk.now_us = now_us
        self._hear(event)
        return self._settled()

    def told(self, event: events.Event, now_us: int) -> list[Action]:
        """Take in an event of the router's watch."""
        self._desk.now_us = now_us
        if not self._book.heard(event):
            self._rulings.heard(event)
        return self._settled()

    def answered(self, action: Asked, answer: Answer, now_us: int) -> list[Action]:
        """Take in what became of an action: the same object that was asked for."""
        self._desk.now_us = now_us
        match action:
            case Send():
                self._link.answered(action, answer)
            case Reconcile() | LearnAgents():
                self._link.told(action, answer)
            case _ if isinstance(answer, Outcome):
                self._request_answered(action, answer)
        return self._settled()

    def router_lost(self, now_us: int) -> list[Action]:
        """The router is out of reach."""
        self._desk.now_us = now_us
        self._link.lost()
        return self._settled()

    def router_back(self, now_us: int) -> list[Action]:
        """The router is in reach: commands can be sent, and the watch goes on."""
        self._desk.now_us = now_us
        self._link.back()
        return self._settled()

    def announce(self, call: str, media: tuple[str, ...], now_us: int) -> list[Action]:
        """Say something to a caller who waits; to nobody else."""
        self._desk.now_us = now_us
        found = self._desk.calls.get(call)
        if found is not None:
            self._hearing.say(found, media)
        return self._settled()

    def tick(self, now_us: int) -> list[Action]:
        """Do what is due."""
        self._desk.now_us = now_us
        for key in self._desk.timers.due(now_us):
            self._due(key)
        return self._settled()

    def _settled(self) -> list[Action]:
        self._resync.settle()
        for event in self._resync.take_later():
            self._hear(event)
        self._link.go_on()
        return self._desk.take()

    # --- the router

    def _learned(self, learned: Learned) -> None:
        self._book.learn(learned.agents)
        for call in learned.assigned:
            self._callers.left_alone(call)

    def _together(self) -> None:
        for call in self._desk.calls.values():
            self._desk.timers.clear(("patience", call.id))

    def _away(self) -> None:
        for call in self._desk.calls.values():
            self._callers.be_patient(call)

    # --- Asterisk

    def _hear(self, event: ari.Event) -> None:
        match event:
            case ari.Lost():
                self._resync.lost()
            case ari.Back():
                self._resync.back()
            case ari.ApplicationReplaced():
                self._desk.ask(Stop("another program has taken over our Stasis application"))
            case ari.DeviceStateChanged(device_state=state):
                self._book.device(state)
            case ari.PlaybackFinished(playback=playback):
                self._said(playback)
            case ari.Dial(peer=channel, forwarded=forwarded):
                if forwarded is not None and self._desk.ids.leg_of(channel.id) is not None:
                    self._unfollowed(forwarded)
                self._leg_event(event, channel)
            case ari.BridgeDestroyed():
                pass
            case _:
                channel = event.channel
                if self._desk.ids.leg_of(channel.id) is not None:
                    self._leg_event(event, channel)
                else:
                    self._caller_event(event, channel)

    def _unfollowed(self, channel: ari.Channel) -> None:
        """A telephone forwards our call: an agent is rung there, not whoever it may be instead."""
        self._desk.touch(channel.id)
        self._desk.note("warning", "an agent's telephone forwards calls; that is not followed", channel=channel.id)
        self._desk.request(HangUp(channel.id))

    def _caller_event(self, event: ari.Event, channel: ari.Channel) -> None:
        match event:
            case ari.StasisStart(replace_channel=ari.Channel() as before):
                self._desk.touch(channel.id)
                self._handovers.replaced(before, channel)
            case ari.StasisStart(args=args) if self._desk.ids.is_forwarded(args):
                self._unfollowed(channel)
            case ari.StasisStart(args=args):
                self._desk.touch(channel.id)
                known = self._desk.callers.get(channel.id)
                if known is not None and known.phase is CallPhase.LEAVING:
                    # it went on in the dialplan, unheard, and has come back
                    self._callers.gone(known)
                if channel.id in self._desk.callers or channel.id in self._visits.by_channel:
                    self._desk.unexpected("StasisStart", channel.id)
                else:
                    self._callers.arrive(arrival_of(channel, args), up=channel.state == "Up")
            case ari.ChannelStateChange(channel=ari.Channel(state="Up")):
                if (up := self._desk.callers.get(channel.id)) is not None:
                    self._hearing.is_up(up)
            case ari.ChannelHangupRequest() | ari.StasisEnd() | ari.ChannelDestroyed():
                self._desk.touch(channel.id)
                call = self._desk.callers.get(channel.id)
                if call is not None:
                    self._callers.gone(call)
                elif channel.id in self._desk.peers:
                    self._handovers.gone(channel.id)
                else:
                    self._visits.gone(channel.id)

    def _leg_event(self, event: ari.Event, channel: ari.Channel) -> None:
        leg = self._desk.legs.get(channel.id)
        if leg is None:
            self._unknown_leg_event(event, channel)
            return
        self._desk.touch(channel.id)
        match event:
            case ari.StasisStart():
                self._legs.answered(leg)
            case ari.ChannelDestroyed(cause=cause):
                self._legs.gone(leg, cause)
            case ari.StasisEnd():
                self._legs.gone(leg, 0)
            case ari.ChannelHangupRequest():
                self._legs.hanging_up(leg)
            case ari.ChannelDtmfReceived(digit=digit):
                call = self._desk.calls.get(leg.call)
                if call is not None and call.leg is leg:
                    self._transfers.digit(call, leg, digit)
            case ari.ChannelEnteredBridge():
                # this may be heard before the request is answered
                self._legs.mixed(leg, Done())
            case ari.Dial(dialstatus="RINGING" | "PROGRESS"):
                self._legs.ringing(leg)
            case ari.ChannelStateChange(channel=ari.Channel(state="Ringing")):
                self._legs.ringing(leg)

    def _unknown_leg_event(self, event: ari.Event, channel: ari.Channel) -> None:
        if self._desk.ids.leg_of(channel.id) is None:
            return
        if not self._link.pbx_known:
            # it may be of an earlier run, and found by the list that is under way
            self._resync.keep(event)
        elif isinstance(event, ari.StasisStart | ari.Dial | ari.ChannelStateChange):
            # its events may still be on their way when it is gone: ask once, and again only if there are more later
            if ("stray", channel.id) in self._desk.timers:
                return
            self._desk.timers.set(("stray", channel.id), self._desk.now_us + _STRAY_US)
            self._desk.note("warning", "a telephone rings for nobody, and is hung up", channel=channel.id)
            self._desk.count("events_unexpected", type(event).__name__)
            self._legs.shun(channel.id)

    def _said(self, playback: ari.Playback) -> None:
        channel = playback.target_uri.removeprefix("channel:")
        call = self._desk.callers.get(channel)
        if call is not None and call.saying == playback.id:
            self._hearing.said(call)
        else:
            self._visits.said(playback.id)

    # --- what became of requests

    def _request_answered(self, request: Request, outcome: Outcome) -> None:
        if not isinstance(outcome, Done):
            self._failed(request, outcome)
        match request:
            case ListChannels() | ListBridges():
                self._resync.listed(request, outcome)
            case GetChannel(channel=channel) if channel in self._desk.callers:
                self._callers.looked(self._desk.callers[channel], request, outcome)
            case GetChannel(channel=channel):
                self._resync.looked(channel, outcome)
            case GetVariable(channel=channel, variable=variable):
                call = self._desk.callers.get(channel)
                if call is not None:
                    self._callers.variable(call, variable, outcome)
                self._resync.variable(request, outcome)
            case SubscribeDevices() | GetDevice():
                self._book.subscribed(request, outcome)
            case MakeMixing() | DestroyMixing():
                self._mixing_answered(request, outcome)
            case AddToMixing(channels=channels):
                leg = self._desk.legs.get(channels[-1])
                if leg is not None:
                    self._legs.mixed(leg, outcome)
            case _:
                self._channel_answered(request, outcome)

    def _failed(self, request: Request, outcome: Outcome) -> None:
        kinds = {Gone: "gone", Conflict: "conflict", Failed: "failed", Unreachable: "unreachable"}
        kind = kinds.get(type(outcome), "failed")
        self._desk.count("requests_failed", kind)
        if kind != "gone":
            self._desk.note("debug", f"{type(request).__name__} did not succeed: {outcome}", channel=request.key)

    def _mixing_answered(self, request: MakeMixing | DestroyMixing, outcome: Outcome) -> None:
        call = self._desk.callers.get(self._desk.ids.caller_of_mixing(request.bridge) or "")
        if isinstance(request, MakeMixing):
            return  # if it was not made, connecting makes it; and a failure is no proof that it was not
        if call is not None:
            self._callers.unmixed(call, outcome)
        elif not isinstance(outcome, Done | Gone):
            self._desk.timers.set(("mixing", request.bridge), self._desk.now_us + _MIXING_RETRY_US)

    def _channel_answered(self, request: Request, outcome: Outcome) -> None:
        channel = getattr(request, "channel", "")
        if (leg := self._desk.legs.get(channel)) is not None:
            self._legs.request_answered(leg, request, outcome)
        elif (call := self._desk.callers.get(channel)) is not None:
            self._callers.answered(call, request, outcome)
        elif (visit := self._visits.by_channel.get(channel)) is not None:
            self._visits.answered(visit, request, outcome)
        elif isinstance(request, HangUp) and not isinstance(outcome, Done | Gone):
            self._desk.timers.set(("stray-end", channel), self._desk.now_us + _STRAY_US)

    # --- what is due

    def _due(self, key: Key) -> None:
        kind, name = key
        match kind:
            case "link":
                self._link.go_on()
            case "resync":
                self._resync.ask()
            case "visit":
                self._visits.late(name)
            case "agent":
                self._book.make_ready(name)
            case "agent-set":
                self._book.say_again(name)
            case "device":
                self._book.device_settled(name)
            case "devices":
                self._book.subscribe()
            case "mixing":
                if self._desk.ids.caller_of_mixing(name) not in self._desk.callers:
                    self._desk.request(DestroyMixing(name))
            case "look":
                self._resync.look(name)
            case "stray-end":
                self._desk.request(HangUp(name))
            case "leg" | "mix" | "digits":
                self._leg_due(kind, name)
            case _:
                self._call_due(kind, name)

    def _leg_due(self, kind: str, name: str) -> None:
        leg = self._desk.legs.get(name)
        if leg is None:
            return
        match kind:
            case "leg":
                self._legs.look_again(leg)
            case "mix":
                self._legs.mix_again(leg)
            case "digits":
                self._transfers.forget(leg)

    def _call_due(self, kind: str, name: str) -> None:
        call = self._desk.calls.get(name)
        if call is None:
            return
        match kind:
            case "patience":
                self._callers.patience_over(call)
            case "sound":
                self._hearing.settle(call)
            case "said":
                self._hearing.said_enough(call)
            case "go":
                self._callers.go_again(call)
            case "unmix":
                self._callers.unmix_again(call)
            case "name":
                self._callers.name(call)
