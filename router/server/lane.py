"""The lane's entrance: requests as bytes become batches that go through it, as far as that can be.

Keeps one invariant: a request that goes through the lane is answered as it would be without; where that is not certain
it does not go in.
"""

from __future__ import annotations

from typing import Any, Final

from router.engine.commands import Enqueue
from router.server._native import Batch, read_alone, read_batch
from router.server.answers import estimate_of, response_of
from router.server.errors import Refusal, refusal_of_malformed
from router.server.estimation import Estimation
from router.server.memory import MemoryGuard
from router.server.security.principals import Principal
from router.server.security.roles import COMMANDS, Role
from router.server.writing.requests import Answer, Submission, identity_of
from router.server.writing.writer import Writer
from router.v1 import commands_pb2
from router.v1.call_service_pb2 import EnqueueResponse
from router.wait import WaitEstimate
from router.wire.commands import decode_command
from router.wire.problems import Malformed

_FIELDS: Final[dict[str, Any]] = dict(commands_pb2.Command.DESCRIPTOR.fields_by_name)
FIELD_NUMBERS: Final[dict[str, int]] = {name: _FIELDS[name].number for name in COMMANDS}
"""The number in `Command` of each field that holds a command."""
_ENQUEUE: Final = 1 << FIELD_NUMBERS["enqueue"]
_ALLOWED: Final = {
    role: sum(1 << FIELD_NUMBERS[name] for name, roles in COMMANDS.items() if role in roles) for role in Role
}


class LaneEntrance:
    """Read requests for the lane. Of new calls it takes none while `memory` is short, while `is_open` is false nothing.

    What it does not take of a batch is Python's turn.
    """

    def __init__(self, writer: Writer, memory: MemoryGuard) -> None:
        self.is_open = True
        self._writer = writer
        self._memory = memory

    def read_batch(self, content: bytes, principal: Principal, commands_max: int) -> Batch | None:
        """Return the batch in the bytes of an `ApplyRequest`; None if they are not in the plain form, or too many."""
        return read_batch(content, self._fields(principal), commands_max)

    def read_alone(self, content: bytes, field: str, principal: Principal) -> Batch | None:
        """Return the one command in the bytes of a request of its own, None if it cannot go through the lane."""
        return read_alone(content, FIELD_NUMBERS[field], self._fields(principal))

    @property
    def _takes_any(self) -> bool:
        # whoever traces wants to see each command
        return self.is_open and self._writer.tracer is None

    def _fields(self, principal: Principal) -> int:
        """Return which commands of a principal the lane takes now, a bit for each field of `Command`."""
        if not self._takes_any:
            return 0
        fields = _ALLOWED[principal.role]
        return fields & ~_ENQUEUE if self._memory.is_short() else fields


class LoneAsker:
    """Asks for a command that came alone, in `field`. `response` returns the outcome once it has been carried out."""

    def __init__(self, batch: Batch, field: str, actor: str, estimation: Estimation) -> None:
        self.actor = actor.encode()
        self._batch = batch
        self._field = field
        self._actor = actor
        self._estimation = estimation
        self._answer: Answer | None = None

    def submission(self, index: int) -> Submission | Refusal:
        """Return the command, where the engine did not take it as it was."""
        batch = self._batch
        part = getattr(commands_pb2, _FIELDS[self._field].message_type.name).FromString(batch.command(index))
        try:
            command = decode_command(part)
            identity = identity_of(batch.client_id, batch.request_id, part)
        except Malformed as error:
            return refusal_of_malformed(error, self._field)
        except Refusal as refusal:
            return refusal
        whole: dict[str, Any] = {self._field: part}
        return Submission(
            command,
            identity,
            batch.wait_estimates and isinstance(command, Enqueue),
            self._field,
            client_id=batch.client_id,
            actor=self._actor,
            message=commands_pb2.Command(**whole),
        )

    def answer(self, answer: Answer) -> None:
        """Take an answer that the lane does not word."""
        self._answer = answer
        self._batch.answer(b"")

    def answer_estimate(self, estimate: WaitEstimate | None) -> None:
        """Answer with an estimate, if there is one."""
        self._batch.answer_outcome(estimate_of(estimate, self._batch.queue, self._estimation))

    def response(self) -> bytes:
        """Return the bytes of the response. Raises `Refusal`."""
        if self._answer is None:
            return self._batch.response_alone
        return response_of(self._answer, EnqueueResponse, self._estimation).SerializeToString()
