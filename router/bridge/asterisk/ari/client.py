"""The client for Asterisk's REST interface: its events over one WebSocket, requests over HTTP."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import TracebackType

import aiohttp

from router.bridge.asterisk.ari.events import (
    UNHEEDED,
    ApplicationReplaced,
    Back,
    Event,
    EventReader,
    FromAsterisk,
    Lost,
    Misread,
)
from router.bridge.asterisk.ari.opening import open_few_at_a_time
from router.bridge.asterisk.ari.ordering import Ordering
from router.bridge.asterisk.ari.requests import Done, Failed, Outcome, Request, ShunEvents, Unreachable
from router.bridge.asterisk.ari.rest import Rest, Tell
from router.bridge.asterisk.ari.settings import AriSettings, authorization, pause_before

logger = logging.getLogger(__name__)

_FORBIDDEN = 403
_LOOK_S = 0.01

OnAnswer = Callable[[Request, Outcome, float], None]


class CredentialsRefused(Exception):
    """Asterisk knows no such user with this password."""


class AriClient:
    """One application's connection to Asterisk. Use it as an async context manager.

    `on_answer` is told of each request, its outcome and how many seconds that took (with its wait for its turn).
    """

    def __init__(self, settings: AriSettings, on_answer: OnAnswer | None = None) -> None:
        self.settings = settings
        self.reader = EventReader()
        self.losses = 0
        """How often the WebSocket was lost."""
        self._on_answer = on_answer
        self._ordering = Ordering()
        self._under_way: dict[asyncio.Task[None], Tell] = {}
        """What has no outcome yet."""
        self._events_session: aiohttp.ClientSession
        self._rest_session: aiohttp.ClientSession
        self._rest: Rest
        self._ever_connected = False

    async def __aenter__(self) -> AriClient:
        settings = self.settings
        headers = {"Authorization": authorization(settings.user, settings.password)}
        # The WebSocket has connections of its own: it must come back at once, however busy the others are.
        tls = settings.tls()
        self._events_session = aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=tls))
        connector = aiohttp.TCPConnector(
            limit=settings.connections,
            keepalive_timeout=settings.keep_alive_s,
            socket_factory=settings.new_socket,
            ssl=tls,
        )
        opening = [open_few_at_a_time()]
        self._rest_session = aiohttp.ClientSession(
            headers=headers,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=settings.late_limit_s),
            trace_configs=opening,
        )
        self._rest = Rest(self._rest_session, settings)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for what is under way, for one request's time at most: the rest is given up. Then close."""
        until_s = time.monotonic() + self.settings.time_limit_s
        while self._under_way and time.monotonic() < until_s:
            await asyncio.sleep(_LOOK_S)
        given_up = list(self._under_way)
        self.give_up()
        await asyncio.gather(*given_up, return_exceptions=True)
        await self._events_session.close()
        await self._rest_session.close()

    @property
    def under_way(self) -> int:
        """Return how many requests were sent and have no outcome yet."""
        return len(self._under_way)

    def give_up(self) -> None:
        """Wait for no outcome any more: whatever is under way may or may not have been carried out."""
        self._rest.end()
        for task, tell in list(self._under_way.items()):
            task.cancel()
            tell(Unreachable("given up"))

    def send(self, request: Request) -> asyncio.Future[Outcome]:
        """Send a request; its place among those that touch the same channel or mixing bridge is taken now.

        The future never fails: its result is an outcome. Cancelling it does not take back what was sent.
        """
        began = time.monotonic()
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def tell(what: Outcome) -> None:
            if self._under_way.pop(task, None) is None:
                return
            if not outcome.done():
                outcome.set_result(what)
            if self._on_answer is not None:
                self._on_answer(request, what, time.monotonic() - began)

        def end(over: asyncio.Task[None]) -> None:
            error = None if over.cancelled() else over.exception()
            if error is not None:
                logger.error("a request met a fault of the bridge: %.500r", request, exc_info=error)
                tell(Unreachable(f"a fault of the bridge: {error!r}"))

        task = self._ordering.begin(request.touches, lambda late: self._rest.ask(request, late, tell))
        self._under_way[task] = tell
        task.add_done_callback(end)
        return outcome

    async def events(self) -> AsyncGenerator[Event, None]:
        """Give what is heard, and Back and Lost where the connection comes and goes, until the client is left.

        It ends after ApplicationReplaced: another connection has our application now, and to take it back would only
        begin a fight. Raises CredentialsRefused where the very first attempt says so. Close it with `aclosing`.
        """
        attempt = 0
        while not self._events_session.closed:
            if attempt:
                await asyncio.sleep(pause_before(attempt, self.settings, random.random()))
            attempt += 1
            try:
                websocket = await self._connect()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._explain_no_connection(error, attempt)
                continue
            connected = time.monotonic()
            async with websocket:
                yield Back()
                async for event in self._read(websocket):
                    yield event
                    if isinstance(event, ApplicationReplaced):
                        return
            why = f"closed by Asterisk (code {websocket.close_code})"
            if (trouble := websocket.exception()) is not None:
                why = f"{type(trouble).__name__}: {trouble}"
            logger.warning("the WebSocket to Asterisk is lost: %s", why)
            self.losses += 1
            if time.monotonic() - connected > self.settings.longest_pause_s:
                attempt = 1
            yield Lost(why)

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        settings = self.settings
        # not wait_for: it loses a cancellation that comes just when the connection is there
        async with asyncio.timeout(settings.time_limit_s):
            websocket = await self._events_session.ws_connect(
                settings.url.rstrip("/") + "/ari/events",
                params={"app": settings.app, "subscribeAll": "false"},
                heartbeat=settings.heartbeat_s,
                max_msg_size=0,
            )
        self._ever_connected = True
        logger.info("connected to Asterisk at %s as application %s", settings.url, settings.app)
        self.send(ShunEvents(tuple(sorted(UNHEEDED)))).add_done_callback(_explain_no_shunning)
        return websocket

    async def _read(self, websocket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[FromAsterisk]:
        async for message in websocket:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue
            event = self.reader.read(message.data)
            if not isinstance(event, tuple):
                yield event
            elif event[0] is Misread.MISSHAPEN:
                logger.warning("a message of Asterisk cannot be read: %s", event[1])
            elif event[0] is Misread.UNKNOWN:
                logger.debug("an event of an unknown type is passed over: %s", event[1])

    def _explain_no_connection(self, error: BaseException, attempt: int) -> None:
        status = error.status if isinstance(error, aiohttp.WSServerHandshakeError) else None
        if status in (401, 403) and not self._ever_connected:
            raise CredentialsRefused(
                f"Asterisk at {self.settings.url} refuses user {self.settings.user!r} ({status}): "
                "its ari.conf must have this user with this password"
            ) from None
        if status == 404:
            why = "it has no ARI at this address (404): is res_ari loaded, and `prefix` in http.conf part of the url?"
        elif status is not None:
            why = f"it answers {status}"
        else:
            why = str(error) or type(error).__name__
        log = logger.warning if attempt in (1, 2) or attempt % 20 == 0 else logger.debug
        log("no connection to Asterisk at %s: %s", self.settings.url, why)


def _explain_no_shunning(task: asyncio.Future[Outcome]) -> None:
    outcome = Done() if task.cancelled() else task.result()
    if isinstance(outcome, Failed) and outcome.status == _FORBIDDEN:
        logger.error("Asterisk lets us only listen (%s): ari.conf must have read_only = no for this user", outcome.text)
    elif not isinstance(outcome, Done):
        logger.debug("Asterisk does not filter events for us: %s", outcome)
