"""What the tests of estimates share: servers with people who wait, and futures that do as the test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from router.client import RouterClient
from router.engine import commands as c
from router.engine.commands import Enqueue
from router.server.server import RouterServer
from router.wait import WaitEstimate

MINUTE_US = 60_000_000
CONFIG = """
[server]
listen = "127.0.0.1:0"

[estimates]
refresh = "200ms"

[queues.loans]
skills = { loans = 1 }
target = "20s"

[queues.cards]
skills = { cards = 1 }
"""


@dataclass
class Script:
    """What scripted futures say and do: `mean_us` of all but those in `means_us`; a run ends while `hold` is set.

    Of the `silent` they say nothing, and that the `unanswered` are not answered.
    """

    mean_us: int = 5 * MINUTE_US
    means_us: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    futures: int = 200
    fails: bool = False
    hold: threading.Event = field(default_factory=threading.Event)
    taken: list[str | None] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    @property
    def sets(self) -> int:
        return self.taken.count(None)


class ScriptedFutures:
    """A set that is over."""

    def __init__(self, names: Sequence[str], taken_us: int, sequence: int, futures: int) -> None:
        self.names = names
        self.taken_us = taken_us
        self.sequence = sequence
        self.futures = futures


class ScriptedSituation:
    """A situation whose run ends when the script lets it, or when it is cancelled."""

    def __init__(self, script: Script, names: Sequence[str], taken_us: int, sequence: int) -> None:
        self._script = script
        self._futures = ScriptedFutures(names, taken_us, sequence, script.futures)
        self._cancelled = False
        self.calls = len(names)

    def run(self, futures: int, *, budget_us: int, seed: int) -> ScriptedFutures:
        self._script.began.set()
        while not self._script.hold.wait(0.005) and not self._cancelled:
            pass
        if self._script.fails:
            raise ZeroDivisionError("the futures have failed")
        return self._futures

    def cancel(self) -> None:
        self._cancelled = True


class ScriptedPredictor:
    """A real predictor, but for the futures."""

    def __init__(self, real: Any, engine: Any, script: Script) -> None:
        self._real = real
        self._engine = engine
        self._script = script

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def situation(self, of: Enqueue | None = None, *, now_us: int) -> ScriptedSituation:
        self._script.taken.append(None if of is None else of.queue)
        names = [
            call
            for queue in self._engine.queues()
            if queue.waiting and not queue.paused
            for call in self._engine.waiting(queue.queue, queue.waiting)
        ]
        if of is not None:
            names.append("")
        return ScriptedSituation(self._script, names, now_us, self._engine.sequence)

    def digest(
        self, futures: ScriptedFutures, *, within_us: Sequence[int] = (), first: int = 0, most: int = 1_000
    ) -> dict[str, WaitEstimate]:
        names = [name for name in futures.names[first : first + most] if name not in self._script.silent]
        return {name: self._estimate(name, within_us) for name in names}

    def answered_within(
        self, futures: ScriptedFutures, call: str, estimate: WaitEstimate, within_us: int
    ) -> float | None:
        """Answers come evenly, up to twice the estimate's mean."""
        assert estimate.mean_us is not None
        return min(1.0, within_us / (2 * estimate.mean_us)) if call in futures.names else None

    def _estimate(self, name: str, within_us: Sequence[int]) -> WaitEstimate:
        if name in self._script.unanswered:
            return WaitEstimate("none", None, 1, 0, unanswered=True)
        mean_us = self._script.means_us.get(name, self._script.mean_us)
        return WaitEstimate(
            "simulated",
            mean_us,
            1,
            7,
            p10_us=mean_us // 2,
            p50_us=mean_us,
            p80_us=mean_us * 3 // 2,
            p90_us=mean_us * 2,
            interval_us=(mean_us // 2, mean_us * 2),
            answered_within=tuple((time_us, 0.5) for time_us in within_us or (20_000_000,)),
            futures=200,
        )


def scripted(server: RouterServer, script: Script | None = None) -> Script:
    """Let a server's futures do as a script says."""
    script = script or Script()
    predicting: Any = server.shell.estimation.predicting
    predicting.native = ScriptedPredictor(predicting.native, server.shell.engine, script)
    return script


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def fill(client: RouterClient, *, waiting: int, queue: str = "loans", talks: int = 3) -> None:
    """Let `ada` have a few talks, so that talks are known, and then be in one while others wait."""
    await client.apply(c.SignIn("ada", {queue: 5}))
    for number in range(talks):
        await client.apply(c.Enqueue(f"before-{number}", queue))
        await client.apply(c.Assign(f"before-{number}", "ada"))
        await client.apply(c.Complete(f"before-{number}"))
    await client.apply(c.Enqueue("in-talk", queue))
    await client.apply(c.Assign("in-talk", "ada"))
    for number in range(waiting):
        await client.apply(c.Enqueue(f"w{number}", queue))
