"""What all services have in common: how a write becomes a command and its answer a response.

Keeps one invariant: the header of a response to a command is that of the command, also in a repeated answer.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from router.server.errors import invalid
from router.server.requests import Answer
from router.server.security import principal_of
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


class Service:
    """A service over a shell."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

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
