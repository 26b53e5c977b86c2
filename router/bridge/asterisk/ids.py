"""Ids: the names of calls, legs and mixing bridges, made so that a restarted bridge reads them back from Asterisk.

Keeps one invariant: what `Ids` has made, `Ids` with the same name takes apart again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

LEG_ROLE: Final = "agent"
"""The first Stasis argument of every leg to an agent."""
CUSTOMER_ROLE: Final = "callback"
"""The first Stasis argument of every line to a customer who is called back."""
_AGAIN: Final = "~"
_LEFT: Final = "!"
_LEG_END: Final = "-leg"
"""Asterisk refuses an id for a new channel with which that of another begins, so no leg's id begins another's."""
_LEG_NUMBER: Final = re.compile(rf"([0-9]+)(?:{_AGAIN}[0-9]+)?{_LEG_END}")
_LINE_END: Final = "-line"
CALL_VARIABLE: Final = "SKILL_ROUTER_CALL"
AGENT_VARIABLE: Final = "SKILL_ROUTER_AGENT"
CALLBACK_VARIABLE: Final = "SKILL_ROUTER_CALLBACK"
ARRIVAL_VARIABLE: Final = "SKILL_ROUTER_ARRIVAL"
"""How a call came in whose caller was put through: the channel that is there now tells nothing of it."""


class LegId(msgspec.Struct, frozen=True):
    """A leg's id taken apart: `direct` legs ring for an assignment, the others for an offer."""

    offer: int
    direct: bool


class Ids:
    """The ids of one bridge, which is known by its `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._call = f"{name}-"
        self._mixing = f"{name}-call-"
        self._offer = f"{name}-offer-"
        self._assign = f"{name}-assign-"
        self._back = f"{name}-back-"
        self._spoken = 0
        self._lines: dict[str, str] = {}
        """By the channel of a caller who was put through: that with which the call began, and of which ids are made."""
        self._present: dict[str, str] = {}
        """The same, the other way round."""

    def put_through(self, before: str, channel: str) -> None:
        """Take a channel for the caller's from now on; the ids stay as they are."""
        line = self._line(before)
        self.forget(before)
        self._lines[channel], self._present[line] = line, channel

    def was_put_through(self, caller_channel: str) -> bool:
        """Say whether a call began with another channel than its caller's now."""
        return caller_channel in self._lines

    def forget(self, caller_channel: str) -> None:
        """A caller is gone."""
        self._present.pop(self._lines.pop(caller_channel, ""), None)

    def _line(self, caller_channel: str) -> str:
        return self._lines.get(caller_channel, caller_channel)

    def call(self, caller_channel: str) -> str:
        """Return the call's id."""
        return self._call + self._line(caller_channel)

    def next_call(self, call: str) -> str:
        """Return another id for a call: its caller was here before, and an id is used once."""
        first, _, number = call.partition(_AGAIN)
        return f"{first}{_AGAIN}{int(number or 1) + 1}"

    def is_call_of(self, call: str, caller_channel: str) -> bool:
        """Say whether an id is one of a caller's."""
        return call.partition(_AGAIN)[0] == self.call(caller_channel)

    def line_of(self, call: str) -> str | None:
        """Return the channel that a call began with; None for what is no call's id."""
        line = call.partition(_AGAIN)[0]
        return line.removeprefix(self._call) if line.startswith(self._call) else None

    def is_forwarded(self, args: Sequence[str]) -> bool:
        """Say whether Stasis arguments are those of a leg or line: another channel has them where that is forwarded."""
        is_leg = len(args) == 3 and args[0] == LEG_ROLE
        is_line = len(args) == 2 and args[0] == CUSTOMER_ROLE
        return (is_leg or is_line) and args[-1].startswith(self._call)

    def mixing(self, caller_channel: str) -> str:
        """Return the id of the mixing bridge of a call."""
        return self._mixing + self._line(caller_channel)

    def caller_of_mixing(self, mixing: str) -> str | None:
        """Return the caller's channel; None for a mixing bridge of somebody else."""
        if not mixing.startswith(self._mixing):
            return None
        line = mixing.removeprefix(self._mixing)
        return self._present.get(line, line)

    def left(self, call: str) -> str:
        """Return what a call is called whose caller has left it, to be called back: nobody else knows this name."""
        return f"{call}{_LEFT}"

    def customer(self, call: str, number: int) -> str:
        """Return the id of a customer's channel; the number makes it another one each time."""
        return f"{self._back}{call.removeprefix(self._call)}-{number}{_LINE_END}"

    def is_customer(self, channel: str) -> bool:
        """Say whether a channel is the line to a customer who is called back."""
        return channel.startswith(self._back) and channel.endswith(_LINE_END)

    def leg(self, offer: int, *, direct: bool, time: int = 1) -> str:
        """Return the id of an agent's channel; `time` is 2 and more where the ids before it are in use."""
        again = f"{_AGAIN}{time}" if time > 1 else ""
        return f"{self._assign if direct else self._offer}{offer}{again}{_LEG_END}"

    def leg_of(self, channel: str) -> LegId | None:
        """Take a leg's id apart; None for any other channel."""
        for prefix, direct in ((self._offer, False), (self._assign, True)):
            match = _LEG_NUMBER.fullmatch(channel.removeprefix(prefix))
            if match is not None and channel.startswith(prefix):
                return LegId(int(match[1]), direct)
        return None

    def playback(self, channel: str) -> str:
        """Return an id for a new playback."""
        self._spoken += 1
        return f"{self.name}-say-{self._spoken}-{channel}"
