"""The formulas themselves: against published numbers, and against each other where two of them say the same."""

from __future__ import annotations

import random
from collections import Counter, deque

import numpy
import pytest
from scipy import integrate

from tests.theory import formulas, single_server
from tests.theory.product_form import Skills, matching_rates

CLOSE = pytest.approx


def test_erlang_b_gives_the_published_losses() -> None:
    assert formulas.erlang_b(84, 90) == CLOSE(0.0446199, abs=1e-7)
    assert formulas.erlang_b(10, 12) == CLOSE(0.1197392, abs=1e-7)


def test_erlang_c_gives_the_published_waits() -> None:
    assert formulas.erlang_c(4.2 / 0.5, 12) == CLOSE(0.183889, abs=1e-6)
    assert formulas.wait_mean(4.2, 0.5, 12) == CLOSE(0.102160, abs=1e-6)
    assert 1 - formulas.wait_beyond(4.2, 0.5, 12, 20 / 60) == CLOSE(0.899080, abs=1e-6)


def test_erlang_a_gives_the_published_shares() -> None:
    line = formulas.markov_line(50, 1, 50, patience=1)
    assert line.delayed == CLOSE(0.518808, abs=1e-6)
    assert line.abandoned == CLOSE(0.056325, abs=1e-6)


def test_classes_give_the_published_waits() -> None:
    assert formulas.class_waits((2, 3, 4), 1, 10) == CLOSE([0.083591, 0.167183, 1.337463], abs=1e-6)


def test_the_n_model_gives_the_published_figures() -> None:
    model = Skills({"0": 0.6, "1": 0.8}, {"1": 1, "2": 1}, {"1": ["0"], "2": ["0", "1"]})
    assert [model.delayed(kind) for kind in "01"] == CLOSE([0.48197, 0.88361], abs=1e-5)
    assert [model.wait_mean(kind) for kind in "01"] == CLOSE([0.80328, 4.81967], abs=1e-5)
    assert [model.utilisation(agent) for agent in "12"] == CLOSE([0.51639, 0.88361], abs=1e-5)


def test_one_line_without_patience_or_places_is_erlang_c_and_b() -> None:
    waiting, losing = formulas.markov_line(4.2, 0.5, 12), formulas.markov_line(4.2, 0.5, 12, places=0)
    assert waiting.delayed == CLOSE(formulas.erlang_c(8.4, 12))
    assert (waiting.wait_all, waiting.wait_served) == CLOSE((formulas.wait_mean(4.2, 0.5, 12),) * 2)
    assert losing.blocked == CLOSE(formulas.erlang_b(8.4, 12))
    assert losing.delayed == losing.wait_all == 0


def test_a_line_conserves_its_calls() -> None:
    line = formulas.markov_line(12, 1, 10, patience=0.5, places=4)
    assert line.busy == CLOSE(12 * (1 - line.blocked - line.abandoned))
    assert line.wait_served < line.wait_all / (1 - line.blocked)


def test_general_patience_of_exponentials_is_erlang_a() -> None:
    line = formulas.markov_line(50, 1, 50, patience=1)
    general = formulas.general_patience(50, 1, 50, lambda time: numpy.exp(-time), horizon=30)
    assert general == CLOSE((line.delayed, line.abandoned, line.wait_all), rel=1e-6)


def test_ageing_lies_between_first_come_first_served_and_strict_classes() -> None:
    arrivals = (2.0, 3.0, 4.0)
    assert formulas.ageing_waits(arrivals, (1, 1, 1), 1, 10) == CLOSE([formulas.wait_mean(9, 1, 10)] * 3)
    assert formulas.ageing_waits(arrivals, (1e9, 1e4, 1), 1, 10) == CLOSE(
        formulas.class_waits(arrivals, 1, 10), rel=1e-3
    )


def test_last_come_and_random_order_have_the_mean_and_kingmans_squares() -> None:
    mean, square = formulas.RandomOrder(0.8, 1, 1).moments()
    assert 0.8 * mean == CLOSE(formulas.wait_mean(0.8, 1, 1))
    assert 0.8 * square == CLOSE(formulas.wait_square_mean(0.8, 1, "random"))
    steps = numpy.concatenate([numpy.linspace(0, 10, 401), numpy.geomspace(10.05, 2000, 400)])
    beyond = 0.8 * numpy.array([formulas.last_come_beyond(0.8, 1, 1, time) for time in steps])
    assert integrate.trapezoid(beyond, steps) == CLOSE(formulas.wait_mean(0.8, 1, 1), rel=1e-3)
    assert integrate.trapezoid(2 * steps * beyond, steps) == CLOSE(formulas.wait_square_mean(0.8, 1, "last"), rel=1e-3)


def test_one_agent_with_exponential_times_is_erlang_c() -> None:
    assert single_server.wait_mean(0.8, single_server.exponential(1)) == CLOSE(formulas.wait_mean(0.8, 1, 1))
    assert single_server.wait_square_mean(0.8, single_server.exponential(1)) == CLOSE(40)
    assert single_server.renewal_delayed(lambda s: 0.8 / (0.8 + s), 1) == CLOSE(0.8)
    assert single_server.class_waits((0.3, 0.5), [single_server.exponential(1)] * 2) == CLOSE(
        formulas.class_waits((0.3, 0.5), 1, 1)
    )


def test_moments_agree_with_samples() -> None:
    draw = numpy.random.default_rng(1)
    samples = {
        single_server.gamma(2, 0.5): draw.gamma(4, 0.5, 1_000_000),
        single_server.lognormal(1, 0.5): draw.lognormal(-numpy.log(1.25) / 2, numpy.sqrt(numpy.log(1.25)), 1_000_000),
        single_server.uniform(1, 3): draw.uniform(1, 3, 1_000_000),
        single_server.deterministic(0.5) + single_server.exponential(2): 0.5 + draw.exponential(2, 1_000_000),
        single_server.geometric_sum(single_server.exponential(1), 0.25): draw.standard_gamma(
            draw.geometric(0.75, 1_000_000) - 1
        ),
    }
    for moments, values in samples.items():
        assert moments == CLOSE([float((values**k).mean()) for k in (1, 2, 3)], rel=0.02)


def test_constant_handle_times_integrate_to_pollaczek_khinchine() -> None:
    waits = numpy.linspace(0, 20, 4001)
    within = [single_server.constant_service_within(0.6, 1, wait) for wait in waits]
    mean = integrate.simpson(1 - numpy.array(within), x=waits)
    assert mean == CLOSE(single_server.wait_mean(0.6, single_server.deterministic(1)), rel=1e-4)


def test_equal_agents_with_all_skills_are_erlang_c() -> None:
    model = Skills(
        {"a": 0.9, "b": 0.6}, {"1": 0.5, "2": 0.5, "3": 0.5, "4": 0.5}, {each: ["a", "b"] for each in "1234"}
    )
    assert model.delayed("a") == CLOSE(formulas.erlang_c(3, 4))
    assert model.wait_mean("b") == CLOSE(formulas.wait_mean(1.5, 0.5, 4))
    assert model.served_rate("a", "1") == CLOSE(0.9 / 4)


def test_agents_serve_what_they_are_busy_with() -> None:
    model = Skills({"a": 0.5, "b": 0.7, "c": 0.4}, {"1": 1.0, "2": 0.6, "3": 0.9}, {"1": "ab", "2": "bc", "3": "ca"})
    for agent, rate in model.service.items():
        served = sum(model.served_rate(kind, agent) for kind in "abc")
        assert served == CLOSE(rate * model.utilisation(agent))
    for kind, rate in model.arrivals.items():
        assert sum(model.served_rate(kind, agent) for agent in "123") == CLOSE(rate)


def test_too_few_agents_are_told() -> None:
    model = Skills({"a": 1.2, "b": 0.1}, {"1": 1, "2": 1}, {"1": "a", "2": "b"})
    with pytest.raises(ValueError, match="'1'] get more calls than they can serve"):
        model.delayed("a")


def test_matching_rates_agree_with_a_plain_matching() -> None:
    callers, agents = {"a": 0.5, "b": 0.3, "c": 0.2}, {"1": 0.35, "2": 0.3, "3": 0.35}
    serves = {"1": "ab", "2": "bc", "3": "ca"}
    expected = matching_rates(callers, agents, serves)
    draw, skipped, met = random.Random(3), deque[str](), Counter[tuple[str, str]]()
    for _ in range(200_000):
        (agent,) = draw.choices(list(agents), list(agents.values()))
        place = next((n for n, kind in enumerate(skipped) if kind in serves[agent]), None)
        if place is not None:
            kind = skipped[place]
            del skipped[place]
        else:
            while (kind := draw.choices(list(callers), list(callers.values()))[0]) not in serves[agent]:
                skipped.append(kind)
        met[kind, agent] += 1
    assert sum(expected.values()) == CLOSE(1)
    for pair, share in expected.items():
        assert met[pair] / met.total() == CLOSE(share, abs=0.005), pair


def test_busy_agents_settle_at_the_load() -> None:
    assert formulas.growing_busy([3.0] * 60, 1.0, 0.5)[-1] == CLOSE(6)
    assert formulas.growing_busy([2.0], 1e-6, 0.5) == CLOSE([1e-6], rel=1e-3)
