"""The command stream: batches out, results back in the same order, several batches under way if wanted.

Keeps one invariant: every batch that was sent ends, with its results or with the error that ended the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import grpc

from router.client.errors import RouterError, error_of_rpc, error_of_status
from router.client.replies import Reply, decode_wait_estimate
from router.engine.commands import Command
from router.v1 import command_service_pb2, results_pb2
from router.wire.commands import encode_any_command
from router.wire.results import decode_result
from router.wire.sessions import SessionState

Results = list[Reply | RouterError]

_STATUS_S = 1.0


class CommandStream:
    """A stream of batches. Use it as an async context manager; leaving it waits for what is under way.

    >>> async with client.stream() as stream:  # doctest: +SKIP
    ...     results = await stream.apply([SignIn("ada"), Enqueue("call-1", "loans")])
    """

    def __init__(self, call: Any, client_id: str, wait_estimates: bool, hold_session: bool = False) -> None:
        self._call = call
        self._client_id = client_id
        self._wait_estimates = wait_estimates
        self._hold_session = hold_session
        self.session_state: SessionState | None = None
        """What the last answer said of the session; None before, without `hold_session`, and where none could begin."""
        self._under_way: deque[asyncio.Future[Results]] = deque()
        self._writing = asyncio.Lock()
        self._batch = 0
        self._error: RouterError | None = None
        self._farewell: RouterError | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._status: asyncio.Future[grpc.aio.AioRpcError]

    async def __aenter__(self) -> CommandStream:
        self._status = asyncio.get_running_loop().create_future()
        self._call.add_done_callback(self._note_status)
        self._receiver = asyncio.create_task(self._receive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self._error is None:
            await self._call.done_writing()
        else:
            self._call.cancel()
        if self._receiver is not None:
            await asyncio.gather(self._receiver, return_exceptions=True)

    async def apply(self, commands: Sequence[Command], request_ids: Sequence[str] = ()) -> Results:
        """Carry out a batch in order; return a `Reply` or a `RouterError` for each command. Raises `RouterError`.

        With `request_ids`, one for each command, and the client's `client_id`, the commands are idempotent. Raises
        `RuntimeError` outside `async with`, where nobody would take the results.
        """
        return await (await self.send(commands, request_ids))

    async def send(self, commands: Sequence[Command], request_ids: Sequence[str] = ()) -> asyncio.Future[Results]:
        """Do what `apply` does, but return once the batch is sent; the future has its results."""
        if self._receiver is None:
            raise RuntimeError("the stream is not open; use `async with client.stream() as stream`")
        if request_ids and len(request_ids) != len(commands):
            raise ValueError(f"{len(request_ids)} request ids for {len(commands)} commands; one each, or none")
        error = self._error or self._farewell
        if error is not None:
            raise error
        ids = request_ids or [""] * len(commands)
        messages = [encode_any_command(command, request_id) for command, request_id in zip(commands, ids, strict=True)]
        async with self._writing:
            self._batch += 1
            request = command_service_pb2.ApplyRequest(
                batch=self._batch,
                client_id=self._client_id,
                commands=messages,
                wait_estimates=self._wait_estimates,
                hold_session=self._hold_session,
            )
            future: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
            self._under_way.append(future)
            # where writing fails, the receiver learns why, and tells whoever waits for the future
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await self._call.write(request)
            return future

    async def wait_ended(self) -> RouterError:
        """Wait until the stream can take no more commands, for whatever reason, and return why.

        Raises `RuntimeError` outside `async with`.
        """
        if self._receiver is None:
            raise RuntimeError("the stream is not open; use `async with client.stream() as stream`")
        await asyncio.wait([self._receiver])
        return self._error or RouterError(grpc.StatusCode.CANCELLED, "CANCELLED", "the stream has ended")

    async def _receive(self) -> None:
        error = RouterError(grpc.StatusCode.CANCELLED, "CANCELLED", "the stream has ended")
        try:
            async for response in self._call:
                future = self._under_way.popleft()
                state = response.session_state
                self.session_state = SessionState(state) if state else None
                results = [_outcome(result) for result in response.results]
                for result in results:
                    if isinstance(result, RouterError) and result.reason == "SHUTTING_DOWN":
                        # what is sent from now on would meet a stream that has ended
                        self._farewell = result
                if not future.done():
                    future.set_result(results)
        except grpc.aio.AioRpcError as failure:
            status = await self._explained(failure)
            if status.code() is not grpc.StatusCode.OK:
                error = error_of_rpc(status)
        finally:
            self._error = error
            for future in self._under_way:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # nobody may be waiting for it
            self._under_way.clear()

    def _note_status(self, call: Any) -> None:
        """Keep the server's own status. gRPC calls this for each status that it sets; see `_is_unexplained`."""
        status = grpc.aio.AioRpcError(
            _now(call.code()), grpc.aio.Metadata(), _now(call.trailing_metadata()), _now(call.details()), None
        )
        if not _is_unexplained(status) and not self._status.done():
            self._status.set_result(status)

    async def _explained(self, failure: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the status that ended the stream: the server's own, if it comes soon."""
        if _is_unexplained(failure):
            await asyncio.wait([self._status], timeout=_STATUS_S)
        return self._status.result() if self._status.done() else failure


def _is_unexplained(status: grpc.aio.AioRpcError) -> bool:
    """Return whether it may stand for another status.

    A write that meets an ended stream makes gRPC set INTERNAL, be it shortly before or shortly after the status that
    the server sent.
    """
    return status.code() is grpc.StatusCode.INTERNAL and not status.trailing_metadata()


def _now(coroutine: Any) -> Any:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("a call that has ended makes nobody wait for its status")


def _outcome(result: results_pb2.CommandResult) -> Reply | RouterError:
    if result.HasField("error"):
        return error_of_status(result.error)
    estimate = decode_wait_estimate(result.wait_estimate) if result.HasField("wait_estimate") else None
    return Reply(decode_result(result.header, result.result), estimate)
