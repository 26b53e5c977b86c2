"""Commands on their way to the router: in order, many at a time, repeated where the router has too much to do.

Keeps one invariant: every command that was handed over gets exactly one outcome, whatever happens to the stream.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Final

from router.bridge.asterisk.actions import Answer, Applied, Refused, Send, Unanswered
from router.client import CommandStream, Reply, RouterError
from router.client.stream import Results
from router.engine.commands import Enqueue, SignIn

logger = logging.getLogger(__name__)

BATCH_MAX: Final = 256
OVERLOAD_PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8)
_NOT_KNOWN: Final = ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "CANCELLED")
"""Status codes after which nobody knows what became of a command."""
_CERTAIN: Final = (Enqueue, SignIn)
"""Commands of which the Floor learns that they were refused for overload; without the others its picture is wrong."""
_ENDED: Final = "the link was ended"

Answered = Callable[[Send, Answer, float], None]


class _Pending:
    """A command on its way."""

    __slots__ = ("action", "attempts", "began_s", "request_id")

    def __init__(self, action: Send, request_id: str) -> None:
        self.action = action
        self.request_id = request_id
        self.attempts = 0
        self.began_s = time.monotonic()


class CommandSender:
    """Sends over one stream after another. `answered` is told each outcome, `broken` that a stream is of no use."""

    def __init__(self, answered: Answered, broken: Callable[[str], None]) -> None:
        self.linked = False
        """Whether there is a stream: without one, commands are unanswered."""
        self._answered = answered
        self._broken = broken
        self._waiting: deque[_Pending] = deque()
        self._held: dict[str, list[_Pending]] = {}
        """Of calls with a command that is to be repeated: the commands behind it."""
        self._flying: defaultdict[str, int] = defaultdict(int)
        self._wake = asyncio.Event()
        self._gaps = 0
        """What is repeated after a gap could contradict what was compared since, so it is given up."""
        self._repeats: set[asyncio.Task[None]] = set()
        run = uuid.uuid4().hex[:12]
        self._ids = (f"{run}-{number}" for number in itertools.count(1))

    @property
    def is_idle(self) -> bool:
        """Say whether nothing waits and nothing is under way."""
        return not self._waiting and not self._held and not any(self._flying.values())

    def send(self, action: Send) -> None:
        """Send a command, in order. Without a link it counts as unanswered."""
        pending = _Pending(action, next(self._ids))
        if not self.linked:
            asyncio.get_running_loop().call_soon(self._finish, pending, Unanswered("there is no link to the router"))
        elif action.call in self._held:
            self._held[action.call].append(pending)
        else:
            self._waiting.append(pending)
            self._wake.set()

    def give_up(self, why: str) -> None:
        """Give up what was not sent: there is a gap."""
        self._gaps += 1
        left = [*self._waiting, *(pending for held in self._held.values() for pending in held)]
        self._waiting.clear()
        self._held.clear()
        for pending in left:
            self._finish(pending, Unanswered(why))

    async def close(self) -> None:
        """Give everything up."""
        for task in self._repeats:
            task.cancel()
        await asyncio.gather(*self._repeats, return_exceptions=True)
        self.give_up("the bridge ends")

    async def write(self, stream: CommandStream) -> None:
        """Send what there is and what comes, until cancelled or the stream is of no use."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
                await self._write_batch(stream, batch)

    async def _write_batch(self, stream: CommandStream, batch: list[_Pending]) -> None:
        for pending in batch:
            self._flying[pending.action.call] += 1
        try:
            future = await stream.send(
                [pending.action.command for pending in batch], [pending.request_id for pending in batch]
            )
        except (ValueError, TypeError, OverflowError) as error:
            await self._write_one_by_one(stream, batch, error)
            return
        except BaseException as error:
            # nobody else knows of these
            self._take(batch, error if isinstance(error, Exception) else ConnectionError(_ENDED))
            raise
        future.add_done_callback(partial(self._take_future, batch))

    async def _write_one_by_one(self, stream: CommandStream, batch: list[_Pending], error: Exception) -> None:
        """Find the command that cannot be put into a message: others shall not suffer for it."""
        for pending in batch:
            self._land(pending)
        if len(batch) == 1:
            logger.error("a command cannot be sent: %s: %s", error, batch[0].action.command)
            self._finish(batch[0], Refused("INVALID_COMMAND", str(error)))
            return
        for pending in batch:
            await self._write_batch(stream, [pending])

    def _take_future(self, batch: list[_Pending], done: asyncio.Future[Results]) -> None:
        error = ConnectionError(_ENDED) if done.cancelled() else done.exception()
        self._take(batch, error if error is not None else done.result())

    def _take(self, batch: list[_Pending], results: Results | BaseException) -> None:
        """Take the results of a batch, or what ended it."""
        for pending in batch:
            self._land(pending)
        if isinstance(results, BaseException):
            for pending in batch:
                self._finish(pending, Unanswered(str(results)))
            self._broken(str(results))
            return
        for pending, result in zip(batch, results, strict=True):
            self._settle(pending, result)

    def _land(self, pending: _Pending) -> None:
        call = pending.action.call
        self._flying[call] -= 1
        if not self._flying[call]:
            del self._flying[call]

    def _settle(self, pending: _Pending, result: Reply | RouterError) -> None:
        if isinstance(result, Reply):
            self._finish(pending, Applied(result))
        elif result.reason == "OVERLOADED":
            self._repeat(pending, result)
        elif result.code.name in ("UNAVAILABLE", "INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "CANCELLED"):
            self._finish(pending, Unanswered(str(result)))
            self._broken(str(result))
        else:
            self._finish(pending, Refused(result.reason, result.message))

    def _repeat(self, pending: _Pending, error: RouterError) -> None:
        """Send a command again after a while, before others of its call. Where others went already, give it up."""
        call = pending.action.call
        overtaken = bool(call) and self._flying.get(call, 0) > 0
        if overtaken or pending.attempts >= len(OVERLOAD_PAUSES_S) or not self.linked:
            if isinstance(pending.action.command, _CERTAIN):
                self._finish(pending, Refused(error.reason, error.message))
            else:
                self._finish(pending, Unanswered(str(error)))
                self._broken(str(error))
            self._release(call)
            return
        pause_s = max(OVERLOAD_PAUSES_S[pending.attempts], (error.retry_after_us or 0) / 1_000_000)
        pending.attempts += 1
        if call:
            self._held.setdefault(call, [])
        task = asyncio.create_task(self._send_again(pending, pause_s * random.uniform(1.0, 1.5)))
        self._repeats.add(task)
        task.add_done_callback(self._repeats.discard)

    async def _send_again(self, pending: _Pending, pause_s: float) -> None:
        gaps = self._gaps
        try:
            await asyncio.sleep(pause_s)
        except asyncio.CancelledError:
            self._finish(pending, Unanswered("the bridge ends"))
            raise
        if not self.linked or gaps != self._gaps:
            self._finish(pending, Unanswered("the link to the router was lost"))
            return
        self._waiting.append(pending)
        self._wake.set()

    def _release(self, call: str) -> None:
        """Let the commands go that waited behind one of their call."""
        for pending in self._held.pop(call, ()):
            if self.linked:
                self._waiting.append(pending)
                self._wake.set()
            else:
                self._finish(pending, Unanswered("the link to the router is lost"))

    def _finish(self, pending: _Pending, outcome: Answer) -> None:
        if pending.attempts and isinstance(outcome, Applied | Refused):
            self._release(pending.action.call)
        self._answered(pending.action, outcome, time.monotonic() - pending.began_s)
