"""AdministrationService: queues, config, explanations and figures, for supervisors and operations.

Keeps one invariant: a config that is not valid changes nothing.
"""

from __future__ import annotations

from router.config import ConfigError
from router.engine.vocabulary import CallState
from router.server.answers import response_of
from router.server.errors import Refusal, Violation, invalid
from router.server.rpcs.grpc_types import Context
from router.server.security import principal_of
from router.server.services.service import Service
from router.server.shell import bounded, required
from router.server.writing.requests import identity_of
from router.v1 import administration_service_pb2 as pb
from router.v1 import administration_service_pb2_grpc
from router.wire.times import to_duration, to_timestamp
from router.wire.views import CALL_EXPLANATION, DECISION, ELIGIBILITY, QUEUE_VIEW, STATISTICS

WAITING_MAX = 1_000
MOVES_MAX = 10_000


class AdministrationService(Service, administration_service_pb2_grpc.AdministrationServiceServicer):
    """Serve supervisors and operations."""

    async def PauseQueue(self, request: pb.PauseQueueRequest, context: Context) -> pb.PauseQueueResponse:
        """Stop serving a queue."""
        return await self.write(request, request.pause_queue, pb.PauseQueueResponse)

    async def ResumeQueue(self, request: pb.ResumeQueueRequest, context: Context) -> pb.ResumeQueueResponse:
        """Serve a paused queue again."""
        return await self.write(request, request.resume_queue, pb.ResumeQueueResponse)

    async def GetQueue(self, request: pb.GetQueueRequest, context: Context) -> pb.GetQueueResponse:
        """Return one queue and the head of its line."""
        limit = bounded("waiting_limit", request.waiting_limit, WAITING_MAX)
        engine = self.shell.engine
        view = engine.queue(required("queue", request.queue))
        waiting = engine.waiting(request.queue, limit) if limit else []
        return pb.GetQueueResponse(header=self.shell.header(), queue=QUEUE_VIEW.encode(view), waiting=waiting)

    async def ListQueues(self, request: pb.ListQueuesRequest, context: Context) -> pb.ListQueuesResponse:
        """Return all queues by name."""
        queues = [QUEUE_VIEW.encode(view) for view in self.shell.engine.queues()]
        return pb.ListQueuesResponse(header=self.shell.header(), queues=queues)

    async def GetConfig(self, request: pb.GetConfigRequest, context: Context) -> pb.GetConfigResponse:
        """Return the config that rules now."""
        configs = self.shell.configs
        return pb.GetConfigResponse(header=self.shell.header(), toml=configs.text, etag=configs.etag)

    async def ValidateConfig(self, request: pb.ValidateConfigRequest, context: Context) -> pb.ValidateConfigResponse:
        """Check a config; problems are the answer, not an error."""
        try:
            config = await self.shell.configs.parse(request.toml)
        except ConfigError as error:
            problems = [
                pb.ConfigProblem(line=problem.line, key=problem.key, problem=problem.problem, wanted=problem.wanted)
                for problem in error.problems[:1_000]
            ]
            return pb.ValidateConfigResponse(header=self.shell.header(), problems=problems)
        return pb.ValidateConfigResponse(header=self.shell.header(), etag=config.etag)

    async def ApplyConfig(self, request: pb.ApplyConfigRequest, context: Context) -> pb.ApplyConfigResponse:
        """Check a config and apply it whole."""
        if len(request.moves) > MOVES_MAX:
            raise invalid("INVALID_COMMAND", "moves", f"{len(request.moves):,} entries", f"at most {MOVES_MAX:,}")
        content = pb.ApplyConfigRequest(toml=request.toml, expected_etag=request.expected_etag, moves=request.moves)
        try:
            answer, etag = await self.shell.configs.apply(
                request.toml,
                expected_etag=request.expected_etag,
                moves=request.moves,
                identity=identity_of(request.client_id, request.request_id, content),
                client_id=request.client_id,
                actor=principal_of().name,
            )
        except ConfigError as error:
            raise _invalid_config(error) from None
        response = response_of(answer, pb.ApplyConfigResponse, self.shell.estimation)
        response.etag = etag
        return response

    async def ExplainCall(self, request: pb.ExplainCallRequest, context: Context) -> pb.ExplainCallResponse:
        """Say why a call is where it is."""
        explanation = self.shell.engine.explain_call(required("call", request.call))
        shadow_agent = None
        if self.shell.shadow is not None and explanation.state is CallState.WAITING:
            shadow_agent = self.shell.engine.would_get(request.call)
        return pb.ExplainCallResponse(
            header=self.shell.header(),
            explanation=CALL_EXPLANATION.encode(explanation),
            shadow_agent=shadow_agent,
        )

    async def ExplainAgent(self, request: pb.ExplainAgentRequest, context: Context) -> pb.ExplainAgentResponse:
        """Say whether an agent may take a call."""
        eligibility = self.shell.engine.explain_agent(required("call", request.call), required("agent", request.agent))
        return pb.ExplainAgentResponse(header=self.shell.header(), eligibility=ELIGIBILITY.encode(eligibility))

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Context) -> pb.ListDecisionsResponse:
        """Return the last decisions about a flagged call."""
        decisions = self.shell.engine.decisions(required("call", request.call))
        return pb.ListDecisionsResponse(
            header=self.shell.header(), decisions=[DECISION.encode(decision) for decision in decisions]
        )

    async def GetStatistics(self, request: pb.GetStatisticsRequest, context: Context) -> pb.GetStatisticsResponse:
        """Return counters of the work done."""
        shell = self.shell
        return pb.GetStatisticsResponse(
            header=shell.header(),
            statistics=STATISTICS.encode(shell.engine.statistics()),
            engine_time=to_duration(shell.writer.engine_us),
            started=to_timestamp(shell.clock.start_us),
            clock_speed=shell.clock.speed,
            watchers=len(shell.hub),
        )


def _invalid_config(error: ConfigError) -> Refusal:
    violations = [
        Violation(problem.key or "toml", f"line {problem.line}: {problem.problem}; {problem.wanted}")
        for problem in error.problems
    ]
    count = len(violations)
    first = f"{violations[0].field}, {violations[0].description}"
    summary = first if count == 1 else f"{count} problems; the first: {first}"
    return Refusal("INVALID_CONFIG", summary, violations=violations)
