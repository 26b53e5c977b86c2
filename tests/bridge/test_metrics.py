"""Metrics, and what docs/asterisk.md and examples/asterisk say: all of it is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.bridge.asterisk.actions import COUNTS, DURATIONS, Applied, Count, Send
from router.bridge.asterisk.ari.requests import Done, Gone, HangUp
from router.bridge.asterisk.causes import LegEnd, end_of
from router.bridge.asterisk.config import parse_bridge
from router.bridge.asterisk.floor import Floor
from router.bridge.asterisk.metrics import GAUGES, PREFIX, TOTALS, BridgeMetrics
from router.config import parse_config
from router.engine import Cancel

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "asterisk.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "asterisk"
SECRET = {"ARI_PASSWORD": "x"}


def whole_metrics() -> BridgeMetrics:
    config = parse_bridge((EXAMPLES / "bridge.toml").read_bytes(), "bridge.toml", EXAMPLES, SECRET)
    floor = Floor(config.floor, 0)
    metrics = BridgeMetrics()
    gauges = dict.fromkeys(GAUGES, 0.0)
    metrics.read_from(
        lambda: gauges | {name: float(number) for name, number in floor.counts().items()},
        lambda: {(name, "x" if len(words) > 1 else ""): 1.0 for name, words in TOTALS.items()},
    )
    metrics.refresh()
    return metrics


def test_the_docs_list_every_metric_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|", DOCS, re.MULTILINE)
    there = {
        (family.name.removeprefix(PREFIX) + ("_total" if family.type == "counter" else ""), family.type)
        for family in whole_metrics().registry.collect()
    }
    assert set(listed) == there
    assert len(listed) == len(there)


def test_what_the_core_counts_arrives() -> None:
    metrics = whole_metrics()
    for name in (*COUNTS, *DURATIONS):
        metrics.count(Count(name, "label", 2.0))
    metrics.count(Count("not in the list"))
    metrics.asked(HangUp("1"), Gone(), 0.003)
    metrics.asked(HangUp("1"), Done(), 0.003)
    metrics.commanded(Send(1, Cancel("a")), Applied(None), 0.001)  # type: ignore[arg-type]
    text = metrics.text().decode()
    for name in COUNTS:
        assert f'{PREFIX}{name}_total{{what="label"}} 2.0' in text
    for name in DURATIONS:
        assert f'{PREFIX}{name}_sum{{what="label"}} 2.0' in text
    assert f'{PREFIX}asterisk_request_seconds_count{{outcome="Gone",request="HangUp"}} 1.0' in text
    assert f'{PREFIX}router_command_seconds_count{{command="Cancel",outcome="Applied"}} 1.0' in text
    assert "not in the list" not in text


def test_reading_the_rest_waits_for_a_refresh() -> None:
    metrics = BridgeMetrics()
    values = {"agents": 1.0}
    metrics.read_from(lambda: dict(values), dict)
    assert f"{PREFIX}agents" not in metrics.text().decode()
    metrics.refresh()
    values["agents"] = 2.0
    assert f"{PREFIX}agents 1.0" in metrics.text().decode()


def test_the_examples_are_valid() -> None:
    parse_config((EXAMPLES / "router.toml").read_bytes(), "router.toml")
    config = parse_bridge((EXAMPLES / "bridge.toml").read_bytes(), "bridge.toml", EXAMPLES, SECRET)
    telephones = (EXAMPLES / "pjsip.conf").read_text()
    for entry in config.floor.agents:
        assert f"[{entry.endpoint.removeprefix('PJSIP/')}](phone)" in telephones


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_the_blocks_of_the_docs_are_valid(block: str) -> None:
    head = "" if "[ari]" in block else '[ari]\nuser = "router"\npassword_env = "ARI_PASSWORD"\n'
    parse_bridge(head + block, "docs/asterisk.md", ROOT, SECRET)


def test_the_dialplan_and_the_features_fit_together() -> None:
    config = parse_bridge((EXAMPLES / "bridge.toml").read_bytes(), "bridge.toml", EXAMPLES, SECRET)
    from router.bridge.asterisk.floor_settings import Admit, Arrival, Feature

    lines = re.findall(r"exten => (\S+),1,Stasis\(router,([^)]*)\)", (EXAMPLES / "extensions.conf").read_text())
    assert len(lines) == 7
    for number, arguments in lines:
        decision = config.floor.rules(Arrival("1", "PJSIP/ada-1", tuple(arguments.split(",")), number=number))
        assert isinstance(decision, Feature if number.startswith("*") else Admit)


def test_the_causes_are_as_the_docs_say() -> None:
    rows = {
        "busy": LegEnd.BUSY,
        "rejected": LegEnd.REJECTED,
        "congestion": LegEnd.CONGESTION,
        "unreachable": LegEnd.UNREACHABLE,
    }
    for word, end in rows.items():
        (causes,) = re.findall(rf"^\| ([0-9][0-9, ]*)[^|]*\| {word}", DOCS, re.MULTILINE)
        told = {int(cause) for cause in causes.replace(" ", "").strip(",").split(",")}
        assert told == {cause for cause in range(128) if end_of(cause, rang=True) is end}
    assert end_of(19, rang=True) is LegEnd.NO_ANSWER
    assert end_of(19, rang=False) is LegEnd.UNREACHABLE
