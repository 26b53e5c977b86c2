"""The bridge at work: what Asterisk and the router say goes into the Floor, what it decides goes out, nothing waits.

Keeps one invariant: the Floor is asked by one thread, one thing at a time, and each action that it hands out gets its
outcome back, later and never while it is being asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final

from router.bridge.asterisk.actions import (
    Action,
    Answer,
    Asked,
    Count,
    LearnAgents,
    Note,
    Reconcile,
    Send,
    Stop,
    Wait,
    WaitOver,
)
from router.bridge.asterisk.announcing import Announcer
from router.bridge.asterisk.ari.client import AriClient
from router.bridge.asterisk.ari.events import ApplicationReplaced, Back, Lost
from router.bridge.asterisk.ari.events import Event as AriEvent
from router.bridge.asterisk.ari.requests import Outcome, Request, SetVariable
from router.bridge.asterisk.config.model import BridgeConfig
from router.bridge.asterisk.floor import HEEDED, Floor
from router.bridge.asterisk.health import Health
from router.bridge.asterisk.metrics import BridgeMetrics
from router.bridge.asterisk.router_side import RouterSide
from router.client import RouterClient
from router.engine.events import Event as RouterEvent

logger = logging.getLogger(__name__)

_LEVELS: Final = logging.getLevelNamesMapping()
_FAULT_PAUSE_S: Final = 10.0
_END_S: Final = 5.0


class Bridge:
    """One bridge. `run` works until `stop` is called or something cannot go on."""

    def __init__(self, config: BridgeConfig, metrics: BridgeMetrics | None = None) -> None:
        self.health = Health()
        self.metrics = BridgeMetrics() if metrics is None else metrics
        self.floor = Floor(config.floor, now_us())
        router = config.router
        self._client = RouterClient(
            router.address,
            client_id=router.client_id,
            timeout_s=router.time_limit_s,
            token=router.token,
            tls=router.tls,
            root_certificates=router.ca,
            certificate=router.certificate,
            key=router.key,
            allow_insecure=router.allow_insecure,
        )
        self._ari = AriClient(config.ari, self.metrics.asked)
        self._router = RouterSide(self._client, self, router.time_limit_s, self.metrics.commanded, HEEDED)
        self._announcer = Announcer(config.announcements, self._client, self._announce, self._set_variables)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._hurried = asyncio.Event()
        self.replaced = False
        """Whether it ended since another program has our application: to start again would be to fight."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us: int | None = None
        self._fault_s = float("-inf")
        self.metrics.read_from(self._gauges, self._totals)

    # --- from start to end

    async def run(self) -> str:
        """Work until told to stop; return why it ended on its own, or nothing. Calls are left as they are in Asterisk.

        Raises `CredentialsRefused` and `EntryRefused` where the very first attempt says that no other will do better.
        """
        async with self._client, self._ari:
            tasks = [
                asyncio.create_task(self._hear(), name="asterisk"),
                asyncio.create_task(self._router.run(), name="router"),
            ]
            try:
                ends: list[asyncio.Future[Any]] = [*tasks, self._ended]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        # what failed is raised here
                        task.result()
                return self._ended.result() if self._ended.done() else "a connection is not kept any more"
            finally:
                self.health.ending = self.health.ending or "told to stop"
                await self._end(tasks)

    def stop(self) -> None:
        """End in order, as SIGTERM asks for; asked for a second time, wait for nothing that is under way."""
        if self._ended.done():
            self._hurried.set()
        self._finish("")

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Hear no more, and let what is under way come to its end."""
        if self._timer is not None:
            self._timer.cancel()
        tasks[0].cancel()
        ends = [asyncio.create_task(self._finish_work()), asyncio.create_task(self._hurried.wait())]
        await asyncio.wait(ends, timeout=_END_S, return_when=asyncio.FIRST_COMPLETED)
        if self._hurried.is_set():
            logger.warning("told to stop once more: what is under way is given up")
            self._ari.give_up()
        for task in (*ends, tasks[1]):
            task.cancel()
        await asyncio.gather(*ends, *tasks, return_exceptions=True)

    async def _finish_work(self) -> None:
        await self._announcer.close()
        while self._ari.under_way:
            await asyncio.sleep(0.01)
        await self._router.stop()

    def _finish(self, why: str) -> None:
        if not self._ended.done():
            self.health.ending = why or "told to stop"
            self._ended.set_result(why)

    # --- what Asterisk says

    async def _hear(self) -> None:
        async with aclosing(self._ari.events()) as events:
            async for event in events:
                self.hear(event)
                # many events may have come at once: what the first asks for, and the router's word, does not wait
                await asyncio.sleep(0)
        # another connection has our application: the Floor has said Stop

    def hear(self, event: AriEvent) -> None:
        """Take an event of Asterisk."""
        self.metrics.heard(event)
        if isinstance(event, Back | Lost):
            self.health.asterisk_connected = isinstance(event, Back)
        if isinstance(event, ApplicationReplaced):
            self.health.asterisk_connected = False
        self._ask(partial(self.floor.hear, event), event)

    # --- what the router says

    def told(self, event: RouterEvent) -> None:
        """Take an event of the router."""
        self.metrics.told()
        self._ask(partial(self.floor.told, event), event)

    def answered(self, action: Asked, outcome: Answer) -> None:
        """Take what became of an action."""
        self._ask(partial(self.floor.answered, action, outcome), outcome)

    def router_lost(self, why: str) -> None:
        """Take it that the router is out of reach."""
        self.health.router_linked = False
        self._ask(self.floor.router_lost, why)

    def router_back(self) -> None:
        """Take it that the router is there."""
        self.health.router_linked = True
        self._ask(self.floor.router_back, "the link")

    # --- the Floor

    def _ask(self, ask: Callable[[int], list[Action]], about: object) -> None:
        """Ask the Floor, and do what it says. A fault of ours in it is survived: everything is looked at anew."""
        began_s = time.perf_counter()
        try:
            actions = ask(now_us())
        except Exception:
            logger.exception("a fault of the bridge, met by %.500r", about)
            self.metrics.fault()
            self._look_anew()
            return
        finally:
            self.metrics.work.observe(time.perf_counter() - began_s)
        # what the router is asked goes first: making a request to Asterisk takes longer than making a command
        for action in sorted(actions, key=_goes_after_commands):
            self._do(action)
        self._set_timer()
        self.health.pbx_known = self.floor.pbx_known
        self.health.together = self.floor.router_together

    def _look_anew(self) -> None:
        """After a fault, let the Floor compare itself with Asterisk and the router, but not again and again."""
        now_s = time.monotonic()
        if now_s - self._fault_s < _FAULT_PAUSE_S or not self.health.asterisk_connected:
            return
        self._fault_s = now_s
        loop = asyncio.get_running_loop()
        for event in (Lost("a fault of the bridge"), Back()):
            loop.call_soon(self._ask, partial(self.floor.hear, event), event)

    def _tick(self) -> None:
        self._timer = self._timer_us = None
        self._ask(self.floor.tick, "a deadline")

    def _set_timer(self) -> None:
        due_us = self.floor.next_deadline_us
        if due_us == self._timer_us and (due_us is None or self._timer is not None):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_us = due_us
        if due_us is not None:
            pause_s = max(0.0, (due_us - now_us()) / 1_000_000)
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._tick)

    # --- what the Floor asks for

    def _do(self, action: Action) -> None:
        match action:
            case Request():
                self._request(action)
            case Send():
                self._router.send(action)
            case Note():
                self._note(action)
            case Count():
                self.metrics.count(action)
            case Wait(call=call, channel=channel, queue=queue):
                self._announcer.begin(call, channel, queue)
            case WaitOver(call=call):
                self._announcer.end(call)
            case Reconcile():
                self._router.reconcile(action)
            case LearnAgents():
                self._router.learn(action)
            case Stop(reason=reason):
                self.replaced = True
                self._finish(reason)

    def _request(self, request: Request) -> None:
        self._ari.send(request).add_done_callback(partial(self._answer, request))

    def _answer(self, request: Request, task: asyncio.Future[Outcome]) -> None:
        if not task.cancelled():
            self.answered(request, task.result())

    def _announce(self, call: str, media: tuple[str, ...]) -> None:
        self._ask(partial(self.floor.announce, call, media), "an announcement")

    def _set_variables(self, channel: str, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._ari.send(SetVariable(channel, name, value))

    def _note(self, note: Note) -> None:
        self.metrics.noted(note.level)
        number = _LEVELS[note.level.upper()]
        if not logger.isEnabledFor(number):
            return
        known: dict[str, Any] = {"call": note.call, "agent": note.agent, "offer": note.offer, "channel": note.channel}
        if note.call and number == logging.INFO:
            # these tell one call's life, and are not left out however many there are
            known["event"] = "call"
        fields = {name: value for name, value in known.items() if value} | {
            # a line has some names of its own
            (f"{name}_" if name in _RESERVED else name): value
            for name, value in note.fields.items()
        }
        logger.log(number, "%s", note.text, extra=fields)

    # --- what is measured

    def _gauges(self) -> dict[str, float]:
        counts = {name: float(number) for name, number in self.floor.counts().items()}
        return counts | {
            "asterisk_connected": float(self.health.asterisk_connected),
            "router_linked": float(self.health.router_linked),
            "ready": float(not self.health.obstacle),
            "asterisk_requests_under_way": float(self._ari.under_way),
        }

    def _totals(self) -> dict[tuple[str, str], float]:
        misread: dict[tuple[str, str], float] = {}
        for (why, _), number in self._ari.reader.misread.copy().items():
            key = ("asterisk_misread", why.value)
            misread[key] = misread.get(key, 0.0) + number
        return misread | {
            ("asterisk_lost", ""): float(self._ari.losses),
            ("router_links", ""): float(self._router.links),
        }


def _goes_after_commands(action: Action) -> bool:
    """Say whether an action is not for the router."""
    return not isinstance(action, Send | Reconcile | LearnAgents)


_RESERVED: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def now_us() -> int:
    """Return the bridge's one clock: it never goes back, and starts anywhere."""
    return time.monotonic_ns() // 1_000
