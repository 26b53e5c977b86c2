"""Reading a server's metrics as Prometheus does."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from router.server.health import Health
from router.server.metrics.listener import Listener
from router.server.server import RouterServer
from tests.server.support import CONFIG, running

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    text: str


class Samples:
    """The samples of one scrape."""

    def __init__(self, families: Iterable[Any]) -> None:
        self.families = {family.name: family for family in families}
        self.values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        value = self.values[f"skill_router_{name}", frozenset(labels.items())]
        assert isinstance(value, float)
        return value


def fetch(url: str, accept: str = "") -> Answer:
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode())


async def get(port: int, path: str, accept: str = "") -> Answer:
    return await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}{path}", accept)


async def scrape(port: int) -> Samples:
    """Read the metrics in both formats, and return what they say."""
    answer = await get(port, "/metrics")
    assert answer.status == 200
    strict = await get(port, "/metrics", OPENMETRICS)
    assert strict.text.endswith("# EOF\n")
    assert {family.name for family in parse_openmetrics(strict.text)} >= {"skill_router_calls", "process_cpu_seconds"}
    return Samples(parse_text(answer.text))


@asynccontextmanager
async def listening(health: Health | None = None) -> AsyncIterator[Listener]:
    """Run the HTTP server alone."""
    listener = Listener("127.0.0.1:0", health or Health())
    listener.start()
    try:
        yield listener
    finally:
        await listener.close()


@asynccontextmanager
async def observed(config: str = CONFIG, **settings: Any) -> AsyncIterator[tuple[RouterServer, int]]:
    """Run a server in this process and show its metrics."""
    health = Health()
    async with listening(health) as listener, running(config, health=health, **settings) as server:
        listener.metrics = server.metrics
        yield server, listener.port
