"""Mixing bridges that were found in Asterisk.

Keeps one invariant: a mixing bridge without its caller goes, with all who are in it and are no agents.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.bridge.asterisk.ari.requests import DestroyMixing, HangUp
from router.bridge.asterisk.calls import Call, CallPhase, LegPhase, Mixing
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.handovers import Handovers
from router.bridge.asterisk.resync.lists import Lists
from router.bridge.asterisk.unmixing import Unmixing


class MixingsFound:
    """Mixing bridges that are there, and who is in them."""

    def __init__(self, desk: Desk, unmixing: Unmixing, connecting: Connecting, handovers: Handovers) -> None:
        self._desk = desk
        self._unmixing = unmixing
        self._connecting = connecting
        self._handovers = handovers

    def find(self, lists: Lists) -> None:
        """Take in the mixing bridges that are there, and put right who is in them."""
        mixed, fresh = lists.mixed, lists.fresh
        ids = self._desk.ids
        for mixing, members in mixed.items():
            caller = ids.caller_of_mixing(mixing)
            if caller is None or mixing in fresh:
                continue
            call = self._desk.callers.get(caller)
            if call is None:
                self._desk.request(DestroyMixing(mixing))
                for one in members:
                    if ids.leg_of(one) is None:
                        # the caller was handed over to it, and is gone
                        self._desk.request(HangUp(one))
            else:
                is_removed = call.mixing is Mixing.NONE  # the list is older
                if is_removed:
                    call.mixing, call.in_mixing = Mixing.MADE, caller in members
                self._find_peer(call, members, is_removed=is_removed)
        self._settle(mixed, fresh)

    def _find_peer(self, call: Call, members: set[str], *, is_removed: bool) -> None:
        others = [one for one in members if one != call.channel and self._desk.ids.leg_of(one) is None]
        if call.channel in members and len(others) == 1 and others[0] not in self._desk.peers:
            if is_removed:
                self._desk.request(HangUp(others[0]))
            else:
                self._handovers.found(call, others[0], members)

    def _settle(self, mixed: Mapping[str, set[str]], fresh: set[str]) -> None:
        ids = self._desk.ids
        for call in list(self._desk.calls.values()):
            members = mixed.get(ids.mixing(call.channel), set())
            leg = call.leg
            if leg is not None and leg.phase is LegPhase.MIXED:
                if not {call.channel, leg.id} <= members and ids.mixing(call.channel) not in fresh:
                    self._connecting.mix_again(leg)
            elif call.phase is CallPhase.HANDED_OVER and call.peer not in members | fresh:
                self._desk.request(HangUp(call.peer))
                self._handovers.gone(call.peer)
            elif call.phase in (CallPhase.WAITING, CallPhase.RINGING) and call.in_mixing:
                self._unmixing.unmix(call)
