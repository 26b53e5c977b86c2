"""Kill the server with SIGKILL at random moments: nothing that was acknowledged is lost, nothing is done twice.

Each answer, each event and each view that a client got is held against a second engine, which lives from the journal
alone. ROUTER_CRASH_SEED gives the schedule of a run again.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.recovery.crash_drill import Drill, Result, schedule

QUICK_SEED = 3


async def drill(folder: Path, seed: int, kills: int, *, long_every: int = 0) -> Result:
    print(f"ROUTER_CRASH_SEED={seed}")
    result = await Drill(folder, seed).run(list(schedule(seed, kills, long_every=long_every)))
    print(result)
    return result


async def test_twenty_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("ROUTER_CRASH_SEED") or QUICK_SEED)
    result = await drill(tmp_path, seed, 20)
    # the drill was one: there was work to lose, requests to retry, and somebody who saw it
    assert result.acknowledged > 500
    assert result.retried > 20
    assert result.events > 500
    assert result.views > 50
    assert result.restarts >= 15


@pytest.mark.long
async def test_five_hundred_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("ROUTER_CRASH_SEED") or random.SystemRandom().randrange(1, 10**6))
    result = await drill(tmp_path, seed, 500, long_every=25)
    assert result.repeated > 1_000
    assert result.lost_sessions > 0
    assert result.reconciled > 0
