"""AgentService: agents, for the system that knows them.

Keeps one invariant: one page of a list looks at a bounded number of agents, however many there are.
"""

from __future__ import annotations

from router.engine.vocabulary import Availability
from router.server.errors import refusal_of_malformed
from router.server.rpcs.grpc_types import Context
from router.server.rpcs.unary import through_lane
from router.server.services.service import Service
from router.server.shell import bounded, required
from router.v1 import agent_service_pb2 as pb
from router.v1 import agent_service_pb2_grpc
from router.wire.problems import Malformed
from router.wire.views import AGENT_VIEW
from router.wire.vocabulary import AVAILABILITY

PAGE_DEFAULT = 100
PAGE_MAX = 1_000


class AgentService(Service, agent_service_pb2_grpc.AgentServiceServicer):
    """Serve the agents' desktops."""

    async def SignIn(self, request: pb.SignInRequest, context: Context) -> pb.SignInResponse:
        """Sign an agent in."""
        return await self.write(request, request.sign_in, pb.SignInResponse)

    async def SignOut(self, request: pb.SignOutRequest, context: Context) -> pb.SignOutResponse:
        """Sign an agent out."""
        return await self.write(request, request.sign_out, pb.SignOutResponse)

    @through_lane("set_availability")
    async def SetAvailability(self, request: pb.SetAvailabilityRequest, context: Context) -> pb.SetAvailabilityResponse:
        """Make an agent ready or not ready."""
        return await self.write(request, request.set_availability, pb.SetAvailabilityResponse)

    async def UpdateAgent(self, request: pb.UpdateAgentRequest, context: Context) -> pb.UpdateAgentResponse:
        """Replace an agent's skills, capacity or both."""
        return await self.write(request, request.update_agent, pb.UpdateAgentResponse)

    @through_lane("end_wrap_up")
    async def EndWrapUp(self, request: pb.EndWrapUpRequest, context: Context) -> pb.EndWrapUpResponse:
        """End an agent's after-call work."""
        return await self.write(request, request.end_wrap_up, pb.EndWrapUpResponse)

    async def GetAgent(self, request: pb.GetAgentRequest, context: Context) -> pb.GetAgentResponse:
        """Return one agent."""
        view = self.shell.engine.agent(required("agent", request.agent))
        return pb.GetAgentResponse(header=self.shell.header(), agent=AGENT_VIEW.encode(view))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        """List agents by name. The page token is the last name of the page before."""
        page_size = bounded("page_size", request.page_size, PAGE_MAX) or PAGE_DEFAULT
        wanted = _availabilities(request)
        names, more = self.shell.agents.page(request.page_token, page_size)
        views = [self.shell.engine.agent(name) for name in names]
        return pb.ListAgentsResponse(
            header=self.shell.header(),
            agents=[AGENT_VIEW.encode(view) for view in views if view.availability in wanted],
            next_page_token=names[-1] if more else "",
        )


def _availabilities(request: pb.ListAgentsRequest) -> frozenset[int]:
    bounded("availabilities", len(request.availabilities), 100)
    try:
        chosen = frozenset(AVAILABILITY.read(number) for number in request.availabilities)
    except Malformed as error:
        raise refusal_of_malformed(error, "availabilities", "INVALID_QUERY") from None
    return chosen or frozenset(Availability)
