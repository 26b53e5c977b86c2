"""The desk: what all parts of the floor share: the calls, the legs, the timers, and what is asked for.

Keeps one invariant: what is asked of the router, and of Asterisk, goes out in the order in which it was asked.
"""

from __future__ import annotations

from router.bridge.asterisk.actions import Action, Count, Level, Note, WaitOver
from router.bridge.asterisk.ari.requests import HangUp, Request
from router.bridge.asterisk.calls import Call, Leg, LegPhase
from router.bridge.asterisk.floor_settings import FloorSettings
from router.bridge.asterisk.ids import Ids
from router.bridge.asterisk.timers import Timers

LEG_CHECK_US = 10_000_000
"""After so long a leg that should be gone is hung up once more: its end may have been missed."""
CALLER_TIMERS = ("patience", "sound", "said", "go", "unmix", "name", "turn")
_OFF_LINE_TIMERS = ("line", "told", "back")


class Desk:
    """The shared state of one floor."""

    def __init__(self, settings: FloorSettings, now_us: int) -> None:
        self.settings = settings
        self.ids = Ids(settings.name)
        self.now_us = now_us
        self.timers = Timers()
        self.calls: dict[str, Call] = {}
        self.callers: dict[str, Call] = {}
        """The same calls, by the caller's channel."""
        self.legs: dict[str, Leg] = {}
        self.peers: dict[str, Call] = {}
        """Calls that agents have handed over, by the channel that is there instead of the agent's."""
        self.lines: dict[str, Call] = {}
        """Callbacks whose customers are being called, by the customer's channel."""
        self.fresh: set[str] | None = None
        """While Asterisk's lists are awaited: channels and mixing bridges heard of or made meanwhile."""
        self._actions: list[Action] = []

    def take(self) -> list[Action]:
        """Return what has been asked for since the last time."""
        actions, self._actions = self._actions, []
        return actions

    def ask(self, action: Action) -> None:
        """Ask for something."""
        self._actions.append(action)

    def touch(self, name: str) -> None:
        """A channel or mixing bridge was heard of, or made: a list may be older."""
        if self.fresh is not None:
            self.fresh.add(name)

    def request(self, request: Request) -> None:
        """Ask Asterisk for something."""
        self._actions.append(request)

    def note(
        self, level: Level, text: str, *, call: str = "", leg: Leg | None = None, channel: str = "", **fields: str
    ) -> None:
        """Write a line to the log."""
        if leg is not None:
            self._actions.append(Note(level, text, leg.call, leg.agent, leg.offer, leg.id, fields))
        else:
            self._actions.append(Note(level, text, call, channel=channel, fields=fields))

    def count(self, name: str, label: str = "", value: float = 1.0) -> None:
        """Count something."""
        self._actions.append(Count(name, label, value))

    def observe(self, name: str, since_us: int, until_us: int | None = None) -> None:
        """Observe how long something took, until now if not told otherwise."""
        until_us = self.now_us if until_us is None else until_us
        self._actions.append(Count(name, value=(until_us - since_us) / 1_000_000))

    def unexpected(self, what: str, channel: str) -> None:
        """Note an event that came twice, late, or about nobody known."""
        self.note("debug", f"{what} is passed over: it came twice, late, or about nobody known", channel=channel)
        self.count("events_unexpected", what)

    def end_leg(self, leg: Leg, why: str) -> None:
        """Hang a leg up, and see to it until it is gone."""
        if leg.phase is LegPhase.ENDING:
            return
        leg.phase = LegPhase.ENDING
        self.note("debug", f"the agent's telephone is hung up: {why}", leg=leg)
        self.hang_up(leg)

    def hang_up(self, leg: Leg) -> None:
        """Ask for a leg's end, once more if need be."""
        self.request(HangUp(leg.id))
        self.timers.set(("leg", leg.id), self.now_us + LEG_CHECK_US)

    def call_of(self, leg: Leg) -> Call | None:
        """Return the call whose own leg this is; None if it has another, or none any more."""
        call = self.calls.get(leg.call)
        return call if call is not None and call.leg is leg else None

    def forget_leg(self, leg: Leg) -> None:
        """A leg is gone."""
        self.legs.pop(leg.id, None)
        for kind in ("leg", "mix", "digits", "look"):
            self.timers.clear((kind, leg.id))

    def forget_call(self, call: Call) -> None:
        """A call is over for us."""
        self.calls.pop(call.id, None)
        self.callers.pop(call.channel, None)
        self.ids.forget(call.channel)
        for kind in (*CALLER_TIMERS, *_OFF_LINE_TIMERS):
            self.timers.clear((kind, call.id))
        if call.waits:
            call.waits = False
            self.ask(WaitOver(call.id))

    def pause_us(self, tries: int) -> int:
        """Return how long to wait before trying for the `tries`-th time again."""
        return int(min(100_000 * 2 ** min(tries, 6), 5_000_000))
