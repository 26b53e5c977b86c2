"""Call logs for the tests: made up from a seed, and the real days where they are at hand."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

HEADER = "day,t_arr,type,agent,t_ans,t_rel,t_end"
REPOSITORY = Path(__file__).parents[2]


def make_rows(seed: int, calls: int = 150, day: str = "2024-03-04", agents: int = 6) -> list[str]:
    """Return rows of a busy made-up day: agents serve two of three types each, some callers give up.

    Calls are served first come, first served, whoever can: enough like a real log to plan a day from.
    """
    random_numbers = random.Random(seed)
    skills = {agent: {agent % 3, (agent + 1) % 3} for agent in range(agents)}
    free_at = dict.fromkeys(skills, 30_000)
    arrivals = sorted(30_000 + random_numbers.randrange(calls * 40) for _ in range(calls))
    rows = []
    for arrived in arrivals:
        kind = random_numbers.randrange(3)
        patience = random_numbers.randrange(5, 400)
        free, agent = min((max(free_at[agent], arrived), agent) for agent in skills if kind in skills[agent])
        if free - arrived > patience:
            rows.append(f"{day},{arrived},{kind},-1,-1,-1,{arrived + patience}")
            continue
        handle = random_numbers.randrange(60, 400)
        free_at[agent] = free + handle
        rows.append(f"{day},{arrived},{kind},{100 + agent},{free},{free + handle},{free + handle}")
    return rows


def write_log(path: Path, rows: list[str]) -> Path:
    """Write rows under a header and return the path."""
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def recorded_data(name: str) -> Path:
    """Return a file of real recordings, or skip the test: they may not be copied into the repository."""
    folder = Path(os.environ.get("ROUTER_DATA_DIR") or REPOSITORY.parent / "shared" / "data")
    path = folder / "vanad" / name
    if not path.exists():
        pytest.skip(f"there is no recorded {name} here: set ROUTER_DATA_DIR to the folder of recorded days")
    return path
