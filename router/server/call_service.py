"""CallService: calls, for the system that holds them.

Keeps one invariant: nothing here decides anything; a request becomes a command or a reading of the engine.
"""

from __future__ import annotations

from router.engine import commands as engine_commands
from router.engine.errors import UnknownName
from router.server.errors import invalid
from router.server.interceptor import Context
from router.server.service import Service
from router.server.shell import required
from router.v1 import call_service_pb2 as pb
from router.v1 import call_service_pb2_grpc
from router.wire.results import encode_wait_estimate
from router.wire.views import CALL_VIEW


class CallService(Service, call_service_pb2_grpc.CallServiceServicer):
    """Serve the PBX."""

    async def Enqueue(self, request: pb.EnqueueRequest, context: Context) -> pb.EnqueueResponse:
        """Put a call in a queue."""
        return await self.write(request, request.enqueue, pb.EnqueueResponse, estimate=True)

    async def UpdateCall(self, request: pb.UpdateCallRequest, context: Context) -> pb.UpdateCallResponse:
        """Change a call."""
        return await self.write(request, request.update_call, pb.UpdateCallResponse)

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        """End a call as abandoned."""
        return await self.write(request, request.cancel, pb.CancelResponse)

    async def Requeue(self, request: pb.RequeueRequest, context: Context) -> pb.RequeueResponse:
        """Return a call to its queue."""
        return await self.write(request, request.requeue, pb.RequeueResponse)

    async def Transfer(self, request: pb.TransferRequest, context: Context) -> pb.TransferResponse:
        """Move a call to a queue."""
        return await self.write(request, request.transfer, pb.TransferResponse)

    async def Assign(self, request: pb.AssignRequest, context: Context) -> pb.AssignResponse:
        """Assign a call to a named agent."""
        return await self.write(request, request.assign, pb.AssignResponse)

    async def TurnIntoCallback(
        self, request: pb.TurnIntoCallbackRequest, context: Context
    ) -> pb.TurnIntoCallbackResponse:
        """Let the caller hang up and keep the place."""
        return await self.write(request, request.turn_into_callback, pb.TurnIntoCallbackResponse)

    async def Accept(self, request: pb.AcceptRequest, context: Context) -> pb.AcceptResponse:
        """Accept an offer."""
        return await self.write(request, request.accept, pb.AcceptResponse)

    async def Reject(self, request: pb.RejectRequest, context: Context) -> pb.RejectResponse:
        """Reject an offer."""
        return await self.write(request, request.reject, pb.RejectResponse)

    async def Complete(self, request: pb.CompleteRequest, context: Context) -> pb.CompleteResponse:
        """End the conversation of a call."""
        return await self.write(request, request.complete, pb.CompleteResponse)

    async def RecordOutcome(self, request: pb.RecordOutcomeRequest, context: Context) -> pb.RecordOutcomeResponse:
        """Record how a call went."""
        return await self.write(request, request.record_outcome, pb.RecordOutcomeResponse)

    async def GetCall(self, request: pb.GetCallRequest, context: Context) -> pb.GetCallResponse:
        """Return a call's state and place in line."""
        view = self.shell.engine.call(required("call", request.call))
        return pb.GetCallResponse(header=self.shell.header(), call=CALL_VIEW.encode(view))

    async def GetWaitEstimate(self, request: pb.GetWaitEstimateRequest, context: Context) -> pb.GetWaitEstimateResponse:
        """Estimate how long a call will wait."""
        now_us = self.shell.clock.now_us()
        match request.WhichOneof("of"):
            case "call":
                estimate = self.shell.estimator.estimate_call(required("call", request.call), now_us)
            case "enqueue":
                estimate = self.shell.estimator.estimate_new(self._hypothetical(request), now_us)
            case _:
                raise invalid("INVALID_QUERY", "of", "neither is set", "one of call, enqueue")
        return pb.GetWaitEstimateResponse(header=self.shell.header(), wait_estimate=encode_wait_estimate(estimate))

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
