"""Make `day.csv`: an invented day of a small call centre, in the columns that `skill-router replay` reads.

Nothing in it was recorded anywhere. The same seed gives the same file: `python examples/make_day.py > day.csv`.
"""

from __future__ import annotations

import random

SEED = 20
DAY = "2025-03-03"
OPENS_S, CLOSES_S = 9 * 3600, 13 * 3600
CALLS = 200
HANDLE_MEAN_S = {1: 240, 2: 360, 3: 200}
PATIENCE_MEAN_S = 240
# agent -> the types of call that the agent answers
SKILLS = {11: (1,), 12: (1, 2), 13: (1, 2), 14: (2,), 15: (2, 3), 16: (3, 1)}


def rows(seed: int) -> list[tuple[str | int, ...]]:
    """Return the calls by arrival: each goes to the agent who can serve it first, unless its caller has had enough."""
    numbers = random.Random(seed)
    free_at = dict.fromkeys(SKILLS, OPENS_S)
    found: list[tuple[str | int, ...]] = []
    for arrived in sorted(round(numbers.triangular(OPENS_S, CLOSES_S)) for _ in range(CALLS)):
        kind = numbers.choices((1, 2, 3), (5, 3, 2))[0]
        handle = 20 + round(numbers.expovariate(1 / HANDLE_MEAN_S[kind]))
        patience = 5 + round(numbers.expovariate(1 / PATIENCE_MEAN_S))
        agent = min((agent for agent in SKILLS if kind in SKILLS[agent]), key=lambda agent: (free_at[agent], agent))
        answered = max(arrived + 1, free_at[agent])
        if answered - arrived > patience:
            found.append((DAY, arrived, kind, -1, -1, -1, arrived + patience))
            continue
        free_at[agent] = answered + handle
        found.append((DAY, arrived, kind, agent, answered, answered + handle, answered + handle))
    return found


def main() -> None:
    """Print the day."""
    print("day,t_arr,type,agent,t_ans,t_rel,t_end")
    for row in rows(SEED):
        print(*row, sep=",")


if __name__ == "__main__":
    main()
