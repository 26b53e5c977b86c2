"""Hints: what is not wrong but hardly meant is said, and the scenario is read all the same."""

from __future__ import annotations

import pytest

from router.config.report import PROBLEMS_MAX
from tests.simulation.scenario.texts import AGENTS, BASE, CALLERS, scenario_of

GENERAL = '[callers.general]\nrate = "30/h"\nhandle_time = "3m"\nwrap_up = "1m"\n'


def hints_of(text: str) -> list[tuple[str, str]]:
    """Return the keys and texts of a scenario's hints."""
    return [(hint.key, hint.problem) for hint in scenario_of(text).hints]


def test_what_is_meant_has_no_hints() -> None:
    assert hints_of(BASE + CALLERS + GENERAL + AGENTS) == []


HINTS = [
    (BASE + CALLERS + AGENTS.replace("loans = 5", "loans = 5, tax = 3"), "agents.team.skills.tax", "nothing asks for"),
    (BASE + CALLERS + AGENTS.replace("= 5", "= 2"), "callers.loans", "no agent has what they demand"),
    (
        BASE + CALLERS + "known = true\n" + AGENTS,
        "callers.loans.known",
        "their queue does not care who served them last",
    ),
    (
        BASE + CALLERS + AGENTS + "shifts = [['8h', '9h']]\n",
        "agents.team.shifts",
        "nobody is there before the end of the run, 8h",
    ),
    (BASE + CALLERS + AGENTS + "at_shift_end = 'cut'\n", "agents.team.at_shift_end", "no shift ever ends"),
    (
        BASE + CALLERS + AGENTS + "count = 9\nstaffing = [4, 8]\nstaffing_period = 60\n",
        "agents.team.count",
        "never more than 8 of 9 are there",
    ),
    (BASE + GENERAL.replace("wrap_up", "patience") + AGENTS, "callers.general", "their wrap-up ends at once"),
    (BASE + GENERAL.replace("1m", "10m") + AGENTS, "callers.general.wrap_up", "the mean is not below the cap of queue"),
    (
        BASE + CALLERS + AGENTS + "ring = { family = 'exponential', mean = '20s' }\n",
        "agents.team.ring",
        "an offer of queue loans expires after 20s: many answers would be too late",
    ),
    (
        BASE.replace("{ loans = 3 }", "{ loans = 3 }\nautomatic = true") + CALLERS + AGENTS + "no_answer = 0.1\n",
        "agents.team.no_answer",
        "all their calls come without an offer",
    ),
    (
        BASE.replace("{ loans = 3 }", "{ loans = 3 }\nautomatic = true") + CALLERS + AGENTS + "reject = 0.1\n",
        "agents.team.reject",
        "all their calls come without an offer",
    ),
]


@pytest.mark.parametrize(("text", "key", "problem"), HINTS)
def test_hints(text: str, key: str, problem: str) -> None:
    found = [hint for hint in hints_of(text) if hint[0] == key and hint[1].startswith(problem)]
    assert len(found) == 1


def test_a_shift_that_begins_within_the_run_is_no_matter() -> None:
    warm = BASE.replace('"8h"\n', '"8h"\nwarm_up = "1s"\n')
    assert hints_of(warm + CALLERS + AGENTS + "shifts = [['8h', '9h'], ['10h', '11h']]\n") == []


def test_a_hint_names_its_line_and_what_would_be_right() -> None:
    hint = scenario_of(BASE + CALLERS + AGENTS.replace("loans = 5", "loans = 5, lones = 3")).hints[0]
    assert str(hint) == (
        'scenario.toml:11: agents.team.skills.lones: nothing asks for this skill; did you mean "loans"?'
    )


def test_skills_preferred_later_or_looked_at_are_asked_for() -> None:
    lines = 'skill = "level"\nprefer = { nice = 3 }\nany_of = [{ one = 1 }]\n'
    lines += "steps = [{ after = 5, skills = { late = 1 } }]\n"
    skills = "{ loans = 5, level = 1, nice = 1, one = 1, late = 1 }"
    assert hints_of(BASE + CALLERS + lines + AGENTS.replace("{ loans = 5 }", skills)) == []


@pytest.mark.parametrize(
    "lines",
    [
        'agent = "team"',
        "skills = {}",
        "any_of = [{ loans = 9, cards = 1 }]",
        "skills = { loans = 9 }\nsteps = [{ after = 5 }]",
    ],
)
def test_whom_somebody_may_serve(lines: str) -> None:
    agents = AGENTS.replace("loans = 5", "loans = 2, cards = 1")
    assert all(key != "callers.loans" for key, _ in hints_of(f"{BASE}{CALLERS}{lines}\n{agents}"))


@pytest.mark.parametrize(
    "lines", ["skills = { loans = 6 }", "any_of = [{ loans = 6, cards = 1 }]", 'agent = "other"', 'channel = "chat"']
)
def test_whom_nobody_may_serve(lines: str) -> None:
    channels = "[router.channels.voice]\n[router.channels.chat]\nexclusive = false\n"
    others = "[agents.other]\ncapacity = { chat = 1 }\n"
    text = f"{BASE}{channels}{CALLERS}{lines}\n{AGENTS}capacity = {{ voice = 1 }}\n{others}"
    assert "callers.loans" in {key for key, _ in hints_of(text)}


def test_where_calls_overflow_somebody_may_serve_them() -> None:
    overflowing = BASE.replace("{ loans = 3 }", "{ loans = 3 }\noverflow = 'general'")
    assert hints_of(overflowing + CALLERS + AGENTS.replace("= 5", "= 2")) == []


def test_hunting_asks_for_no_skills() -> None:
    assert hints_of(f"{BASE}{CALLERS}{AGENTS.replace('= 5', '= 2')}[hunting]\n") == []


def test_hints_are_bounded_and_said_once() -> None:
    groups = "".join(f"[agents.a{number}]\nskills = {{ foo = 1 }}\n" for number in range(PROBLEMS_MAX + 50))
    hints = scenario_of(BASE + CALLERS + AGENTS + groups).hints
    assert len(hints) == len(set(hints)) == PROBLEMS_MAX
