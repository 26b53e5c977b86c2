"""The methods that a server serves, each with all that is around it, put together once and not for every RPC.

Keeps one invariant: nobody is served but through every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import grpc

from router.server.rpcs.grpc_types import GenericHandler, Handler

LINES: Final = (
    "/router.v1.CallService/Enqueue",
    "/router.v1.CallService/GetCall",
    "/router.v1.CallService/GetWaitEstimate",
    "/router.v1.AgentService/GetAgent",
    "/router.v1.AgentService/ListAgents",
    "/router.v1.AdministrationService/ExplainAgent",
    "/router.v1.AdministrationService/ExplainCall",
    "/router.v1.AdministrationService/GetQueue",
    "/router.v1.AdministrationService/GetStatistics",
    "/router.v1.AdministrationService/ListDecisions",
    "/router.v1.AdministrationService/ListQueues",
    "/router.v1.SessionService/Heartbeat",
    "/grpc.health.v1.Health/Check",
)
"""Methods whose RPCs wait to be begun in lines of their own: new calls and what is read, of which there may be a flood,
and what tells that a client or the server lives. All the rest, what ends an offer, a call or an agent's work above all,
waits in one line that no such flood reaches. Not more, since gRPC's Python part walks through all lines for each RPC:
15 us of its 270, when each method had its own."""


class Layer(Protocol):
    """What is around the methods."""

    def wrap(self, method: str, handler: Any) -> Handler:
        """Return a handler that does what the layer is for, and then what `handler` does."""


class Methods(GenericHandler):
    """Take servicers as a `grpc.aio.Server` does, put layers around their methods, and serve them.

    `unary` is around the unary methods of the public contract, `layers`, outermost first, around all else.
    `on_unknown` is called when somebody asks for a method that there is not.
    """

    def __init__(self, unary: Layer, layers: Sequence[Layer], on_unknown: Callable[[], None]) -> None:
        self._unary = unary
        self._layers = layers
        self._on_unknown = on_unknown
        self._handlers: dict[str, Handler] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Take the methods of a service."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            self._handlers[method] = self._wrapped(method, handler)

    def _wrapped(self, method: str, handler: Any) -> Handler:
        if handler.unary_unary and method.startswith("/router.v1."):
            return self._unary.wrap(method, handler)
        for layer in reversed(self._layers):
            handler = layer.wrap(method, handler)
        return handler  # type: ignore[no-any-return]

    def add_generic_rpc_handlers(self, handlers: Sequence[GenericHandler]) -> None:
        """Do nothing: the methods of a service come by their names, too."""

    def serve_at(self, server: Any) -> None:
        """Let a `grpc.aio.Server`, which has not begun, serve these methods."""
        for method in LINES:
            if (handler := self._handlers.get(method)) is not None:
                service, _, name = method[1:].partition("/")
                server.add_registered_method_handlers(service, {name: handler})
        server.add_generic_rpc_handlers((self,))

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a method, None if there is none."""
        handler = self._handlers.get(handler_call_details.method)
        if handler is None:
            self._on_unknown()
        return handler
