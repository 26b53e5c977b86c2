"""What all services have in common: how a write becomes a command and its answer a response.

Keeps one invariant: the header of a response to a command is that of the command, also in a repeated answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.message import Message

from router.server.errors import invalid
from router.server.requests import Answer
from router.server.security import principal_of
from router.server.security.principals import Caller, set_caller
from router.server.shell import Shell
from router.v1 import results_pb2
from router.wire.commands import field_of
from router.wire.results import encode_header, encode_result

Response = TypeVar("Response", bound=Message)


class WriteRequest(Protocol):
    """A request that changes something."""

    @property
    def client_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    def HasField(self, field_name: Any) -> bool: ...


Served = TypeVar("Served", bound=Callable[..., Any])
Take = Callable[[bytes, Caller], Awaitable[bytes] | None]


_LANE: Final = "through_lane"


def through_lane(field: str, *, estimate: bool = False) -> Callable[[Served], Served]:
    """Mark a method of a service: its requests, with the command in a field, may go through the lane as bytes.

    The method itself is for those that may not.
    """

    def marked(serve: Served) -> Served:
        setattr(serve, _LANE, (field, estimate))
        return serve

    return marked


def lane_of(serve: Any) -> Take | None:
    """Return what takes the requests for a method of a service into the lane, None if the method is not marked so."""
    mark = getattr(serve, _LANE, None)
    return None if mark is None else partial(serve.__self__.take, *mark)


class Service:
    """A service over a shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def take(self, field: str, estimate: bool, content: bytes, caller: Caller) -> Awaitable[bytes] | None:
        """Take the request in some bytes, with a command in a field, into the lane; None if it is not for the lane.

        What is awaited is the response's bytes, durable. Both raise `Refusal`.
        """
        principal = caller.principal
        batch = self.shell.lane.read_alone(content, field, principal)
        if batch is None:
            return None
        client_id = batch.client_id
        if not principal.may_use(client_id):
            # who reports what it refuses
            set_caller(caller)
            principal.check_client(client_id)
        if principal.may_hold_session:
            self.shell.keeper.alive(client_id)
        return self.shell.carry_out_alone(batch, field, estimate=estimate, actor=principal.name)

    async def write(
        self, request: WriteRequest, part: Message, response: type[Response], *, estimate: bool = False
    ) -> Response:
        """Carry out the command in `part` of a request and return the response. Raises `Refusal`."""
        field = field_of(part)
        if not request.HasField(field):
            raise invalid("INVALID_COMMAND", field, "missing", "the command")
        principal = principal_of()
        if principal.may_hold_session:
            self.shell.keeper.alive(request.client_id)
        answer = await self.shell.carry_out(
            request.client_id, request.request_id, part, estimate=estimate, actor=principal.name
        )
        return self.respond(answer, response)

    def respond(self, answer: Answer, response: type[Response]) -> Response:
        """Return the response for an answer that is no refusal."""
        result = answer.result
        assert result is not None
        fields: dict[str, Any] = {
            "header": encode_header(result.sequence, result.time_us),
            "result": encode_result(result),
        }
        if answer.wait_estimate is not None:
            fields["wait_estimate"] = encode_estimate(self.shell, answer)
        return response(**fields)


def encode_estimate(shell: Shell, answer: Answer) -> results_pb2.WaitEstimate | None:
    """Return the message for the estimate that an answer to `Enqueue` has, None without one."""
    result, estimate = answer.result, answer.wait_estimate
    if estimate is None or result is None:
        return None
    return shell.estimation.encode(estimate, result.queue or "")
