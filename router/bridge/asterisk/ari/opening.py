"""Opening connections: few at a time, so that none is lost on the way.

No more than ten connections may stand before Asterisk's HTTP server until it takes them; the packets of an eleventh are
lost, and come again a second later. A burst of calls after a quiet time would open dozens at once. That a connection is
open for us says nothing: it was taken when the first answer has come.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp

OPENING_MAX = 5


def open_few_at_a_time() -> aiohttp.TraceConfig:
    """Return what makes a session wait before opening one more, while `OPENING_MAX` have had no answer yet."""
    gate = asyncio.Semaphore(OPENING_MAX)

    async def begin(session: aiohttp.ClientSession, request: SimpleNamespace, _: object) -> None:
        await gate.acquire()
        request.opens = True

    async def end(session: aiohttp.ClientSession, request: SimpleNamespace, _: object) -> None:
        if getattr(request, "opens", False):
            request.opens = False
            gate.release()

    steps = aiohttp.TraceConfig()
    steps.on_connection_create_start.append(begin)
    steps.on_request_end.append(end)
    steps.on_request_exception.append(end)
    return steps
