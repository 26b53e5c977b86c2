"""What the parts of a scenario share while they are read: the router's settings, the names there are, the logs."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from router.config.errors import ConfigProblem
from router.config.report import Place, nearest, shown_text
from router.engine.settings import Settings
from router.simulation.recorded.day_plan import NothingToReplay
from router.simulation.recorded.recorded_day import RecordingError, UnknownDay
from router.simulation.recorded.scenario_parts import RecordedParts, UnknownType
from router.simulation.scenario.model import Ending


class Context(msgspec.Struct, frozen=True):
    """What is known when callers and agents are read. `settings` is None where the router's are not valid."""

    settings: Settings | None
    callers: Collection[str]
    recorded: RecordedParts
    ending: Ending


def note_unknown(name: str, known: Collection[str], place: Place, what: str, where: str) -> None:
    """Note that there is no such queue, channel, …, with the nearest one that there is."""
    near = nearest(name, known)
    place.note(
        f"there is no {what} {shown_text(name)}",
        f"did you mean {shown_text(near)}?" if near else f"a {what} of {where}",
    )


def note_recording(error: Exception, fields: Collection[str], place: Place) -> None:
    """Note what is wrong with a call log: at its own line, or at the field that asks for what is not there."""
    if isinstance(error, RecordingError):
        if error.line:
            place.report.include(ConfigProblem(error.source, error.line, "", error.problem, error.wanted))
        else:
            (place / "file").note(f"{shown_text(error.source)}: {error.problem}", error.wanted)
        return
    key = "file"
    if isinstance(error, UnknownDay):
        key = "day"
    elif isinstance(error, UnknownType):
        key = next((name for name in ("types", "skills") if name in fields), "from")
    problem, _, wanted = str(error).partition("; ")
    (place / key).note(problem, wanted or "calls that are in the log")


def log_path(name: str, place: Place) -> Path:
    """Return the path of a call log. Raises `Refused` for what is there and no file: a pipe could block for ever."""
    path = place.report.folder / name
    if os.path.exists(path) and not os.path.isfile(path):
        (place / "file").refuse(f"{shown_text(name)} is not a regular file", "the path of a call log")
    return path


RECORDING_ERRORS = (RecordingError, UnknownDay, UnknownType, NothingToReplay)


def given(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return those of some fields that are there."""
    return {name: fields[name] for name in names if name in fields}
