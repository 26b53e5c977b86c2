"""What the stand-in's world consists of, and the steps that everything in it is made of."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from tests.bridge.pbx_parts import Bridge, Channel, Json, Phone, destroyed, event, hangup_request, variable_set

Tell = Callable[[str, list[Json]], None]
"""Tells an application of events, in order."""


class Core:
    """All that the stand-in has."""

    def __init__(self, seed: int, jitter_s: float, pace: float, tell: Tell, hears: Callable[[str], bool]) -> None:
        self.random = random.Random(seed)
        self.jitter_s = jitter_s
        self.pace = pace
        """How long a second is here: less than 1 makes telephones and time limits faster."""
        self.tell = tell
        self.hears = hears
        """Whether an application has its WebSocket."""
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.phones: dict[str, Phone | deque[Phone]] = {}
        self.devices: dict[str, str] = {}
        self.watched_devices: dict[str, set[str]] = {}
        self.all_channels: dict[str, Channel] = {}
        self.subscribed: dict[str, int] = {}
        self._numbers = count()
        self._names = count()

    def _start_stasis(self, channel: Channel) -> None:
        if channel.is_gone:
            return
        channel.in_stasis = True
        told = event("StasisStart", args=list(channel.args), channel=channel.json())
        noise = [variable_set(channel, "STASISSTATUS", "")] if channel.is_leg else []
        self.tell(channel.app, [*noise, told])

    def _ended(self, channel: Channel) -> list[Json]:
        return [self._stasis_end(channel)] if channel.in_stasis else []

    def _stasis_end(self, channel: Channel) -> Json:
        told = event("StasisEnd", channel=channel.json())
        channel.in_stasis = channel.has_music = channel.is_ringing = False
        return told

    def _end_inbound(self, channel: Channel, request: Json) -> None:
        if channel.in_stasis:
            told = [request, *self._left_bridge(channel, lives=False), *self._ended(channel)]
            if channel.is_dialled:  # the caller of a /dial
                told += [hangup_request(channel, 16, soft=True), destroyed(channel, 16)]
            self.tell(channel.app, told)
        self._remove(channel)

    def _left_bridge(self, channel: Channel, lives: bool) -> list[Json]:
        bridge = channel.bridge
        if bridge is None:
            return []
        bridge.members.remove(channel.id)
        channel.bridge = None
        if lives:
            self.subscribed[bridge.id] -= 1
        told = event("ChannelLeftBridge", bridge=bridge.json(), channel=channel.json())
        return [variable_set(channel, "BRIDGEPEER", ""), told]

    def _remove(self, channel: Channel) -> None:
        self._left_bridge(channel, lives=False)
        channel.is_gone = True
        channel.in_stasis = False
        channel.forget_plans()
        self.channels.pop(channel.id, None)
        if channel.other_half is not None:
            channel.other_half.is_gone = True
            self.channels.pop(channel.other_half.id, None)
        if channel.is_leg:
            self._device(channel.endpoint, "NOT_INUSE")

    def _add(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        self.all_channels[channel.id] = channel

    def _device(self, endpoint: str, state: str) -> None:
        device = endpoint.removesuffix("/n")
        if self.devices.get(device, "NOT_INUSE") == state:
            return
        self.devices[device] = state
        told = event("DeviceStateChanged", device_state={"name": device, "state": state})
        for app, devices in self.watched_devices.items():
            if device in devices:
                self.tell(app, [told])

    def _next_phone(self, endpoint: str) -> Phone | None:
        phone = self.phones.get(endpoint)
        if isinstance(phone, deque):
            return phone.popleft() if len(phone) > 1 else phone[0]
        return phone

    def _plan(self, channel: Channel, delay_s: float, act: Callable[[], None]) -> None:
        channel.plans.append(asyncio.get_running_loop().call_later(delay_s * self.pace, act))

    def _later(self, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self.random.uniform(0, self.jitter_s), act)

    def _weave(self, first: Iterable[Json], second: Iterable[Json]) -> list[Json]:
        """Merge two strands of events at random, each in its own order."""
        strands = [deque(first), deque(second)]
        woven = []
        while any(strands):
            woven.append(self.random.choice([strand for strand in strands if strand]).popleft())
        return woven
