"""What is due, handed to the part of the floor that has set the time."""

from __future__ import annotations

from router.bridge.asterisk.ari.requests import DestroyMixing, HangUp
from router.bridge.asterisk.parts import Parts
from router.bridge.asterisk.timers import Key


class Deadlines:
    """Times that have come."""

    def __init__(self, parts: Parts) -> None:
        self._book = parts.book
        self._callbacks = parts.callbacks
        self._callers = parts.callers
        self._leaving = parts.leaving
        self._naming = parts.naming
        self._unmixing = parts.unmixing
        self._connecting = parts.connecting
        self._desk = parts.desk
        self._devices = parts.devices
        self._hearing = parts.hearing
        self._legs = parts.legs
        self._legs_found = parts.legs_found
        self._link = parts.link
        self._resync = parts.resync
        self._transfers = parts.transfers
        self._visits = parts.visits

    def due(self, key: Key) -> None:
        """Let the part that has set a time do what is due."""
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
                self._devices.settled(name)
            case "devices":
                self._devices.subscribe()
            case "mixing":
                if self._desk.ids.caller_of_mixing(name) not in self._desk.callers:
                    self._desk.request(DestroyMixing(name))
            case "look":
                self._legs_found.look(name)
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
                self._connecting.mix_again(leg)
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
                self._leaving.go_again(call)
            case "unmix":
                self._unmixing.unmix_again(call)
            case "line":
                self._callbacks.late(call)
            case "told":
                self._callbacks.told(call)
            case "back":
                self._callbacks.resume(call)
            case "turn":
                self._callbacks.turn_again(call)
            case "name":
                self._naming.name(call)
