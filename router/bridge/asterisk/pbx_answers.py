"""What became of requests to Asterisk, handed to the part of the floor that has asked.

Keeps one invariant: what must be ended and could not be is tried again, whoever it belonged to.
"""

from __future__ import annotations

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
    Originate,
    OriginateOnce,
    Outcome,
    Request,
    SubscribeDevices,
    Unreachable,
)
from router.bridge.asterisk.parts import Parts

_AGAIN_US = 1_000_000


class PbxAnswers:
    """Outcomes of requests."""

    def __init__(self, parts: Parts) -> None:
        self._devices = parts.devices
        self._callbacks = parts.callbacks
        self._arriving = parts.arriving
        self._callers = parts.callers
        self._unmixing = parts.unmixing
        self._connecting = parts.connecting
        self._desk = parts.desk
        self._legs = parts.legs
        self._legs_found = parts.legs_found
        self._resync = parts.resync
        self._visits = parts.visits

    def answered(self, request: Request, outcome: Outcome) -> None:
        """Hand an outcome to the part that has asked."""
        if not isinstance(outcome, Done):
            self._failed(request, outcome)
        match request:
            case ListChannels() | ListBridges():
                self._resync.listed(request, outcome)
            case GetChannel(channel=channel) if channel in self._desk.callers:
                self._callers.looked(self._desk.callers[channel], request, outcome)
            case GetChannel(channel=channel):
                self._legs_found.looked(channel, outcome)
            case GetVariable(channel=channel, variable=variable):
                call = self._desk.callers.get(channel)
                if call is not None:
                    self._arriving.variable(call, variable, outcome)
                self._legs_found.variable(request, outcome)
            case SubscribeDevices() | GetDevice():
                self._devices.subscribed(request, outcome)
            case MakeMixing() | DestroyMixing():
                self._mixing_answered(request, outcome)
            case AddToMixing(channels=channels):
                leg = self._desk.legs.get(channels[-1])
                if leg is not None:
                    self._connecting.mixed(leg, outcome)
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
            self._unmixing.unmixed(call, outcome)
        elif not isinstance(outcome, Done | Gone):
            self._desk.timers.set(("mixing", request.bridge), self._desk.now_us + _AGAIN_US)

    def _channel_answered(self, request: Request, outcome: Outcome) -> None:
        channel = getattr(request, "channel", "")
        if (leg := self._desk.legs.get(channel)) is not None:
            self._legs.request_answered(leg, request, outcome)
        elif (called := self._desk.lines.get(channel)) is not None:
            if isinstance(request, Originate):
                self._callbacks.dialled(called, outcome)
        elif (call := self._desk.callers.get(channel)) is not None:
            self._callers.answered(call, request, outcome)
        elif (visit := self._visits.by_channel.get(channel)) is not None:
            self._visits.answered(visit, request, outcome)
        elif isinstance(request, OriginateOnce) and not isinstance(outcome, Gone):
            # its end was heard before this answer, and it may have come late
            self._desk.request(HangUp(channel))
        elif isinstance(request, HangUp) and not isinstance(outcome, Done | Gone):
            self._desk.timers.set(("stray-end", channel), self._desk.now_us + _AGAIN_US)
