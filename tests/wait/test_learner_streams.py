"""Goal: from the life of a simulated centre one learns the distributions that it was made from, within chance.

Method: a run of router.simulation stepped through. Each tolerance is 4 standard errors of the estimate, from the number
of observations; what an estimator without regard to censoring would say lies far outside.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from router.engine.events import CallAbandoned, CallAssigned
from router.simulation import load_scenario
from router.simulation.run import Simulation
from router.wait._native import Learner

SCENARIO = """
[simulation]
length = "60h"
warm_up = "0s"
replications = 1
seed = 71
ending = "cut"

[router]
preset = "fcfs-longest-idle"

[router.queue_defaults]
max_overtake_wait = "never"
offer_timeout = "12s"
no_answer_action = "not-ready"
wrap_up = { mode = "manual", duration = "90s" }

[router.queues.short]
skills = { short = 1 }

[router.queues.long]
skills = { long = 1 }

[callers.short]
rate = "90/h"
handle_time = { family = "lognormal", mean = "90s", cv = 0.8 }
patience = { family = "exponential", mean = "60s" }
wrap_up = { family = "exponential", mean = "30s" }

[callers.long]
rate = "30/h"
handle_time = { family = "gamma", mean = "5m", cv = 0.5 }
patience = { family = "lognormal", mean = "4m", cv = 0.7 }
wrap_up = { family = "exponential", mean = "60s" }

[callers.urgent]
queue = "long"
urgency = "urgent"
rate = "6/h"
handle_time = { family = "gamma", mean = "5m", cv = 0.5 }
patience = { family = "lognormal", mean = "4m", cv = 0.7 }
wrap_up = { family = "exponential", mean = "60s" }

[agents.pool]
count = 7
skills = { short = 1, long = 1 }
ring = { family = "uniform", low = "2s", high = "6s" }
reject = 0.06
reject_after = "3s"
no_answer = 0.04
return_after = { family = "exponential", mean = "3m" }
"""


class Told:
    """What happened, counted beside the learner."""

    def __init__(self, folder: Path) -> None:
        path = folder / "scenario.toml"
        path.write_text(SCENARIO)
        run = Simulation(load_scenario(path))
        self.learner = Learner(run.engine)
        self.waits: dict[str, list[float]] = {"short": [], "long": []}  # of those who gave up
        self.counts: Counter[str] = Counter()
        for happening in run.happenings():
            self.learner.observe()
            for event in happening.events:
                self.counts[type(event).__name__] += 1
                if isinstance(event, CallAbandoned):
                    self.waits[event.queue].append(event.wait_us / 1e6)
                elif isinstance(event, CallAssigned):
                    self.counts[event.queue] += 1
        self.model = self.learner.model()
        self.learned = self.learner.learned()

    def queue(self, queue: str) -> dict[str, Any]:
        found: dict[str, Any] = self.model["queues"][queue]
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("centre"))


def lognormal(mean_s: float, cv: float) -> Any:
    shape = math.sqrt(math.log1p(cv * cv))
    return stats.lognorm(shape, scale=mean_s / math.exp(shape * shape / 2))


TALKS = {"short": lognormal(90, 0.8), "long": stats.gamma(4, scale=75)}
PATIENCE = {"short": stats.expon(scale=60), "long": lognormal(240, 0.7)}


@pytest.mark.parametrize("queue", TALKS)
def test_talks(told: Told, queue: str) -> None:
    shape, known = TALKS[queue], told.queue(queue)
    count = known["samples"]
    assert count > 1000
    mean_error = shape.std() / math.sqrt(min(count, 3000))
    assert known["handle_time"].mean_s == pytest.approx(shape.mean(), abs=4 * mean_error)
    drawn = [known["handle_time"].residual_s(0, (number + 0.5) / 1000) for number in range(1000)]
    assert stats.kstest(drawn, shape.cdf).statistic < 2 / math.sqrt(min(count, 3000))


@pytest.mark.parametrize(
    ("queue", "age_s", "more_s"),
    [
        *(("short", age_s, more_s) for age_s, more_s in ((0, 20), (20, 25), (45, 45), (90, 90))),
        *(("long", age_s, more_s) for age_s, more_s in ((45, 45), (90, 90))),  # hardly anybody gives up sooner
    ],
)
def test_patience_is_that_of_all_callers_and_not_of_those_who_gave_up(
    told: Told, queue: str, age_s: float, more_s: float
) -> None:
    shape = PATIENCE[queue]
    true = shape.sf(age_s + more_s) / shape.sf(age_s)
    waits = told.waits[queue]
    ended = sum(age_s < wait <= age_s + more_s for wait in waits)
    assert ended > 10
    # Greenwood: the log of a survival has about the variance of ends by the square of those at risk
    at_risk = ended / (1 - true)
    error = true * math.sqrt(ended) / at_risk
    known = told.queue(queue)["patience"].survival(age_s, more_s)
    assert known == pytest.approx(true, abs=4 * error + 0.01)  # and what even hazards within bins and fading cost
    naive = sum(wait > age_s + more_s for wait in waits) / sum(wait > age_s for wait in waits)
    if age_s == 45:
        assert abs(naive - true) > 6 * error


def test_wrap_ups(told: Told) -> None:
    for queue, mean_s in (("short", 30), ("long", 60)):
        known = told.queue(queue)["wrap_up"]
        error = 4 / math.sqrt(told.counts[queue] * (1 - math.exp(-90 / mean_s)))
        for seconds in (10, 30, 80):
            assert -math.log(known.survival(0, seconds)) == pytest.approx(seconds / mean_s, rel=error + 0.05)


def test_offers(told: Told) -> None:
    accepted = told.counts["OfferAccepted"]
    ring = told.model["ring"]
    assert ring.mean_s == pytest.approx(4, abs=4 * (4 / math.sqrt(12)) / math.sqrt(min(accepted, 1000)))
    assert [ring.residual_s(0, share) for share in (0.001, 0.999)] == pytest.approx([2, 6], abs=0.1)
    # old offers fade, so that about 2,000 count
    assert told.model["reject"] == pytest.approx(0.06, abs=4 * math.sqrt(0.06 / 2000))
    assert told.model["no_answer"] == pytest.approx(0.04, abs=4 * math.sqrt(0.04 / 2000))


def test_agents_who_did_not_answer_come_back(told: Told) -> None:
    spells = told.counts["OfferExpired"]
    assert spells > 50
    assert told.model["not_ready"].survival(0, 120) == pytest.approx(
        math.exp(-120 / 180), abs=4 * 0.5 / math.sqrt(spells)
    )


def test_arrival_rates(told: Told) -> None:
    rates = {(one["queue"], one["urgency"]): sum(one["rates_per_s"]) / 16 * 3600 for one in told.model["arrivals"]}
    for kind, rate in ((("short", 0), 90), (("long", 0), 30), (("long", 2), 6)):
        assert rates[kind] == pytest.approx(rate, rel=0.3)  # of two days, one of them today
    assert rates["long", 2] / rates["long", 0] == pytest.approx(6 / 30, abs=4 * math.sqrt(6 / 30 / 1700))


def test_equal_agents_are_taken_for_equal(told: Told) -> None:
    factors = [agent["handle_factor"] for agent in told.model["agents"].values()]
    assert len(factors) == 7
    assert max(abs(factor - 1) for factor in factors) < 0.15
