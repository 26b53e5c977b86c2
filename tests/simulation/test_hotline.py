"""Goal: the hotline of the examples is what docs/hotline.md tells: the same callers and agents before and after, and
figures within wide bands of those in its tables. Method: the files themselves, a few runs, and the scripts beside them.
"""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from router.config import load_config
from router.simulation import Scenario, load_scenario
from router.simulation.compare import shared_callers
from router.simulation.run import simulate
from router.simulation.summary import Summary, summarise

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "scenarios"
REPLICATIONS = 20
MINUTE_US = 60_000_000
NAMES = ("before", "after", "staffed")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"hotline_{name}.toml").read_text(encoding="utf-8"))


def _load(name: str) -> Scenario:
    return load_scenario(FOLDER / f"hotline_{name}.toml")


@cache
def _run(name: str) -> Summary:
    scenario = _load(name)
    return summarise(simulate(scenario, replications=REPLICATIONS), scenario.callers)


def _overall(name: str, metric: str) -> float:
    mean = _run(name).overall[metric].mean
    assert mean is not None
    return mean


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_two_differ_in_hunting_alone() -> None:
    before, after = _read("before"), _read("after")
    assert before.pop("hunting") == {"order": "first-come", "agent": "random"}
    assert before == after


def test_more_staff_is_the_only_change_of_the_third() -> None:
    after, staffed = _read("after"), _read("staffed")
    more = {name: staffed["agents"][name].pop("count") - group.pop("count") for name, group in after["agents"].items()}
    assert staffed == after
    assert more == {"loan_juniors": 0, "repayment_juniors": 0, "seniors": 1, "experts": 0}


def test_everybody_meets_the_same_callers() -> None:
    scenarios = [_load(name) for name in NAMES]
    names = tuple(callers.name for callers in scenarios[0].callers)
    assert all(shared_callers(scenarios[0], other).same == names for other in scenarios[1:])
    assert [sum(group.count for group in each.agents) for each in scenarios] == [24, 24, 25]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_hardly_meant(name: str) -> None:
    assert _load(name).hints == ()


def test_the_router_is_a_config_of_a_server() -> None:
    settings = load_config(FOLDER / "hotline_router.toml").settings
    assert settings == _load("after").settings


def test_before_is_the_story() -> None:
    assert 13 < _overall("before", "wait_served_mean_us") / MINUTE_US < 18
    assert _overall("before", "first_call_resolution") == pytest.approx(0.45, abs=0.025)
    assert _overall("before", "redial_share") == pytest.approx(0.45, abs=0.02)
    assert _overall("before", "service_level") < 0.3


def test_after_with_the_same_staff() -> None:
    assert 1.2 < _overall("after", "wait_served_mean_us") / MINUTE_US < 3.2
    assert _overall("after", "service_level") > 0.85
    assert _overall("after", "first_call_resolution") == pytest.approx(0.67, abs=0.03)
    assert _overall("after", "redial_share") < 0.31
    assert _overall("after", "offered") < 0.85 * _overall("before", "offered")
    assert _overall("after", "jain") > 0.97


def test_one_more_senior_shortens_the_wait() -> None:
    assert _overall("staffed", "wait_served_mean_us") < 0.85 * _overall("after", "wait_served_mean_us")


def test_the_green_channel() -> None:
    cards = _run("after").queues["cards"]
    assert cards["service_level"].mean == 1.0
    mean, p95 = cards["wait_served_mean_us"].mean, cards["wait_served_p95_us"].mean
    assert mean is not None
    assert p95 is not None
    assert mean < MINUTE_US
    assert p95 < 2 * MINUTE_US


def test_complex_matters_go_to_those_who_can() -> None:
    served = _script("hotline_who").Served()
    served.watch(_load("after"), 0)
    for queue in ("complaints", "contracts"):
        assert set(served.by_group[queue]) == {"seniors", "experts"}
    assert served.by_group["repayment"]["repayment_juniors"] > 0.8 * served.by_group["repayment"].total()
    hunted = _script("hotline_who").Served()
    hunted.watch(_load("before"), 0)
    assert hunted.by_group["complaints"]["loan_juniors"] > 0


def test_the_study_prints_every_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hotline_study.py", "--replications", "2"])
    _script("hotline_study").main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ") and "±" in line]
    assert len(rows) == 6 + 4 + 11 + 20
    assert all(row.count("|") == rows[0].count("|") for row in rows)


def test_flatter_levels_keep_the_middle() -> None:
    study = _script("hotline_study")
    table = ((0, 0.2), (5, 0.6))
    for share, expected in ((1.0, (0.2, 0.6)), (0.5, (0.3, 0.5)), (0.0, (0.4, 0.4))):
        moved = study.moved(table, 0.4, share)
        assert [level for level, _ in moved] == [0, 5]
        assert [value for _, value in moved] == pytest.approx(expected)
