"""Requests over HTTP: one goes out, an outcome comes back, whatever happens."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import msgspec

from router.bridge.asterisk.ari.lanes import Late
from router.bridge.asterisk.ari.requests import (
    AddToMixing,
    Conflict,
    Done,
    Failed,
    GetBridge,
    GetChannel,
    Gone,
    MakeMixing,
    Originate,
    Outcome,
    Request,
    Unreachable,
)
from router.bridge.asterisk.ari.settings import AriSettings, pause_before

_NOT_READY = 503
_FAILED = 500


class _Refusal(msgspec.Struct):
    message: str = ""
    error: str = ""


class Rest:
    """Sends requests, and sends them again where no answer came and that is safe."""

    def __init__(self, session: aiohttp.ClientSession, settings: AriSettings) -> None:
        self._session = session
        self._settings = settings
        self._time_limit = aiohttp.ClientTimeout(total=settings.late_limit_s)
        self._late: Late = set()
        self._is_ending = False
        self._base = settings.url.rstrip("/") + "/ari"

    def end(self) -> None:
        """Nobody waits for outcomes any more: nothing is repeated from now on, and late answers are not waited for."""
        self._is_ending = True
        for task in self._late:
            task.cancel()

    async def ask(self, request: Request, late: Late) -> Outcome:
        """Return what became of a request. It never raises.

        What has no answer in time may still be carried out: it goes on in `late`, until its connection is given up.
        """
        outcome = await self._settled(request, await self._once(request, late), is_repeat=False)
        attempts = self._settings.attempts if request.repeatable else 1
        for attempt in range(1, attempts):
            if self._is_ending or not _is_open(outcome):
                break
            await asyncio.sleep(pause_before(attempt, self._settings, random.random()))
            outcome = await self._settled(request, await self._once(request, late), is_repeat=True)
        return outcome

    async def _settled(self, request: Request, outcome: Outcome, is_repeat: bool) -> Outcome:
        """Return what it means that an id is in use: for a repeat, that an earlier attempt was carried out after all.

        Asterisk cannot be taken at its word: after one such 409 a connection answers 409 to any originate that fails.
        """
        if not isinstance(outcome, Conflict) or not isinstance(request, Originate | MakeMixing):
            return outcome
        is_leg = isinstance(request, Originate)
        found = await self._once(GetChannel(request.key) if is_leg else GetBridge(request.key), set())
        if isinstance(found, Gone):
            return Failed(_FAILED, f"refused, but not for its id: {outcome.text}")
        return found if is_repeat and isinstance(found, Done) else outcome

    async def _once(self, request: Request, late: Late) -> Outcome:
        sending = asyncio.create_task(self._send(request))
        try:
            await asyncio.wait([sending], timeout=self._settings.time_limit_s)
        except asyncio.CancelledError:
            sending.cancel()
            raise
        if sending.done():
            return sending.result()
        late.add(sending)
        self._late.add(sending)
        sending.add_done_callback(self._late.discard)
        return Unreachable(f"no answer within {self._settings.time_limit_s:g} s")

    async def _send(self, request: Request) -> Outcome:
        http = request.http(self._settings.app)
        body = None if http.body is None else msgspec.json.encode(http.body)
        headers = None if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                http.method,
                self._base + http.path,
                params=http.query,
                data=body,
                headers=headers,
                timeout=self._time_limit,
                allow_redirects=False,
            ) as response:
                return _outcome(request, response.status, await response.read())
        except TimeoutError:
            return Unreachable(f"no answer within {self._settings.late_limit_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unreachable(f"{type(error).__name__}: {error}")


def _is_open(outcome: Outcome) -> bool:
    """Return whether a repeat may help. Asterisk answers 503 while it starts and stops."""
    return isinstance(outcome, Unreachable) or (isinstance(outcome, Failed) and outcome.status == _NOT_READY)


def _outcome(request: Request, status: int, answer: bytes) -> Outcome:
    if 200 <= status < 300:
        try:
            return Done(request.read(answer))
        except msgspec.DecodeError as error:
            return Failed(status, f"the answer is of an unknown shape: {error}")
    text = _text_of(answer)
    if status == 404 or (status == 400 and _is_of_the_gone(request, text)):
        return Gone(text)
    if status in (409, 412, 422):
        return Conflict(text)
    return Failed(status, text)


def _is_of_the_gone(request: Request, text: str) -> bool:
    """Return whether a 400 says that a channel is gone: of those to be mixed, or the caller for whom to ring."""
    return isinstance(request, AddToMixing) or (isinstance(request, Originate) and "originator" in text)


def _text_of(answer: bytes) -> str:
    try:
        refusal = msgspec.json.decode(answer, type=_Refusal)
    except msgspec.DecodeError:
        return answer[:200].decode(errors="replace")
    return refusal.message or refusal.error
