"""CommandService: batches of commands over one stream, pipelined.

Keeps one invariant: results come in the order of the batches, one for each command, whatever became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

from google.protobuf.message import DecodeError

from router.server._native import Batch
from router.server.answers import estimate_of, result_of
from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.rpcs.grpc_types import Context
from router.server.rpcs.refusing import read_request, refusal_of_no_message, takes_bytes
from router.server.rpcs.rpc import note_client
from router.server.security import Principal, principal_of
from router.server.services.command_stream import CommandStream, Started
from router.server.services.session_service import check_client_id, wire_state
from router.server.shell import Shell
from router.server.writing.requests import Answer, Submission, identity_of
from router.v1 import command_service_pb2 as pb
from router.v1 import command_service_pb2_grpc, commands_pb2, session_service_pb2
from router.wait import WaitEstimate
from router.wire.commands import decode_any_command
from router.wire.problems import Malformed

logger = logging.getLogger(__name__)


class _BatchAsker:
    """Asks for a batch in the lane: reads, checks and answers the commands that are not for it."""

    def __init__(
        self, shell: Shell, batch: Batch, principal: Principal, messages: Mapping[int, commands_pb2.Command]
    ) -> None:
        self.actor = principal.name.encode()
        self._shell = shell
        self._batch = batch
        self._principal = principal
        self._submissions: dict[int, Submission] = {}
        # worded before the batch has its turn, in which nobody else gets one
        self._refused: dict[int, bytes] = {}
        for index, message in messages.items():
            prepared = self._prepare(index, message)
            if isinstance(prepared, Refusal):
                self._refused[index] = self._worded(Answer(refusal=prepared))
            else:
                self._submissions[index] = prepared
        self.size = len(batch) - len(self._refused)
        """How many commands may be carried out."""

    def submission(self, index: int) -> Submission | Refusal | None:
        """Return a command that is not for the lane, or that the engine did not take as it was."""
        refused = self._refused.get(index)
        if refused is not None:
            self._batch.answer(refused)
            return None
        prepared = self._submissions.get(index)
        if prepared is not None:
            return prepared
        return self._prepare(index, commands_pb2.Command.FromString(self._batch.command(index)))

    def answer(self, answer: Answer) -> None:
        """Word an answer."""
        self._batch.answer(self._worded(answer))

    def answer_estimate(self, estimate: WaitEstimate | None) -> None:
        """Answer with an estimate, if there is one."""
        self._batch.answer_outcome(estimate_of(estimate, self._batch.queue, self._shell.estimation))

    def refuse_all(self, refusal: Refusal) -> None:
        """Refuse each command: for its own reason, if there is one, else as `refusal` says."""
        for index in range(len(self._batch)):
            own = self._refused.get(index)
            self._batch.answer(self._worded(Answer(refusal=refusal)) if own is None else own)

    def _worded(self, answer: Answer) -> bytes:
        """Return the bytes of a result; a fault in making them is this command's alone."""
        refused, refusal = self._shell.writer.meters.refused, answer.refusal
        if refusal is not None and refusal.sequence is None:
            refused(refusal.reason)
        try:
            return result_of(answer, self._shell.estimation).SerializeToString()
        except Exception:
            logger.exception("an answer could not be worded")
            fault = Refusal("INTERNAL_ERROR")
            refused(fault.reason)
            return result_of(Answer(refusal=fault), self._shell.estimation).SerializeToString()

    def _prepare(self, index: int, message: commands_pb2.Command) -> Submission | Refusal:
        """Return the submission that a command stands for, or why there is none."""
        path = f"commands[{index}]"
        field = message.WhichOneof("command")
        try:
            if field is not None:
                self._principal.check_command(field)
            command, part = decode_any_command(message)
            identity = identity_of(self._batch.client_id, message.request_id, part)
            self._shell.check(command)
        except Malformed as error:
            return refusal_of_malformed(error, path)
        except Refusal as refusal:
            return refusal
        return Submission(
            command,
            identity,
            self._batch.wait_estimates,
            f"{path}.{field}",
            client_id=self._batch.client_id,
            actor=self._principal.name,
            message=message,
        )


class CommandService(command_service_pb2_grpc.CommandServiceServicer):
    """Serve commands in volume, at most `batch_max` to a batch."""

    def __init__(self, shell: Shell, batch_max: int) -> None:
        self._shell = shell
        self._batch_max = batch_max

    @takes_bytes
    async def Apply(self, requests: AsyncIterator[bytes], context: Context) -> None:  # type: ignore[override]
        """Carry out batches as they come; when too many are under way, read no further until one is answered."""
        stream = CommandStream()
        reader = asyncio.create_task(self._read(requests, stream))
        stopper = asyncio.create_task(self._end_when_closing(reader))
        try:
            while (batch := await stream.batches.get()) is not None:
                if isinstance(batch, Exception):
                    raise batch
                await context.write(await self._response(batch))
                stream.end()
        finally:
            reader.cancel()
            stopper.cancel()
            stream.drop()

    async def _end_when_closing(self, reader: asyncio.Task[None]) -> None:
        await self._shell.closing.wait()
        reader.cancel()

    async def _read(self, requests: AsyncIterator[bytes], stream: CommandStream) -> None:
        """Start batches; at the end put None, or what ended it."""
        try:
            async for request in requests:
                await stream.room()
                stream.begin(self._start(request))
            stream.batches.put_nowait(None)
        except asyncio.CancelledError:
            if not self._shell.closing.is_set():
                raise
            stream.batches.put_nowait(Refusal("SHUTTING_DOWN"))
        except Exception as error:
            stream.batches.put_nowait(error)

    def _start(self, content: bytes) -> Started:
        """Hand a batch to the writer. Raises `Refusal` where the stream cannot go on."""
        # asked for each batch: it may change while the stream is open
        principal = principal_of()
        batch = self._batch_of(content, principal)
        try:
            messages = {index: commands_pb2.Command.FromString(batch.command(index)) for index in batch.unread()}
        except DecodeError:
            raise refusal_of_no_message() from None
        note_client(batch.client_id)
        principal.check_client(batch.client_id)
        holding = self._hold(batch, principal)
        asker = _BatchAsker(self._shell, batch, principal, messages)
        try:
            outcome = self._shell.writer.take_batch(batch, asker, asker.size)
        except Refusal as refusal:
            _check_answerable(refusal)
            asker.refuse_all(refusal)
            outcome = asyncio.get_running_loop().create_future()
            outcome.set_result(batch)
        return Started(len(batch), len(content), outcome, holding, batch.client_id if batch.hold_session else "")

    def _batch_of(self, content: bytes, principal: Principal) -> Batch:
        """Return the batch in the bytes of a request. Raises `Refusal`."""
        batch = self._shell.lane.read_batch(content, principal, self._batch_max)
        if batch is None:
            request = read_request(pb.ApplyRequest.FromString, content)
            if len(request.commands) > self._batch_max:
                problem = f"{len(request.commands):,} commands in one batch"
                raise invalid("INVALID_COMMAND", "commands", problem, f"at most {self._batch_max:,}")
            batch = self._shell.lane.read_batch(_plain(request), principal, self._batch_max)
            assert batch is not None
        return batch

    def _hold(self, batch: Batch, principal: Principal) -> asyncio.Future[bool] | None:
        """Renew the client's session; begin one if that is asked for. Raises `Refusal`."""
        keeper = self._shell.keeper
        if batch.hold_session:
            principal.check_session()
            check_client_id(batch.client_id)
            if self._shell.sessions.state_of(batch.client_id) is None:
                return asyncio.ensure_future(keeper.hold(batch.client_id, principal.name))
        if principal.may_hold_session:
            keeper.alive(batch.client_id)
        return None

    async def _response(self, started: Started) -> bytes:
        # shielded, so that of a stream that is cut off no batch is carried out without those before it
        batch = await asyncio.shield(started.outcome)
        state = await self._session_state(started)
        history = self._shell.hub.history
        return batch.response(history.sequence, history.time_us, state)

    async def _session_state(self, batch: Started) -> session_service_pb2.SessionState.ValueType:
        """Return the state of the session that the batch holds, once it is durable; unspecified if it has none."""
        if not batch.held_client:
            return session_service_pb2.SESSION_STATE_UNSPECIFIED
        try:
            if batch.holding is not None:
                await batch.holding
            state = wire_state(self._shell, batch.held_client)
            await self._shell.writer.durable(self._shell.sessions.changed_sequence)
        except Refusal:
            # the commands were carried out all the same, and their results must be told
            return session_service_pb2.SESSION_STATE_UNSPECIFIED
        return state


def _check_answerable(refusal: Refusal) -> None:
    """Raise what is not told of each command, but ends the stream."""
    if refusal.reason not in ("OVERLOADED", "SHUTTING_DOWN"):
        raise refusal


def _plain(request: pb.ApplyRequest) -> bytes:
    """Return the bytes of a request in the plain form: without fields that nobody knows, but for its commands'."""
    plain = pb.ApplyRequest(
        batch=request.batch,
        client_id=request.client_id,
        commands=request.commands,
        wait_estimates=request.wait_estimates,
        hold_session=request.hold_session,
    )
    return plain.SerializeToString(deterministic=True)
