"""Reading: what each key of a scenario becomes, and what is there without it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from router.config import PRESETS, parse_config
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from router.engine.vocabulary import Urgency
from router.simulation import (
    AgentGroup,
    Callers,
    Distribution,
    Ending,
    Family,
    HuntedAgent,
    Hunting,
    LineOrder,
    PoissonArrivals,
    Redial,
    RenewalArrivals,
    Scenario,
    ShiftEnd,
    load_scenario,
)
from tests.simulation.scenario.texts import AGENTS, BASE, CALLERS, callers_of, group_of, scenario_of

HANDLE = 'rate = "30/h"\nhandle_time = "3m"\n'
THREE_MINUTES = Distribution(Family.DETERMINISTIC, 3 * MINUTE_US)


def test_the_least_scenario_has_all_defaults() -> None:
    scenario = scenario_of(BASE + CALLERS + AGENTS)
    assert scenario == Scenario(
        source="scenario.toml",
        settings=parse_config(BASE.replace("router.", "").partition('"8h"\n')[2], "x").settings,
        callers=(
            Callers(
                name="loans",
                queue="loans",
                arrivals=PoissonArrivals((30 / 3600,)),
                handle_time=THREE_MINUTES,
                skill="loans",
            ),
        ),
        agents=(AgentGroup(name="team", count=1, skills={"loans": 5}),),
        length_us=8 * HOUR_US,
    )


def test_the_run() -> None:
    lines = 'warm_up = "30m"\nreplications = 7\nseed = 42\nending = "cut"\n'
    scenario = scenario_of(BASE.replace('"8h"\n', f'"8h"\n{lines}') + CALLERS + AGENTS)
    assert scenario.warm_up_us == 30 * MINUTE_US
    assert (scenario.replications, scenario.seed) == (7, 42)
    assert scenario.ending is Ending.CUT


def test_hunting() -> None:
    assert scenario_of(BASE + CALLERS + AGENTS).hunting is None
    assert scenario_of(f"{BASE}{CALLERS}{AGENTS}[hunting]\n").hunting == Hunting()
    text = f'{BASE}{CALLERS}{AGENTS}[hunting]\norder = "last-come"\nagent = "random"\n'
    assert scenario_of(text).hunting == Hunting(LineOrder.LAST_COME, HuntedAgent.RANDOM)


@pytest.mark.parametrize(
    ("rate", "per_s"),
    [("30/h", 30 / 3600), ("0.5/s", 0.5), ("12/min", 0.2), ("864/day", 0.01), ("1000000/s", 1e6)],
)
def test_rates(rate: str, per_s: float) -> None:
    arrivals = callers_of(f'rate = "{rate}"\nhandle_time = 180').arrivals
    assert isinstance(arrivals, PoissonArrivals)
    assert arrivals.rates_per_s == (pytest.approx(per_s, rel=1e-15),)
    assert (arrivals.period_us, arrivals.day_factor_cv, arrivals.day_us) == (0, 0.0, DAY_US)


def test_rates_by_period() -> None:
    lines = 'rates = ["20/h", "0/h"]\nperiod = "30m"\nday_factor_cv = 0.1\nday = "9h"\nhandle_time = 180'
    assert callers_of(lines).arrivals == PoissonArrivals((20 / 3600, 0.0), 30 * MINUTE_US, 0.1, 9 * HOUR_US)


def test_renewal_arrivals() -> None:
    lines = 'interval = { family = "gamma", mean = "10m", cv = 0.5 }\nhandle_time = 180'
    assert callers_of(lines).arrivals == RenewalArrivals(Distribution(Family.GAMMA, 10 * MINUTE_US, 0.5))


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ('"3m"', THREE_MINUTES),
        ("180", THREE_MINUTES),
        ('{ family = "deterministic", mean = 180 }', THREE_MINUTES),
        ('{ family = "exponential", mean = "3m" }', Distribution(Family.EXPONENTIAL, 3 * MINUTE_US)),
        ('{ family = "gamma", mean = "3m", cv = 2 }', Distribution(Family.GAMMA, 3 * MINUTE_US, 2.0)),
        ('{ family = "lognormal", mean = "3m", cv = 0.8 }', Distribution(Family.LOGNORMAL, 3 * MINUTE_US, 0.8)),
        ('{ family = "uniform", mean = "3m", cv = 0.5 }', Distribution(Family.UNIFORM, 3 * MINUTE_US, 0.5)),
        (
            '{ family = "empirical", values = ["1m", 120, "6m"] }',
            Distribution(Family.EMPIRICAL, 3 * MINUTE_US, 0.0, (60 * SECOND_US, 120 * SECOND_US, 360 * SECOND_US)),
        ),
    ],
)
def test_distributions(text: str, distribution: Distribution) -> None:
    assert callers_of(f'rate = "30/h"\nhandle_time = {text}').handle_time == distribution


def test_a_uniform_distribution_between_bounds() -> None:
    drawn = callers_of('rate = "30/h"\nhandle_time = { family = "uniform", low = "1m", high = "5m" }').handle_time
    half_width_us = math.sqrt(3) * drawn.cv * drawn.mean_us
    assert drawn.mean_us - half_width_us == pytest.approx(MINUTE_US)
    assert drawn.mean_us + half_width_us == pytest.approx(5 * MINUTE_US)


def test_what_callers_are() -> None:
    lines = HANDLE + (
        'queue = "general"\nchannel = "voice"\nurgency = "urgent"\npriority = 9\nskill = "tax"\n'
        'patience = "2m"\nwrap_up = "1m"\ncustomers = 500\nknown = true\n'
        "handle_factor_by_level = { 8 = 0.8, 1 = 1.5 }\nresolution_by_level = { 0 = 0.1, 10 = 0.9 }\n"
        "satisfaction_by_wait = { 2m = 4, 0s = 4.8, 600 = 1 }\n"
        'redial_unresolved = { chance = 0.9, after = "1h" }\n'
        'redial_abandoned = { chance = 1, after = "5m", times_max = 3 }\n'
    )
    callers = callers_of(lines)
    assert (callers.queue, callers.channel, callers.urgency, callers.priority) == (
        "general",
        "voice",
        Urgency.URGENT,
        9,
    )
    assert callers.patience == Distribution(Family.DETERMINISTIC, 2 * MINUTE_US)
    assert callers.wrap_up == Distribution(Family.DETERMINISTIC, MINUTE_US)
    assert (callers.skill, callers.customers, callers.known) == ("tax", 500, True)
    assert callers.handle_factor_by_level == ((1, 1.5), (8, 0.8))
    assert callers.resolution_by_level == ((0, 0.1), (10, 0.9))
    assert callers.satisfaction_by_wait == ((0, 4.8), (2 * MINUTE_US, 4.0), (10 * MINUTE_US, 1.0))
    assert callers.redial_unresolved == Redial(0.9, Distribution(Family.DETERMINISTIC, HOUR_US))
    assert callers.redial_abandoned == Redial(1.0, Distribution(Family.DETERMINISTIC, 5 * MINUTE_US), 3)


def test_a_plain_resolution_holds_at_every_level() -> None:
    assert callers_of(HANDLE + 'queue = "general"\nresolution = 0.7').resolution_by_level == ((0, 0.7),)


def test_a_demand_of_their_own() -> None:
    lines = HANDLE + (
        'skills = { loans = 2 }\nany_of = [{ english = 5, german = 4 }]\nagent = "team"\nprefer = { tax = 3 }\n'
        'skill = "loans"\n[[callers.loans.steps]]\nafter = "1m"\n'
    )
    any_of = AnyOf((SkillTerm("english", 5), SkillTerm("german", 4)))
    first = Step((SkillTerm("loans", 2), AgentTerm("team"), any_of), (Preference("tax", 3),))
    assert callers_of(lines).requirement == Requirement((first, Step(after_us=MINUTE_US)))
    assert callers_of(HANDLE + "skills = {}").requirement == Requirement()
    assert callers_of(HANDLE).requirement is None


@pytest.mark.parametrize(
    ("lines", "skill"),
    [
        ("", "loans"),
        ('queue = "general"', None),
        ("skills = { cards = 2 }", "cards"),
        ("skills = { cards = 2, loans = 1 }", None),
        ("skills = { cards = 2 }\nany_of = [{ english = 5, german = 5 }]", None),
        ("any_of = [{ english = 5 }]", "english"),
        ('skills = { cards = 2, loans = 1 }\nskill = "loans"', "loans"),
    ],
)
def test_whose_level_counts(lines: str, skill: str | None) -> None:
    assert callers_of(HANDLE + lines).skill == skill


def test_what_agents_are() -> None:
    lines = (
        "count = 10\nskills = { tax = 1, loans = 6 }\ncapacity = { voice = 1 }\n"
        'handle_time = "4m"\nhandle_times = { general = "5m" }\nhandle_factor = 0.9\nring = "3s"\nreject = 0.02\n'
        'reject_after = "4s"\nno_answer = 0.01\nreturn_after = "90s"\n'
        'staffing = [4, 10, 0]\nstaffing_period = "2h"\nat_shift_end = "requeue"\n'
    )
    assert group_of(lines) == AgentGroup(
        name="team",
        count=10,
        skills={"loans": 6, "tax": 1},
        capacity={"voice": 1},
        handle_time=Distribution(Family.DETERMINISTIC, 4 * MINUTE_US),
        handle_times={"general": Distribution(Family.DETERMINISTIC, 5 * MINUTE_US)},
        handle_factor=0.9,
        ring=Distribution(Family.DETERMINISTIC, 3 * SECOND_US),
        reject=0.02,
        reject_after=Distribution(Family.DETERMINISTIC, 4 * SECOND_US),
        no_answer=0.01,
        return_after=Distribution(Family.DETERMINISTIC, 90 * SECOND_US),
        staffing=(4, 10, 0),
        staffing_period_us=2 * HOUR_US,
        at_shift_end=ShiftEnd.REQUEUE,
    )


def test_the_size_of_a_group() -> None:
    assert group_of("").count == 1
    assert group_of('staffing = [4, 8, 6]\nstaffing_period = "2h"').count == 8
    assert group_of("count = 3").agent_names() == ("team-1", "team-2", "team-3")


def test_shifts() -> None:
    group = group_of('shifts = [["0s", "4h30m"], ["5h", 36000]]\nat_shift_end = "cut"')
    assert group.shifts == ((0, 4 * HOUR_US + 30 * MINUTE_US), (5 * HOUR_US, 10 * HOUR_US))
    assert group.at_shift_end is ShiftEnd.CUT


def test_the_router_inside() -> None:
    text = BASE.replace("[router.queues.loans]", "[router.engine]\nagents_max = 5\n[router.queues.loans]")
    settings = scenario_of(text + CALLERS + AGENTS).settings
    assert settings.agents_max == 5
    assert set(settings.queues) == {"loans", "general"}


def test_a_preset_over_the_config() -> None:
    text = BASE.replace("[router.queues.loans]", '[router]\npreset = "most-skilled"\n[router.queues.loans]')
    weights = {queue.agent_weights for queue in scenario_of(text + CALLERS + AGENTS).settings.queues.values()}
    assert weights == {PRESETS["most-skilled"].agent_weights}


def test_the_router_beside(tmp_path: Path) -> None:
    config = '[server]\nlisten = "nonsense"\n[queues.loans]\nskills = { loans = 3 }\n'
    (tmp_path / "router.toml").write_text(config, encoding="utf-8")
    path = tmp_path / "scenario.toml"
    router = '[simulation]\nlength = "1h"\n[router]\nconfig = "router.toml"\npreset = "least-occupied"\n'
    path.write_text(router + CALLERS + AGENTS, encoding="utf-8")
    scenario = load_scenario(path)
    assert scenario.source == str(path)
    assert scenario.settings.queues["loans"].agent_weights == PRESETS["least-occupied"].agent_weights


def test_tables_keep_the_order_of_the_file() -> None:
    text = BASE + AGENTS.replace("team", "zoe") + AGENTS + CALLERS + CALLERS.replace("ns]", 'x]\nqueue = "loans"')
    scenario = scenario_of(text)
    assert [group.name for group in scenario.agents] == ["zoe", "team"]
    assert [callers.name for callers in scenario.callers] == ["loans", "loax"]


def test_a_queue_needs_no_callers() -> None:
    assert "general" in scenario_of(BASE + CALLERS + AGENTS).settings.queues
