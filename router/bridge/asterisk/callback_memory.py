"""What is to be known of a callback once nobody is on the line: kept by the router, as attributes of the call.

A bridge that is started anew finds it there, or at the customer's channel. Keeps one invariant: what `memory_of` has
written, `read_memory` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from router.bridge.asterisk.calls import Call, Line
from router.bridge.asterisk.floor_settings import Arrival
from router.engine.limits import ATTRIBUTES_MAX
from router.engine.requirements import Requirement

ATTRIBUTE: Final = "skill_router_callback"
NUMBER_ATTRIBUTE: Final = "callback_number"
"""For people and desktops."""
_BYTES_MAX: Final = 8_192
"""All attributes of a call may have 16 KiB together."""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept. `reached`: the customer was on the line, and need not be called again."""

    number: str
    arrival: Arrival
    tries: int = 0
    paused: bool = False
    reached: bool = False
    requirement: Requirement | None = None


_DECODER = msgspec.json.Decoder(Memory)


def memory_of(call: Call) -> str:
    """Return what is to be kept of a callback."""
    back = call.callback
    assert back is not None
    reached = back.line is Line.ON
    memory = Memory(back.number, call.arrival, back.tries, back.paused, reached, back.requirement)
    return msgspec.json.encode(memory).decode()


def read_memory(text: str) -> Memory | None:
    """Return what was kept; None if it is not ours."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def attributes_of(call: Call) -> Mapping[str, str]:
    """Return a callback's attributes, with what is to be kept."""
    assert call.enqueue is not None
    assert call.callback is not None
    return {**call.enqueue.attributes, NUMBER_ATTRIBUTE: call.callback.number, ATTRIBUTE: memory_of(call)}


def fits(attributes: Mapping[str, str]) -> bool:
    """Say whether the router has room for these attributes."""
    size = sum(len(name.encode()) + len(text.encode()) for name, text in attributes.items())
    return len(attributes) <= ATTRIBUTES_MAX and size <= _BYTES_MAX
