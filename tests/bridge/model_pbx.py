"""A model of Asterisk: channels and mixing bridges that react to requests with events, as the real one does.

Pure, and as small as can be: what is random is decided by whoever drives it. It watches over one thing by itself: no
caller is ever in a mixing bridge with two agents.
"""

from __future__ import annotations

from collections import deque

from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari import requests as req
from router.bridge.asterisk.ids import CALL_VARIABLE, CUSTOMER_ROLE

APP = "router"
UNKNOWN_ENDPOINT = "PJSIP/nowhere"


class ModelChannel:
    def __init__(self, channel: str, name: str, state: str, args: tuple[str, ...], *, stasis: bool) -> None:
        self.id = channel
        self.line = channel
        """The channel that its call began with: another one if it was put through."""
        self.name = name
        self.state = state
        self.args = args
        self.stasis = stasis
        self.is_leg = not stasis
        self.is_customer = False
        """Whether it is the line to somebody who is called back."""
        self.is_stranger = False
        """Whether it is there because a telephone has transferred or forwarded a call."""
        self.music = False
        self.ringing = False
        self.bridge = ""
        self.variables: dict[str, str] = {}

    def view(self) -> ari.Channel:
        plan = ari.Dialplan("inbound", "500", 2, "AppDial2", "(Outgoing Line)")
        if self.stasis:
            plan = ari.Dialplan("inbound", "500", 2, "Stasis", ",".join((APP, *self.args)))
        return ari.Channel(self.id, self.name, self.state, ari.Caller("Alice", "15550001"), dialplan=plan)


class ModelPbx:
    def __init__(self) -> None:
        self.channels: dict[str, ModelChannel] = {}
        self.bridges: dict[str, list[str]] = {}
        self.hearing: set[str] = set()
        """The bridges in which digits are heard."""
        self.playing: dict[str, str] = {}
        self.reached: set[str] = set()
        """Callbacks whose customers have answered."""
        self.said: list[tuple[str, tuple[str, ...]]] = []
        """All that was played, and to whom: a channel, or the call that it was marked with."""
        self.devices: dict[str, str] = {}
        self.connected = False
        self.events: deque[ari.Event] = deque()
        self.arrivals = 0
        self.mixings: list[tuple[str, ...]] = []
        self.left: list[ModelChannel] = []
        """Callers who went on in the dialplan, and may come back."""

    def emit(self, *events: ari.Event) -> None:
        if self.connected:
            self.events.extend(events)

    # --- people

    def dial_in(self, args: tuple[str, ...], name: str = "PJSIP/caller") -> ModelChannel | None:
        """Somebody calls. While nobody listens, the call falls through to the dialplan."""
        self.arrivals += 1
        if not self.connected:
            return None
        channel = f"c{self.arrivals}.1"
        found = self.channels[channel] = ModelChannel(channel, f"{name}-{self.arrivals:08x}", "Ring", args, stasis=True)
        self.emit(ari.StasisStart(found.view(), args))
        return found

    def come_back(self, channel: ModelChannel) -> None:
        """A caller who went on in the dialplan gets to Stasis() again."""
        self.left.remove(channel)
        if self.connected:
            channel.music = channel.ringing = False
            self.channels[channel.id] = channel
            self.emit(ari.StasisStart(channel.view(), channel.args))

    def callers(self) -> list[ModelChannel]:
        return [one for one in self.channels.values() if one.stasis and not one.is_leg and not one.is_stranger]

    def lines(self, *states: str) -> list[ModelChannel]:
        """Return the lines to customers who are called back, and have not come in yet."""
        return [one for one in self.channels.values() if one.is_customer and not one.stasis and one.state in states]

    def strangers(self) -> list[ModelChannel]:
        return [channel for channel in self.channels.values() if channel.is_stranger]

    def legs(self, *states: str) -> list[ModelChannel]:
        return [channel for channel in self.channels.values() if channel.is_leg and channel.state in states]

    def ring(self, leg: ModelChannel, dial_first: bool) -> None:
        leg.state = "Ringing"
        both: list[ari.Event] = [ari.ChannelStateChange(leg.view()), ari.Dial(leg.view(), "RINGING")]
        self.emit(*(reversed(both) if dial_first else both))

    def lift(self, leg: ModelChannel) -> None:
        """The telephone is answered; it is in the application a moment later."""
        leg.state = "Up"
        self.emit(ari.ChannelStateChange(leg.view()), ari.Dial(leg.view(), "ANSWER"))

    def enter(self, leg: ModelChannel) -> None:
        leg.stasis = True
        if leg.is_customer:
            self.reached.add(leg.args[-1])
        self.emit(ari.StasisStart(leg.view(), leg.args))

    def refuse(self, leg: ModelChannel, cause: int) -> None:
        """The telephone does not answer, for a reason."""
        if cause in (17, 21, 34):
            self.emit(ari.ChannelHangupRequest(leg.view(), cause), ari.Dial(leg.view(), "NOANSWER"))
        del self.channels[leg.id]
        self.emit(ari.ChannelDestroyed(leg.view(), cause))

    def hang_up(self, channel: ModelChannel, *, cause: int | None = 16, soft: bool = False) -> None:
        self.emit(ari.ChannelHangupRequest(channel.view(), cause, soft))
        self._leave_bridge(channel)
        del self.channels[channel.id]
        if channel.stasis:
            self.emit(ari.StasisEnd(channel.view()))
        if channel.is_leg or channel.is_stranger or channel.is_customer:
            self.emit(ari.ChannelDestroyed(channel.view(), 16))

    def transfer(self, before: ModelChannel) -> ModelChannel:
        """A telephone transfers a call: Asterisk puts another channel in its place; it stays up, alone."""
        after = self._stranger((), stasis=True)
        bridge = before.bridge
        self._leave_bridge(before)
        after.bridge = bridge
        self.bridges[bridge].append(after.id)
        self.emit(
            ari.StasisStart(after.view(), (), before.view()),
            ari.ChannelEnteredBridge(after.view(), self._bridge(bridge)),
        )
        return after

    def put_through(self, before: ModelChannel) -> ModelChannel:
        """A caller's telephone transfers the call: another channel is there instead, and the telephone's is gone."""
        self.arrivals += 1
        after = ModelChannel(f"x{self.arrivals}.1", "Local/_attended@transfer;2", "Up", (), stasis=True)
        after.line = before.line
        del self.channels[before.id]
        self.channels[after.id] = after
        self.emit(ari.StasisStart(after.view(), (), before.view()))
        if before.bridge:
            after.bridge = before.bridge
            self._leave_bridge(before)
            self.bridges[after.bridge].append(after.id)
            self.emit(ari.ChannelEnteredBridge(after.view(), self._bridge(after.bridge)))
        else:
            after.args = before.args
        self.emit(ari.StasisEnd(before.view()))
        return after

    def forward(self, leg: ModelChannel) -> ModelChannel:
        """A telephone forwards a call (302): another one is called instead, and comes in with the same arguments."""
        after = self._stranger(leg.args, stasis=False)
        after.state = "Down"
        del self.channels[leg.id]
        self.emit(
            ari.ChannelHangupRequest(leg.view(), 23),
            ari.Dial(after.view(), ""),
            ari.Dial(leg.view(), "CANCEL", forwarded=after.view()),
            ari.ChannelDestroyed(leg.view(), 23),
        )
        return after

    def _stranger(self, args: tuple[str, ...], *, stasis: bool) -> ModelChannel:
        self.arrivals += 1
        name = f"Local/600@phones-{self.arrivals:08x};1"
        made = ModelChannel(f"x{self.arrivals}.1", name, "Up", args, stasis=stasis)
        made.is_stranger, made.is_leg = True, False
        self.channels[made.id] = made
        return made

    def press(self, leg: ModelChannel, digits: str) -> None:
        if not leg.bridge or leg.bridge in self.hearing:
            self.emit(*(ari.ChannelDtmfReceived(leg.view(), digit) for digit in digits))

    def finish_playing(self, playback: str) -> None:
        channel = self.playing.pop(playback)
        self.emit(ari.PlaybackFinished(ari.Playback(playback, "", f"channel:{channel}", "done")))

    def restart(self) -> None:
        """Asterisk ends and begins anew: nothing is left."""
        self.channels.clear()
        self.bridges.clear()
        self.playing.clear()
        self.left.clear()

    def _leave_bridge(self, channel: ModelChannel) -> None:
        if channel.bridge:
            self.bridges[channel.bridge].remove(channel.id)
            self.emit(ari.ChannelLeftBridge(channel.view(), self._bridge(channel.bridge)))
            channel.bridge = ""

    def _bridge(self, bridge: str) -> ari.MixingBridge:
        return ari.MixingBridge(bridge, "mixing", "", tuple(self.bridges[bridge]))

    # --- requests

    def do(self, request: req.Request) -> req.Outcome:
        match request:
            case req.ListChannels():
                return req.Done(tuple(channel.view() for channel in self.channels.values()))
            case req.ListBridges():
                return req.Done(tuple(self._bridge(bridge) for bridge in self.bridges))
            case req.SubscribeDevices():
                return req.Done()
            case req.GetDevice(name=name):
                return req.Done(ari.DeviceState(name, self.devices.get(name, "NOT_INUSE")))
            case req.Originate():
                return self._originate(request)
            case req.MakeMixing(bridge=bridge, hears_digits=hears_digits):
                if bridge in self.bridges:
                    return req.Conflict("exists")
                self.bridges[bridge] = []
                (self.hearing.add if hears_digits else self.hearing.discard)(bridge)
                return req.Done(self._bridge(bridge))
            case req.AddToMixing():
                return self._mix(request)
            case req.DestroyMixing(bridge=bridge):
                if bridge not in self.bridges:
                    return req.Gone("Bridge not found")
                for member in list(self.bridges[bridge]):
                    self._leave_bridge(self.channels[member])
                self.emit(ari.BridgeDestroyed(self._bridge(bridge)))
                del self.bridges[bridge]
                return req.Done()
            case req.StopPlay(playback=playback):
                if playback not in self.playing:
                    return req.Gone("Playback not found")
                self.finish_playing(playback)
                return req.Done()
        return self._of_channel(request)

    def _of_channel(self, request: req.Request) -> req.Outcome:
        channel = self.channels.get(request.key)
        if channel is None:
            return req.Gone("Channel not found")
        if isinstance(request, req.HangUp):
            self.hang_up(channel, cause=32, soft=True)
            return req.Done()
        if isinstance(request, req.GetChannel):
            return req.Done(channel.view())
        if isinstance(request, req.GetVariable):
            value = channel.variables.get(request.variable)
            return req.Gone("no such variable") if value is None else req.Done(value)
        if not channel.stasis:
            return req.Conflict("Channel not in Stasis application")
        match request:
            case req.Answer():
                channel.state, channel.ringing = "Up", False
                self.emit(ari.ChannelStateChange(channel.view()))
            case req.StartMusic():
                channel.music = True
            case req.StopMusic():
                channel.music = False
            case req.Ring():
                channel.ringing = True
            case req.StopRing():
                channel.ringing = False
            case req.Play(playback=playback):
                channel.music = False
                self.playing[playback] = channel.id
                self.said.append((channel.variables.get(CALL_VARIABLE, channel.line), request.media))
            case req.Continue():
                self._leave_bridge(channel)
                del self.channels[channel.id]
                self.emit(ari.StasisEnd(channel.view()))
                self.left.append(channel)
            case req.SetVariable(variable=variable, value=value):
                channel.variables[variable] = value
            case _:
                raise AssertionError(request)
        return req.Done()

    def _originate(self, request: req.Originate) -> req.Outcome:
        if request.originator and request.originator not in self.channels:
            return req.Gone("Provided originator channel was not found")
        if any(known.startswith(request.channel) for known in self.channels):
            return req.Conflict("exists, or another begins so")
        if request.endpoint == UNKNOWN_ENDPOINT:
            return req.Failed(500, "Allocation failed")
        leg = ModelChannel(request.channel, f"{request.endpoint}-0000", "Down", request.app_args, stasis=False)
        leg.variables = dict(request.variables)
        leg.is_customer = request.app_args[0] == CUSTOMER_ROLE
        leg.is_leg = not leg.is_customer
        self.channels[leg.id] = leg
        self.emit(ari.Dial(leg.view(), ""))
        return req.Done(leg.view())

    def _mix(self, request: req.AddToMixing) -> req.Outcome:
        if request.bridge not in self.bridges:
            return req.Gone("Bridge not found")
        for name in request.channels:
            if name not in self.channels:
                return req.Gone("Channel not found")
            if not self.channels[name].stasis:
                return req.Conflict("Channel not in Stasis application")
        for name in request.channels:
            channel = self.channels[name]
            if channel.bridge != request.bridge:
                self._leave_bridge(channel)
                channel.bridge = request.bridge
                self.bridges[request.bridge].append(name)
                self.emit(ari.ChannelEnteredBridge(channel.view(), self._bridge(request.bridge)))
        members = self.bridges[request.bridge]
        agents_and_caller = [one for one in members if not self.channels[one].is_stranger]
        assert len(agents_and_caller) <= 2, f"{members} are all in {request.bridge}"
        self.mixings.append(tuple(members))
        return req.Done()
