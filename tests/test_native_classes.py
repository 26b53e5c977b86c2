"""No native object crashes, however it was made: it is whole, or it is not made at all.

Method: a process of its own tries everything with each native class, so that a crash is seen as its exit code.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from router.engine import Engine
from router.engine.settings import QueueSettings, Settings
from router.server import _native as server

MODULES = ("router.engine._native", "router.simulation._native", "router.wait._native", "router.server._native")
CLASSES = [
    f"{module}:{name}"
    for module in MODULES
    for name, kind in vars(import_module(module)).items()
    if inspect.isclass(kind) and kind.__module__ == module
]

TRY = """
import faulthandler, importlib, sys

faulthandler.enable()
module, name = sys.argv[1].split(":")
kind = getattr(importlib.import_module(module), name)
arguments = ((), (0,), (b"",), ("",), (0, 0), ("", ""), (b"", 0), (0, 0, 0), (None,), (kind,))


def attempt(function, *given):
    try:
        return function(*given)
    except Exception:
        return None


def try_all(made):
    for attribute in dir(kind):
        if attribute.startswith("__") and attribute not in ("__len__", "__init__", "__setstate__", "__reduce__"):
            continue
        found = attempt(getattr, made, attribute)
        if callable(found):
            for given in arguments:
                attempt(found, *given)


made = attempt(kind.__new__, kind)
if made is not None:
    try_all(made)
for given in arguments:
    made = attempt(kind, *given)
    if made is not None:
        try_all(made)
print("alive")
"""


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_made_without_its_arguments_does_not_crash(name: str) -> None:
    tried = subprocess.run([sys.executable, "-c", TRY, name], capture_output=True, text=True, timeout=120)
    assert tried.returncode == 0, tried.stderr[-2000:]
    assert tried.stdout.endswith("alive\n")


def test_the_classes_are_found() -> None:
    names = {name.partition(":")[2] for name in CLASSES}
    assert {
        "Engine",
        "Run",
        "Predictor",
        "FutureSet",
        "Lane",
        "History",
        "EventFilter",
        "CallCounts",
    } <= names


def followers(engine: Engine) -> dict[server.Follower, tuple[Any, dict[str, Any]]]:
    """Return one of each kind, with what it was made of."""
    given: list[tuple[type[server.Follower], tuple[Any, ...], dict[str, Any]]] = [
        (server.History, (engine, 10), {}),
        (server.CallCounts, (engine,), {"wait_bounds": [1], "handle_bounds": [1]}),
        (server.AgentCounts, (engine,), {}),
        (server.CommandCounts, (), {"bounds": [1]}),
        (server.AgentHoldings, (), {}),
        (server.CallHoldings, (), {}),
        (server.Waiting, (engine,), {}),
    ]
    return {kind(*arguments, **named): (arguments, named) for kind, arguments, named in given}


def test_what_is_made_again_stays_what_it_was() -> None:
    engine = Engine(Settings(queues={"loans": QueueSettings()}))
    other = Engine(Settings(queues={"cards": QueueSettings()}))
    made = followers(engine)
    history = next(one for one in made if isinstance(one, server.History))
    wanted = server.EventFilter(history)
    following = server.Followers(engine, made)
    lane = server.Lane(engine, following, list, list, journalling=False)
    for follower, (arguments, named) in made.items():
        follower.__init__(*(other if one is engine else one for one in arguments), **named)  # type: ignore[misc]
    following.__init__(other)  # type: ignore[misc]
    wanted.__init__(server.History(other, 5))  # type: ignore[misc]
    lane.__init__(other, server.Followers(other), list, list, journalling=True)  # type: ignore[misc]

    engine.advance(1)
    following.observe("pbx", 22)
    history.publish(engine.sequence)
    assert history.take(0, wanted, 10, 0)[3] == engine.sequence
    batch = server.read_batch(b"", 0, 10)
    assert batch is not None
    assert lane.run(batch, 2, b"local") == server.Lane.DONE


def test_holdings_are_of_something() -> None:
    class Mine(server.Holdings):
        pass

    for kind in (server.Holdings, Mine):
        with pytest.raises(TypeError, match="of agents or of calls"):
            kind()
