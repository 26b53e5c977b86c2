"""Around every RPC: who is asking, and whether they may.

Keeps one invariant: nothing of a request is looked at before its sender is known to be allowed to send it; and whoever
is allowed no longer, is told so, also in the middle of a stream.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import grpc

from router.server.errors import Refusal, printable
from router.server.rpcs.grpc_types import Context, Handler
from router.server.rpcs.refusing import abort
from router.server.security.access import Access, Credentials, Found, digest_of
from router.server.security.principals import LOCAL, Caller, Principal, set_caller
from router.server.security.refusals import RefusalLog
from router.server.security.roles import OPEN_RPCS, RPCS, Roles

_HEADER: Final = "authorization"
_SCHEME: Final = "bearer"
_WRONG: Final = b""
"""The digest of a token that is none: no token has it."""

_LOCAL_CALLER: Final = Caller(LOCAL, lambda refusal: None)
# asyncio takes delays up to some hundred years; a stream that is looked at once a day costs nothing
_CHECK_S_MAX: Final = 86_400.0


class _Stream(Caller):
    """The caller of an RPC that may go on for long."""

    __slots__ = ("credentials", "ended", "expiry", "method", "peer", "roles", "task")

    def __init__(
        self,
        principal: Principal,
        report: Callable[[Refusal], None],
        credentials: Credentials,
        method: str,
        roles: Roles,
        peer: str,
    ) -> None:
        super().__init__(principal, report)
        self.credentials = credentials
        self.method = method
        self.roles = roles
        self.peer = peer
        self.task = asyncio.current_task()
        self.ended: Refusal | None = None
        self.expiry: asyncio.TimerHandle | None = None


class SecurityLayer:
    """Let callers in by `access`; None lets everybody in, as `LOCAL`."""

    def __init__(self, access: Access | None, now_s: Callable[[], float] = time.time) -> None:
        self._access = access
        self._now_s = now_s
        self._refusals = RefusalLog()
        self._streams: set[_Stream] = set()

    @property
    def access(self) -> Access | None:
        """Who may do what."""
        return self._access

    def put_in_force(self, access: Access) -> None:
        """Let callers in by another access from now on, and end the streams of those who are not in it."""
        self._access = access
        for stream in list(self._streams):
            self._check(stream)

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return the handler of a method, wrapped. Raises `TypeError` for a unary one that is not open to all."""
        if method in OPEN_RPCS:
            return handler  # type: ignore[no-any-return]
        roles = RPCS.get(method, frozenset())
        parse, encode = handler.request_deserializer, handler.response_serializer
        if handler.stream_stream:
            serve = self._long(handler.stream_stream, method, roles)
            return grpc.stream_stream_rpc_method_handler(serve, parse, encode)
        if handler.unary_stream:
            serve = self._long(handler.unary_stream, method, roles)
            return grpc.unary_stream_rpc_method_handler(serve, parse, encode)
        raise TypeError(f"{method}: unary methods are let in by `door_of`")

    def door_of(self, method: str) -> Callable[[Context], Caller]:
        """Return what lets the caller of a unary RPC in, and returns it. It raises `Refusal` for whoever may not."""
        roles = RPCS.get(method, frozenset())

        def let_in(context: Context) -> Caller:
            if self._access is None:
                return _LOCAL_CALLER
            peer = context.peer()
            found = self._admit(credentials_of(context), method, roles, peer)
            return Caller(found.principal, partial(self._report, method, peer))

        return let_in

    def _long(self, serve: Any, method: str, roles: Roles) -> Any:
        async def stream(request: Any, context: Context) -> None:
            if self._access is None:
                set_caller(_LOCAL_CALLER)
                await _run(serve, request, context)
                return
            credentials = credentials_of(context)
            peer = context.peer()
            try:
                found = self._admit(credentials, method, roles, peer)
            except Refusal as refusal:
                await abort(context, refusal)
                raise  # not reached: aborting raises
            report = partial(self._report, method, peer)
            caller = _Stream(found.principal, report, credentials, method, roles, peer)
            set_caller(caller)
            with self._followed(caller, found):
                try:
                    await _run(serve, request, context)
                except asyncio.CancelledError:
                    if caller.ended is None or caller.task is None:
                        raise
                    caller.task.uncancel()
            if caller.ended is not None:
                await abort(context, caller.ended)

        return stream

    def _admit(self, credentials: Credentials, method: str, roles: Roles, peer: str) -> Found:
        """Return who has these credentials. Raises `Refusal`, and says so, if nobody has, or somebody who may not."""
        access = self._access
        assert access is not None
        found = access.find(credentials, self._now_s())
        if found is not None and found.principal.role in roles:
            return found
        refusal = Refusal("UNAUTHENTICATED")
        if found is not None:
            refusal = Refusal("PERMISSION_DENIED", found.principal.lacks(method.rpartition("/")[2], roles))
        self._report(method, peer, refusal)
        raise refusal

    def _report(self, method: str, peer: str, refusal: Refusal) -> None:
        why = printable(refusal.subject) or "it showed no credentials that are known"
        self._refusals.note(refusal.reason, method, peer, why)

    @contextmanager
    def _followed(self, stream: _Stream, found: Found) -> Iterator[None]:
        """Keep an eye on a stream while it runs."""
        self._streams.add(stream)
        self._arm(stream, found)
        try:
            yield
        finally:
            self._streams.discard(stream)
            if stream.expiry is not None:
                stream.expiry.cancel()

    def _arm(self, stream: _Stream, found: Found) -> None:
        """Look at a stream again when its credentials end."""
        if found.not_after_s is not None:
            delay_s = min(max(0.0, found.not_after_s - self._now_s()), _CHECK_S_MAX)
            stream.expiry = asyncio.get_running_loop().call_later(delay_s, self._check, stream)

    def _check(self, stream: _Stream) -> None:
        """End a stream whose caller is not allowed to have it any more."""
        if stream.expiry is not None:
            stream.expiry.cancel()
        try:
            found = self._admit(stream.credentials, stream.method, stream.roles, stream.peer)
        except Refusal as refusal:
            self._streams.discard(stream)
            stream.ended = refusal
            if stream.task is not None:
                stream.task.cancel()
            return
        stream.principal = found.principal
        self._arm(stream, found)


def credentials_of(context: Any) -> Credentials:
    """Return what a caller showed. A token that cannot be one is a wrong one, so that it never counts as none."""
    values = [value for key, value in context.invocation_metadata() if key == _HEADER]
    if values:
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        right = scheme.lower() == _SCHEME and token
        return Credentials(token_digest=digest_of(token) if right else _WRONG)
    properties = context.auth_context()
    return Credentials(
        common_name=_text(properties.get("x509_common_name", (b"",))[0]),
        sans=tuple(_text(name) for name in properties.get("x509_subject_alternative_name", ())),
    )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


async def _run(serve: Any, request: Any, context: Context) -> None:
    """Run the handler of a stream, be it one that writes or one that yields."""
    if not inspect.isasyncgenfunction(serve):
        await serve(request, context)
        return
    responses: AsyncIterator[Any] = serve(request, context)
    async for response in responses:
        await context.write(response)
