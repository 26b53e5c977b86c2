"""Devices: agents whose telephones are in use by other calls, or out of reach, are not ready.

Keeps one invariant: a state counts once it has stood for a while, and never while it may be that of our own call.
"""

from __future__ import annotations

from typing import Final

from router.bridge.asterisk.agent_book import RETRY_US, AgentBook
from router.bridge.asterisk.ari.events import DeviceState
from router.bridge.asterisk.ari.requests import Done, Failed, GetDevice, Outcome, SubscribeDevices, Unreachable
from router.bridge.asterisk.causes import LegEnd
from router.bridge.asterisk.desk import Desk

DEVICE_SETTLES_US: Final = 1_000_000
"""A telephone's state counts when it has stood for so long: around a call of ours it goes up and down."""
DEVICES_MAX: Final = 20
"""Telephones in one request: Asterisk takes lines of 4096 bytes at most."""

_AWAY: Final = frozenset({"UNAVAILABLE", "INVALID"})
_TAKEN: Final = frozenset({"INUSE", "BUSY", "ONHOLD", "RINGINUSE"})


class Devices:
    """What agents' telephones do outside of our calls."""

    def __init__(self, desk: Desk, book: AgentBook) -> None:
        self._desk = desk
        self._book = book

    def subscribe(self) -> None:
        """Ask to be told about the telephones of those agents for whom they count, and what they do now."""
        heeded = [entry for entry in self._desk.settings.agents if self._heeds(entry.device_state)]
        for entry in heeded:
            self._book.agent(entry.agent).device = ""
        names = tuple(entry.endpoint for entry in heeded)
        for first in range(0, len(names), DEVICES_MAX):
            self._desk.request(SubscribeDevices(names[first : first + DEVICES_MAX]))
        for name in names:
            self._desk.request(GetDevice(name))

    def subscribed(self, request: SubscribeDevices | GetDevice, outcome: Outcome) -> None:
        """Asterisk has answered about telephones, or not."""
        if isinstance(outcome, Done):
            name = self._desk.settings.agents.agent_at(request.name) if isinstance(request, GetDevice) else None
            # what was told since counts for more
            if name is not None and not self._book.agent(name).device:
                self.heard(outcome.body)
        elif ("devices", "") not in self._desk.timers:
            self._desk.note("warning", f"what telephones do is not known: {outcome}", channel=request.key)
            if isinstance(outcome, Failed | Unreachable):
                self._desk.timers.set(("devices", ""), self._desk.now_us + RETRY_US)

    def _heeds(self, device_state: bool | None) -> bool:
        return self._desk.settings.device_states if device_state is None else device_state

    def heard(self, state: DeviceState) -> None:
        """A telephone does something else now."""
        name = self._desk.settings.agents.agent_at(state.name)
        if name is None:
            return
        entry = self._desk.settings.agents.entry(name)
        if not self._heeds(entry.device_state if entry else None):
            return
        self._book.agent(name).device = state.state
        self._desk.timers.set(("device", name), self._desk.now_us + DEVICE_SETTLES_US)

    def settled(self, name: str) -> None:
        """A telephone's state has stood for a while."""
        agent = self._book.agent(name)
        if agent.visits or any(leg.agent == name for leg in self._desk.legs.values()):
            # the state is that of our own call; look again when that may be over
            self._desk.timers.set(("device", name), self._desk.now_us + RETRY_US)
        elif agent.device in _AWAY and agent.ready:
            self._book.park_for_device(agent, LegEnd.UNREACHABLE)
        elif agent.device in _TAKEN and agent.ready:
            self._book.park_for_device(agent, LegEnd.BUSY)
        elif agent.device == "NOT_INUSE":
            self._book.make_ready(name)
