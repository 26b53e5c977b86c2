"""Goal: the Erlang C scenario of the examples gives the textbook's figures, and docs/simulation.md tells them rightly.

Method: exact figures by formula beside the scenario's own; bounds are five standard errors of these runs.
"""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

import pytest

from router.simulation import Estimate, load_scenario, simulate, summarise
from tests.theory.formulas import erlang_c, wait_beyond, wait_mean, wait_quantile

ROOT = Path(__file__).parents[2]
ARRIVALS_PER_S = 80 / 3600
QUEUE = (ARRIVALS_PER_S, 1 / 180, 5)
TARGET_S = 20.0
REPLICATIONS = 5


@cache
def exact() -> dict[str, float]:
    """Return the textbook's figures in the units of JSON."""
    mean_s = wait_mean(*QUEUE)
    return {
        "delayed_share": erlang_c(4, 5),
        "service_level": 1 - wait_beyond(*QUEUE, TARGET_S),
        "wait_all_mean_us": mean_s * 1e6,
        "wait_all_p95_us": wait_quantile(*QUEUE, 0.95) * 1e6,
        "length_mean": mean_s * ARRIVALS_PER_S,
        "occupancy": 4 / 5,
    }


@cache
def found() -> dict[str, Estimate]:
    scenario = load_scenario(ROOT / "examples" / "scenarios" / "erlang_c.toml")
    return summarise(simulate(scenario, replications=REPLICATIONS), scenario.callers).overall


@pytest.mark.parametrize("metric", exact())
def test_the_example_gives_the_textbooks_figures(metric: str) -> None:
    estimate = found()[metric]
    values = [value for value in estimate.values if value is not None]
    assert len(values) == REPLICATIONS
    assert estimate.mean is not None
    spread = math.sqrt(sum((value - estimate.mean) ** 2 for value in values) / (REPLICATIONS - 1))
    error = spread / math.sqrt(REPLICATIONS)
    assert error < 0.04 * exact()[metric]  # the runs are long enough to tell anything
    assert abs(estimate.mean - exact()[metric]) < 5 * error


def test_the_page_has_the_exact_figures() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    section = page.partition("\n## Against theory\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| [^|]+ \| ([0-9.]+)(?: (%|s))? \|", section, re.MULTILINE)
    factors = {"%": 0.01, "s": 1e6, "": 1.0}
    assert len(told) == len(exact())
    for (text, unit), value in zip(told, exact().values(), strict=True):
        decimals = len(text.partition(".")[2])
        assert f"{value / factors[unit]:.{decimals}f}" == text
