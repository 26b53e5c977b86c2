"""CallService: calls, for the system that holds them.

Keeps one invariant: nothing here decides anything; a request becomes a command or a reading of the engine.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration

from router.engine import commands as engine_commands
from router.engine.errors import UnknownName
from router.engine.settings import DAY_US, SECOND_US
from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.estimation import Wanted
from router.server.estimation.announced import MIN_CHANGE_US
from router.server.rpcs.grpc_types import Context
from router.server.rpcs.unary import through_lane
from router.server.services.service import Service
from router.server.services.watch_service import HEARTBEAT_S
from router.server.shell import Shell, required
from router.v1 import call_service_pb2 as pb
from router.v1 import call_service_pb2_grpc
from router.wire.problems import Malformed
from router.wire.times import from_duration
from router.wire.views import CALL_VIEW

WITHIN_MAX: Final = 16
FILTER_MAX: Final = 1_000


class CallService(Service, call_service_pb2_grpc.CallServiceServicer):
    """Serve the PBX; tell a watcher for whom nothing changes every `heartbeat_s` real seconds that it is alive."""

    def __init__(self, shell: Shell, heartbeat_s: float = HEARTBEAT_S) -> None:
        super().__init__(shell)
        self._heartbeat_s = heartbeat_s

    @through_lane("enqueue", estimate=True)
    async def Enqueue(self, request: pb.EnqueueRequest, context: Context) -> pb.EnqueueResponse:
        """Put a call in a queue."""
        return await self.write(request, request.enqueue, pb.EnqueueResponse, estimate=True)

    @through_lane("update_call")
    async def UpdateCall(self, request: pb.UpdateCallRequest, context: Context) -> pb.UpdateCallResponse:
        """Change a call."""
        return await self.write(request, request.update_call, pb.UpdateCallResponse)

    @through_lane("cancel")
    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        """End a call as abandoned."""
        return await self.write(request, request.cancel, pb.CancelResponse)

    @through_lane("requeue")
    async def Requeue(self, request: pb.RequeueRequest, context: Context) -> pb.RequeueResponse:
        """Return a call to its queue."""
        return await self.write(request, request.requeue, pb.RequeueResponse)

    @through_lane("transfer")
    async def Transfer(self, request: pb.TransferRequest, context: Context) -> pb.TransferResponse:
        """Move a call to a queue."""
        return await self.write(request, request.transfer, pb.TransferResponse)

    async def Assign(self, request: pb.AssignRequest, context: Context) -> pb.AssignResponse:
        """Assign a call to a named agent."""
        return await self.write(request, request.assign, pb.AssignResponse)

    @through_lane("turn_into_callback")
    async def TurnIntoCallback(
        self, request: pb.TurnIntoCallbackRequest, context: Context
    ) -> pb.TurnIntoCallbackResponse:
        """Let the caller hang up and keep the place."""
        return await self.write(request, request.turn_into_callback, pb.TurnIntoCallbackResponse)

    @through_lane("accept")
    async def Accept(self, request: pb.AcceptRequest, context: Context) -> pb.AcceptResponse:
        """Accept an offer."""
        return await self.write(request, request.accept, pb.AcceptResponse)

    @through_lane("reject")
    async def Reject(self, request: pb.RejectRequest, context: Context) -> pb.RejectResponse:
        """Reject an offer."""
        return await self.write(request, request.reject, pb.RejectResponse)

    @through_lane("complete")
    async def Complete(self, request: pb.CompleteRequest, context: Context) -> pb.CompleteResponse:
        """End the conversation of a call."""
        return await self.write(request, request.complete, pb.CompleteResponse)

    @through_lane("record_outcome")
    async def RecordOutcome(self, request: pb.RecordOutcomeRequest, context: Context) -> pb.RecordOutcomeResponse:
        """Record how a call went."""
        return await self.write(request, request.record_outcome, pb.RecordOutcomeResponse)

    async def GetCall(self, request: pb.GetCallRequest, context: Context) -> pb.GetCallResponse:
        """Return a call's state and place in line."""
        view = self.shell.engine.call(required("call", request.call))
        return pb.GetCallResponse(header=self.shell.header(), call=CALL_VIEW.encode(view))

    async def GetWaitEstimate(self, request: pb.GetWaitEstimateRequest, context: Context) -> pb.GetWaitEstimateResponse:
        """Estimate how long a call will wait: from futures, which may take a moment, or with `quick` at once."""
        estimation = self.shell.estimation
        within_us = _within(request)
        of: str | engine_commands.Enqueue
        match request.WhichOneof("of"):
            case "call":
                of, queue = required("call", request.call), ""
            case "enqueue":
                of = self._hypothetical(request)
                queue = of.queue
            case _:
                raise invalid("INVALID_QUERY", "of", "neither is set", "one of call, enqueue")
        if request.quick:
            estimate = estimation.at_once(of, self.shell.clock.now_us(), within_us)
        elif isinstance(of, str):
            estimate = await estimation.of_call(of, within_us)
        else:
            estimate = await estimation.of_new(of, within_us)
        if isinstance(of, str):
            queue = self.shell.engine.call(of).queue
        message = estimation.estimate_message(estimate, queue, request.call)
        return pb.GetWaitEstimateResponse(header=self.shell.header(), wait_estimate=message)

    async def WatchWaitEstimates(  # type: ignore[override]
        self, request: pb.WatchWaitEstimatesRequest, context: Context
    ) -> None:
        """Stream what callers should hear until the client leaves or the server stops."""
        hub = self.shell.wait_hub
        watcher = hub.open(self._wanted(request))
        try:
            while (response := await watcher.next_response(self._heartbeat_s)) is not None:
                await context.write(response)
        finally:
            hub.leave(watcher)
        raise Refusal("SHUTTING_DOWN")

    def _hypothetical(self, request: pb.GetWaitEstimateRequest) -> engine_commands.Enqueue:
        """Return a call that has not come, checked as far as an estimate depends on it.

        Raises `Refusal`, or `UnknownName`: what depends on the config is told only when that is durable.
        """
        enqueue = self.shell.read_command(request.enqueue, "enqueue")
        assert isinstance(enqueue, engine_commands.Enqueue)
        settings = self.shell.configs.settings
        if required("enqueue.queue", enqueue.queue) not in settings.queues:
            raise UnknownName("queue", enqueue.queue)
        if enqueue.channel not in settings.channels:
            raise UnknownName("channel", enqueue.channel)
        if not 0 <= enqueue.priority <= 9:
            raise invalid("INVALID_QUERY", "enqueue.priority", f"{enqueue.priority} is out of range", "0 to 9")
        if enqueue.requirement is not None:
            # the engine's own check of a requirement; raises `InvalidCommand`
            self.shell.engine.count_agents(enqueue.requirement, channel=enqueue.channel)
        return enqueue

    def _wanted(self, request: pb.WatchWaitEstimatesRequest) -> Wanted:
        """Return the filter of a request. Raises `Refusal` (INVALID_QUERY), or `UnknownName`: no such queue."""
        for field, entries in (("queues", request.queues), ("calls", request.calls)):
            if len(entries) > FILTER_MAX:
                raise invalid("INVALID_QUERY", field, f"{len(entries):,} entries", f"at most {FILTER_MAX:,}")
        for queue in request.queues:
            if queue not in self.shell.configs.settings.queues:
                raise UnknownName("queue", queue)
        min_change_us = MIN_CHANGE_US
        if request.HasField("min_change"):
            min_change_us = _duration("min_change", request.min_change, SECOND_US)
        return Wanted(frozenset(request.queues), frozenset(request.calls), min_change_us)


def _within(request: pb.GetWaitEstimateRequest) -> list[int]:
    """Return the times for which a chance is wanted. Raises `Refusal` (INVALID_QUERY)."""
    if len(request.within) > WITHIN_MAX:
        raise invalid("INVALID_QUERY", "within", f"{len(request.within):,} entries", f"at most {WITHIN_MAX}")
    return [_duration(f"within[{index}]", entry, 0) for index, entry in enumerate(request.within)]


def _duration(field: str, value: Duration, least_us: int) -> int:
    """Return a duration of at most a day. Raises `Refusal` (INVALID_QUERY)."""
    try:
        duration_us = from_duration(value)
    except Malformed as error:
        raise refusal_of_malformed(error, field, "INVALID_QUERY") from None
    if not least_us <= duration_us <= DAY_US:
        problem = f"{duration_us / SECOND_US:,.15g} s is out of range"
        raise invalid("INVALID_QUERY", field, problem, f"{least_us // SECOND_US} s to a day")
    return duration_us
