"""Events are put together by the slots of their fields: they must be as those that their classes make."""

from __future__ import annotations

import copy
import pickle
import sys
import typing
from collections.abc import Iterator

import pytest

import router
from router import SECOND_US, Engine
from router.engine import commands as c
from router.engine.events import Event
from tests.engine.drive import Run, draw_operation
from tests.engine.lockstep import Apply
from tests.engine.random_states import RandomState
from tests.oracle import Oracle

RARE = {router.Restarted, router.CallMoved, router.Configured}


def random_events(seeds: int) -> Iterator[Event]:
    """Bring about events of all kinds."""
    for seed in range(seeds):
        run = Run(f"events-{seed}")
        engine, oracle = (machine(run.settings, time_us=run.start_us) for machine in (Engine, Oracle))
        for _ in range(100):
            operation = draw_operation(run.choices, run.world, oracle, run.mix, run.grid_us)
            if not isinstance(operation, Apply) or operation.time_us < oracle.time_us:
                continue
            oracle.apply(operation.command, operation.time_us)
            yield from engine.apply(operation.command, operation.time_us)


def test_each_kind_is_as_its_class_makes_it() -> None:
    seen = set()
    for event in random_events(40):
        seen.add(type(event))
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        made = type(event)(**fields)
        assert (event, hash(event), repr(event)) == (made, hash(made), repr(made))
        assert (copy.copy(event), pickle.loads(pickle.dumps(event))) == (event, event)
        assert all(type(value) is type(getattr(made, name)) for name, value in fields.items())
    assert seen | RARE == set(typing.get_args(router.Event))


def test_events_leave_nothing_behind() -> None:
    """Neither their classes, nor the names and numbers in them, are held by events that are gone."""

    def work(engine: Engine, calls: range) -> None:
        for number in calls:
            engine.apply(router.Enqueue(f"call-{number}", "q"), number * SECOND_US)
            engine.apply(router.Complete(f"call-{number}"), number * SECOND_US)

    settings = router.Settings(queues={"q": router.QueueSettings(automatic=True)}, finished_retention_us=1)
    engine = Engine(settings, time_us=0)
    engine.apply(router.SignIn("ada"), 0)
    work(engine, range(3_000))
    references = sys.getrefcount(router.CallAssigned), sys.getrefcount(router.AssignmentCause.AUTOMATIC)
    blocks = sys.getallocatedblocks()
    work(engine, range(3_000, 6_000))
    assert (sys.getrefcount(router.CallAssigned), sys.getrefcount(router.AssignmentCause.AUTOMATIC)) == references
    assert sys.getallocatedblocks() < blocks + 300


@pytest.mark.parametrize("seed", range(5))
def test_queues_are_named_right_after_becoming_another_engine(seed: int) -> None:
    """Two engines give their queues numbers in orders of their own."""
    ours = Engine(router.Settings(queues={name: router.QueueSettings() for name in ("a", "m", "z")}), time_us=0)
    for name in ("a", "m", "z"):
        ours.apply(router.Enqueue(f"in-{name}", name), 0)
    state = RandomState(f"names-{seed}")
    ours.rewind(state.engine)
    for queue in [view.queue for view in state.engine.queues()]:
        command = c.Enqueue(f"later-{queue}", queue, next(iter(state.engine.settings.channels)))
        assert ours.apply(command, state.engine.time_us) == state.oracle.apply(command, state.oracle.time_us)
