"""Futures by hand: the very engine, run ahead from where it stands, with assumptions instead of what was learnt."""

from __future__ import annotations

from router.engine import Engine, Enqueue
from router.wait._native import HORIZON_US, FutureSet, situation_of
from router.wait.assumptions import Assumptions


def simulate_waits(
    engine: Engine,
    assumptions: Assumptions,
    call: str | Enqueue | None = None,
    *,
    futures: int = 200,
    seed: int = 1,
    threads: int = 1,
    budget_us: int = 0,
    horizon_us: int = HORIZON_US,
    now_us: int | None = None,
) -> FutureSet:
    """Run futures from where the engine stands and return what they say of the waits of calls. Nothing is touched.

    `call`: None asks for all calls that wait; a name for that one; an `Enqueue` for a call that is only thought of,
    coming now (the last target), besides all that wait. `futures`: 1 to 1,000,000. `seed`: 0 to 2^64 - 1; same seed,
    same waits, whatever the `threads` (1 to 256). `budget_us`: real time after which no further future is begun; 0:
    none. `horizon_us`: a call that is not served by then counts as served then. `now_us`: the moment to count from,
    if it is later than the engine's.

    Raises `UnknownName` for a call, queue, agent or channel that the engine does not know, `InvalidCommand` for an
    `Enqueue` that is malformed, and `ValueError` for a call that does not wait or that the engine would not take, a
    queue that has calls and no assumptions, and numbers out of range.
    """
    situation = situation_of(engine, assumptions, call, now_us)
    return situation.run(futures, threads=threads, budget_us=budget_us, horizon_us=horizon_us, seed=seed)
