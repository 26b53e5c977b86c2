"""SessionService: heartbeats, the end of a session, and Reconcile.

Keeps one invariant: no answer takes the other tasks' time in proportion to the size of a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from router.server.errors import invalid
from router.server.rpcs.grpc_types import Context
from router.server.security import principal_of
from router.server.shell import Shell
from router.server.writing.requests import check_id
from router.v1 import session_service_pb2 as pb
from router.v1 import session_service_pb2_grpc
from router.wire.sessions import Difference, encode_difference
from router.wire.times import to_duration

DIFFERENCES_BYTES_MAX: Final = 3 * 1024 * 1024
"""What the differences of one answer take at most: gRPC clients refuse messages of over 4 MiB unless told otherwise."""

_FRAME_BYTES_MAX: Final = 6
_STRETCH: Final = 500


class SessionService(session_service_pb2_grpc.SessionServiceServicer):
    """Serve clients that are watched over."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._keeper = shell.keeper

    async def Heartbeat(self, request: pb.HeartbeatRequest, context: Context) -> pb.HeartbeatResponse:
        """Begin a session or renew its lease."""
        client_id = check_client_id(request.client_id)
        began = await self._keeper.hold(client_id, principal_of().name)
        return pb.HeartbeatResponse(
            header=self._shell.header(),
            state=wire_state(self._shell, client_id),
            lease=to_duration(self._keeper.lease_us),
            began=began,
        )

    async def EndSession(self, request: pb.EndSessionRequest, context: Context) -> pb.EndSessionResponse:
        """End a session."""
        await self._keeper.end(check_client_id(request.client_id), principal_of().name)
        return pb.EndSessionResponse(header=self._shell.header())

    async def Reconcile(self, request: pb.ReconcileRequest, context: Context) -> pb.ReconcileResponse:
        """Compare the client's list with the router's, and repair what differs."""
        check_client_id(request.client_id)
        reconciliation = await self._keeper.reconcile(request, principal_of().name)
        response = pb.ReconcileResponse(header=self._shell.header(), agreed=reconciliation.agreed)
        await _add(response, reconciliation.differences)
        return response


async def _add(response: pb.ReconcileResponse, differences: Sequence[Difference]) -> None:
    """Add as many as there is room for; those that leave something to the client come first."""
    room = DIFFERENCES_BYTES_MAX
    for repaired in (False, True):
        for start in range(0, len(differences), _STRETCH):
            for difference in differences[start : start + _STRETCH]:
                if difference.repaired is not repaired:
                    continue
                message = encode_difference(difference)
                room -= message.ByteSize() + _FRAME_BYTES_MAX
                if room < 0:
                    response.more = len(differences) - len(response.differences)
                    return
                response.differences.append(message)
            await asyncio.sleep(0)


def check_client_id(client_id: str) -> str:
    """Return the client id of a request that needs one. Raises `Refusal` (INVALID_COMMAND)."""
    if not client_id:
        raise invalid("INVALID_COMMAND", "client_id", "missing", "which client this is, 1 to 255 bytes")
    check_id("client_id", client_id)
    return client_id


def wire_state(shell: Shell, client_id: str) -> pb.SessionState.ValueType:
    """Return the state of a client's session as it is said on the wire; unspecified if it has none."""
    state = shell.sessions.state_of(client_id)
    return pb.SESSION_STATE_UNSPECIFIED if state is None else state.value  # type: ignore[return-value]
