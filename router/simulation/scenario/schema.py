"""The one table of every scenario key: kind, range, default and meaning. Reading, hints and docs all use it.

Defaults are those of the model's own structs, so they cannot differ from the code.
"""

from __future__ import annotations

import re
from typing import Final

from router.config.kinds import Choice, Count, Duration, Table, field_key
from router.config.presets import PRESETS
from router.config.schema import HOMES as ROUTER_HOMES
from router.config.schema import STEP, TOP_KEYS, Section
from router.engine.settings import SECOND_US, Settings
from router.simulation.scenario.agent_keys import AGENTS, RECORDED_AGENTS
from router.simulation.scenario.caller_keys import CALLERS, RECORDED, REDIAL
from router.simulation.scenario.distributions import DISTRIBUTION
from router.simulation.scenario.keys import REPLICATIONS_MAX, SEED_MAX, optional, words
from router.simulation.scenario.kinds import YEARS_US, InputFile
from router.simulation.scenario.model import Ending, HuntedAgent, Hunting, LineOrder, Scenario

_scenario = Scenario(source="", settings=Settings(), callers=(), agents=(), length_us=0)

SIMULATION: Final = Table(
    optional(
        "length",
        Duration(SECOND_US, YEARS_US),
        "How long callers are measured, after the warm-up.",
        field="length_us",
        required=True,
    ),
    field_key(
        "warm_up",
        Duration(0, YEARS_US),
        _scenario,
        "The first part of the run. What arrives in it is simulated and not counted.",
    ),
    field_key(
        "replications",
        Count(1, REPLICATIONS_MAX),
        _scenario,
        "Independent runs. Intervals come from their differences, so one run alone has none.",
    ),
    field_key("seed", Count(0, SEED_MAX), _scenario, "Same seed, same callers, whatever the weights are."),
    field_key(
        "ending",
        words(Ending),
        _scenario,
        "When the measured time is over: `drain` serves who is there and takes nobody new; `cut` stops at once.",
    ),
)

ROUTER: Final = Table(
    optional(
        "config",
        InputFile("a router's config"),
        "A router's config file, in place of tables here. Its `[server]` and `[estimates]` count for nothing.",
    ),
    optional("preset", Choice({name: name for name in PRESETS}), "Weights for every queue, over those of the config."),
)
ROUTER_KEYS: Final = (*ROUTER.keys, *(name for name in TOP_KEYS if name not in ("server", "estimates")))

HUNTING: Final = Table(
    field_key("order", words(LineOrder), Hunting(), "Whom of those who wait a free agent gets."),
    field_key("agent", words(HuntedAgent), Hunting(), "Which free agent a caller gets."),
)

SECTIONS: Final = (
    Section(header="[simulation]", table=SIMULATION, doc="How long, how often, and from which seed."),
    Section(
        header="[router]",
        table=ROUTER,
        doc="The router under test: a config file, or the tables of one here, under `router.`: `[router.engine]`, "
        "`[router.channels.NAME]`, `[router.queues.NAME]` and so on, with the keys of "
        "[configuration.md](configuration.md).",
    ),
    Section(
        header="[hunting]",
        table=HUNTING,
        doc="Without this table our routing rules. With it an old switch does: any free agent with room on the channel "
        "gets any caller, whatever the skills. For comparison.",
    ),
    Section(
        header="[callers.NAME]",
        table=CALLERS,
        doc="One kind of callers; at least one is needed. One of `rate`, `rates`, `interval` and `recorded` says "
        "when they call. `skills`, `any_of`, `agent`, `prefer` and `steps` are what they demand; without any of these "
        "it is what their queue demands.",
    ),
    Section(
        header="[callers.NAME.recorded]",
        table=RECORDED,
        doc="Arrivals of a recorded day.",
    ),
    Section(
        header="[callers.NAME.redial_unresolved] and [callers.NAME.redial_abandoned]",
        table=REDIAL,
        doc="Callers who call again, as the same customer.",
    ),
    Section(
        header="[[callers.NAME.steps]]",
        table=STEP,
        doc="What is demanded instead once such a call has waited `after`, as in a queue.",
    ),
    Section(header="[agents.NAME]", table=AGENTS, doc="One group of agents who are alike; at least one is needed."),
    Section(
        header="[recorded_agents]",
        table=RECORDED_AGENTS,
        doc="The agents of a recorded day, each with his presence as a shift, beside those of `[agents.NAME]`.",
    ),
    Section(
        header="a distribution",
        table=DISTRIBUTION,
        doc='Where a distribution is asked for: a duration such as `"3m"`, which is always the same, or a table, such '
        'as `{ family = "lognormal", mean = "3m", cv = 0.8 }`.',
    ),
)

TOP: Final = ("simulation", "router", "hunting", "callers", "agents", "recorded_agents")


def _homes() -> dict[str, str]:
    """Return for each known key the headers of the tables that it belongs in; the router's where it is only there."""
    headers: dict[str, list[str]] = {}
    for section in SECTIONS:
        for name in section.table.keys:
            headers.setdefault(name, []).append(section.header.replace(" and ", " or "))
    homes = {name: " or ".join(found) for name, found in headers.items()}
    homes |= {name: "[router]" for name in ROUTER_KEYS} | {name: "the top of the file" for name in TOP}
    inside_router = {name: re.sub(r"\[(?=\w)", "[router.", home) for name, home in ROUTER_HOMES.items()}
    return inside_router | homes


HOMES: Final = _homes()
