"""CommandService: batches of commands over one stream, pipelined.

Keeps one invariant: results come in the order of the batches, one for each command, whatever became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from google.protobuf.message import DecodeError

from router.server._native import Batch
from router.server.command_stream import CommandStream, Started
from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.grpc_types import Context
from router.server.lane import encoded_estimate
from router.server.refusing import read_request, takes_bytes
from router.server.requests import Answer, Submission, identity_of
from router.server.rpc import note_client
from router.server.security import Principal, principal_of
from router.server.service import encode_estimate
from router.server.session_service import check_client_id, wire_state
from router.server.shell import Shell
from router.v1 import command_service_pb2 as pb
from router.v1 import command_service_pb2_grpc, commands_pb2, results_pb2, session_service_pb2
from router.wait import WaitEstimate
from router.wire.commands import decode_any_command
from router.wire.problems import Malformed
from router.wire.results import encode_header, encode_result

logger = logging.getLogger(__name__)

T = TypeVar("T")


class _HoldsSession(Protocol):
    """A batch, however it was read."""

    @property
    def client_id(self) -> str: ...
    @property
    def hold_session(self) -> bool: ...


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
        self._batch.answer_outcome(encoded_estimate(self._shell.estimation, estimate, self._batch.queue))

    def refuse_all(self, refusal: Refusal) -> None:
        """Refuse each command: for its own reason, if there is one, else as `refusal` says."""
        for index in range(len(self._batch)):
            own = self._refused.get(index)
            self._batch.answer(self._worded(Answer(refusal=refusal)) if own is None else own)

    def _worded(self, answer: Answer) -> bytes:
        """Return the bytes of a result; a fault in making them is this command's alone."""
        try:
            return _result(self._shell, answer).SerializeToString()
        except Exception:
            logger.exception("an answer could not be worded")
            return _result(self._shell, Answer(refusal=Refusal("INTERNAL_ERROR"))).SerializeToString()

    def _prepare(self, index: int, message: commands_pb2.Command) -> Submission | Refusal:
        try:
            return _submission(
                self._shell, index, message, self._batch.client_id, self._principal, estimate=self._batch.wait_estimates
            )
        except Refusal as refusal:
            return refusal


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
        batch = self._shell.lane.read_batch(content, principal, self._batch_max)
        if batch is None:
            return self._start_messages(content)
        try:
            messages = {index: commands_pb2.Command.FromString(batch.command(index)) for index in batch.unread()}
        except DecodeError:
            # which says in what way the whole request is no message
            return self._start_messages(content)
        note_client(batch.client_id)
        principal.check_client(batch.client_id)
        return self._start_in_lane(batch, len(content), messages, principal)

    def _start_in_lane(
        self, batch: Batch, size_bytes: int, messages: Mapping[int, commands_pb2.Command], principal: Principal
    ) -> Started:
        holding = self._hold(batch, principal)
        asker = _BatchAsker(self._shell, batch, principal, messages)
        outcome: asyncio.Future[Batch]
        try:
            outcome = self._shell.writer.take_batch(batch, asker, asker.size)
        except Refusal as refusal:
            _check_answerable(refusal)
            asker.refuse_all(refusal)
            outcome = _done(batch)
        held_client = batch.client_id if batch.hold_session else ""
        return Started(len(batch), size_bytes, outcome, self._response_of_lane, holding, held_client)

    def _start_messages(self, content: bytes) -> Started:
        request = read_request(pb.ApplyRequest.FromString, content)
        if len(request.commands) > self._batch_max:
            problem = f"{len(request.commands):,} commands in one batch"
            raise invalid("INVALID_COMMAND", "commands", problem, f"at most {self._batch_max:,}")
        principal = principal_of()
        holding = self._hold(request, principal)
        refusals: list[Refusal | None] = []
        submissions = []
        for index, message in enumerate(request.commands):
            try:
                submissions.append(
                    _submission(
                        self._shell, index, message, request.client_id, principal, estimate=request.wait_estimates
                    )
                )
                refusals.append(None)
            except Refusal as refusal:
                refusals.append(refusal)
        outcome: asyncio.Future[list[Answer]]
        try:
            outcome = self._shell.writer.take(submissions)
        except Refusal as refusal:
            _check_answerable(refusal)
            outcome = _done([Answer(refusal=refusal)] * len(submissions))
        respond = partial(self._response_of_answers, request.batch, refusals)
        held_client = request.client_id if request.hold_session else ""
        return Started(len(refusals), len(content), outcome, respond, holding, held_client)

    def _hold(self, request: _HoldsSession, principal: Principal) -> asyncio.Future[bool] | None:
        """Renew the client's session; begin one if that is asked for. Raises `Refusal`."""
        keeper = self._shell.keeper
        if request.hold_session:
            principal.check_session()
            check_client_id(request.client_id)
            if self._shell.sessions.state_of(request.client_id) is None:
                return asyncio.ensure_future(keeper.hold(request.client_id, principal.name))
        if principal.may_hold_session:
            keeper.alive(request.client_id)
        return None

    async def _response(self, batch: Started) -> bytes | pb.ApplyResponse:
        # shielded, so that of a stream that is cut off no batch is carried out without those before it
        outcome = await asyncio.shield(batch.outcome)
        return batch.respond(outcome, await self._session_state(batch))

    def _response_of_lane(self, batch: Batch, state: session_service_pb2.SessionState.ValueType) -> bytes:
        history = self._shell.hub.history
        return batch.response(history.sequence, history.time_us, state)

    def _response_of_answers(
        self,
        number: int,
        refusals: Sequence[Refusal | None],
        answers: Sequence[Answer],
        state: session_service_pb2.SessionState.ValueType,
    ) -> pb.ApplyResponse:
        those = iter(answers)
        results = [_result(self._shell, Answer(refusal=refusal) if refusal else next(those)) for refusal in refusals]
        header = self._shell.published_header()
        return pb.ApplyResponse(batch=number, header=header, results=results, session_state=state)

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


def _done(outcome: T) -> asyncio.Future[T]:
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def _check_answerable(refusal: Refusal) -> None:
    """Raise what is not told of each command, but ends the stream."""
    if refusal.reason not in ("OVERLOADED", "SHUTTING_DOWN"):
        raise refusal


def _submission(
    shell: Shell, index: int, message: commands_pb2.Command, client_id: str, principal: Principal, *, estimate: bool
) -> Submission:
    """Return the submission that a command of a batch stands for. Raises `Refusal`."""
    path = f"commands[{index}]"
    field = message.WhichOneof("command")
    if field is not None:
        principal.check_command(field)
    try:
        command, part = decode_any_command(message)
    except Malformed as error:
        raise refusal_of_malformed(error, path) from None
    identity = identity_of(client_id, message.request_id, part)
    shell.check(command)
    path = f"{path}.{field}"
    return Submission(command, identity, estimate, path, client_id=client_id, actor=principal.name, message=message)


def _result(shell: Shell, answer: Answer) -> results_pb2.CommandResult:
    refusal = answer.refusal
    if refusal is not None:
        header = None
        if refusal.sequence is None:
            shell.writer.meters.refused(refusal.reason)
        elif refusal.time_us is not None:
            header = encode_header(refusal.sequence, refusal.time_us)
        return results_pb2.CommandResult(header=header, error=refusal.status())
    result = answer.result
    assert result is not None
    return results_pb2.CommandResult(
        header=encode_header(result.sequence, result.time_us),
        result=encode_result(result),
        wait_estimate=encode_estimate(shell, answer),
    )
