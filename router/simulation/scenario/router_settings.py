"""The `[router]` table of a scenario: a config file or the tables of one, and a preset over it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from router.config.errors import ConfigError
from router.config.kinds import read_plain_table
from router.config.load import read_config, read_document, read_settings
from router.config.presets import with_preset
from router.config.report import Place, Refused, printable, shown_text
from router.config.schema import HOMES, TOP_KEYS
from router.engine.settings import Settings
from router.simulation.scenario.schema import ROUTER, ROUTER_KEYS

_OF_THE_SERVER: Final = ("server", "estimates")
_WANTED: Final = '[router] with config = "router.toml", or at least one [router.queues.NAME]'


def read_router(document: dict[str, object], root: Place) -> Settings:
    """Return the settings of the router under test. Notes what is wrong and raises `Refused`."""
    if "router" not in document:
        root.refuse("router is missing", _WANTED)
    before = root.report.problem_count
    place = root / "router"
    table = read_plain_table(document["router"], place)
    own = {name: table[name] for name in ROUTER.keys if name in table}
    tables = {name: value for name, value in table.items() if name not in ROUTER.keys}
    fields = ROUTER.read(own, place)
    settings = _beside(fields, tables, place) if "config" in own else _embedded(tables, place)
    if root.report.problem_count > before:
        raise Refused
    return with_preset(settings, fields["preset"]) if "preset" in fields else settings


def _embedded(tables: dict[str, object], place: Place) -> Settings:
    for name in _OF_THE_SERVER:
        if name in tables:
            (place / name).note("a simulation has no server", "the other tables of a config, without this one")
    tables = {name: value for name, value in tables.items() if name not in _OF_THE_SERVER}
    return read_settings(tables, place, ROUTER_KEYS)


def _beside(fields: dict[str, str], tables: dict[str, object], place: Place) -> Settings:
    for name in tables:
        (place / name).note("there is a config file already", "either config, or tables here")
    if "config" not in fields:  # noted already
        raise Refused
    return _read_file(place.report.folder / fields["config"], place / "config")


def _read_file(path: Path, place: Place) -> Settings:
    """Return the settings of a config file. What is wrong in it is noted at its own lines."""
    source = printable(str(path))
    hint = "the path of a config file, from the folder of the scenario"
    try:
        document, report = read_document(read_config(path, hint), source, HOMES, hint)
        settings = read_settings(document, Place(report), TOP_KEYS)
        report.finish()
    except ConfigError as error:
        for problem in error.problems:
            if problem.line:
                place.report.include(problem)
            else:
                place.note(f"{shown_text(source)}: {problem.problem}", problem.wanted)
        raise Refused from None
    return settings
