"""Missing: who is gone, while nothing was heard.

Keeps one invariant: whoever was put through for a caller is not taken for gone.
"""

from __future__ import annotations

from router.bridge.asterisk.ari.requests import HangUp
from router.bridge.asterisk.callbacks import CallingBack
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.handovers import Handovers
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.resync.legs import LegsFound
from router.bridge.asterisk.resync.lists import UNKNOWN_CAUSE, Lists, args_of, put_through
from router.bridge.asterisk.visits import Visits


class Missing:
    """Whoever was there and is not any more."""

    def __init__(
        self,
        desk: Desk,
        leaving: Leaving,
        legs: Legs,
        legs_found: LegsFound,
        visits: Visits,
        handovers: Handovers,
        callbacks: CallingBack,
    ) -> None:
        self._desk = desk
        self._leaving = leaving
        self._legs = legs
        self._legs_found = legs_found
        self._visits = visits
        self._handovers = handovers
        self._callbacks = callbacks

    def find(self, lists: Lists, doubtful: set[str]) -> None:
        """Do what has to be done about all who are gone; legs that are `doubtful` are asked for."""
        there, mixed, fresh, app = lists.there, lists.mixed, lists.fresh, self._desk.settings.app
        for call in list(self._desk.callers.values()):
            channel = there.get(call.channel)
            if call.channel not in fresh and (channel is None or args_of(channel, app) is None):
                mixing = self._desk.ids.mixing(call.channel)
                instead = put_through(self._desk.ids, mixing, mixed.get(mixing, set()))
                if instead is not None and instead in there:
                    self._handovers.put_through(call, there[instead])
                else:
                    self._leaving.gone(call)
        for leg in list(self._desk.legs.values()):
            if leg.id in there:
                continue
            if leg.id not in fresh:
                self._legs.gone(leg, UNKNOWN_CAUSE)
            elif leg.id in doubtful:
                self._legs_found.look(leg.id)
        for name, call in list(self._desk.lines.items()):
            if name not in fresh and name not in there:
                self._desk.request(HangUp(name))  # it may have been asked for just before, and come yet
                self._callbacks.gone(call, UNKNOWN_CAUSE)
        for name in list(self._desk.peers):
            if name not in fresh and (name not in there or args_of(there[name], app) is None):
                self._handovers.gone(name)
        for name in list(self._visits.by_channel):
            if name not in fresh and name not in there:
                self._visits.gone(name)
