"""Alert rules, dashboard and documentation ask only for metrics and labels that there are, in queries that are valid.

Method: every query is parsed as Prometheus parses it, and its selectors are looked up in the catalogue.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from router.cli.serve import command
from router.server.errors import REASONS
from router.server.metrics.agent_meter import STATES
from router.server.metrics.call_meter import ENDS, OUTCOMES
from router.server.metrics.catalogue import CATALOGUE
from router.server.metrics.command_meter import COMMAND_NAMES

ROOT = Path(__file__).resolve().parents[3]
OPERATIONS = ROOT / "examples" / "operations"
DOCUMENT = (ROOT / "docs" / "operations.md").read_text("utf-8")
RULES = [
    rule
    for group in yaml.safe_load((OPERATIONS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((OPERATIONS / "dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
METRICS = {metric.name: metric for metric in CATALOGUE}
# metrics that are not ours: of Prometheus, of the process, of the node exporter
THEIRS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "node_filesystem_avail_bytes"}
VALUES: dict[str, tuple[str, ...]] = {
    "end": ENDS,
    "outcome": (*OUTCOMES, "saved", "failed", "done", "rejected", "repeated"),
    "state": (*STATES, "waiting", "offered", "assigned", "held", "lost"),
    "reason": tuple(REASONS),
    "command": tuple(COMMAND_NAMES.values()),
}


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query of rules, dashboard and document with where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for block in re.findall(r"```promql\n(.*?)```", DOCUMENT, re.DOTALL):
        for number, line in enumerate(block.strip().split("\n")):
            yield f"docs {number}", line


def selectors(node: Any) -> Iterator[Any]:
    """Yield the vector selectors of a query."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
        found = getattr(node, name, None)
        for part in found if isinstance(found, list) else [found]:
            if part is not None and not isinstance(part, str):
                yield from selectors(part)


def problems(query: str) -> Iterator[str]:
    """Yield what is wrong with a query."""
    plain = query.replace('"$instance"', '".*"').replace('"$queue"', '".*"')
    for selector in selectors(promql_parser.parse(plain)):
        name = selector.name
        if name in THEIRS:
            continue
        metric = METRICS.get(name)
        labels = {"job", "instance"}
        if metric is None:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            metric = METRICS.get(base)
            if metric is None or metric.kind != "histogram":
                yield f"there is no metric {name}"
                continue
            labels.add("le")
        elif metric.kind == "histogram":
            yield f"{name} is a histogram"
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels | set(metric.labels):
                yield f"{name} has no label {matcher.name}"
            elif matcher.name in VALUES and matcher.value != ".*":
                for value in matcher.value.split("|"):
                    if value not in VALUES[matcher.name]:
                        yield f"{name}: {matcher.name} is never {value}"


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_there_is(where: str, query: str) -> None:
    assert list(problems(query)) == []


@pytest.mark.parametrize(
    "query",
    [
        "skill_router_no_such_metric > 0",
        "rate(skill_router_answer_seconds[5m])",
        "skill_router_ready_bucket",
        'skill_router_calls{quue="a"}',
        'sum(rate(skill_router_refusals_total{reason="TOO_BUSY"}[5m]))',
    ],
)
def test_a_bad_query_is_found(query: str) -> None:
    assert list(problems(query))


def test_every_alert_says_what_it_means_and_how_bad_it_is() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def test_panels_have_their_own_ids_and_places() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


def test_the_unit_calls_the_command_as_it_is() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(OPERATIONS / "skill-router.service")
    start = unit["Service"]["ExecStart"].split()
    assert start[:2] == ["/opt/skill-router/bin/skill-router", "serve"]
    context = command.make_context("serve", start[2:], resilient_parsing=True)
    assert str(context.params["data_dir"]) == "/var/lib/skill-router"
    assert int(unit["Service"]["TimeoutStopSec"]) > 10


def test_every_metric_is_documented_once() -> None:
    rows = re.findall(r"^\| `(skill_router_[a-z_]+)` \| (\w+) \| ([^|]*) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    documented = {name: (kind, labels, meaning) for name, kind, labels, meaning in rows}
    assert len(documented) == len(rows)
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        assert documented.pop(metric.name) == (metric.kind, labels, metric.meaning)
    assert documented == {}
