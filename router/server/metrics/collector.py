"""Readings of the server -> what the Prometheus library writes.

Keeps one invariant: what is written has the name, kind, labels and meaning that the catalogue says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from router.server.metrics.catalogue import Reading
from router.server.tally import Distribution


class ReadingCollector(Collector):
    """Ask `read` for readings whenever somebody collects."""

    def __init__(self, read: Callable[[], Sequence[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Family]:
        """Yield a family for each metric."""
        for reading in self._read():
            yield family_of(reading)

    def describe(self) -> Sequence[Family]:
        """Return nothing, so that registering does not read."""
        return ()


def new_registry(read: Callable[[], Sequence[Reading]]) -> CollectorRegistry:
    """Return a registry of the server's metrics and the usual ones of the process."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(ReadingCollector(read))
    return registry


def family_of(reading: Reading) -> Family:
    """Return what the library writes for a reading."""
    metric = reading.metric
    if metric.kind == "histogram":
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in reading.values:
            assert isinstance(value, Distribution)
            family.add_metric(labels, buckets=_cumulated(value), sum_value=value.total)
        return family
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    plain: CounterMetricFamily | GaugeMetricFamily = kind(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in reading.values:
        assert not isinstance(value, Distribution)
        plain.add_metric(labels, value)
    return plain


def _cumulated(value: Distribution) -> list[tuple[str, float]]:
    bounds = [*(str(float(bound)) for bound in value.bounds), "+Inf"]
    return list(zip(bounds, map(float, accumulate(value.counts)), strict=True))
