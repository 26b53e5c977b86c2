"""Equal events and equal state, however the commands are split into batches and wherever a snapshot is taken."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import events as e
from tests.fairness import centres as make
from tests.fairness.centres import Centre, commands_of, drive, examples

EXAMPLES = examples(100)
cuts = st.lists(st.integers(0, 80), max_size=8).map(lambda found: sorted(set(found)))


def pieces(count: int, cuts: list[int]) -> list[slice]:
    """Cut `count` commands into batches; some may be empty."""
    edges = [0, *[min(cut, count) for cut in cuts], count]
    return [slice(start, stop) for start, stop in pairwise(edges)]


@EXAMPLES
@given(make.centres(), cuts)
def test_batches_do_not_matter(centre: Centre, cuts: list[int]) -> None:
    one_by_one = Engine(centre.settings)
    history = drive(one_by_one, centre)
    batched = Engine(centre.settings)
    commands = commands_of(history)
    for piece in pieces(len(commands), cuts):
        events = batched.apply_many(commands[piece])
        assert events == [event for _, _, told in history[piece] for event in told]
    assert batched.snapshot() == one_by_one.snapshot()
    assert batched.state_hash() == one_by_one.state_hash()


@EXAMPLES
@given(make.centres(favour={"configure": 2, "record_outcome": 3}), cuts)
def test_snapshots_do_not_matter(centre: Centre, cuts: list[int]) -> None:
    """The engine is thrown away at each cut and rebuilt from its snapshot."""
    whole = Engine(centre.settings)
    history = drive(whole, centre)
    engine = Engine(centre.settings)
    for piece in pieces(len(history), cuts):
        snapshot = engine.snapshot()
        engine = Engine.restore(snapshot)
        assert engine.snapshot() == snapshot
        engine.audit()
        for time_us, command, events in history[piece]:
            assert engine.apply(command, time_us) == events
    assert engine.snapshot() == whole.snapshot()
    assert engine.next_deadline() == whole.next_deadline()


@EXAMPLES
@given(make.centres(most=40), st.integers(0, 80))
def test_a_snapshot_changes_nothing_and_shares_nothing(centre: Centre, at: int) -> None:
    """Two engines go different ways from one snapshot; neither knows of the other, nor does the first."""
    whole = Engine(centre.settings)
    history = drive(whole, centre)
    engine = Engine(centre.settings)
    at = min(at, len(history))
    engine.apply_many(commands_of(history[:at]))
    snapshot = engine.snapshot()
    other = Engine.restore(snapshot)
    other.advance(engine.time_us + 100 * make.SECOND_US)
    for time_us, command, events in history[at:]:
        assert engine.apply(command, time_us) == events
    assert engine.state_hash() == whole.state_hash()
    assert Engine.restore(snapshot).snapshot() == snapshot


@EXAMPLES
@given(make.centres(favour={"restart": 0}))
def test_deadlines_fire_alike_at_once_and_one_by_one(centre: Centre) -> None:
    """Waking up at each deadline tells the same events as waking up late, but for the sequence that brought them.

    (A restart differs on purpose: it depends on when the command before it came.)
    """
    late, early = Engine(centre.settings), Engine(centre.settings)
    for time_us, command, events in drive(late, centre):
        told: list[e.Event] = []
        while (deadline := early.next_deadline()) is not None and deadline <= time_us:
            told += early.advance(deadline)
        told += early.apply(command, time_us)
        assert [content(event) for event in told] == [content(event) for event in events]


def content(event: e.Event) -> tuple[object, ...]:
    """Return an event without its sequence."""
    return (type(event), *(getattr(event, name) for name in event.__struct_fields__ if name != "sequence"))
