"""The load: agents and callers as `sipp` plays them, an Asterisk that serves both ways, and what all of it costs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from bench.asterisk.manager import Event, Manager, manager_conf
from bench.asterisk.story import Story
from tests.bridge.real.asterisk import PASSWORD, RealAsterisk, free_port, why_not
from tests.bridge.real.bridge_process import RealBridge
from tests.recovery.real_server import RealServer

HERE = Path(__file__).parent
QUEUES = 3
"""All agents serve all of them."""
SETTLE_S = 2.0
RUN_S_MAX = 300.0

_ROUTER = "[queues.q{0}]\nskills = {{ calls = 1 }}\n"
_BRIDGE = """[ari]
url = "{url}"
user = "router"
password_env = "ARI_PASSWORD"
[router]
address = "{address}"
[[calls.rules]]
queue = "{{arg:1}}"
"""
_AGENT = '[agents.{0}]\nendpoint = "PJSIP/{0}"\nskills = {{ calls = 5 }}\nsign_in = "start"\n'
_PHONE = "[{0}](phone)\naors = {0}\n[{0}]\ntype = aor\ncontact = sip:{0}@127.0.0.1:{1}\n"
_CALLER = "[loadcaller](phone)\n"
_DIALPLAN = """
[phones](+)
exten => _7X,1,Stasis(router,q${EXTEN:1})
 same => n,Hangup()
exten => _8X,1,Answer()
 same => n,Queue(q${EXTEN:1})
 same => n,Hangup()
"""


def why_no_load() -> str:
    """Return why there can be no load here, or nothing."""
    return why_not() or ("" if shutil.which("sipp") else "no sipp: its telephones make the load")


def sounds() -> socket.socket:
    """Return where all telephones want their sound sent: it is taken, and not looked at."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    return sink


class Load:
    """An Asterisk with agents who are there all the time. `queue` is the configuration of each of its own queues."""

    def __init__(self, folder: Path, agents: int, queue: Mapping[str, str]) -> None:
        self.folder = folder
        self.agents = [f"agent{number:03}" for number in range(agents)]
        self.agents_port = free_port(socket.SOCK_DGRAM)
        self._sink = sounds()
        manager_port = free_port(socket.SOCK_STREAM)
        settings = "".join(f"{key} = {value}\n" for key, value in queue.items())
        members = "".join(f"member => PJSIP/{agent}\n" for agent in self.agents)
        phones = "".join(_PHONE.format(agent, self.agents_port) for agent in self.agents)
        self.asterisk = RealAsterisk(
            folder / "asterisk",
            {
                "pjsip.conf+": phones + _CALLER,
                "extensions.conf+": _DIALPLAN,
                "queues.conf": "[general]\npersistentmembers = no\n"
                + "".join(f"[q{n}]\n{settings}{members}" for n in range(QUEUES)),
                "manager.conf": manager_conf(manager_port),
                "logger.conf": "[logfiles]\nmessages.log = warning,error\n",
            },
        )
        self._manager = Manager(manager_port, "listener", "change-me")
        self._watched: dict[str, int] = {}

    async def over_ari(self, calls: int, at_once: int) -> Run:
        """Let this router serve so many calls, so many at once."""
        router = "".join(_ROUTER.format(number) for number in range(QUEUES))
        with RealServer(self.folder, router) as server:
            server.start()
            agents = "".join(_AGENT.format(agent) for agent in self.agents)
            text = _BRIDGE.format(url=self.asterisk.url, address=server.address) + agents
            bridge = RealBridge(self.folder, text, PASSWORD, log_level="info")
            try:
                await asyncio.to_thread(bridge.start)
                others = {"router": server.process.pid, "bridge": bridge.pid}
                run = await self._run("7", calls, at_once, others)
                run.metrics = bridge.metrics()
                return run
            finally:
                bridge.end()

    async def by_app_queue(self, calls: int, at_once: int) -> Run:
        """Let Asterisk's own queues serve so many calls, so many at once."""
        return await self._run("8", calls, at_once, {})

    async def _run(self, prefix: str, calls: int, at_once: int, others: Mapping[str, int]) -> Run:
        async with AsyncExitStack() as stack:
            manager = await stack.enter_async_context(self._manager)
            agents = self._sipp("agent", self.agents_port, [])
            stack.callback(agents.kill)
            await asyncio.sleep(0.5)
            numbers = self.folder / "numbers.csv"
            numbers.write_text("SEQUENTIAL\n" + "".join(f"{prefix}{number}\n" for number in range(QUEUES)))
            load = ["-m", str(calls), "-l", str(at_once), "-r", "500", "-inf", str(numbers)]
            callers = self._sipp("caller", free_port(socket.SOCK_DGRAM), [*load, f"127.0.0.1:{self.asterisk.sip_port}"])
            stack.callback(callers.kill)
            processes = {"asterisk": self.asterisk.pid, "agents": agents.pid, "callers": callers.pid, **others}
            usage = Usage(processes)
            async with asyncio.timeout(RUN_S_MAX):
                while callers.poll() is None:
                    usage.look()
                    await asyncio.sleep(0.2)
            if agents.poll() is not None:
                raise RuntimeError(f"the agents' telephones have ended: {self._said('agent')}")
            await asyncio.sleep(SETTLE_S)
            return Run(manager.events(), usage)

    def _sipp(self, scenario: str, port: int, more: list[str]) -> subprocess.Popen[bytes]:
        command = ["sipp", "-sf", str(HERE / f"{scenario}.xml"), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
        command += ["-key", "sink", str(self._sink.getsockname()[1]), *more]
        with (self.folder / f"{scenario}.out").open("wb") as out:
            return subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.folder)

    def _said(self, scenario: str) -> str:
        return (self.folder / f"{scenario}.out").read_text(errors="replace")[-1000:]


class Usage:
    """What processes use of the processors while they are looked at."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._looks: list[tuple[float, dict[str, float]]] = []

    def look(self) -> None:
        times = {}
        for name, process in self._processes.items():
            try:
                spent = process.cpu_times()
            except psutil.Error:
                return
            times[name] = spent.user + spent.system
        self._looks.append((asyncio.get_running_loop().time(), times))

    def processors(self) -> dict[str, float]:
        """Return how many processors each used, in the middle of the run."""
        count = len(self._looks)
        (from_s, first), (to_s, last) = self._looks[count // 10], self._looks[count * 9 // 10]
        return {name: (last[name] - first[name]) / (to_s - from_s) for name in first}


class Run:
    """What a run has left: Asterisk's events as a story, the processors' use, the bridge's own metrics at its end."""

    def __init__(self, events: list[Event], usage: Usage) -> None:
        self.story = Story(events, "PJSIP/agent", "PJSIP/loadcaller")
        self.processors = usage.processors()
        self.metrics: dict[str, float] = {}
