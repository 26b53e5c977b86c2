"""What all services have in common: how a write becomes a command, of a message or through the lane.

Keeps one invariant: a session is known to be alive when its client writes, whatever becomes of the command.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from google.protobuf.message import Message

from router.server.answers import Response, response_of
from router.server.errors import invalid
from router.server.security import principal_of
from router.server.security.principals import Caller, set_caller
from router.server.shell import Shell
from router.wire.commands import field_of


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
        return response_of(answer, response, self.shell.estimation)
