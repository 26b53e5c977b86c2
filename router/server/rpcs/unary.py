"""Unary RPCs of the public contract: everything that is around one, in a single coroutine, since they are the many.

Keeps one invariant: an RPC that was begun is counted as ended, and its room given back, whatever becomes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import grpc

from router.engine.errors import UnknownName
from router.server.rpcs.admission import AdmissionLayer
from router.server.rpcs.grpc_types import Context, Handler
from router.server.rpcs.observing import ObservingLayer
from router.server.rpcs.refusing import abort, read_request, refusal_of, writing
from router.server.rpcs.rpc import UNARY
from router.server.security.layer import SecurityLayer
from router.server.security.principals import Caller, set_caller

Durable = Callable[[int | None], Awaitable[None]]
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


def _lane_of(serve: Any) -> Take | None:
    """Return what takes the requests for a method of a service into the lane, None if the method is not marked so."""
    mark = getattr(serve, _LANE, None)
    return None if mark is None else partial(serve.__self__.take, *mark)


class UnaryLayers(NamedTuple):
    """What is around a unary RPC, outermost first.

    An answer leaves only when `durable`, given the sequence of its header, has returned; what comes from the lane is
    durable already.
    """

    observing: ObservingLayer
    admission: AdmissionLayer
    security: SecurityLayer
    durable: Durable

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return the handler of a method, wrapped."""
        observing, _, _, durable = self
        bound, let_in = self.admission.bound_of(method), self.security.door_of(method)
        parse, serve = handler.request_deserializer, handler.unary_unary
        take = _lane_of(serve)

        async def served(request: bytes, context: Context) -> Any:
            with observing.begin(method, UNARY, context) as rpc:
                try:
                    bound.enter()
                    try:
                        caller = let_in(context)
                        rpc.principal = caller.principal.name
                        rpc.note_bytes(parse, request)
                        taken = None if take is None else take(request, caller)
                        if taken is None:
                            set_caller(caller)
                            response = await _served_when_durable(serve(read_request(parse, request), context), durable)
                        else:
                            response = await taken
                    finally:
                        bound.leave()
                except (asyncio.CancelledError, grpc.aio.AbortError):
                    raise
                except Exception as error:
                    await abort(context, refusal_of(error))
                rpc.response = response
                return response

        return grpc.unary_unary_rpc_method_handler(served, None, writing(handler.response_serializer))


async def _served_when_durable(serving: Awaitable[Any], durable: Durable) -> Any:
    """Serve, and answer only when everything that the answer may have seen is durable."""
    try:
        response = await serving
    except UnknownName:
        # whose reason may not be durable
        await durable(None)
        raise
    await durable(response.header.sequence)
    return response
