"""A wait estimate: one number, the method that made it, and how much it rests on."""

from __future__ import annotations

from typing import Literal

import msgspec

Method = Literal["immediate", "qlm", "les", "none"]


class WaitEstimate(msgspec.Struct, frozen=True):
    """How long a call will still wait, from now on.

    `method`: "immediate" (an agent may take it now, or it is offered to one, or with one), "qlm" (from the calls ahead
    and the speed of service), "les" (the wait of the last call that was served), "none" (too early to say, or the call
    is detached or over). `mean_us` is None with "none" only. `position` counts from 1 and is None for a call that does
    not wait. `samples` is how many calls the estimate was learned from.
    """

    method: Method
    mean_us: int | None
    position: int | None
    samples: int
