"""Scenario texts for the tests, and the problems of bad ones."""

from __future__ import annotations

import pytest

from router.config import ConfigError, ConfigProblem
from router.simulation import AgentGroup, Callers, Scenario, parse_scenario

BASE = """\
[simulation]
length = "8h"
[router.queues.loans]
skills = { loans = 3 }
[router.queues.general]
wrap_up = { mode = "manual", duration = "10m" }
"""
CALLERS = '[callers.loans]\nrate = "30/h"\nhandle_time = "3m"\n'
AGENTS = "[agents.team]\nskills = { loans = 5 }\n"


def scenario_of(text: str, folder: str = ".") -> Scenario:
    """Return the scenario of a text."""
    return parse_scenario(text, "scenario.toml", folder)


def callers_of(lines: str) -> Callers:
    """Return the callers `loans` with these lines."""
    return scenario_of(f"{BASE}{AGENTS}[callers.loans]\n{lines}\n").callers[0]


def group_of(lines: str, name: str = "team") -> AgentGroup:
    """Return an agent group with these lines, beside callers of the queue general."""
    callers = '[callers.general]\nrate = "30/h"\nhandle_time = "3m"\n'
    return scenario_of(f"{BASE}{callers}[agents.{name}]\n{lines}\n").agents[0]


def problems_of(text: str, folder: str = ".") -> list[ConfigProblem]:
    """Return the problems of a text that has some."""
    with pytest.raises(ConfigError) as refused:
        scenario_of(text, folder)
    return list(refused.value.problems)
