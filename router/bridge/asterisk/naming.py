"""Naming: under which ids callers are known to the router.

Keeps one invariant: an id is used once, and whoever bears another than the usual one has it at the channel, too.
"""

from __future__ import annotations

import msgspec

from router.bridge.asterisk.actions import Wait, WaitOver
from router.bridge.asterisk.ari.requests import SetVariable
from router.bridge.asterisk.calls import Call, CallPhase
from router.bridge.asterisk.desk import CALLER_TIMERS, Desk
from router.bridge.asterisk.floor_settings import Arrival
from router.bridge.asterisk.ids import ARRIVAL_VARIABLE, CALL_VARIABLE, CALLBACK_VARIABLE

_NAMED_MAX = 10_000


class Naming:
    """The ids of calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._named: dict[str, str] = {}
        """The last ids that were left with channels: who comes in again gets the next one."""

    def find(self, channel: str, *, adopted: bool, called_back: str) -> str:
        """Return an id for a caller who has come in, which no call has."""
        before = None if adopted else self._named.get(channel)
        if before and self._desk.ids.is_call_of(before, channel):
            name = self._desk.ids.next_call(before)
        else:
            name = called_back or self._desk.ids.call(channel)
        while name in self._desk.calls:
            name = self._desk.ids.next_call(name)
        return name

    def is_usual(self, call: Call) -> bool:
        """Say whether a call has the id that its channel suggests, as has had every one before."""
        return call.id == self._desk.ids.call(call.channel) and call.channel not in self._named

    def name(self, call: Call) -> None:
        """Leave the id of a call that has not the usual one with its channel, for whoever adopts it."""
        if call.phase is CallPhase.LEAVING or call.off_line:
            return
        self._named[call.channel] = call.id
        if len(self._named) > _NAMED_MAX:
            del self._named[next(iter(self._named))]
        self._desk.request(SetVariable(call.channel, CALL_VARIABLE, call.id))
        if call.channel != call.arrival.channel:
            arrival = msgspec.json.encode(call.arrival).decode()
            self._desk.request(SetVariable(call.channel, ARRIVAL_VARIABLE, arrival))
        if self._desk.settings.callbacks is not None:
            # of an earlier visit, which ended with the promise of a callback
            self._desk.request(SetVariable(call.channel, CALLBACK_VARIABLE, ""))

    def rename(self, call: Call, name: str) -> None:
        """Give a call another id, and all that goes by its id with it; the next one where another call bears it."""
        while name in self._desk.calls:
            name = self._desk.ids.next_call(name)
        old, call.id = call.id, name
        del self._desk.calls[old]
        self._desk.calls[name] = call
        if call.enqueue is not None:
            call.enqueue = msgspec.structs.replace(call.enqueue, call=name)
        for kind in CALLER_TIMERS:
            if (kind, old) in self._desk.timers:
                # looked at at once, which does no harm
                self._desk.timers.clear((kind, old))
                self._desk.timers.set((kind, name), self._desk.now_us)
        if call.waits:
            self._desk.ask(WaitOver(old))
            self._desk.ask(Wait(name, call.channel, call.queue))
        self._desk.note("debug", f"was {old}, and has another id now", call=name, channel=call.channel)

    def arrival_to_keep(self, call: Call) -> Arrival:
        """Return what is to be known of an arrival whose caller is gone: of its variables, those that we ask for."""
        asked_for = {name: call.arrival.variables.get(name, "") for name in self._desk.settings.variables}
        return msgspec.structs.replace(call.arrival, channel="", variables=asked_for)

    def part(self, call: Call) -> Call:
        """Go on with a call without its caller, who is left with a name that nobody else knows. Return the new one."""
        name, leg = call.id, call.leg
        self.rename(call, self._desk.ids.left(name))
        on = Call(name, self.arrival_to_keep(call), self._desk.now_us)
        on.phase, on.leg, on.queue, on.returned = call.phase, leg, call.queue, call.returned
        on.enqueue = None if call.enqueue is None else msgspec.structs.replace(call.enqueue, call=name)
        on.known, on.brought, on.detached = call.known, call.brought, call.detached
        on.lets_in, on.music_class, on.keys = call.lets_in, call.music_class, call.keys
        on.entered_us, on.served, on.connects_failed = call.entered_us, call.served, call.connects_failed
        self._desk.calls[name] = on
        call.leg, call.known = None, False
        return on
