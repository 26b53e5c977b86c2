"""Unmixing: the end of mixing bridges.

Keeps one invariant: a mixing bridge that is to go is asked away until it is gone, and only then is it settled what its
caller hears.
"""

from __future__ import annotations

from router.bridge.asterisk.ari.requests import DestroyMixing, Done, Gone, Outcome
from router.bridge.asterisk.calls import Call, Mixing
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing


class Unmixing:
    """What is done so that two are together no more."""

    def __init__(self, desk: Desk, hearing: Hearing) -> None:
        self._desk = desk
        self._hearing = hearing

    def unmix(self, call: Call) -> None:
        """Remove the mixing bridge; what the caller hears is settled once that is done."""
        if call.mixing is Mixing.MADE or (call.in_mixing and not call.removals):
            call.mixing = Mixing.GOING
            self._remove(call)

    def _remove(self, call: Call) -> None:
        call.removals += 1
        self._desk.request(DestroyMixing(self._desk.ids.mixing(call.channel)))

    def unmixed(self, call: Call, outcome: Outcome) -> None:
        """The mixing bridge is gone, or could not be removed. Of several requests the last one counts."""
        if not call.removals:
            # it was asked for by a call that the channel had before
            if not isinstance(outcome, Done | Gone) and call.mixing is Mixing.NONE:
                call.mixing = Mixing.MADE
            return
        call.removals -= 1
        if call.removals or call.mixing is not Mixing.GOING:
            return
        if isinstance(outcome, Done | Gone):
            call.mixing, call.in_mixing = Mixing.NONE, False
            self._hearing.settle(call)
        else:
            call.tries += 1
            self._desk.timers.set(("unmix", call.id), self._desk.now_us + self._desk.pause_us(call.tries))

    def unmix_again(self, call: Call) -> None:
        """Try again to remove the mixing bridge."""
        if call.mixing is Mixing.GOING and not call.removals:
            self._remove(call)
