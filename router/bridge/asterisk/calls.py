"""Calls and legs: where each is, as the bridge knows it.

Keeps one invariant: a call has one leg at most that may still be connected; all others are `ENDING`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from router.bridge.asterisk.floor_settings import Arrival, KeyAction
from router.engine.commands import Enqueue
from router.engine.requirements import Requirement


class CallPhase(Enum):
    """Where a call is."""

    ARRIVING = "arriving"  # what to do with it is not known yet
    WAITING = "waiting"
    RINGING = "ringing"  # an agent's telephone rings for it, or is being answered
    CONNECTING = "connecting"  # an agent has answered, and is being mixed with it, or the router is still to agree
    TALKING = "talking"  # mixed, and the router has agreed
    HANDED_OVER = "handed_over"  # talks with somebody whom the agent's telephone has brought in; over for the router
    LEAVING = "leaving"  # over for us: on its way into the dialplan, or being hung up


class LegPhase(Enum):
    """Where an agent's leg is."""

    RINGING = "ringing"
    ANSWERED = "answered"
    MIXED = "mixed"
    ENDING = "ending"  # not wanted any more; it is hung up until it is gone


class Sound(Enum):
    """What a caller hears, while not in a mixing bridge."""

    NOTHING = "nothing"
    RINGING = "ringing"
    MUSIC = "music"
    UNSURE = "unsure"  # a request failed, or something is being said


class Mixing(Enum):
    """Whether a call has a mixing bridge."""

    NONE = "none"
    MADE = "made"
    GOING = "going"  # being removed


class Line(Enum):
    """Where the customer of a callback is."""

    OFF = "off"  # off the line: the call waits, or an agent's telephone is rung
    DIALLED = "dialled"  # called, while the agent hears it ring
    UNREACHED = "unreached"  # was not reached, and the agent is told
    ON = "on"


class Callback:
    """What makes a call a callback."""

    __slots__ = ("later", "line", "number", "paused", "playback", "requirement", "told", "tries", "turned")

    def __init__(self, number: str, requirement: Requirement | None, *, tries: int = 0) -> None:
        self.number = number
        self.requirement = requirement
        """What the call itself asks of an agent, while it is not paused."""
        self.tries = tries
        self.paused = False
        self.line = Line.OFF
        self.playback = ""
        self.turned = False
        """Whether the router knows that the call is a callback."""
        self.told = True
        """Whether the router knows that it is paused, or is not any more."""
        self.later = False
        """Whether the call may ask in the router for what nobody has, as it does while it is paused."""


class Leg:
    """An agent's channel. `agreed`: the router has given the call to this agent, so nothing is to be accepted."""

    __slots__ = (
        "agent", "agreed", "answered_us", "begun_us", "call", "dialled", "digits", "direct", "id", "mixed", "mixed_us",
        "offer", "phase", "rang", "stands_until_us", "talked", "tries",
    )  # fmt: skip

    def __init__(self, leg_id: str, call: str, agent: str, offer: int, *, direct: bool, now_us: int) -> None:
        self.id = leg_id
        self.call = call
        self.agent = agent
        self.offer = offer
        self.direct = direct
        self.agreed = direct
        self.phase = LegPhase.RINGING
        self.mixed = False
        """Whether it was put into the mixing bridge, or may have been."""
        self.mixed_us = now_us
        self.talked = False
        """Whether the agent has hung up while mixed with the caller, before the router agreed."""
        self.stands_until_us = 0
        """Until when the offer stands, as far as is known."""
        self.rang = False
        self.dialled = False
        self.digits = ""
        self.tries = 0
        self.begun_us = now_us
        self.answered_us = now_us


class Call:
    """A caller's channel and what is done about it."""

    __slots__ = (
        "alone", "answered", "arrival", "brought", "callback", "channel", "connects_failed", "detached", "enqueue",
        "entered_us", "farewell", "id", "in_mixing", "keys", "known", "leg", "lets_in", "look", "missing", "mixing",
        "music_class", "peer", "phase", "place", "queue", "removals", "returned", "saying", "served", "sound",
        "tries", "up", "waits", "wants_back", "went",
    )  # fmt: skip

    def __init__(self, call_id: str, arrival: Arrival, now_us: int) -> None:
        self.id = call_id
        self.channel = arrival.channel
        self.arrival = arrival
        self.phase = CallPhase.ARRIVING
        self.missing: set[str] = set()
        """Channel variables that the rules need and that have not been answered yet."""
        self.enqueue: Enqueue | None = None
        self.queue = ""
        self.brought = False
        """Whether the router has taken it; one that was only sent may have the id of an earlier visit."""
        self.known = False
        """Whether the router may know of this call."""
        self.detached = False
        """Whether the router offers the call to nobody, as it has lost sight of it."""
        self.lets_in = True
        """Whether the caller's line is answered at once, not only when an agent answers."""
        self.music_class = ""
        self.keys: Mapping[str, KeyAction] = {}
        self.callback: Callback | None = None
        self.wants_back = ""
        """The number that the caller wants to be called back at, while the router is asked."""
        self.farewell = False
        """Whether a caller who leaves is told something first."""
        self.answered = False
        """Whether Asterisk was asked to answer the caller's line, or it was answered when it came."""
        self.up = False
        """Whether the caller's line is known to be answered."""
        self.sound = Sound.NOTHING
        self.saying = ""
        self.mixing = Mixing.NONE
        self.removals = 0
        """Requests under way to remove the mixing bridge."""
        self.alone = False
        """Whether it was found in the mixing bridge of an earlier run, and may have lost its agent there."""
        self.in_mixing = False
        """Whether the caller is in the mixing bridge, or may be."""
        self.leg: Leg | None = None
        self.returned: set[int] = set()
        """Pairings that the router had agreed to and that were given back."""
        self.entered_us = now_us
        self.served = False
        """Whether the caller has been connected before."""
        self.waits = False
        """Whether announcements may be made."""
        self.peer = ""
        """The channel that has taken the place of the agent's, if the caller was handed over."""
        self.connects_failed = 0
        self.tries = 0
        self.went = False
        """Whether Asterisk says that the caller goes on in the dialplan."""
        self.look: object = None
        """The request that asks whether the caller is there, if it is under way."""
        self.place: object = None
        """Where a leaving caller goes on: a `Place`, or None for hanging up."""

    @property
    def off_line(self) -> bool:
        """Whether nobody is on the line: the call is a callback, and its customer has not answered yet."""
        return self.callback is not None and self.callback.line is not Line.ON
