"""The router's side: commands out over one stream, events in over one watch, a session held, and what became of it all.

Keeps one invariant: every command that was handed over gets exactly one outcome, whatever happens to the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

from router.bridge.asterisk.actions import (
    Answer,
    Asked,
    LearnAgents,
    Reconcile,
    Refused,
    Send,
    Unanswered,
)
from router.bridge.asterisk.command_sender import CommandSender
from router.bridge.asterisk.learning import Learning
from router.client import CommandStream, RouterClient, RouterError, SessionState
from router.client.stream import Results
from router.engine.events import Event

logger = logging.getLogger(__name__)

_PAUSE_S_MIN: Final = 0.05
_PAUSE_S_MAX: Final = 0.5
_STOOD_S: Final = 5.0
"""A link that stood for so long was no failure: the next pause is short again."""
_FLUSH_S: Final = 2.0
_CATCH_UP_S: Final = 0.3
_RECONCILE_S: Final = 30.0
_PASSING: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED")
_NO_ENTRY: Final = ("UNAUTHENTICATED", "PERMISSION_DENIED")

OnAnswer = Callable[[Asked, Answer, float], None]


class Listener(Protocol):
    """Who is told."""

    def told(self, event: Event) -> None: ...
    def answered(self, action: Asked, outcome: Answer) -> None: ...
    def router_lost(self, why: str) -> None: ...
    def router_back(self) -> None: ...


class EntryRefused(Exception):
    """The router does not let us in, and trying again does not help."""


class _LinkBroken(Exception):
    """The link cannot be used any more."""


class RouterSide:
    """One client's commands, events and session. `run` keeps the link; the other methods may be called at any time."""

    def __init__(
        self,
        client: RouterClient,
        listener: Listener,
        time_limit_s: float,
        on_answer: OnAnswer,
        kinds: Collection[type[Event]] = (),
    ) -> None:
        """`kinds` are those of the events that the listener wants to be told; all, without any."""
        self.links = 0
        self._client = client
        self._learning = Learning(client, _RECONCILE_S)
        self._listener = listener
        self._time_limit_s = time_limit_s
        self._on_answer = on_answer
        self._kinds = kinds
        self._sender = CommandSender(self._command_answered, self._break)
        self._broken: asyncio.Future[str] | None = None
        self._watching = asyncio.Event()
        """Set while the watch is there: what it missed has been told, or follows at once."""
        self._sequence: int | None = None
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._failures = 0

    # --- what the Floor asks for

    def send(self, action: Send) -> None:
        """Send a command, in order. Without a link it counts as unanswered."""
        self._sender.send(action)

    def reconcile(self, action: Reconcile) -> None:
        """Compare everything with the router."""
        self._begin(self._reconcile(action))

    def learn(self, action: LearnAgents) -> None:
        """Ask which of our agents the router has."""
        self._begin(self._learn(action))

    # --- the link

    async def run(self) -> None:
        """Keep the link until cancelled. Raises `EntryRefused` where the router does not let us in at all."""
        watching = asyncio.create_task(self._watch(), name="watch")
        pause_s = _PAUSE_S_MIN
        try:
            while not self._stopping:
                began_s = time.monotonic()
                why = await self._link()
                if self._stopping:
                    return
                self._lose(why)
                pause_s = _PAUSE_S_MIN if time.monotonic() - began_s > _STOOD_S else min(2 * pause_s, _PAUSE_S_MAX)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
        finally:
            watching.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(watching, *self._tasks, return_exceptions=True)
            await self._sender.close()

    async def stop(self) -> None:
        """Send what waits, and end the link. The session is left: its lease says how long the router waits for us."""
        self._stopping = True
        until_s = time.monotonic() + _FLUSH_S
        while not self._sender.is_idle and self._sender.linked and time.monotonic() < until_s:
            await asyncio.sleep(0.01)
        self._break("the bridge ends")

    async def _link(self) -> str:
        """Link up, and return why the link is gone."""
        try:
            heartbeat = await self._client.heartbeat()
            async with self._client.stream(wait_estimates=True, hold_session=True) as stream:
                await self._within(stream.apply([]))
                await self._catch_up(heartbeat.sequence)
                await self._use(stream, heartbeat.lease_us / 1_000_000)
        except RouterError as error:
            if error.reason in _NO_ENTRY and self.links == 0:
                raise EntryRefused(
                    f"the router at {self._client.address} does not let us in: {error.message}"
                ) from None
            return str(error)
        except _LinkBroken as broken:
            return str(broken)
        except Exception as error:
            if not isinstance(error, TimeoutError):
                logger.exception("the link to the router met a fault of the bridge")
                return f"a fault of the bridge: {error}"
            return f"the router has not answered for {self._time_limit_s:g} s"
        return "the link was ended"

    async def _use(self, stream: CommandStream, lease_s: float) -> None:
        """Send over a stream until it is broken. Raises `_LinkBroken`, `RouterError`, `TimeoutError`."""
        self._broken = asyncio.get_running_loop().create_future()
        self.links += 1
        self._sender.linked = True
        self._failures = 0
        logger.info("linked to the router at %s as %s", self._client.address, self._client.client_id)
        self._listener.router_back()
        workers = [
            asyncio.create_task(work)
            for work in (self._sender.write(stream), self._beat(stream, lease_s), self._await_end(stream))
        ]
        try:
            ends: list[asyncio.Future[Any]] = [*workers, self._broken]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                if worker.done():
                    worker.result()
            raise _LinkBroken(self._broken.result() if self._broken.done() else "the stream has ended")
        finally:
            self._sender.linked = False
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _within(self, results: object) -> Results:
        async with asyncio.timeout(self._time_limit_s):
            return await results  # type: ignore[misc, no-any-return]

    async def _catch_up(self, sequence: int) -> None:
        """Wait for the watch, and let it tell what was missed. What follows a rejected command only, it tells late."""
        async with asyncio.timeout(self._time_limit_s):
            await self._watching.wait()
        if not self.links:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP_S):
                while self._sequence is None or self._sequence < sequence:
                    self._moved.clear()
                    await self._moved.wait()

    def _lose(self, why: str) -> None:
        self._failures += 1
        level = logging.WARNING if self._failures in (1, 2) or self._failures % 20 == 0 else logging.DEBUG
        logger.log(level, "no link to the router at %s: %s", self._client.address, why)
        self._sender.give_up(why)
        self._listener.router_lost(why)

    def _break(self, why: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(why)

    # --- the stream

    async def _await_end(self, stream: CommandStream) -> None:
        raise _LinkBroken(str(await stream.wait_ended()))

    async def _beat(self, stream: CommandStream, lease_s: float) -> None:
        """Renew the lease. The answers come in order, so a stream that hangs is found out here."""
        while True:
            await asyncio.sleep(min(lease_s / 3, self._time_limit_s))
            await self._within(stream.apply([]))
            if stream.session_state is SessionState.LOST:
                logger.warning("the router had lost sight of us: everything is compared")
                self._sender.give_up("the session was lost")
                self._listener.router_lost("the session was lost")
                self._listener.router_back()

    # --- the watch

    async def _watch(self) -> None:
        """Follow the watch for ever. It goes on over breaks by itself; where that is impossible, from now on."""
        while True:
            watch = self._client.watch(after_sequence=self._sequence, kinds=self._kinds, on_open=self._watching.clear)
            try:
                async for moment in watch:
                    self._sequence = moment.sequence
                    self._watching.set()
                    for event in moment.events:
                        self._listener.told(event)
                    self._moved.set()
                why = "the watch has ended"
            except RouterError as error:
                why = str(error)
                if error.reason in ("HISTORY_GONE", "INVALID_QUERY"):
                    self._sequence = None
            except Exception as error:
                logger.exception("a fault of the bridge in the watch: it goes on from now, and everything is compared")
                why, self._sequence = f"a fault of the bridge: {error}", None
            self._watching.clear()
            self._break(f"events were missed: {why}")
            await asyncio.sleep(_PAUSE_S_MAX * random.uniform(0.1, 0.5))

    # --- one by one

    async def _reconcile(self, action: Reconcile) -> None:
        began_s = time.monotonic()
        outcome: Answer
        try:
            outcome = await self._client.reconcile(action.calls, action.agents, timeout_s=_RECONCILE_S)
        except (RouterError, ValueError) as error:
            outcome = _outcome_of(error)
        self._tell(action, outcome, began_s)

    async def _learn(self, action: LearnAgents) -> None:
        began_s = time.monotonic()
        outcome: Answer
        try:
            outcome = await self._learning.ask(action)
        except RouterError as error:
            outcome = _outcome_of(error)
        self._tell(action, outcome, began_s)

    def _command_answered(self, action: Send, outcome: Answer, seconds: float) -> None:
        self._on_answer(action, outcome, seconds)
        self._listener.answered(action, outcome)

    def _tell(self, action: Asked, outcome: Answer, began_s: float) -> None:
        self._on_answer(action, outcome, time.monotonic() - began_s)
        self._listener.answered(action, outcome)

    def _begin(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _outcome_of(error: RouterError | ValueError) -> Refused | Unanswered:
    if isinstance(error, RouterError):
        if error.reason in _PASSING or error.code.name in _PASSING:
            return Unanswered(str(error))
        return Refused(error.reason, error.message)
    return Refused("INVALID_QUERY", str(error))
