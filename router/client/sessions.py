"""Sessions seen from the client: heartbeats in the background, and what Reconcile found.

Keeps one invariant: as long as a session is kept and not lost, heartbeats go out, three to a lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec

from router.client.errors import RouterError
from router.v1 import session_service_pb2 as pb
from router.wire.sessions import (
    Difference,
    LiveAgent,
    LiveCall,
    SessionState,
    decode_difference,
    encode_live_agent,
    encode_live_call,
)
from router.wire.times import from_duration, from_timestamp

if TYPE_CHECKING:
    from router.client.client import RouterClient

logger = logging.getLogger(__name__)

_PER_LEASE: Final = 3
_RETRY_S: Final = 1.0


class Heartbeat(msgspec.Struct, frozen=True):
    """The answer to a heartbeat. `lease_us` is real time. `began`: there was no session of this client before."""

    sequence: int
    state: SessionState
    lease_us: int
    began: bool


class Reconciled(msgspec.Struct, frozen=True):
    """What differed, and on how many calls and agents of the list both sides agreed.

    `more` differences are not among them, since there was no room; what was repaired is left out first. Where it is not
    0, do what these leave to you and reconcile again.
    """

    sequence: int
    time_us: int
    differences: tuple[Difference, ...]
    agreed: int
    more: int = 0


def decode_heartbeat(message: pb.HeartbeatResponse) -> Heartbeat:
    """Return the answer in a message."""
    return Heartbeat(
        sequence=message.header.sequence,
        state=SessionState(message.state),
        lease_us=from_duration(message.lease),
        began=message.began,
    )


def reconcile_request(
    client_id: str, calls: Iterable[LiveCall], agents: Iterable[LiveAgent], dry_run: bool
) -> pb.ReconcileRequest:
    """Return the request. Raises `ValueError` for a call that contradicts itself."""
    return pb.ReconcileRequest(
        client_id=client_id,
        calls=map(encode_live_call, calls),
        agents=map(encode_live_agent, agents),
        dry_run=dry_run,
    )


def decode_reconciled(message: pb.ReconcileResponse) -> Reconciled:
    """Return the answer in a message."""
    return Reconciled(
        sequence=message.header.sequence,
        time_us=from_timestamp(message.header.time),
        differences=tuple(map(decode_difference, message.differences)),
        agreed=message.agreed,
        more=message.more,
    )


class KeptSession:
    """A session that is kept while the block runs, and ended when it ends in order.

    When an exception ends the block, the session is not ended: the client may be in no state to serve its agents, so
    the lease runs out as if it had died. Where the end cannot be told, that is raised (`RouterError`).

    >>> async with client.keep_session(come_back) as session:  # doctest: +SKIP
    ...     await serve_agents()
    """

    def __init__(self, client: RouterClient, on_lost: Callable[[], Awaitable[object]]) -> None:
        self._client = client
        self._on_lost = on_lost
        self._beating: asyncio.Task[None] | None = None
        self._lease_s = 0.0
        self.lost = False
        """Whether the router has lost sight of this client, and `on_lost` has not returned since."""
        self.began = False
        """Whether the router knew of no session when the block began."""
        self.error: RouterError | None = None
        """What the last heartbeat met, None if it arrived."""

    async def __aenter__(self) -> KeptSession:
        heartbeat = await self._client.heartbeat()
        self.began = heartbeat.began
        self._note(heartbeat, first=True)
        self._beating = asyncio.create_task(self._beat(), name="heartbeats")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if kind is None:
            await self._client.end_session()

    async def _beat(self) -> None:
        while True:
            if self.lost:
                await self._come_back()
            await asyncio.sleep(self._lease_s / _PER_LEASE if self.error is None else self._retry_s)
            try:
                self._note(await self._client.heartbeat())
                self.error = None
            except RouterError as error:
                if self.error is None:
                    logger.warning("a heartbeat to %s did not arrive: %s", self._client.address, error)
                self.error = error

    @property
    def _retry_s(self) -> float:
        return min(_RETRY_S, self._lease_s / _PER_LEASE)

    async def _come_back(self) -> None:
        try:
            await self._on_lost()
        except RouterError as error:
            logger.warning("the session could not be taken up again: %s", error)
        except Exception:
            logger.exception("on_lost failed; it will be called again")
        else:
            self.lost = False

    def _note(self, heartbeat: Heartbeat, *, first: bool = False) -> None:
        self._lease_s = heartbeat.lease_us / 1_000_000
        # a session that began again is one that the router had forgotten
        if heartbeat.state is SessionState.LOST or (heartbeat.began and not first):
            self.lost = True
