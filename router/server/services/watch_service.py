"""WatchService: the watch stream over the hub.

Keeps one invariant: a watcher always learns why its stream ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from router.server._native import EventFilter, History
from router.server.errors import Refusal, invalid
from router.server.rpcs.grpc_types import Context
from router.server.shell import Shell
from router.server.watch import Watcher
from router.v1 import watch_service_pb2 as pb
from router.v1 import watch_service_pb2_grpc
from router.wire.events import EVENT_TYPES, KINDS

HEARTBEAT_S = 5.0
FILTER_MAX = 1_000
_PLACE_OF_KIND = {number: EVENT_TYPES.index(struct) for number, struct in KINDS.items()}


class WatchService(watch_service_pb2_grpc.WatchServiceServicer):
    """Serve watchers; tell a silent one every `heartbeat_s` real seconds how far the watch has come."""

    def __init__(self, shell: Shell, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._hub = shell.hub
        self._heartbeat_s = heartbeat_s

    async def Watch(self, request: pb.WatchRequest, context: Context) -> None:  # type: ignore[override]
        """Stream events until the client leaves, the watcher is cut off, or the server stops."""
        after = request.after_sequence if request.HasField("after_sequence") else None
        watcher = self._hub.open(_filter(request, self._hub.history), after, request.history_id)
        try:
            await self._serve(watcher, context)
        except asyncio.CancelledError:
            if not watcher.cut_off:
                raise
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            raise watcher.refusal() from None
        finally:
            self._hub.leave(watcher)

    async def _serve(self, watcher: Watcher, context: Context) -> None:
        await context.write(watcher.first_response())
        while (response := await watcher.next_response(self._heartbeat_s)) is not None:
            await context.write(response)
        raise Refusal("SHUTTING_DOWN")


def _filter(request: pb.WatchRequest, history: History) -> EventFilter:
    """Return the filter of a request. Raises `Refusal` (INVALID_QUERY)."""
    kinds = []
    for field in ("queues", "agents", "calls", "kinds"):
        entries: Sequence[object] = getattr(request, field)
        if len(entries) > FILTER_MAX:
            raise invalid("INVALID_QUERY", field, f"{len(entries):,} entries", f"at most {FILTER_MAX:,}")
    for index, number in enumerate(request.kinds):
        if number not in KINDS:
            raise invalid("INVALID_QUERY", f"kinds[{index}]", f"{number} is no kind of event", "an EventKind")
        kinds.append(_PLACE_OF_KIND[number])
    return EventFilter(history, queues=request.queues, agents=request.agents, calls=request.calls, kinds=kinds)
