"""The keeper of sessions: leases in real time, what follows when one runs out, and the way back.

Keeps one invariant: what it does to agents and calls are ordinary journalled commands, in short plans, each of which
first looks whether the session is still lost. Nobody's silence counts while the server itself did not run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from time import monotonic
from typing import Any, Final
from weakref import WeakValueDictionary

from router.engine import Engine
from router.journal import SessionChange
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.sessions.leases import Leases
from router.server.sessions.reconcile import Reconciliation, read_report
from router.server.sessions.session_plans import SessionPlans
from router.server.sessions.sessions import Sessions
from router.server.writing.requests import Answer, Submission
from router.server.writing.work import Happening
from router.server.writing.writer import Writer
from router.v1 import session_service_pb2 as pb

logger = logging.getLogger(__name__)

_TICK_S_MAX: Final = 1.0
_RECONCILING_MAX: Final = 4


class SessionKeeper:
    """Watch over the clients that have a session. An `Observer`.

    A lease is `lease_us` of real time since the last sign of life. A session that is lost for `retention_us` of engine
    time, not counting downtimes, is given up. `now_s` is a clock that never falls.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        sessions: Sessions,
        writer: Writer,
        *,
        lease_us: int,
        retention_us: int,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self.lease_us = lease_us
        self._engine = engine
        self._plans = SessionPlans(engine, sessions)
        self._clock = clock
        self._sessions = sessions
        self._writer = writer
        self._lease_s = lease_us / 1_000_000
        self._retention_us = retention_us
        self._monotonic_s = now_s
        self._missed_s = 0.0
        self._leases = Leases()  # in real seconds
        self._retentions = Leases()  # in engine time
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._reconciling = asyncio.Semaphore(_RECONCILING_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what clients do

    def alive(self, client_id: str) -> None:
        """Renew a client's lease, if it has a session that is held. O(1)."""
        if self._sessions.is_held(client_id):
            self._leases.renew(client_id, self._now_s() + self._lease_s)

    async def hold(self, client_id: str, actor: str) -> bool:
        """Renew a client's session, or begin one and return True. Raises `Refusal`, OVERLOADED for too many."""
        self.alive(client_id)
        if self._sessions.state_of(client_id) is not None:
            return False
        return await self._writer.carry_out(self._plans.begin(client_id, actor))

    async def end(self, client_id: str, actor: str) -> None:
        """End a client's session, if it has one. Raises `Refusal` (SESSION_LOST)."""
        if await self._writer.carry_out(self._plans.end(client_id, actor)):
            logger.info("the session of %s has ended", client_id)

    async def reconcile(self, request: pb.ReconcileRequest, actor: str) -> Reconciliation:
        """Bring a client and the router together again, and take up its session if that was lost. Raises `Refusal`."""
        client_id = request.client_id
        self.alive(client_id)
        async with self._reconciling:
            report = await read_report(request)
            async with self._alone(client_id):
                reconciliation = Reconciliation(self._engine, self._sessions, report, actor)
                for plan in reconciliation.plans():
                    self.alive(client_id)
                    await self._writer.carry_out(plan)
        differences = reconciliation.differences
        logger.info(
            "%s %s: %d agreed, %d differed, %d of them repaired",
            client_id,
            "looked what differs" if report.dry_run else "reconciled",
            reconciliation.agreed,
            len(differences),
            sum(difference.repaired for difference in differences),
        )
        return reconciliation

    # --- the passing of time

    def observe(self, happening: Happening) -> None:
        """Begin and end leases with the sessions; the sessions themselves must have been told before."""
        if isinstance(happening.note, SessionChange):
            client_id = happening.note.client_id
            self._leases.drop(client_id)
            self._retentions.drop(client_id)
            self.alive(client_id)
            self._retain(client_id)

    async def run(self) -> None:
        """Let leases run out, until cancelled. All leases begin anew."""
        self.begin()
        tick_s = min(self._lease_s / 10, _TICK_S_MAX)
        try:
            while True:
                before_s = self._monotonic_s()
                await asyncio.sleep(tick_s)
                # the time in which the server itself did not run is nobody's silence
                self._missed_s += max(0.0, self._monotonic_s() - before_s - tick_s)
                self.tick()
        finally:
            for task in self._tasks:
                task.cancel()

    def begin(self) -> None:
        """Begin with the sessions that there are, after a start."""
        for client_id in self._sessions.held:
            self.alive(client_id)
        for client_id in self._sessions.lost:
            # it had no chance to come back while the server was down
            self._retain(client_id, not_before_us=round(self._lease_s * 1_000_000 * self._clock.speed))
            # the server may have died before it was done with this
            self._start(client_id, self._quieten)

    def tick(self) -> None:
        """See which leases and retentions have run out."""
        for client_id in self._leases.expired(self._now_s()):
            self._start(client_id, self._lose)
        for client_id in self._retentions.expired(self._clock.now_us()):
            self._start(client_id, self._give_up)

    async def settle(self) -> None:
        """Wait until everything that has run out so far is dealt with."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _now_s(self) -> float:
        return self._monotonic_s() - self._missed_s

    def _alone(self, client_id: str) -> asyncio.Lock:
        """Return the lock of a client: its session is lost, given up or reconciled one after the other."""
        lock = self._locks.get(client_id)
        if lock is None:
            lock = self._locks[client_id] = asyncio.Lock()
        return lock

    def _retain(self, client_id: str, not_before_us: int = 0) -> None:
        lost_us = self._sessions.lost_at_us(client_id)
        if lost_us is not None:
            until_us = max(lost_us + self._retention_us, self._clock.now_us() + not_before_us)
            self._retentions.renew(client_id, until_us)

    def _start(self, client_id: str, work: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(self._guard(client_id, work), name=f"session of {client_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, client_id: str, work: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        try:
            async with self._alone(client_id):
                await work(client_id)
        except Refusal as refusal:
            # the server ends; after a restart it goes on from there
            logger.info("the session of %s is left as it is: %s", client_id, refusal.message)
        except Exception:
            logger.exception("a fault while dealing with the session of %s", client_id)

    # --- what happens to a session

    async def _lose(self, client_id: str) -> None:
        if not await self._writer.carry_out(self._losing(client_id)):
            return
        agents, calls = self._sessions.agents.of(client_id), self._sessions.calls.of(client_id)
        logger.warning(
            "the session of %s is lost: no sign of life for %g s; it has %d agents and %d calls",
            client_id,
            self._lease_s,
            len(agents),
            len(calls),
        )
        await self._quieten(client_id)

    def _losing(self, client_id: str) -> Generator[Submission, Answer, bool]:
        # there may have been a sign of life since the lease ran out
        return client_id not in self._leases and (yield from self._plans.lose(client_id))

    async def _quieten(self, client_id: str) -> None:
        for plan in self._plans.quieten(client_id):
            await self._writer.carry_out(plan)

    async def _give_up(self, client_id: str) -> None:
        for plan in self._plans.wind_up(client_id):
            await self._writer.carry_out(plan)
        if await self._writer.carry_out(self._plans.give_up(client_id)):
            logger.warning("the session of %s is given up: it was lost for too long", client_id)
