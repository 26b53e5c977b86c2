"""TOML text -> `Scenario`, or every problem it has. Nothing is half read: a scenario is valid whole or refused."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Final

from router.config.kinds import Table, refuse_unknown
from router.config.load import read_config, read_document
from router.config.report import Place, Refused, printable
from router.engine.settings import Settings
from router.simulation.recorded.scenario_parts import RecordedParts
from router.simulation.scenario.agents import read_agents, read_recorded_agents
from router.simulation.scenario.callers import read_callers
from router.simulation.scenario.checks import (
    check_names,
    check_origins,
    check_redials,
    check_requirements,
    check_sizes,
    check_times,
)
from router.simulation.scenario.demands import check_demands, check_offers
from router.simulation.scenario.matching import Matching
from router.simulation.scenario.model import Ending, Hunting, Scenario
from router.simulation.scenario.parts import Context
from router.simulation.scenario.router_settings import read_router
from router.simulation.scenario.schema import HOMES, HUNTING, SIMULATION, TOP

HINT: Final = "name a scenario file, or write one to start from with `skill-router init-scenario`"
_CONFIG_HINT: Final = (
    'a scenario that names it, [router] with config = "FILE", and says who calls and who works: '
    "`skill-router init-scenario` writes one to start from"
)
_SEED: Final = 1


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read a scenario file and the files that it names. Raises `ConfigError` with every problem."""
    name = os.fsdecode(path)
    return parse_scenario(read_config(path, HINT), printable(name), Path(name).parent)


def parse_scenario(text: str | bytes, source: str, folder: str | os.PathLike[str] = ".") -> Scenario:
    """Read a scenario from text; `source` names it in problems, files that it names are looked for in `folder`.

    Raises `ConfigError` with every problem: what is no TOML, or defines a key twice, is refused before its meaning is
    looked at. O(length), bounded like a config, and O(groups × callers).
    """
    document, report = read_document(text, source, HOMES, HINT)
    report.folder = Path(folder)
    root = Place(report)
    if "queues" in document and not any(name in document for name in TOP):
        (root / "queues").note("this is a router's config, not a scenario", _CONFIG_HINT)
        report.finish()
    for name in document:
        if name not in TOP:
            with suppress(Refused):
                refuse_unknown(name, TOP, root)
    simulation = _table(SIMULATION, document.get("simulation", {}), root / "simulation")
    hunting = Hunting(**_table(HUNTING, document["hunting"], root / "hunting")) if "hunting" in document else None
    parts = _read_parts(document, root, simulation, hunting)
    report.finish()
    return Scenario(source=source, hunting=hunting, hints=report.hints, **simulation, **parts)


def example_scenario_text() -> str:
    """Return the commented scenario that `init-scenario` writes: a small bank hotline, and every key."""
    return resources.files("router.simulation.scenario").joinpath("example.toml").read_text(encoding="utf-8")


def _table(table: Table, value: object, place: Place) -> dict[str, Any]:
    with suppress(Refused):
        return table.read(value, place)
    return {}


def _read_parts(
    document: dict[str, Any], root: Place, simulation: dict[str, Any], hunting: Hunting | None
) -> dict[str, Any]:
    """Return settings, callers and agents, checked alone and against each other. Problems are noted, not raised."""
    settings: Settings | None = None
    with suppress(Refused):
        settings = read_router(document, root)
    names = document.get("callers", {})
    context = Context(
        settings=settings,
        callers=tuple(names) if isinstance(names, dict) else (),
        recorded=RecordedParts(simulation.get("seed", _SEED)),
        ending=simulation.get("ending", Ending.DRAIN),
    )
    kinds = read_callers(names, root / "callers", context)
    groups = read_agents(document.get("agents", {}), root / "agents", context)
    groups += read_recorded_agents(document, root, context)
    if not document.get("agents") and "recorded_agents" not in document:
        root.note("there are no agents", "at least one [agents.NAME], or [recorded_agents]")
    check_names(groups)
    check_redials(kinds, context.ending)
    check_origins(document, root)
    if "length_us" in simulation:
        check_times(kinds, groups, simulation["length_us"] + simulation.get("warm_up_us", 0))
    if settings is not None:
        check_sizes(groups, settings, root / "agents")
        check_requirements(kinds, settings, root / "callers")
        if hunting is None:
            matching = Matching(kinds, groups, settings)
            check_demands(matching)
            check_offers(matching)
    return {
        "settings": settings,
        "callers": tuple(callers for callers, _ in kinds),
        "agents": tuple(group for group, _ in groups),
    }
