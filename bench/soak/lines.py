"""Lines to the server: commands go out at their intended times, and count from then, whatever the answers do.

Keeps one invariant: a latency begins when the command should have been sent, so that waiting for a slow server counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from router.client import Reply, RouterClient, RouterError
from router.engine.commands import Command

TICK_S = 0.005
TIMEOUT_S = 10.0
# what a rule of the engine says no to is work like any other: a caller hung up a moment too late, an agent was gone
EXPECTED = {
    "CALL_ASSIGNED",
    "CALL_FINISHED",
    "CALL_NOT_ASSIGNED",
    "OFFER_ENDED",
    "NOT_IN_WRAP_UP",
    "AGENT_SIGNED_OUT",
    "ALREADY_SIGNED_IN",
    "UNKNOWN_CALL",
    "UNKNOWN_AGENT",
}


class Intended(NamedTuple):
    """One command, and when it should go out."""

    at_s: float
    command: Command


class Tally:
    """What came of the commands since it was last taken."""

    def __init__(self) -> None:
        self.unary_s: list[float] = []
        self.stream_s: list[float] = []
        self.errors: Counter[str] = Counter()
        self.rejected = 0

    def refused(self, error: BaseException) -> None:
        """Count an answer that was an error."""
        reason = error.reason if isinstance(error, RouterError) else type(error).__name__
        if reason in EXPECTED:
            self.rejected += 1
        else:
            self.errors[reason] += 1


class Lines:
    """Several clients with unary calls, and one stream; all connect anew now and then."""

    def __init__(self, address: str, clients: int, client_id: str = "soak") -> None:
        self.tally = Tally()
        self._address = address
        self._client_id = client_id
        self._names = itertools.cycle(range(clients))
        self._clients = [self._connect() for _ in range(clients)]
        self._due: list[Intended] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._turn = itertools.count()
        self._stopping = False

    def _connect(self) -> RouterClient:
        return RouterClient(self._address, client_id=self._client_id, timeout_s=TIMEOUT_S)

    def send(self, intended: Intended) -> None:
        """Send a command now: every other one by itself, the others with the next batch of the stream."""
        if next(self._turn) % 2:
            self._due.append(intended)
        else:
            self._start(self._send_alone(intended))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send_alone(self, intended: Intended) -> None:
        client = self._clients[next(self._names)]
        try:
            await client.apply(intended.command)
        except RouterError as error:
            self.tally.refused(error)
        self.tally.unary_s.append(now_s() - intended.at_s)

    async def pour(self, stop: asyncio.Event) -> None:
        """Send what is due over a stream, a batch at a time, until told to stop."""
        while not stop.is_set():
            with contextlib.suppress(RouterError):
                async with self._clients[0].stream() as stream:
                    for _ in range(int(30 / TICK_S)):
                        due, self._due = self._due[:500], self._due[500:]
                        if due:
                            commands = [intended.command for intended in due]
                            sent = await stream.send(commands)
                            sent.add_done_callback(self._taking(due))
                        await asyncio.sleep(TICK_S)
                        if stop.is_set():
                            break

    def _taking(self, due: Sequence[Intended]) -> Callable[[asyncio.Future[list[Reply | RouterError]]], None]:
        def take(sent: asyncio.Future[list[Reply | RouterError]]) -> None:
            at_s = now_s()
            error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
            if error is not None:
                self.tally.refused(error)
                return
            for result in sent.result():
                if isinstance(result, RouterError):
                    self.tally.refused(result)
            self.tally.stream_s.extend(at_s - intended.at_s for intended in due)

        return take

    async def reconnect(self, stop: asyncio.Event, every_s: float) -> None:
        """Let one client after the other connect anew; what it has under way is finished first."""
        for turn in itertools.cycle(range(1, len(self._clients))):
            if await told(stop, every_s):
                break
            old, self._clients[turn] = self._clients[turn], self._connect()
            await told(stop, TIMEOUT_S)
            await old.close()

    async def close(self) -> None:
        """Wait for what is under way, and close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        for client in self._clients:
            await client.close()

    def take_tally(self) -> Tally:
        """Return what came since the last time."""
        tally, self.tally = self.tally, Tally()
        return tally

    @property
    def in_flight(self) -> int:
        """Unary calls without an answer."""
        return len(self._under_way)


def now_s() -> float:
    """Return the loop's clock."""
    return asyncio.get_running_loop().time()


async def told(stop: asyncio.Event, within_s: float) -> bool:
    """Wait, and say whether it is time to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await stop.wait()
    return stop.is_set()
