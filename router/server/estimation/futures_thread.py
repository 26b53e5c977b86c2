"""The thread that runs futures, beside the one that routes.

Keeps one invariant: it works on situations, which are its own; it never touches the engine.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

from router.wait import FutureSet, Situation

_NICE: Final = 10
_SEED: Final = 1
"""The same for all sets: what is drawn for a call is the same in the next set, so that little changes by chance."""


class FuturesThread:
    """Run one set of futures after the other, each in `budget_us` of real time at most, or little more."""

    def __init__(self, futures: int, budget_us: int) -> None:
        self._futures = futures
        self._budget_us = budget_us
        self._under_way: Situation | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="futures", initializer=_step_back)

    async def run(self, situation: Situation) -> FutureSet:
        """Run the futures of a situation. Cancelled, it lets go of the situation, whose run ends soon."""
        run = partial(situation.run, futures=self._futures, budget_us=self._budget_us, seed=_SEED)
        self._under_way = situation
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, run)
        except asyncio.CancelledError:
            situation.cancel()
            raise
        finally:
            self._under_way = None

    def close(self) -> None:
        """End the thread as soon as it can; nothing can be run any more."""
        if self._under_way is not None:
            self._under_way.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)


def _step_back() -> None:
    """Let the routing go first where there are fewer processors than threads that want one."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
