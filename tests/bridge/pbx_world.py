"""Channels, bridges and telephones that behave as a real Asterisk's do, for the stand-in's server.

The transcripts under shared/asterisk say what comes when; what varies there (the order of Dial and ChannelStateChange,
which half of a Local channel is told of first, the time that things take) is drawn from a seed here.
"""

from __future__ import annotations

from tests.bridge.pbx_core import Core
from tests.bridge.pbx_parts import (
    REASONS,
    SIP_CODES,
    STATUSES,
    Bridge,
    Channel,
    Does,
    Json,
    Phone,
    destroyed,
    dial,
    event,
    hangup_request,
    state_change,
    variable_set,
)


class World(Core):
    """What happens in it. Methods return at once; what they lead to comes by itself, a little later."""

    # What happens outside: callers and telephones.

    def dial_in(self, channel: Channel, from_endpoint: str, phone_id: str = "") -> Channel:
        """Let a caller come into its application. Where that has no WebSocket, the caller goes on in the dialplan.

        A caller from a Local endpoint has a telephone at the other half, which is in another application.
        """
        serial = next(self._names)
        channel.name = f"{from_endpoint}-{serial:08x}"
        channel.id = channel.id or f"{1795302761 + serial}.{next(self._numbers)}"
        if from_endpoint.startswith("Local/"):
            half = Channel(phone_id or f"phone-of-{channel.id}", f"{channel.name};1", "Down", caller=channel.caller)
            channel.name += ";2"
            channel.other_half = half
            self._add(half)
        self._add(channel)
        if self.hears(channel.app):
            self._start_stasis(channel)
        else:
            channel.went_to = {}
        return channel

    def caller_hangs_up(self, channel: Channel) -> None:
        """Let a caller hang up: SIP CANCEL or BYE, or the end of a Local channel's other half."""
        if channel.is_gone:
            return
        if channel.is_local:
            request = hangup_request(channel, 16)
        elif channel.is_up_once:
            request = hangup_request(channel, None)
        else:
            request = hangup_request(channel, 127, sip=487)
        self._end_inbound(channel, request)

    def phone_answers(self, leg: Channel) -> None:
        """Let the telephone at the end of a leg answer, if the leg is still there."""
        if leg.is_gone or leg.state == "Up":
            return
        leg.forget_plans()
        leg.state = "Up"
        leg.is_up_once = True
        told = []
        if leg.other_half is not None:
            leg.other_half.state = "Up"
            if not leg.is_dialled:
                told.append(state_change(leg.other_half))
        self.tell(leg.app, [*told, state_change(leg), dial(leg, "ANSWER")])
        self._device(leg.endpoint, "INUSE")
        if not leg.is_dialled:
            if not self.hears(leg.app):
                self._remove(leg)
                return
            self._start_stasis(leg)
        if leg.phone is not None and leg.phone.talks_s is not None:
            self._plan(leg, leg.phone.talks_s, lambda: self.phone_hangs_up(leg))

    def phone_refuses(self, leg: Channel, cause: int) -> None:
        """Let the telephone (or what is on the way to it) refuse a call."""
        if leg.is_gone or leg.state == "Up":
            return
        half = leg.other_half
        status = STATUSES.get(cause, "NOANSWER")
        if leg.is_dialled:
            mine = [hangup_request(leg, cause), self._stasis_end(leg), destroyed(leg, cause)]
            self.tell(leg.app, mine)
        elif half is not None:
            mine = [hangup_request(leg, cause), dial(leg, status), destroyed(leg, cause)]
            others = [hangup_request(half, 16, soft=True), destroyed(half, cause)]
            self.tell(leg.app, self._weave(mine, others))
        else:
            sip = SIP_CODES.get(cause)
            mine = [hangup_request(leg, cause, sip=sip), dial(leg, status), destroyed(leg, cause, sip)]
            self.tell(leg.app, mine)
        self._remove(leg)

    def phone_hangs_up(self, leg: Channel) -> None:
        """Let the telephone of an answered leg hang up."""
        if leg.is_gone:
            return
        half = leg.other_half
        mine = [
            hangup_request(leg, None if half is None else 16),
            *self._left_bridge(leg, lives=False),
            *self._ended(leg),
            destroyed(leg, 16),
        ]
        others = [] if half is None else [hangup_request(half, 16, soft=True), destroyed(half, 16)]
        self.tell(leg.app, self._weave(mine, others))
        self._remove(leg)

    def press(self, channel: Channel, digits: str) -> None:
        """Let somebody press keys, as RFC 4733. Two telephones in a bridge without `dtmf_events` talk past Asterisk."""
        mixed = channel.bridge
        if channel.in_stasis and (mixed is None or len(mixed.members) < 2 or "dtmf_events" in mixed.kind):
            told = [event("ChannelDtmfReceived", digit=d, duration_ms=90, channel=channel.json()) for d in digits]
            self.tell(channel.app, told)

    def hold(self, channel: Channel, held: bool) -> None:
        """Let a SIP telephone hold its call, or resume it."""
        kind, fields = ("ChannelHold", {"musicclass": "default"}) if held else ("ChannelUnhold", {})
        self.tell(channel.app, [event(kind, channel=channel.json(), **fields)])

    def set_device(self, device: str, state: str) -> None:
        """Let a telephone's device state change."""
        self._device(device, state)

    # What applications ask for.

    def originate(self, leg: Channel, timeout_s: float, dialled: bool = False) -> None:
        """Call a leg's endpoint; for /channels/create it only comes into Stasis."""
        serial = next(self._names)
        leg.name = f"{leg.endpoint.removesuffix('/n')}-{serial:08x}"
        leg.is_leg = True
        leg.phone = self._next_phone(leg.endpoint)
        if leg.endpoint.startswith("Local/"):
            assert leg.other_half is not None
            leg.other_half.name, leg.other_half.state = leg.name + ";2", "Ring"
            leg.name += ";1"
            self._add(leg.other_half)
        self._add(leg)
        if dialled:
            leg.is_dialled = True
            self._later(lambda: self._start_stasis(leg))
        else:
            self._later(lambda: self.ring(leg, timeout_s))

    def ring(self, leg: Channel, timeout_s: float) -> None:
        """Let a leg's telephone ring."""
        if leg.is_gone:
            return
        phone = leg.phone or Phone(Does.IS_NOWHERE)
        half = leg.other_half
        if phone.does is Does.IS_NOWHERE:
            others = [] if half is None else [destroyed(half, 0)]
            self.tell(leg.app, self._weave(others, [destroyed(leg, 0)]))
            self._remove(leg)
            return
        self._plan(leg, timeout_s, lambda: self._ring_out(leg))
        self.tell(leg.app, [] if half is None or leg.is_dialled else _beginning_of(half))
        if phone.does in (Does.IS_SILENT, Does.REFUSES_AT_ONCE):
            self.tell(leg.app, [dial(leg, "")])
            if phone.does is Does.REFUSES_AT_ONCE:
                self.phone_refuses(leg, phone.cause)
            return
        begun = dial(leg, "")
        leg.state = "Ringing"
        self.tell(leg.app, self._weave([begun, dial(leg, "RINGING")], [state_change(leg)]))
        self._device(leg.endpoint, "RINGING")
        if phone.does is Does.ANSWERS:
            self._plan(leg, phone.rings_s, lambda: self.phone_answers(leg))
        elif phone.does is Does.REFUSES:
            self._plan(leg, phone.rings_s, lambda: self.phone_refuses(leg, phone.cause))

    def hang_up(self, channel: Channel, reason: str) -> None:
        """End a channel, as DELETE does: a little later."""
        cause = REASONS.get(reason, 16)
        self._later(lambda: self._hang_up_now(channel, cause))

    def _hang_up_now(self, channel: Channel, cause: int) -> None:
        if channel.is_gone:
            return
        request = hangup_request(channel, 32, soft=True)
        owner = next((leg for leg in self.channels.values() if leg.other_half is channel and leg.is_leg), None)
        if owner is not None:
            self.tell(owner.app, [request])
            self.phone_hangs_up(owner)
        elif not channel.is_leg:
            self._end_inbound(channel, request)
        elif channel.state == "Up" or channel.is_dialled:
            mine = [request, *self._left_bridge(channel, lives=False), *self._ended(channel), destroyed(channel, cause)]
            self._end_leg(channel, mine, cause)
        else:
            self._end_leg(channel, [request, dial(channel, "NOANSWER"), destroyed(channel, cause)], cause)

    def _end_leg(self, leg: Channel, mine: list[Json], cause: int) -> None:
        half = leg.other_half
        others: list[Json] = []
        if half is not None and not leg.is_dialled:
            others = [hangup_request(half, cause), hangup_request(half, 16, soft=True), destroyed(half, cause)]
        self.tell(leg.app, self._weave(mine, others))
        self._remove(leg)

    def send_on(self, channel: Channel, place: Json) -> None:
        """Send a channel on in the dialplan."""
        channel.went_to = place
        self.tell(channel.app, [*self._left_bridge(channel, lives=True), *self._ended(channel)])

    def answer(self, channel: Channel) -> None:
        """Answer a caller."""
        if channel.state != "Up":
            channel.state = "Up"
            channel.is_up_once = True
            channel.is_ringing = False
            self.tell(channel.app, [state_change(channel)])

    def enter(self, bridge: Bridge, channel: Channel) -> None:
        """Put a channel into a bridge, out of the one where it was."""
        if channel.bridge is bridge:
            return
        told = self._left_bridge(channel, lives=True)
        bridge.members.append(channel.id)
        channel.bridge = bridge
        bridge.app = channel.app
        self.subscribed[bridge.id] = self.subscribed.get(bridge.id, 0) + 1
        told.append(event("ChannelEnteredBridge", bridge=bridge.json(), channel=channel.json()))
        if len(bridge.members) > 1:
            told.extend(variable_set(self.channels[m], "BRIDGEPEER", channel.name) for m in bridge.members)
        self.tell(channel.app, told)

    def leave(self, channel: Channel) -> None:
        """Take a channel out of its bridge."""
        self.tell(channel.app, self._left_bridge(channel, lives=True))

    def destroy(self, bridge: Bridge) -> None:
        """Remove a bridge; its members live on."""
        for member in list(bridge.members):
            self.leave(self.channels[member])
        del self.bridges[bridge.id]
        if self.subscribed.pop(bridge.id, 0) > 0:
            self.tell(bridge.app, [event("BridgeDestroyed", bridge=bridge.json())])

    def play(self, channel: Channel, playback: str, media: str) -> Json:
        """Play a sound: it ends the music on hold, and is over soon."""
        channel.has_music = False
        told = {"id": playback, "media_uri": media, "target_uri": f"channel:{channel.id}", "language": "en"}
        channel.playbacks.append(playback)
        self.tell(channel.app, [event("PlaybackStarted", playback=told | {"state": "playing"})])
        self._plan(channel, 0.05, lambda: self.end_playback(channel, playback))
        return told | {"state": "queued"}

    def end_playback(self, channel: Channel, playback: str) -> None:
        """Let a sound end."""
        if playback in channel.playbacks:
            channel.playbacks.remove(playback)
            told = {"id": playback, "media_uri": "", "target_uri": f"channel:{channel.id}", "state": "done"}
            self.tell(channel.app, [event("PlaybackFinished", playback=told)])

    def vanish(self) -> None:
        """Forget everything, as a restart of Asterisk does: nobody is told."""
        for channel in list(self.channels.values()):
            self._remove(channel)
        self.bridges.clear()
        self.subscribed.clear()
        self.watched_devices.clear()

    def _ring_out(self, leg: Channel) -> None:
        if leg.is_gone or leg.state == "Up":
            return
        half = leg.other_half
        if leg.is_dialled:
            mine = [hangup_request(leg, 32, soft=True), self._stasis_end(leg), destroyed(leg, 19)]
            others: list[Json] = []
        elif half is not None:
            mine = [destroyed(leg, 19)]
            others = [hangup_request(half, 19), hangup_request(half, 16, soft=True), destroyed(half, 19)]
        else:
            mine, others = [destroyed(leg, 19, 480)], []
        self.tell(leg.app, self._weave(mine, others))
        self._remove(leg)


def _beginning_of(half: Channel) -> list[Json]:
    """Return what is told of the `;2` half of a Local channel as it begins."""
    return [event(kind, channel=half.json()) for kind in ("ChannelCallerId", "ChannelConnectedLine")]
