"""A stand-in for Asterisk's REST interface: an HTTP and WebSocket server in front of the world of pbx_world.py.

>>> async with AriStandIn(seed=1) as pbx:  # doctest: +SKIP
...     pbx.phones["PJSIP/ada"] = Phone(Does.ANSWERS, rings_s=0.1)
...     caller = pbx.dial_in(exten="500", args=("inbound", "500"))
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ssl
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from aiohttp import WSMsgType, web

from tests.bridge.pbx_parts import Channel, Json, Phone, event
from tests.bridge.pbx_rest import Refused, RestApi
from tests.bridge.pbx_world import World

USER, PASSWORD = "bridge", "secret"


@dataclass
class Trouble:
    """What goes wrong with requests that match: slowness, an error instead of the work, or an answer that is lost."""

    matches: Callable[[str, str], bool]
    """Is told the method and the path (without /ari)."""
    times: int = 1
    slow_s: float = 0.0
    """The work is done at once; what takes long is the answer."""
    late_s: float = 0.0
    """The work itself is done so much later, as when the request was held up on its way."""
    status: int = 0
    body: str = '{"message": "trouble"}'
    is_lost: bool = False
    """The work is done, and the connection closed without an answer."""


@dataclass
class Asked:
    """A request as it came, and what was answered (0 where no answer went out)."""

    method: str
    path: str
    query: dict[str, str]
    body: Json | None
    status: int = 0
    response: object = None
    at_s: float = field(default_factory=time.monotonic)


@dataclass
class _Socket:
    websocket: web.WebSocketResponse
    outbox: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)


class AriStandIn:
    """The server. `asked` are the requests that came, `told` the events that were sent."""

    def __init__(
        self,
        seed: int = 0,
        jitter_s: float = 0.002,
        pace: float = 1.0,
        app: str = "router",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.app = app
        self._tls = tls
        self.world = World(seed, jitter_s, pace, self._tell, self._hears)
        self.phones: dict[str, Phone | deque[Phone]] = self.world.phones
        self.asked: list[Asked] = []
        self.told: list[Json] = []
        self.troubles: list[Trouble] = []
        self.shunned: dict[str, set[str]] = {}
        self.sockets_opened = 0
        self.answers_pings = True
        self._admitting = asyncio.Event()
        self._admitting.set()
        self._sockets: dict[str, _Socket] = {}
        self._open: set[web.WebSocketResponse] = set()
        self._known_apps: set[str] = set()
        self._conflicted: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._rest = RestApi(self.world, self._known_apps, self.shunned)
        self._runner: web.AppRunner | None = None
        self._port = 0

    # The server's own life.

    async def __aenter__(self) -> AriStandIn:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen: at the same port as before, where it was stopped."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End as Asterisk does: connections close, channels and bridges are gone."""
        self.world.vanish()
        self._known_apps.clear()
        await self.drop_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # What tests make happen.

    def dial_in(
        self,
        exten: str = "500",
        args: tuple[str, ...] | None = None,
        number: str = "15550001",
        name: str = "Alice",
        endpoint: str = "PJSIP/caller",
        channel_id: str = "",
        variables: dict[str, str] | None = None,
    ) -> Channel:
        """Let a caller come in; a feature code is dialled from an agent's endpoint. (Local/... is a Local channel.)"""
        args = ("inbound", exten) if args is None else args
        channel = Channel(channel_id, "", "Ring", self.app, args, caller=(name, number), exten=exten)
        channel.variables.update(variables or {})
        return self.world.dial_in(channel, endpoint)

    def hang_up(self, caller: Channel) -> None:
        """Let a caller hang up."""
        self.world.caller_hangs_up(caller)

    def leg_of(self, endpoint: str) -> Channel | None:
        """Return the leg that was called last at an endpoint, if it is still there."""
        legs = [c for c in self.world.channels.values() if c.is_leg and c.endpoint == endpoint]
        return legs[-1] if legs else None

    async def drop_sockets(self, code: int = 1001) -> None:
        """Close all WebSockets; calls live on."""
        sockets, self._open = self._open, set()
        self._sockets.clear()
        for websocket in sockets:
            await websocket.close(code=code)

    def cut_sockets(self) -> None:
        """Let all WebSockets end without a word, as a lost network does."""
        sockets, self._open = self._open, set()
        self._sockets.clear()
        for websocket in sockets:
            transport = websocket._req.transport if websocket._req is not None else None
            if transport is not None:
                transport.abort()

    def refuse_sockets(self) -> asyncio.Event:
        """Refuse WebSockets (with 503) until the event is set."""
        self._admitting = asyncio.Event()
        return self._admitting

    async def say(self, text: str) -> None:
        """Send a text over the WebSocket as it is."""
        await self._sockets[self.app].websocket.send_str(text)

    async def until(self, condition: Callable[[], object], time_limit_s: float = 5.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(time_limit_s):
            while not condition():
                await asyncio.sleep(0.001)

    def asked_for(self, method: str, ending: str) -> list[Asked]:
        """Return the requests of a method whose path ends in a certain way."""
        return [asked for asked in self.asked if asked.method == method and asked.path.endswith(ending)]

    @property
    def is_heard(self) -> bool:
        return self._hears(self.app)

    # The server.

    def _hears(self, app: str) -> bool:
        return app in self._sockets

    def _tell(self, app: str, events: list[Json]) -> None:
        socket = self._sockets.get(app)
        if socket is None:
            return
        for told in events:
            if told["type"] not in self.shunned.get(app, ()):
                socket.outbox.put_nowait(told | {"asterisk_id": "00:00:00:00:00:01", "application": app})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not _is_allowed(request):
            return web.json_response({"message": "Authentication required"}, status=401)
        if not request.path.startswith("/ari/"):
            return web.Response(status=404, text="Not Found")
        path = request.path.removeprefix("/ari")
        if path == "/events":
            return await self._handle_events(request)
        return await self._handle_rest(request, path)

    async def _handle_rest(self, request: web.Request, path: str) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        asked = Asked(request.method, path, dict(request.query), body)
        self.asked.append(asked)
        trouble = self._trouble(request.method, path)
        await asyncio.sleep(self._jitter())
        if trouble and trouble.status:
            asked.status = trouble.status
            return web.Response(status=trouble.status, text=trouble.body)
        transport = request.transport
        if trouble and trouble.late_s:
            await asyncio.sleep(trouble.late_s)
        try:
            asked.status, asked.response = self._rest.do(asked.method, path, asked.query, body)
        except Refused as refused:
            asked.status, asked.response = refused.status, refused.body
            # One duplicate id makes a connection answer 409 to all later originates that fail.
            is_originate = request.method == "POST" and path == "/channels"
            if is_originate and refused.status == 409 and transport is not None:
                self._conflicted.add(transport)
            elif is_originate and refused.status == 500 and transport in self._conflicted:
                asked.status, asked.response = 409, {"message": "Channel with given unique ID already exists"}
        await asyncio.sleep(self._jitter() + (trouble.slow_s if trouble else 0))
        if trouble and trouble.is_lost and transport is not None:
            asked.status = 0
            transport.abort()
        if asked.status == 204:
            return web.Response(status=204)
        return web.json_response(asked.response, status=asked.status)

    def _trouble(self, method: str, path: str) -> Trouble | None:
        for trouble in self.troubles:
            if trouble.times > 0 and trouble.matches(method, path):
                trouble.times -= 1
                return trouble
        return None

    def _jitter(self) -> float:
        return self.world.random.uniform(0, self.world.jitter_s)

    async def _handle_events(self, request: web.Request) -> web.StreamResponse:
        if not self._admitting.is_set():
            return web.Response(status=503)
        app = request.query["app"]
        websocket = web.WebSocketResponse(autoping=self.answers_pings)
        await websocket.prepare(request)
        before = self._sockets.get(app)
        if before is not None:
            # The first one is told, and not closed.
            before.outbox.put_nowait(event("ApplicationReplaced", application=app))
        socket = self._sockets[app] = _Socket(websocket)
        self._known_apps.add(app)
        self._open.add(websocket)
        self.sockets_opened += 1
        pump = asyncio.create_task(self._pump(socket))
        try:
            async for message in websocket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            pump.cancel()
            self._open.discard(websocket)
            if self._sockets.get(app) is socket:
                del self._sockets[app]
        return websocket

    async def _pump(self, socket: _Socket) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                told = await socket.outbox.get()
                if self.world.random.random() < 0.2:
                    await asyncio.sleep(self._jitter())
                await socket.websocket.send_json(told)
                self.told.append(told)


def _is_allowed(request: web.Request) -> bool:
    given = request.query.get("api_key", "")
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            given = base64.b64decode(encoded).decode()
    return given == f"{USER}:{PASSWORD}"
