"""CommandService: batches of commands over one stream, pipelined.

Keeps one invariant: results come in the order of the batches, one for each command, whatever became of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.interceptor import Context
from router.server.requests import Answer, Submission, identity_of
from router.server.security import principal_of
from router.server.service import encode_estimate
from router.server.session_service import check_client_id, wire_state
from router.server.shell import Shell
from router.v1 import command_service_pb2 as pb
from router.v1 import command_service_pb2_grpc, commands_pb2, results_pb2, session_service_pb2
from router.wire.commands import decode_any_command
from router.wire.problems import Malformed
from router.wire.results import encode_header, encode_result

BATCHES_IN_FLIGHT_MAX = 16


class _Batch(NamedTuple):
    """A batch under way: a refusal for each command that is malformed, the answers to come for the others."""

    number: int
    refusals: Sequence[Refusal | None]
    answers: asyncio.Future[list[Answer]]
    holding: asyncio.Future[bool] | None
    held_client: str


class _Stream:
    """What is under way on one stream: batches that were started, in order, and the line of those to answer.

    A batch is started only when there is room for it, so that it can stand in line at once.
    """

    def __init__(self) -> None:
        self.started: deque[_Batch] = deque()
        self.batches: asyncio.Queue[_Batch | Exception | None] = asyncio.Queue()
        self.room = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)

    def drop(self) -> None:
        """Let go of batches whose answers nobody will take: what has not had its turn yet is not carried out."""
        for batch in self.started:
            batch.answers.cancel()
            if batch.holding is not None:
                batch.holding.cancel()


class CommandService(command_service_pb2_grpc.CommandServiceServicer):
    """Serve commands in volume, at most `batch_max` to a batch."""

    def __init__(self, shell: Shell, batch_max: int) -> None:
        self._shell = shell
        self._batch_max = batch_max

    async def Apply(self, requests: AsyncIterator[pb.ApplyRequest], context: Context) -> None:  # type: ignore[override]
        """Carry out batches as they come; when too many are under way, read no further until one is answered."""
        stream = _Stream()
        reader = asyncio.create_task(self._read(requests, stream))
        stopper = asyncio.create_task(self._end_when_closing(reader))
        try:
            while (batch := await stream.batches.get()) is not None:
                if isinstance(batch, Exception):
                    raise batch
                await context.write(await self._response(batch))
                stream.started.popleft()
                stream.room.release()
        finally:
            reader.cancel()
            stopper.cancel()
            stream.drop()

    async def _end_when_closing(self, reader: asyncio.Task[None]) -> None:
        await self._shell.closing.wait()
        reader.cancel()

    async def _read(self, requests: AsyncIterator[pb.ApplyRequest], stream: _Stream) -> None:
        """Start batches; at the end put None, or what ended it."""
        try:
            async for request in requests:
                await stream.room.acquire()
                batch = self._start(request)
                stream.started.append(batch)
                stream.batches.put_nowait(batch)
            stream.batches.put_nowait(None)
        except asyncio.CancelledError:
            if not self._shell.closing.is_set():
                raise
            stream.batches.put_nowait(Refusal("SHUTTING_DOWN"))
        except Exception as error:
            stream.batches.put_nowait(error)

    def _start(self, request: pb.ApplyRequest) -> _Batch:
        """Hand a batch to the writer. Raises `Refusal` where the stream cannot go on."""
        if len(request.commands) > self._batch_max:
            problem = f"{len(request.commands):,} commands in one batch"
            raise invalid("INVALID_COMMAND", "commands", problem, f"at most {self._batch_max:,}")
        # asked for each batch: it may change while the stream is open
        actor = principal_of().name
        holding = self._hold(request, actor)
        refusals: list[Refusal | None] = []
        submissions = []
        for index, message in enumerate(request.commands):
            try:
                submissions.append(self._submission(request, index, message, actor))
                refusals.append(None)
            except Refusal as refusal:
                refusals.append(refusal)
        try:
            answers = self._shell.writer.take(submissions)
        except Refusal as refusal:
            if refusal.reason not in ("OVERLOADED", "SHUTTING_DOWN"):
                raise
            answers = asyncio.get_running_loop().create_future()
            answers.set_result([Answer(refusal=refusal)] * len(submissions))
        return _Batch(request.batch, refusals, answers, holding, request.client_id if request.hold_session else "")

    def _hold(self, request: pb.ApplyRequest, actor: str) -> asyncio.Future[bool] | None:
        """Renew the client's session; begin one if that is asked for. Raises `Refusal`."""
        keeper, principal = self._shell.keeper, principal_of()
        if request.hold_session:
            principal.check_session()
            check_client_id(request.client_id)
            if self._shell.sessions.state_of(request.client_id) is None:
                return asyncio.ensure_future(keeper.hold(request.client_id, actor))
        if principal.may_hold_session:
            keeper.alive(request.client_id)
        return None

    def _submission(
        self, request: pb.ApplyRequest, index: int, message: commands_pb2.Command, actor: str
    ) -> Submission:
        path = f"commands[{index}]"
        field = message.WhichOneof("command")
        if field is not None:
            principal_of().check_command(field)
        try:
            command, part = decode_any_command(message)
        except Malformed as error:
            raise refusal_of_malformed(error, path) from None
        identity = identity_of(request.client_id, message.request_id, part)
        self._shell.check(command)
        path = f"{path}.{field}"
        return Submission(
            command,
            identity,
            request.wait_estimates,
            path,
            client_id=request.client_id,
            actor=actor,
            message=message,
        )

    async def _response(self, batch: _Batch) -> pb.ApplyResponse:
        # shielded, so that of a stream that is cut off no batch is carried out without those before it
        answers = iter(await asyncio.shield(batch.answers))
        results = [self._result(Answer(refusal=refusal) if refusal else next(answers)) for refusal in batch.refusals]
        state = await self._session_state(batch)
        header = self._shell.published_header()
        return pb.ApplyResponse(batch=batch.number, header=header, results=results, session_state=state)

    async def _session_state(self, batch: _Batch) -> session_service_pb2.SessionState.ValueType:
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

    def _result(self, answer: Answer) -> results_pb2.CommandResult:
        if answer.refusal is not None and answer.refusal.sequence is None:
            self._shell.writer.meters.refused(answer.refusal.reason)
        return _encode_answer(self._shell, answer)


def _encode_answer(shell: Shell, answer: Answer) -> results_pb2.CommandResult:
    refusal = answer.refusal
    if refusal is not None:
        header = None
        if refusal.sequence is not None and refusal.time_us is not None:
            header = encode_header(refusal.sequence, refusal.time_us)
        return results_pb2.CommandResult(header=header, error=refusal.status())
    result = answer.result
    assert result is not None
    return results_pb2.CommandResult(
        header=encode_header(result.sequence, result.time_us),
        result=encode_result(result),
        wait_estimate=encode_estimate(shell, answer),
    )
