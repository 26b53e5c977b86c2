"""The transcripts of a real Asterisk: found, read, and made comparable."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.pbx_parts import Does, Json, Phone

REPOSITORY = Path(__file__).parents[2]
APP = "router"

# What is compared. The others are of no use to the bridge: variables, steps of the dialplan, names of callers.
COMPARED = frozenset(
    {
        "ApplicationReplaced",
        "BridgeDestroyed",
        "ChannelDestroyed",
        "ChannelEnteredBridge",
        "ChannelHangupRequest",
        "ChannelHold",
        "ChannelLeftBridge",
        "ChannelStateChange",
        "ChannelUnhold",
        "Dial",
        "StasisEnd",
        "StasisStart",
    }
)
Step = tuple[Any, ...]


@dataclass(frozen=True)
class Line:
    """A line of a transcript: an event, a request, or a note about a WebSocket."""

    at_s: float
    app: str
    event: Json | None = None
    rest: Json | None = None
    closed: bool = False


def folder() -> Path:
    """Return where the transcripts should be."""
    data = os.environ.get("ROUTER_DATA_DIR")
    shared = Path(data).parent if data else REPOSITORY.parent / "shared"
    return shared / "asterisk" / "transcripts"


def names() -> list[str]:
    """Return the names of the transcripts that are here."""
    return sorted(path.stem for path in folder().glob("*.jsonl"))


def read(name: str) -> list[Line]:
    """Return a transcript's lines, or skip the test where there is none."""
    path = folder() / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"there are no transcripts of a real Asterisk at {folder()}")
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(text)
        closed = "ws_closed" in raw
        lines.append(Line(raw["t"], raw.get("app", ""), raw.get("event"), raw.get("rest"), closed))
    return lines


def subject(told: Json) -> str:
    """Return the id of what an event is about."""
    part = told.get("channel") or told.get("peer") or told.get("bridge") or {"id": ""}
    return str(part["id"])


def steps(events: list[Json]) -> dict[str, list[Step]]:
    """Return what was told of each channel and bridge, in order, as far as the order is always the same.

    While a telephone begins to ring, Dial and ChannelStateChange come in any order. When a channel is hung up by
    request as its bridge is removed, either comes first.
    """
    told: dict[str, list[Step]] = defaultdict(list)
    for each in events:
        if each["type"] in COMPARED:
            told[subject(each)].append(_step(each))
    return {about: _settled(list(of_one)) for about, of_one in told.items()}


def _step(told: Json) -> Step:
    kind = told["type"]
    if kind == "Dial":
        return (kind, told["dialstatus"])
    if kind == "ChannelStateChange":
        return (kind, told["channel"]["state"])
    if kind == "StasisStart":
        return (kind, told["channel"]["state"], tuple(told["args"]))
    if kind == "ChannelHangupRequest":
        return (kind, told.get("cause"), told.get("soft", False), told.get("tech_cause"))
    if kind == "ChannelDestroyed":
        return (kind, told["channel"]["state"], told["cause"], told["cause_txt"], told.get("tech_cause"))
    if kind in ("ChannelEnteredBridge", "ChannelLeftBridge"):
        return (kind, told["bridge"]["id"], tuple(sorted(told["bridge"]["channels"])))
    return (kind,)


_RINGING = {("Dial", ""), ("Dial", "RINGING"), ("ChannelStateChange", "Ringing")}


def _settled(of_one: list[Step]) -> list[Step]:
    """Sort the runs of steps whose order varies."""
    result: list[Step] = []
    run: list[Step] = []
    for step in [*of_one, ("end",)]:
        if step in _RINGING:
            run.append(step)
            continue
        result.extend(sorted(run))
        run = []
        if step[0] == "ChannelHangupRequest" and result and result[-1][0] == "ChannelLeftBridge":
            result.insert(-1, step)
        else:
            result.append(step)
    return result[:-1]


def phone_of(lines: list[Line], leg: str) -> Phone:
    """Return what the telephone at the end of a leg did, from what was told of the leg."""
    told = [(line.at_s, line.event) for line in lines if line.event and subject(line.event) == leg]
    hung_up = [(at, each) for at, each in told if each["type"] == "ChannelHangupRequest" and not each.get("soft")]
    ringing = next((at for at, each in told if each.get("dialstatus") == "RINGING"), None)
    up = next((at for at, each in told if each["type"] == "ChannelStateChange" and _state(each) == "Up"), None)
    if up is not None:
        cut = any(line.rest and line.rest["path"] == f"/channels/{leg}-leg2" for line in lines)
        talks_s = hung_up[0][0] - up if hung_up and not cut else None
        return Phone(Does.ANSWERS, up - (ringing or 0), talks_s=talks_s)
    if hung_up:
        at, each = hung_up[0]
        does = Does.REFUSES_AT_ONCE if ringing is None else Does.REFUSES
        return Phone(does, at - (ringing or at), each["cause"])
    if ringing is not None:
        return Phone(Does.RINGS)
    return Phone(Does.IS_SILENT if any(each["type"] == "Dial" for _, each in told) else Does.IS_NOWHERE)


def _state(told: Json) -> str:
    return str(told["channel"]["state"])
