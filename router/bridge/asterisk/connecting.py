"""Connecting: a caller and an agent who has answered are put into one mixing bridge.

Keeps one invariant: a caller is mixed only with the call's own leg, and only while the offer stands as far as is known,
or once the router has given the agent the call (or is out of reach: then the comparison tells it). Two who are mixed
count as connected once the router has agreed; if it refuses, they are parted.
"""

from __future__ import annotations

from collections.abc import Callable

from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.ari.requests import AddToMixing, Done, Gone, MakeMixing, Outcome
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase, Mixing
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.returns import Returns

_MIX_TRIES = 5
_OTHERS_US = 200_000
_SURE_US = 500_000
"""An agent who answers so long before the offer's end is in time, most likely."""
_CONNECTS_MAX = 3
"""A caller whose connecting failed so often goes on in the dialplan."""


class Connecting:
    """What is done so that two can talk."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        book: AgentBook,
        hearing: Hearing,
        leaving: Leaving,
        returns: Returns,
        lines: Lines,
    ) -> None:
        self._desk = desk
        self._link = link
        self._book = book
        self._hearing = hearing
        self._leaving = leaving
        self._returns = returns
        self._lines = lines
        self.on_connected: Callable[[Call, Leg], None]

    def prepare(self, call: Call) -> None:
        """Make the mixing bridge while the telephone rings, so that it is there when the agent answers."""
        if call.mixing is Mixing.NONE and not call.off_line:
            self._make_mixing(call)

    def _make_mixing(self, call: Call) -> None:
        mixing = self._desk.ids.mixing(call.channel)
        call.mixing = Mixing.MADE
        self._desk.touch(mixing)
        hears_digits = self._desk.settings.transfers is not None
        self._desk.request(MakeMixing(mixing, call.id, hears_digits))

    def need_not_wait(self, call: Call, leg: Leg) -> bool:
        """Say whether the router will agree, most likely, so that the two are connected while it is asked.

        A caller whose line is to be answered first waits for its word: an answer cannot be taken back.
        """
        stands = self._desk.now_us + _SURE_US <= leg.stands_until_us
        return stands and call.answered and self._link.together

    def connect(self, call: Call, leg: Leg) -> None:
        """Put both sides into the mixing bridge; where nobody is on the line, call the customer first."""
        if call.off_line:
            self._lines.dial(call, leg)
            return
        call.phase = CallPhase.CONNECTING
        self._hearing.settle(call)
        if call.mixing is not Mixing.MADE:
            self._make_mixing(call)
        self._mix(call, leg)

    def _mix(self, call: Call, leg: Leg) -> None:
        others = [one for one in self._desk.legs.values() if one.call == call.id and one.mixed and one is not leg]
        if others:
            # neither they nor the mixing bridge could be ended yet: nobody talks with two agents
            for other in others:
                self._desk.hang_up(other)
            self._desk.timers.set(("mix", leg.id), self._desk.now_us + _OTHERS_US)
            return
        leg.mixed = True
        call.in_mixing = True
        self._desk.request(AddToMixing(self._desk.ids.mixing(call.channel), (call.channel, leg.id)))

    def mixed(self, leg: Leg, outcome: Outcome) -> None:
        """Both sides were put into the mixing bridge, or could not be."""
        call = self._desk.call_of(leg)
        if call is None or leg.phase not in (LegPhase.ANSWERED, LegPhase.MIXED):
            return
        if isinstance(outcome, Done):
            if leg.phase is LegPhase.ANSWERED:
                leg.phase, leg.tries, leg.mixed_us = LegPhase.MIXED, 0, self._desk.now_us
                if leg.agreed:
                    self._connected(call, leg)
            return
        leg.tries += 1
        self._desk.note("warning", f"connecting did not succeed: {outcome}", leg=leg)
        if leg.tries < _MIX_TRIES or not leg.agreed:
            self._desk.count("connects", "retried")
            # most likely the mixing bridge is not there
            at_once = isinstance(outcome, Gone) and leg.tries == 1
            pause_us = 0 if at_once else self._desk.pause_us(leg.tries)
            self._desk.timers.set(("mix", leg.id), self._desk.now_us + pause_us)
            return
        self._desk.count("connects", "failed")
        call.connects_failed += 1
        self._book.fell_through(leg.agent)
        self._returns.back_to_waiting(call, leg, "connecting failed")
        self._returns.give_back(call, leg.offer, "connecting failed")
        if call.connects_failed >= _CONNECTS_MAX:
            self._leaving.leave(call, self._desk.settings.fallback)
            self._leaving.over(call, talked=False)

    def mix_again(self, leg: Leg) -> None:
        """Try again to connect."""
        call = self._desk.call_of(leg)
        if call is not None:
            self._make_mixing(call)
            self._mix(call, leg)

    def agreed(self, call: Call, leg: Leg) -> None:
        """The router has given the call to the agent."""
        leg.agreed = True
        if leg.phase is LegPhase.ANSWERED and call.phase is not CallPhase.CONNECTING:
            self.connect(call, leg)
        elif leg.phase is LegPhase.MIXED and call.phase is not CallPhase.TALKING:
            self._connected(call, leg)

    def _connected(self, call: Call, leg: Leg) -> None:
        call.phase = CallPhase.TALKING
        self._hearing.settle(call)
        self._desk.count("connects", "connected")
        self._book.connected(leg.agent)
        self._desk.observe("connect_seconds", leg.answered_us, leg.mixed_us)
        if not call.served:
            call.served = True
            self._desk.observe("wait_seconds", call.entered_us, leg.mixed_us)
        self._desk.note("info", "connected", leg=leg)
        self.on_connected(call, leg)
