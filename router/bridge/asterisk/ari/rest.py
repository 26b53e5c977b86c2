"""Requests over HTTP: one goes out, an outcome comes back, whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from router.bridge.asterisk.ari.ordering import Late
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
_AS_JSON = {"Content-Type": "application/json"}

Tell = Callable[[Outcome], None]


class _Refusal(msgspec.Struct):
    message: str = ""
    error: str = ""


class Rest:
    """Sends requests, and sends them again where no answer came and that is safe."""

    def __init__(self, session: aiohttp.ClientSession, settings: AriSettings) -> None:
        """`session` gives a request up after `settings.late_limit_s`."""
        self._session = session
        self._settings = settings
        self._late: Late = set()
        self._is_ending = False
        self._turn = asyncio.Lock()
        self._base = settings.url.rstrip("/") + "/ari"

    def end(self) -> None:
        """Nobody waits for outcomes any more: nothing is repeated from now on, and late answers are not waited for."""
        self._is_ending = True
        for task in self._late:
            task.cancel()

    async def ask(self, request: Request, late: Late, tell: Tell) -> None:
        """Send a request, and tell what became of it: once, unless cancelled. Raises only a fault of ours.

        What has no answer in time may still be carried out: it goes on, until its connection is given up, while its
        outcome is told, or tasks in `late` repeat it.
        """

        is_late = False

        def go_on_without_it() -> None:
            nonlocal is_late
            is_late = True
            going_on = asyncio.create_task(self._follow_up(request, self._no_answer(), late, tell))
            late.add(going_on)
            self._keep(going_on)

        limit = asyncio.get_running_loop().call_later(self._settings.time_limit_s, go_on_without_it)
        try:
            outcome = await self._send(request)
        finally:
            limit.cancel()
        if not is_late:
            await self._follow_up(request, outcome, late, tell)

    async def _follow_up(self, request: Request, outcome: Outcome, late: Late, tell: Tell) -> None:
        """Tell what became of a request after its first attempt; attempt it again where that may help."""
        outcome = await self._settled(request, outcome, is_repeat=False)
        attempts = self._settings.attempts if request.repeatable else 1
        for attempt in range(1, attempts):
            if self._is_ending or not _is_open(outcome):
                break
            await asyncio.sleep(pause_before(attempt, self._settings, random.random()))
            outcome = await self._settled(request, await self._once(request, late), is_repeat=True)
        tell(outcome)

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
        self._keep(sending)
        return self._no_answer()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _no_answer(self) -> Unreachable:
        return Unreachable(f"no answer within {self._settings.time_limit_s:g} s")

    async def _send(self, request: Request) -> Outcome:
        if not request.urgent:
            # one at a time: a call that ends asks for many, and what others wait for goes in between
            async with self._turn:
                await asyncio.sleep(0)
        http = request.http(self._settings.app)
        body = None if http.body is None else msgspec.json.encode(http.body)
        try:
            async with self._session.request(
                http.method,
                URL(self._base + http.target, encoded=True),
                data=body,
                headers=None if body is None else _AS_JSON,
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
