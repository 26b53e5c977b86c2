"""Settings of the floor: what `bridge.toml` comes down to, as typed values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Literal

import msgspec

from router.bridge.asterisk.agents import AgentTable
from router.bridge.asterisk.causes import ENDINGS, SECOND_US, Ending, LegEnd
from router.engine.commands import Enqueue


class Place(msgspec.Struct, frozen=True):
    """A place in the dialplan. Without a context, the one after Stasis()."""

    context: str = ""
    extension: str = ""
    priority: int = 1


CALLBACK: Final = "callback"
KeyAction = Place | Literal["callback"] | None
"""What follows when a caller who waits presses a key: a place to go on at, a callback, or hanging up."""


class Arrival(msgspec.Struct, frozen=True):
    """What is known of a channel that has entered Stasis."""

    channel: str
    name: str
    args: tuple[str, ...] = ()
    number: str = ""
    context: str = ""
    caller_number: str = ""
    caller_name: str = ""
    variables: Mapping[str, str] = {}


class Admit(msgspec.Struct, frozen=True):
    """The caller goes into a queue. `enqueue` has no call yet; None takes what the settings say."""

    enqueue: Enqueue
    answer: bool | None = None
    music_class: str | None = None
    keys: Mapping[str, KeyAction] | None = None


class FeatureKind(Enum):
    """What an agent can do by telephone."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    READY = "ready"
    NOT_READY = "not_ready"
    END_WRAP_UP = "end_wrap_up"


class Feature(msgspec.Struct, frozen=True):
    """An agent has dialled a feature code. Without `agent` it is the one to whom the calling telephone belongs."""

    kind: FeatureKind
    agent: str = ""
    reason: str = ""


class Unwanted(msgspec.Struct, frozen=True):
    """No rule is for this caller, who goes on in the dialplan."""

    why: str


Decision = Admit | Feature | Unwanted


class Transfers(msgspec.Struct, frozen=True):
    """How an agent sends a caller on: `code`, then the digits of a queue, then `end`."""

    queues: Mapping[str, str]
    code: str = "*2"
    end: str = "#"
    keep_place: bool = True
    timeout_us: int = 10 * SECOND_US


class Callbacks(msgspec.Struct, frozen=True):
    """How callers are called back: `endpoint` has `{number}` in it.

    `number_of` returns whom to call, or nothing where nobody may be called; `allows` says whether a number, which an
    earlier run may have noted under another config, may be called. After `tries` in vain it is over; between
    them nobody is called for `pause_us`. `place` is where the caller goes who has been promised a callback.
    """

    endpoint: str
    number_of: Callable[[Arrival], str]
    allows: Callable[[str], bool]
    caller_id: str = ""
    ring_us: int = 30 * SECOND_US
    tries: int = 3
    pause_us: int = 15 * 60 * SECOND_US
    place: Place | None = None


class Sounds(msgspec.Struct, frozen=True):
    """What is played when; empty for nothing."""

    signed_in: str = "sound:agent-loginok"
    signed_out: str = "sound:agent-loggedoff"
    ready: str = "sound:beep"
    not_ready: str = "sound:beeperr"
    wrap_up_ended: str = "sound:beep"
    failed: str = "sound:im-sorry"
    invalid: str = "sound:invalid"
    callback_agreed: str = "sound:auth-thankyou"
    callback_refused: str = "sound:im-sorry"
    callback_unreached: str = "sound:vm-nobodyavail"


def shown_caller(arrival: Arrival) -> str:
    """Return what the agent's telephone shows."""
    if not arrival.caller_name:
        return arrival.caller_number
    name = arrival.caller_name.replace('"', "'")
    return f'"{name}" <{arrival.caller_number}>'


class FloorSettings(msgspec.Struct, frozen=True):
    """Everything that the floor is set up with.

    `name` begins all ids and is the client id at the router; `app` is the Stasis application. `rules` says what to do
    with an arrival and needs the channel variables named in `variables`. A place that is None means hanging up.
    `keys` says what follows when callers press a key while they wait. `ring_extra_us` is how much longer than the offer
    stands a telephone may ring: the router is the authority.
    """

    rules: Callable[[Arrival], Decision]
    agents: AgentTable
    name: str = "asterisk"
    app: str = "router"
    variables: tuple[str, ...] = ()
    answer: bool = True
    music_class: str = "default"
    keys: Mapping[str, KeyAction] = {}
    patience_us: int = 30 * SECOND_US
    fallback: Place | None = Place()
    refused: Place | None = Place()
    after_agent: Place | None = None
    ring_extra_us: int = 5 * SECOND_US
    assigned_ring_us: int = 30 * SECOND_US
    endings: Mapping[LegEnd, Ending] = ENDINGS
    device_states: bool = False
    transfers: Transfers | None = None
    callbacks: Callbacks | None = None
    sounds: Sounds = Sounds()
    caller_id: Callable[[Arrival], str] = shown_caller
