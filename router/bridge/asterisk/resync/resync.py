"""Resync: find out what Asterisk has, after the WebSocket was away or the bridge was restarted.

What has changed is done as if its event had come. Keeps one invariant: what was heard or asked for since the WebSocket
came back counts for more than the lists, which may be older.
"""

from __future__ import annotations

from collections.abc import Callable

from router.bridge.asterisk.ari.events import Channel, Event, MixingBridge
from router.bridge.asterisk.ari.requests import Done, ListBridges, ListChannels, Outcome
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.devices import Devices
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.resync.callers import CallersFound
from router.bridge.asterisk.resync.legs import LegsFound
from router.bridge.asterisk.resync.lists import RETRY_US, Lists
from router.bridge.asterisk.resync.missing import Missing
from router.bridge.asterisk.resync.mixings import MixingsFound

_AGAIN = ("resync", "")


class Resync:
    """Comparing with what Asterisk has."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        devices: Devices,
        missing: Missing,
        callers: CallersFound,
        legs: LegsFound,
        mixings: MixingsFound,
    ) -> None:
        self._desk = desk
        self._link = link
        self._devices = devices
        self._missing = missing
        self._callers = callers
        self._legs = legs
        self._mixings = mixings
        self.connected = False
        self._asked: list[ListChannels | ListBridges] = []
        self._channels: tuple[Channel, ...] | None = None
        self._bridges: tuple[MixingBridge, ...] | None = None
        self._next: Callable[[], None] | None = None
        """What is to be done once nothing is missing about the callers that were found."""
        self._doubtful: set[str] = set()
        """Legs that may have come and gone while nothing was heard, and after or before the list was made."""
        self._later: list[Event] = []

    @property
    def under_way(self) -> bool:
        """Whether it is still to be found out what Asterisk has."""
        if not self.connected or self._channels is None or self._bridges is None:
            return True
        return self._next is not None or not self._legs.are_known()

    def lost(self) -> None:
        """The WebSocket is gone."""
        if self.connected:
            self._desk.note("warning", "Asterisk's events are out of reach; calls live on there")
        self.connected = False
        self._link.pbx_known = False
        self._desk.timers.clear(_AGAIN)
        self._legs.forget()
        self._callers.forget()
        self._next = None
        self._later.clear()
        self._channels = self._bridges = None
        self._asked = []

    def back(self) -> None:
        """The WebSocket is there."""
        self.connected = True
        self._doubtful = {leg.id for leg in self._desk.legs.values() if not leg.dialled}
        self._desk.fresh = set(self._doubtful)
        self.ask()
        self._devices.subscribe()

    def ask(self) -> None:
        """Ask Asterisk what it has."""
        if self.connected:
            self._channels = self._bridges = None
            self._asked = [ListChannels(), ListBridges()]
            for request in self._asked:
                self._desk.request(request)

    def keep(self, event: Event) -> None:
        """Keep an event about somebody who may be found yet."""
        self._later.append(event)

    def forget(self, channel: str) -> None:
        """A channel has come in anew: what was kept is of an earlier time."""
        self._later = [one for one in self._later if getattr(getattr(one, "channel", None), "id", "") != channel]

    def listed(self, request: ListChannels | ListBridges, outcome: Outcome) -> None:
        """Asterisk has answered, or not."""
        if not any(request is asked for asked in self._asked):
            return  # of an earlier time
        if not isinstance(outcome, Done):
            self._asked = []
            self._desk.count("resyncs", "failed")
            self._desk.note("warning", f"what Asterisk has could not be found out; it is tried again: {outcome}")
            self._desk.timers.set(_AGAIN, self._desk.now_us + RETRY_US)
            return
        if isinstance(request, ListChannels):
            self._channels = tuple(outcome.body)
        else:
            self._bridges = tuple(outcome.body)
        if self._channels is not None and self._bridges is not None:
            self._asked = []
            self._compare(self._channels, self._bridges)

    def _compare(self, channels: tuple[Channel, ...], bridges: tuple[MixingBridge, ...]) -> None:
        self._desk.count("resyncs", "done")
        there = {channel.id: channel for channel in channels}
        mixed = {bridge.id: set(bridge.channels) for bridge in bridges}
        fresh = set() if self._desk.fresh is None else self._desk.fresh  # the very set: it grows until all is compared
        lists = Lists(there, mixed, fresh)
        self._missing.find(lists, self._doubtful)
        for channel in channels:
            if channel.id not in lists.fresh:
                self._callers.find(channel, mixed)
        self._next = lambda: self._compare_legs(lists)
        self.settle()

    def _compare_legs(self, lists: Lists) -> None:
        for name, channel in lists.there.items():
            known = name in self._desk.legs
            if (known or name not in lists.fresh) and self._desk.ids.leg_of(name) is not None:
                self._legs.find(channel, lists.mixed)
        self._mixings.find(lists)
        self._desk.fresh = None

    def settle(self) -> None:
        """Go on once the callers are known, since a leg belongs to a call; and see whether everything is known."""
        if self._next is not None:
            if not self._callers.are_known():
                return
            then, self._next = self._next, None
            then()
        if not self.under_way and not self._link.pbx_known:
            self._desk.note("info", "it is known what Asterisk has", calls=str(len(self._desk.calls)))
            self._link.pbx_known = True

    def take_later(self) -> list[Event]:
        """Return the events that were kept, if it is known by now whom they are about."""
        if self.under_way:
            return []
        later, self._later = self._later, []
        return later
