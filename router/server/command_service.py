"""CommandService: batches of commands over one stream, pipelined.

Keeps one invariant: results come in the order of the batches, one for each command, whatever became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from router.server.errors import Refusal, invalid, refusal_of_malformed
from router.server.interceptor import Context
from router.server.requests import Answer, Submission, identity_of
from router.server.shell import Shell
from router.v1 import command_service_pb2 as pb
from router.v1 import command_service_pb2_grpc, commands_pb2, results_pb2
from router.wire.commands import decode_any_command
from router.wire.problems import Malformed
from router.wire.results import encode_header, encode_result, encode_wait_estimate

BATCHES_IN_FLIGHT_MAX = 16


class _Batch(NamedTuple):
    """A batch under way: a refusal for each command that is malformed, the answers to come for the others."""

    number: int
    refusals: Sequence[Refusal | None]
    answers: asyncio.Future[list[Answer]]


class CommandService(command_service_pb2_grpc.CommandServiceServicer):
    """Serve commands in volume, at most `batch_max` to a batch."""

    def __init__(self, shell: Shell, batch_max: int) -> None:
        self._shell = shell
        self._batch_max = batch_max

    async def Apply(self, requests: AsyncIterator[pb.ApplyRequest], context: Context) -> None:  # type: ignore[override]
        """Carry out batches as they come; when too many are under way, read no further until one is answered."""
        batches: asyncio.Queue[_Batch | Exception | None] = asyncio.Queue(BATCHES_IN_FLIGHT_MAX)
        reader = asyncio.create_task(self._read(requests, batches))
        stopper = asyncio.create_task(self._end_when_stopping(reader))
        try:
            while (batch := await batches.get()) is not None:
                if isinstance(batch, Exception):
                    raise batch
                await context.write(await self._response(batch))
        finally:
            reader.cancel()
            stopper.cancel()

    async def _end_when_stopping(self, reader: asyncio.Task[None]) -> None:
        await self._shell.stopping.wait()
        reader.cancel()

    async def _read(
        self, requests: AsyncIterator[pb.ApplyRequest], batches: asyncio.Queue[_Batch | Exception | None]
    ) -> None:
        """Start batches; at the end put None, or what ended it."""
        try:
            async for request in requests:
                await batches.put(self._start(request))
            await batches.put(None)
        except asyncio.CancelledError:
            if not self._shell.stopping.is_set():
                raise
            await batches.put(Refusal("SHUTTING_DOWN"))
        except Exception as error:
            await batches.put(error)

    def _start(self, request: pb.ApplyRequest) -> _Batch:
        """Hand a batch to the writer. Raises `Refusal` where the stream cannot go on."""
        if len(request.commands) > self._batch_max:
            problem = f"{len(request.commands):,} commands in one batch"
            raise invalid("INVALID_COMMAND", "commands", problem, f"at most {self._batch_max:,}")
        refusals: list[Refusal | None] = []
        submissions = []
        for index, message in enumerate(request.commands):
            try:
                submissions.append(self._submission(request, index, message))
                refusals.append(None)
            except Refusal as refusal:
                refusals.append(refusal)
        try:
            answers = self._shell.writer.take(submissions)
        except Refusal as refusal:
            if refusal.reason != "OVERLOADED":
                raise
            answers = asyncio.get_running_loop().create_future()
            answers.set_result([Answer(refusal=refusal)] * len(submissions))
        return _Batch(request.batch, refusals, answers)

    def _submission(self, request: pb.ApplyRequest, index: int, message: commands_pb2.Command) -> Submission:
        path = f"commands[{index}]"
        try:
            command, part = decode_any_command(message)
        except Malformed as error:
            raise refusal_of_malformed(error, path) from None
        identity = identity_of(request.client_id, message.request_id, part)
        return Submission(command, identity, request.wait_estimates, f"{path}.{message.WhichOneof('command')}")

    async def _response(self, batch: _Batch) -> pb.ApplyResponse:
        answers = iter(await batch.answers)
        results = [_result(Answer(refusal=refusal) if refusal else next(answers)) for refusal in batch.refusals]
        return pb.ApplyResponse(batch=batch.number, header=self._shell.header(), results=results)


def _result(answer: Answer) -> results_pb2.CommandResult:
    refusal = answer.refusal
    if refusal is not None:
        header = None
        if refusal.sequence is not None and refusal.time_us is not None:
            header = encode_header(refusal.sequence, refusal.time_us)
        return results_pb2.CommandResult(header=header, error=refusal.status())
    result = answer.result
    assert result is not None
    estimate = answer.wait_estimate
    return results_pb2.CommandResult(
        header=encode_header(result.sequence, result.time_us),
        result=encode_result(result),
        wait_estimate=None if estimate is None else encode_wait_estimate(estimate),
    )
