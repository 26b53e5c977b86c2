"""The keys about wait estimates: what they mean, whom they reach, and what is wrong with them."""

# ruff: noqa: E501 (tables of cases)

from __future__ import annotations

from zoneinfo import ZoneInfoNotFoundError

import pytest

from router.config import ConfigError, ConfigProblem, EstimateLimits, EstimateSettings, parse_config
from router.engine.settings import MINUTE_US, SECOND_US

QUEUE = "\n[queues.a]\n"


def problem_of(text: str) -> ConfigProblem:
    with pytest.raises(ConfigError) as refused:
        parse_config(text, "x.toml")
    (problem,) = refused.value.problems
    return problem


def test_every_key_of_estimates() -> None:
    text = """
[estimates]
enabled = false
futures = 1000
budget = "20ms"
refresh = "5s"
time_zone = "Europe/Berlin"
"""
    assert parse_config(text + QUEUE, "x").estimates == EstimateSettings(
        False, 1_000, 20_000, 5 * SECOND_US, "Europe/Berlin"
    )
    assert parse_config(QUEUE, "x").estimates == EstimateSettings(True, 200, 50_000, SECOND_US, "UTC")


def test_limits_are_inherited_and_can_be_taken_back() -> None:
    text = """
[queue_defaults]
callback_wait_estimate = "5m"
overflow_wait_estimate = "10m"

[queues.as_they_are]
overflow = "own"

[queues.own]
callback_wait_estimate = "1m"

[queues.none]
callback_wait_estimate = "never"
overflow_wait_estimate = "never"
"""
    assert parse_config(text, "x").limits == {
        "as_they_are": EstimateLimits(10 * MINUTE_US, 5 * MINUTE_US),
        "own": EstimateLimits(10 * MINUTE_US, MINUTE_US),
        "none": EstimateLimits(),
    }


def test_the_engine_knows_nothing_of_them() -> None:
    bare = parse_config("[queues.a]\noverflow = 'b'\n[queues.b]\n", "x")
    limited = parse_config("[queues.a]\noverflow = 'b'\noverflow_wait_estimate = 5\n[queues.b]\n", "x")
    assert limited.settings == bare.settings
    assert limited.etag != bare.etag
    assert parse_config(QUEUE + "[estimates]\nfutures = 201", "x").etag != parse_config(QUEUE, "x").etag


BAD = [
    ("[estimates]\nfutures = 9", "estimates.futures", "9 is out of range", "a whole number from 10 to 10,000"),
    ("[estimates]\nfutures = 0.5", "estimates.futures", "0.5 is not a whole number", "10 to 10,000"),
    ("[estimates]\nbudget = 0", "estimates.budget", "0 is out of range", "from 1ms to 1m"),
    ('[estimates]\nrefresh = "50ms"', "estimates.refresh", '"50ms" is out of range', "from 100ms to 1h"),
    ('[estimates]\nenabled = "yes"', "estimates.enabled", '"yes" is neither true nor false', "true or false"),
    ("[estimates]\ntime_zone = 1", "estimates.time_zone", "1 is not a time zone", 'such as "Europe/Berlin"'),
    ('[estimates]\ntime_zone = "Europe/Berln"', "estimates.time_zone", '"Europe/Berln" is no time zone', 'did you mean "Europe/Berlin"?'),
    ('[estimates]\ntime_zone = "../../etc/passwd"', "estimates.time_zone", '"../../etc/passwd" is no time zone', 'or "UTC"'),
    ('[estimates]\ntime_zone = ""', "estimates.time_zone", '"" is no time zone', 'or "UTC"'),
    ('[estimates]\ntime_zone = "Europe"', "estimates.time_zone", '"Europe" is no time zone', 'or "UTC"'),
    ('[estimates]\ntime_zone = "berlin"', "estimates.time_zone", '"berlin" is no time zone', 'did you mean "Europe/Berlin"?'),
    ('[estimates]\ntime_zone = "a\\u0000b"', "estimates.time_zone", '"a\\u0000b" is no time zone', 'or "UTC"'),
    ("[estimates]\nbudget = 50", "estimates.budget", "a set of futures may take 50s, longer than until the next one, 1s", "a budget up to 1s"),
    ('[estimates]\nbudget = "2s"\nrefresh = "1999ms"', "estimates.budget", "a set of futures may take 2s, longer than until the next one, 1s999ms", "a refresh of 2s or more"),
    ("[estimates]\nspeed = 1", "estimates.speed", "unknown key", "known here: enabled, futures, budget, refresh, time_zone"),
    ("[estimates]\nshadow = true", "estimates.shadow", "unknown key", "it belongs in [server]"),
    ("[server]\nshadow = 1", "server.shadow", "1 is neither true nor false", "true or false"),
    ("estimates = 1", "estimates", "this is the single value 1", "keys under a [estimates] header"),
    ("[queue_defaults]\ncallback_wait_estimate = 0", "queue_defaults.callback_wait_estimate", "0 is out of range", "from 1s to 366d"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "problem", "wanted"), BAD, ids=range(len(BAD)))
def test_what_is_wrong(text: str, key: str, problem: str, wanted: str) -> None:
    found = problem_of(text + QUEUE)
    assert (found.key, found.problem) == (key, problem)
    assert wanted in found.wanted


def test_who_is_to_overflow_needs_somewhere_to_go() -> None:
    found = problem_of('[queues.a]\noverflow_wait_estimate = "5m"\n')
    assert (found.line, found.key) == (2, "queues.a.overflow_wait_estimate")
    assert (found.problem, found.wanted) == ("the queue has no overflow", "overflow as well: the queue to go to")
    # inherited it may be, since not every queue of many need have an overflow
    parse_config('[queue_defaults]\noverflow_wait_estimate = "5m"\n[queues.a]\n', "x")


@pytest.mark.parametrize("budget", ["50ms", "100ms"])
def test_a_budget_fits_between_two_sets(budget: str) -> None:
    parse_config(f'[estimates]\nrefresh = "100ms"\nbudget = "{budget}"\n' + QUEUE, "x")


def test_limits_without_futures_never_act() -> None:
    off = "[estimates]\nenabled = false\n"
    own = '[queues.a]\noverflow = "b"\noverflow_wait_estimate = "5m"\n[queues.b]\n'
    found = problem_of(off + own)
    assert (found.line, found.key) == (5, "queues.a.overflow_wait_estimate")
    assert found.problem == "it never acts: with [estimates] enabled = false no futures are run"
    assert found.wanted == 'enabled = true, or overflow_wait_estimate = "never"'
    defaults = '[queue_defaults]\noverflow_wait_estimate = "5m"\n'
    found = problem_of(off + defaults + "[queues.a]\n[queues.b]\n")
    assert (found.line, found.key) == (4, "queue_defaults.overflow_wait_estimate")
    # callbacks are offered by any estimate, and nobody inherits what every queue takes back
    back = '[queues.a]\ncallback_wait_estimate = "5m"\noverflow_wait_estimate = "never"\n'
    parse_config(off + defaults + back, "x")


def test_a_machine_without_time_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("router.config.machine_kinds.ZoneInfo", unknown)
    monkeypatch.setattr("router.config.machine_kinds.available_timezones", lambda: set())
    found = problem_of('[estimates]\ntime_zone = "Europe/Berlin"\n' + QUEUE)
    assert "this machine has no data base of time zones" in found.problem
    assert 'tzdata, or "UTC"' in found.wanted
    assert parse_config('[estimates]\ntime_zone = "UTC"\n' + QUEUE, "x").estimates.time_zone == "UTC"
