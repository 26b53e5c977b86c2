"""The keys of `[agents.NAME]` and of `[recorded_agents]`."""

from __future__ import annotations

from typing import Final

from router.config.kinds import Count, Duration, Name, Table, field_key
from router.config.schema import CHANNELS_MAX, NUMBER_MAX
from router.engine.limits import LEVEL_MAX, SKILLS_MAX
from router.engine.settings import SECOND_US
from router.simulation.scenario.distributions import Draw
from router.simulation.scenario.keys import (
    AGENTS_MAX,
    CALLERS_MAX,
    CAPACITY_MAX,
    CHANCE_MAX,
    RECORDED_LOG,
    optional,
    words,
)
from router.simulation.scenario.kinds import YEARS_US, ByName, Chance, Number, Several, Shift
from router.simulation.scenario.model import AgentGroup, ShiftEnd

_group = AgentGroup(name="", count=1)

BEHAVIOUR: Final = (
    optional(
        "capacity",
        ByName("channel", Count(1, CAPACITY_MAX), CHANNELS_MAX, "{ voice = 1, chat = 3 }"),
        "Most calls at a time by channel; without it, one on every channel.",
    ),
    optional(
        "handle_time",
        Draw(positive=True),
        "How long these agents talk with anybody, in place of the callers' handle time.",
    ),
    field_key(
        "handle_times",
        ByName("callers", Draw(positive=True), CALLERS_MAX, '{ loans = "4m" }'),
        _group,
        "The same by callers, in place of both.",
    ),
    field_key(
        "handle_factor", Number("0.01", "100"), _group, "Factor of whichever handle time rules, beside that by level."
    ),
    field_key("ring", Draw(), _group, "Time from an offer to its acceptance."),
    field_key("reject", Chance(), _group, "Chance that an offer is rejected."),
    field_key("reject_after", Draw(), _group, "Time from an offer to its rejection."),
    field_key(
        "no_answer",
        Chance(),
        _group,
        f"Chance that an offer rings until it expires. With `reject` at most 1; at most {CHANCE_MAX:g} with `drain`.",
    ),
    field_key(
        "return_after",
        Draw(),
        _group,
        "Time from being made not ready, or signed out, for no answer to being ready again.",
    ),
    field_key(
        "at_shift_end",
        words(ShiftEnd),
        _group,
        "The call in hand at a shift's end: `finish` it; `requeue` it, to its place, for the rest of it; `cut` it.",
    ),
)

AGENTS: Final = Table(
    optional(
        "count",
        Count(1, AGENTS_MAX),
        "How many agents the group has: NAME-1, NAME-2, …; just NAME if 1. Without it, the most of `staffing`, or 1.",
    ),
    field_key(
        "skills",
        ByName("skill", Count(1, LEVEL_MAX), SKILLS_MAX, "{ loans = 6 }"),
        _group,
        "What they can do, and how well.",
    ),
    *BEHAVIOUR,
    optional(
        "staffing",
        Several(Count(0, AGENTS_MAX), "[4, 8, 6]"),
        "How many are there by period, from the start of the run on; after the last one the first follows. "
        "Without it, and without `shifts`, all of them are always there.",
    ),
    optional(
        "staffing_period",
        Duration(SECOND_US, YEARS_US),
        "Length of each period of `staffing`.",
        field="staffing_period_us",
    ),
    optional(
        "shifts",
        Several(Shift(YEARS_US), '[["0s", "4h30m"], ["5h", "9h"]]'),
        "When all of them are there, in order and apart, in place of `staffing`.",
    ),
)

RECORDED_AGENTS: Final = Table(
    *RECORDED_LOG,
    optional(
        "skill_calls_min",
        Count(1, NUMBER_MAX),
        "An agent has the skills of the types that he answered so often in the whole log; without it, see "
        "[replay.md](replay.md).",
    ),
    optional(
        "skills",
        ByName("type", Name("skill"), SKILLS_MAX, '{ 5 = "loans" }'),
        "The skills that types stand for; without it, the type N stands for `type-N`. All levels are 10.",
    ),
    *BEHAVIOUR,
)
