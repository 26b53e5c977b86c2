"""Work for a profiler: decisions about idle agents, or a simulated M/M/n, and nothing that is measured.

    valgrind --tool=callgrind --toggle-collect='*6Engine_5apply(*' python -m bench.profiled decisions 1000
    valgrind --tool=callgrind --toggle-collect='*router::*Run::run()*' python -m bench.profiled simulation 1
    callgrind_annotate --inclusive=yes callgrind.out.*

The number is that of the agents. `--cache-sim=yes --D1=32768,8,64 --LL=1048576,16,64` adds the misses of two caches.
"""

from __future__ import annotations

import gc
import sys

from bench.centres import IdleCentre, Shape
from bench.peers import Job
from bench.simulators import run_ours

DECISIONS = 3_000
CUSTOMERS = 20_000
LOAD = 0.8


def decisions(agents: int) -> None:
    """Make decisions as bench/test_decisions.py does."""
    centre = IdleCentre(agents, Shape())
    gc.disable()
    for _ in range(DECISIONS):
        centre.decide()


def simulation(agents: int) -> None:
    """Simulate customers as bench/test_simulation_speed.py does."""
    run_ours(Job(agents, LOAD * agents, 1.0, CUSTOMERS, seed=1))


WORK = {"decisions": decisions, "simulation": simulation}


def main(words: list[str]) -> int:
    if len(words) != 2 or words[0] not in WORK or not words[1].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    WORK[words[0]](int(words[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
