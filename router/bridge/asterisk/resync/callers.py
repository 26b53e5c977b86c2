"""Callers, and customers who are called back, that were found in Asterisk.

Keeps one invariant: who waits for an answer about channel variables is told apart from who is known.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.bridge.asterisk.ari.events import Channel
from router.bridge.asterisk.ari.requests import HangUp
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.callbacks import CallingBack
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.link import Link, LinkState
from router.bridge.asterisk.resync.lists import args_of, arrival_of, put_through
from router.bridge.asterisk.visits import Visits


class CallersFound:
    """Whoever is there and is no leg."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        hearing: Hearing,
        arriving: Arriving,
        leaving: Leaving,
        visits: Visits,
        callbacks: CallingBack,
    ) -> None:
        self._desk = desk
        self._link = link
        self._hearing = hearing
        self._arriving = arriving
        self._leaving = leaving
        self._visits = visits
        self._callbacks = callbacks
        self._adopted: set[str] = set()
        """Callers that were found, and may still wait for channel variables."""

    def forget(self) -> None:
        """What was found is of an earlier time."""
        self._adopted.clear()

    def are_known(self) -> bool:
        """Say whether nothing is missing about any of them."""
        callers = self._desk.callers
        self._adopted = {one for one in self._adopted if one in callers and callers[one].missing}
        return not self._adopted

    def find(self, channel: Channel, mixed: Mapping[str, set[str]]) -> None:
        """A channel is there that is no leg: a caller."""
        args = args_of(channel, self._desk.settings.app)
        ids = self._desk.ids
        if ids.is_customer(channel.id) and channel.id not in self._desk.callers:
            self._find_line(channel, args, mixed)
            return
        if args is None or ids.leg_of(channel.id) is not None or self._is_peer(channel.id, mixed):
            return
        if ids.is_forwarded(args):
            self._desk.request(HangUp(channel.id))
            return
        known = self._desk.callers.get(channel.id)
        if known is not None and known.went:
            # it went on in the dialplan, and has come back
            self._leaving.gone(known)
            known = None
        if known is not None:
            if channel.state == "Up":
                self._hearing.is_up(known)
            if known.saying:
                # its end may have been missed
                self._hearing.said(known)
        elif channel.id not in self._visits.by_channel:
            in_mixing = any(channel.id in members and ids.caller_of_mixing(one) for one, members in mixed.items())
            adopted = self._link.state in (LinkState.AWAY, LinkState.JOINING)
            call = self._arriving.arrive(
                arrival_of(channel, args), up=channel.state == "Up", adopted=adopted, in_mixing=in_mixing
            )
            if call is not None:
                self._adopted.add(call.channel)

    def _find_line(self, channel: Channel, args: tuple[str, ...] | None, mixed: Mapping[str, set[str]]) -> None:
        """A customer is there who is called back, or was by an earlier run."""
        call = self._desk.lines.get(channel.id)
        if call is not None:
            if args is not None:
                self._callbacks.up(call)
            return
        earlier = self._link.state in (LinkState.AWAY, LinkState.JOINING)
        if args is None or len(args) != 2 or not earlier or args[1] in self._desk.calls:
            self._desk.request(HangUp(channel.id))
            return
        in_mixing = channel.id in mixed.get(self._desk.ids.mixing(channel.id), ())
        self._arriving.arrive(
            arrival_of(channel, args), up=True, adopted=True, in_mixing=in_mixing, called_back=args[1]
        )
        self._adopted.add(channel.id)

    def _is_peer(self, channel: str, mixed: Mapping[str, set[str]]) -> bool:
        """Say whether a channel is where a caller was handed over to: in the mixing bridge of somebody else."""
        if channel in self._desk.peers:
            return True
        for mixing, members in mixed.items():
            caller = self._desk.ids.caller_of_mixing(mixing)
            if channel in members and caller not in (None, channel):
                return put_through(self._desk.ids, mixing, members) != channel
        return False
