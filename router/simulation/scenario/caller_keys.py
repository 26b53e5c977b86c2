"""The keys of `[callers.NAME]` and of the tables inside it."""

from __future__ import annotations

from typing import Final

from router.config.kinds import Choice, Count, Duration, Flag, Key, Name, Table, field_key
from router.config.schema import NUMBER_MAX, REQUIREMENT_KEYS, STEPS
from router.engine.settings import SECOND_US
from router.engine.vocabulary import Urgency
from router.simulation.scenario.distributions import Draw
from router.simulation.scenario.keys import CHANCE_MAX, RECORDED_LOG, optional
from router.simulation.scenario.kinds import YEARS_US, ByLevel, ByWait, Chance, Number, Rate, Several
from router.simulation.scenario.model import AT_ONCE, Callers, PoissonArrivals

_poisson = PoissonArrivals((1.0,))
_callers = Callers(name="", queue="", arrivals=_poisson, handle_time=AT_ONCE)

REDIAL: Final = Table(
    optional("chance", Chance(), "Chance that such a caller calls again.", required=True),
    optional("after", Draw(positive=True), "Time until then.", required=True),
    optional(
        "times_max",
        Count(1, 1_000),
        "Most times that a caller calls again. Without it there is no bound; if the run waits for the last caller "
        f"(`drain`), the chance is then at most {CHANCE_MAX:g}.",
    ),
)

RECORDED: Final = Table(
    *RECORDED_LOG,
    optional("types", Several(Name("type"), '["5", "7"]'), "Types of calls to take; without it, all."),
    Key(
        name="handle_times",
        kind=Flag(),
        doc="Handle times as recorded, in place of `handle_time`; drawn from the others where nobody answered.",
        field="handle_times",
        default=False,
    ),
    Key(
        name="patience",
        kind=Flag(),
        doc="Patience as recorded or inferred, in place of `patience`.",
        field="patience",
        default=False,
    ),
)

_PRIORITY_MAX: Final = 9
CALLERS: Final = Table(
    optional("queue", Name("queue"), "Queue that they call; without it, the one of the same name."),
    field_key("channel", Name("channel"), _callers, "Channel that they use."),
    field_key(
        "urgency", Choice({urgency.name.lower(): urgency for urgency in Urgency}), _callers, "How pressing it is."
    ),
    field_key("priority", Count(0, _PRIORITY_MAX), _callers, "Priority among calls of one tier."),
    *REQUIREMENT_KEYS,
    STEPS,
    optional(
        "skill",
        Name("skill"),
        "Skill whose level the tables by level mean; without it, the only one demanded at first.",
    ),
    optional("rate", Rate(), "How many call, at random times (Poisson)."),
    optional(
        "rates",
        Several(Rate(), '["20/h", "30/h"]'),
        "The same by period, from the start of the run on; after the last one the first follows.",
    ),
    optional("period", Duration(SECOND_US, YEARS_US), "Length of each period of `rates`.", field="period_us"),
    field_key(
        "day_factor_cv",
        Number("0", "5"),
        _poisson,
        "Standard deviation of a random factor with mean 1 (gamma), one each day, for all rates of that day.",
    ),
    field_key("day", Duration(SECOND_US, YEARS_US), _poisson, "How long such a day is."),
    optional("interval", Draw(positive=True), "Time from each arrival to the next, in place of a rate."),
    optional("recorded", RECORDED, "Arrivals of a recorded day, in place of a rate, see below."),
    optional(
        "handle_time",
        Draw(positive=True),
        "How long an agent talks with them. Required unless `recorded` has `handle_times`.",
    ),
    optional(
        "handle_factor_by_level",
        ByLevel(Number("0.01", "100"), "{ 1 = 1.5, 4 = 1.0, 8 = 0.8 }"),
        "Factor of the handle time by the agent's level; below the first level its value holds.",
    ),
    optional(
        "patience",
        Draw(),
        "How long they wait before they give up; without it, for ever.",
    ),
    optional(
        "wrap_up",
        Draw(),
        'Work after their calls. The queue needs `wrap_up = { mode = "manual" }`, whose duration is the cap.',
    ),
    optional("resolution", Chance(), "Chance that a call is resolved; without it, nothing is told about that."),
    optional(
        "resolution_by_level",
        ByLevel(Chance(), "{ 1 = 0.4, 5 = 0.7, 9 = 0.9 }"),
        "The same by the agent's level, in place of `resolution`.",
    ),
    optional(
        "satisfaction_by_wait",
        ByWait(),
        "The score that a caller gives, by the wait before the answer.",
    ),
    optional("redial_unresolved", REDIAL, "Callers whose call was not resolved call again, see below."),
    optional("redial_abandoned", REDIAL, "Callers who gave up, or were turned away, call again, see below."),
    field_key(
        "customers",
        Count(0, NUMBER_MAX),
        _callers,
        "How many different customers they are; 0: each caller is another one. Whoever calls again is the same one.",
    ),
    field_key("known", Flag(), _callers, "Calls name their customer, so that the queue's last-agent rule applies."),
)
