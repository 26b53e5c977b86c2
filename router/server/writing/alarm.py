"""An alarm: what a task waits for when there is nothing to do, for a time at most.

Keeps one invariant: whoever waits wakes when it rings, at the latest about when its time has come; perhaps sooner.
"""

from __future__ import annotations

import asyncio


class Alarm:
    """Wait for `ring`, or for a time. One timer serves for many waits: it is set again only to go off sooner."""

    def __init__(self) -> None:
        self._waking: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake whoever waits."""
        waking = self._waking
        if waking is not None and not waking.done():
            waking.set_result(None)

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it rings or, at the latest, after so many seconds; None: no matter how long."""
        loop = asyncio.get_running_loop()
        if seconds is not None:
            self._set(loop, loop.time() + seconds)
        self._waking = loop.create_future()
        try:
            await self._waking
        finally:
            self._waking = None

    def _set(self, loop: asyncio.AbstractEventLoop, at_s: float) -> None:
        timer = self._timer
        if timer is not None:
            if timer.when() <= at_s:
                return
            timer.cancel()
        self._timer = loop.call_at(at_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.ring()
