"""Every metric keeps to the conventions of Prometheus, and is what the documentation says.

The rules are those of promlint: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from router.config import parse_config
from router.server.clock import Clock
from router.server.metrics.catalogue import CATALOGUE, Metric
from router.server.metrics.metrics import Metrics
from router.server.shell import new_shell

NOT_BASE = ("milliseconds", "microseconds", "ms", "us", "minutes", "hours", "days", "kb", "mb", "kilobytes", "percent")
RESERVED = ("le", "quantile", "job", "instance")


def problems(metric: Metric) -> Iterator[str]:
    """Yield what is wrong with a metric's name, labels or help."""
    name = metric.name
    if not re.fullmatch(r"skill_router_[a-z]+(_[a-z]+)*", name):
        yield "the name is not snake case under the prefix"
    if name.endswith("_total") != (metric.kind == "counter"):
        yield "counters, and only they, end in _total"
    if name.endswith(("_count", "_sum", "_bucket")):
        yield "the ending is one of a histogram's own"
    if any(part in NOT_BASE for part in name.split("_")):
        yield "the unit is no base unit"
    if set(name.split("_")) & {"counter", "gauge", "histogram"}:
        yield "the name says its kind"
    if metric.kind == "histogram" and not name.endswith(("_seconds", "_commands")):
        yield "a histogram says its unit"
    for label in metric.labels:
        if label in RESERVED or not re.fullmatch(r"[a-z]+", label):
            yield f"label {label}"
    if not ((metric.meaning.endswith(".") and metric.meaning[0].isupper()) or metric.meaning[0].isdigit()):
        yield "the meaning is no sentence"


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_it_keeps_to_the_conventions(metric: Metric) -> None:
    assert list(problems(metric)) == []


@pytest.mark.parametrize(
    "metric",
    [
        Metric("skill_router_calls_total", "gauge", "Calls."),
        Metric("skill_router_calls", "counter", "Calls."),
        Metric("skill_router_wait_ms", "gauge", "Wait."),
        Metric("skill_router_wait", "histogram", "Wait."),
        Metric("calls", "gauge", "Calls."),
        Metric("skill_router_calls", "gauge", "Calls.", ("le",)),
        Metric("skill_router_calls", "gauge", "calls"),
    ],
)
def test_a_bad_one_is_found(metric: Metric) -> None:
    assert list(problems(metric))


def test_names_are_there_once() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE) > 50


async def test_every_metric_is_read_and_every_reading_is_in_the_catalogue() -> None:
    config = parse_config("[queues.a]\n", "x")
    metrics = Metrics(new_shell(config, "[queues.a]\n", Clock()))
    readings = [*await metrics.gather(), *metrics.disk_readings()]
    assert sorted(reading.metric.name for reading in readings) == sorted(metric.name for metric in CATALOGUE)
    for metric, values in readings:
        assert all(len(labels) == len(metric.labels) for labels, _ in values)
        assert len({labels for labels, _ in values}) == len(values)
