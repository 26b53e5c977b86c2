"""Requests over HTTP: one goes out, an outcome comes back, whatever happens."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import msgspec

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
        self._time_limit = aiohttp.ClientTimeout(total=settings.time_limit_s)
        self.is_ending = False
        """Set when nobody waits for outcomes any more: nothing is repeated from then on."""
        self._base = settings.url.rstrip("/") + "/ari"

    async def ask(self, request: Request) -> Outcome:
        """Return what became of a request. It never raises."""
        outcome = await self._settled(request, await self._once(request), is_repeat=False)
        attempts = self._settings.attempts if request.repeatable else 1
        for attempt in range(1, attempts):
            if self.is_ending or not _is_open(outcome):
                break
            await asyncio.sleep(pause_before(attempt, self._settings, random.random()))
            outcome = await self._settled(request, await self._once(request), is_repeat=True)
        return outcome

    async def _settled(self, request: Request, outcome: Outcome, is_repeat: bool) -> Outcome:
        """Return what it means that an id is in use: for a repeat, that an earlier attempt was carried out after all.

        Asterisk cannot be taken at its word: after one such 409 a connection answers 409 to any originate that fails.
        """
        if not isinstance(outcome, Conflict) or not isinstance(request, Originate | MakeMixing):
            return outcome
        is_leg = isinstance(request, Originate)
        found = await self._once(GetChannel(request.key) if is_leg else GetBridge(request.key))
        if isinstance(found, Gone):
            return Failed(_FAILED, f"refused, but not for its id: {outcome.text}")
        return found if is_repeat and isinstance(found, Done) else outcome

    async def _once(self, request: Request) -> Outcome:
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
            return Unreachable(f"no answer within {self._settings.time_limit_s:g} s")
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
