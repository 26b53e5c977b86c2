"""What the bridge counts and measures, for Prometheus. docs/asterisk.md lists it; a test holds the two together.

Keeps one invariant: no label has a value that a caller chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from router.bridge.asterisk.actions import COUNTS, DURATIONS, Answer, Asked, Count, Send
from router.bridge.asterisk.ari.requests import Outcome, Request

PREFIX: Final = "skill_router_bridge_"
SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WORK_SECONDS: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1)

GAUGES: Final = {
    "ready": "1 while calls can be served: what /readyz says.",
    "asterisk_connected": "1 while the WebSocket to Asterisk is there.",
    "asterisk_requests_under_way": "Requests to Asterisk without an outcome yet.",
    "router_linked": "1 while the stream and the watch of the router are there.",
    "legs": "Telephones of agents that ring or talk.",
    "callbacks": "Calls that nobody is on the line for: their customers are to be called back.",
    "agents": "Agents whom the bridge has signed in.",
}
TOTALS: Final = {
    "asterisk_lost": ("How often the WebSocket to Asterisk was lost.",),
    "asterisk_misread": ("Messages of Asterisk that gave no event, by why.", "why"),
    "router_links": ("How often the link to the router was made.",),
}

_Metric = TypeVar("_Metric", Counter, Histogram)

Gauges = Callable[[], Mapping[str, float]]
Totals = Callable[[], Mapping[tuple[str, str], float]]
"""Each by its name and the value of its label, if it has one."""


class BridgeMetrics:
    """All metrics of one bridge."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._histogram(
            "asterisk_request_seconds", "Requests to Asterisk, with their wait for their turn.", "request", "outcome"
        )
        self._commands = self._histogram(
            "router_command_seconds", "Commands to the router until their outcome.", "command", "outcome"
        )
        self._events = self._counter("asterisk_events", "Events of Asterisk that were heeded.", "event")
        self._told = self._counter("router_events", "Events of the router's watch.")[()]
        self._lines = self._counter("notes", "Lines of the log by level, written or not.", "level")
        self._faults = self._counter("faults", "Faults of the bridge itself; its log has each.")[()]
        self.work = Histogram(
            f"{PREFIX}work_seconds",
            "What the bridge itself takes to decide what follows from one event or outcome.",
            registry=self.registry,
            buckets=_WORK_SECONDS,
        )
        self._reader: _Reader | None = None
        self._counts = {name: self._counter(name, meaning, "what") for name, meaning in COUNTS.items()}
        self._durations = {name: self._histogram(name, text, "what") for name, text in DURATIONS.items()}

    def read_from(self, gauges: Gauges, totals: Totals) -> None:
        """Take further values, at each `refresh`, from functions: gauges by name, totals by name and label."""
        self._reader = _Reader(gauges, totals)
        self.registry.register(self._reader)

    def refresh(self) -> None:
        """Read what others keep, in their thread."""
        if self._reader is not None:
            self._reader.refresh()

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it; in any thread."""
        return generate_latest(self.registry)

    def asked(self, request: Request, outcome: Outcome, seconds: float) -> None:
        """Note a request to Asterisk."""
        self._requests[type(request).__name__, type(outcome).__name__].observe(seconds)

    def commanded(self, action: Asked, answer: Answer, seconds: float) -> None:
        """Note a command to the router, or a comparison with it."""
        what = action.command if isinstance(action, Send) else action
        self._commands[type(what).__name__, type(answer).__name__].observe(seconds)

    def heard(self, event: object) -> None:
        """Note an event of Asterisk."""
        self._events[type(event).__name__,].inc()

    def told(self) -> None:
        """Note an event of the router."""
        self._told.inc()

    def noted(self, level: str) -> None:
        """Note a line of the log."""
        self._lines[level,].inc()

    def fault(self) -> None:
        """Note a fault of the bridge."""
        self._faults.inc()

    def count(self, count: Count) -> None:
        """Note what the core counts or measures. What is not in its lists is passed over."""
        if count.name in self._durations:
            self._durations[count.name][count.label,].observe(count.value)
        elif count.name in self._counts:
            self._counts[count.name][count.label,].inc(count.value)

    def _counter(self, name: str, meaning: str, *labels: str) -> _Labelled[Counter]:
        return _Labelled(Counter(f"{PREFIX}{name}", meaning, labels, registry=self.registry))

    def _histogram(self, name: str, meaning: str, *labels: str) -> _Labelled[Histogram]:
        return _Labelled(Histogram(f"{PREFIX}{name}", meaning, labels, registry=self.registry, buckets=SECONDS))


class _Labelled(dict[tuple[str, ...], _Metric]):
    """A metric's parts by the values of its labels: to look one up here takes a tenth of what `labels` takes."""

    def __init__(self, metric: _Metric) -> None:
        super().__init__()
        self._metric: _Metric = metric

    def __missing__(self, values: tuple[str, ...]) -> _Metric:
        part: _Metric = self._metric.labels(*values) if values else self._metric
        self[values] = part
        return part


class _Reader:
    """Values that somebody else keeps."""

    def __init__(self, gauges: Gauges, totals: Totals) -> None:
        self._gauges = gauges
        self._totals = totals
        self._gauge_values: Mapping[str, float] = {}
        self._total_values: Mapping[tuple[str, str], float] = {}

    def refresh(self) -> None:
        self._gauge_values = self._gauges()
        self._total_values = self._totals()

    def collect(self) -> Iterable[Metric]:
        calls = GaugeMetricFamily(f"{PREFIX}calls_now", "Calls that the bridge has, by state.", labels=["state"])
        for name, value in self._gauge_values.items():
            if name in GAUGES:
                yield GaugeMetricFamily(f"{PREFIX}{name}", GAUGES[name], value=value)
            else:
                calls.add_metric([name], value)
        yield calls
        families: dict[str, CounterMetricFamily] = {}
        for (name, label), value in self._total_values.items():
            meaning, *labels = TOTALS[name]
            if name not in families:
                families[name] = CounterMetricFamily(f"{PREFIX}{name}", meaning, labels=labels)
            families[name].add_metric([label] if labels else [], value)
        yield from families.values()
