"""What Asterisk tells, handed to the part of the floor that it is about.

Keeps one invariant: an event about nobody known is survived, and told in the log.
"""

from __future__ import annotations

from router.bridge.asterisk.actions import Stop
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari.requests import Done, HangUp
from router.bridge.asterisk.calls import CallPhase
from router.bridge.asterisk.parts import Parts
from router.bridge.asterisk.resync.lists import arrival_of

_STRAY_US = 1_000_000


class PbxEvents:
    """Events of Asterisk."""

    def __init__(self, parts: Parts) -> None:
        self._devices = parts.devices
        self._callbacks = parts.callbacks
        self._arriving = parts.arriving
        self._leaving = parts.leaving
        self._connecting = parts.connecting
        self._desk = parts.desk
        self._handovers = parts.handovers
        self._hearing = parts.hearing
        self._keys = parts.keys
        self._legs = parts.legs
        self._link = parts.link
        self._resync = parts.resync
        self._transfers = parts.transfers
        self._visits = parts.visits

    def hear(self, event: ari.Event) -> None:
        """Hand an event to the part that it is about."""
        match event:
            case ari.Lost():
                self._resync.lost()
            case ari.Back():
                self._resync.back()
            case ari.ApplicationReplaced():
                self._desk.ask(Stop("another program has taken over our Stasis application"))
            case ari.DeviceStateChanged(device_state=state):
                self._devices.heard(state)
            case ari.PlaybackFinished(playback=playback):
                self._said(playback)
            case ari.Dial(peer=channel, forwarded=forwarded):
                ids = self._desk.ids
                if forwarded is not None and (ids.leg_of(channel.id) is not None or ids.is_customer(channel.id)):
                    self._unfollowed(forwarded)
                self._leg_event(event, channel)
            case ari.BridgeDestroyed():
                pass
            case _:
                channel = event.channel
                if self._desk.ids.leg_of(channel.id) is not None:
                    self._leg_event(event, channel)
                elif channel.id in self._desk.lines or self._is_stray_line(channel.id):
                    self._line_event(event, channel)
                else:
                    self._caller_event(event, channel)

    def _is_stray_line(self, channel: str) -> bool:
        return self._desk.ids.is_customer(channel) and channel not in self._desk.callers

    def _line_event(self, event: ari.Event, channel: ari.Channel) -> None:
        """Something is heard of a customer who is called back, and is not on the line yet."""
        if isinstance(event, ari.StasisStart | ari.ChannelHangupRequest | ari.StasisEnd | ari.ChannelDestroyed):
            # of any other event a list is no older: one of an earlier run, who presses a key, is to be found
            self._desk.touch(channel.id)
        call = self._desk.lines.get(channel.id)
        match event:
            case ari.StasisStart() if call is not None:
                self._callbacks.up(call)
            case ari.StasisStart() | ari.ChannelStateChange() if call is None:
                # an earlier run has called; or it has just been hung up, and this was on its way
                self._desk.note("info", "a customer is called for nobody, and is hung up", channel=channel.id)
                self._desk.request(HangUp(channel.id))
            case ari.ChannelDestroyed(cause=cause) if call is not None:
                self._callbacks.gone(call, cause)
            case ari.StasisEnd() if call is not None:
                self._callbacks.gone(call, 0)

    def _unfollowed(self, channel: ari.Channel) -> None:
        """A telephone forwards our call: one person is wanted there, not whoever it may be instead."""
        self._desk.touch(channel.id)
        self._desk.note("warning", "a telephone forwards our call; that is not followed", channel=channel.id)
        self._desk.request(HangUp(channel.id))

    def _caller_event(self, event: ari.Event, channel: ari.Channel) -> None:
        match event:
            case ari.StasisStart(replace_channel=ari.Channel() as before):
                self._desk.touch(channel.id)
                if self._link.pbx_known or self._handovers.concerns(before.id):
                    self._handovers.replaced(before, channel)
                else:
                    self._resync.keep(event)
            case ari.StasisStart(args=args) if self._desk.ids.is_forwarded(args):
                self._unfollowed(channel)
            case ari.StasisStart(args=args):
                self._desk.touch(channel.id)
                known = self._desk.callers.get(channel.id)
                if known is not None and known.phase is CallPhase.LEAVING:
                    # it went on in the dialplan, unheard, and has come back
                    self._leaving.gone(known)
                if channel.id in self._desk.callers or channel.id in self._visits.by_channel:
                    self._desk.unexpected("StasisStart", channel.id)
                else:
                    self._resync.forget(channel.id)
                    self._arriving.arrive(arrival_of(channel, args), up=channel.state == "Up")
            case ari.ChannelStateChange(channel=ari.Channel(state="Up")):
                if (up := self._desk.callers.get(channel.id)) is not None:
                    self._hearing.is_up(up)
            case ari.ChannelDtmfReceived(digit=digit):
                if (caller := self._desk.callers.get(channel.id)) is not None:
                    self._keys.pressed(caller, digit)
            case ari.ChannelHangupRequest() | ari.StasisEnd() | ari.ChannelDestroyed():
                self._desk.touch(channel.id)
                call = self._desk.callers.get(channel.id)
                if call is not None:
                    self._leaving.gone(call)
                elif channel.id in self._desk.peers:
                    self._handovers.gone(channel.id)
                elif channel.id in self._visits.by_channel:
                    self._visits.gone(channel.id)
                elif not self._link.pbx_known:
                    # a list that is older may still have it, where a caller was handed over to
                    self._resync.keep(event)

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
                call = self._desk.call_of(leg)
                if call is not None:
                    self._transfers.digit(call, leg, digit)
            case ari.ChannelEnteredBridge():
                # this may be heard before the request is answered
                self._connecting.mixed(leg, Done())
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
            self._leaving.said_farewell(call)
        elif not self._callbacks.said(channel, playback.id):
            self._visits.said(playback.id)
