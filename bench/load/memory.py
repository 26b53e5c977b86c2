"""What agents and waiting calls take in an engine: `python -m bench.load.memory 100000` prints one JSON object."""

from __future__ import annotations

import json
import sys

import psutil

from bench.load.standing import CONFIG, enqueue, sign_in
from router.config import parse_config
from router.engine import Engine


def own_bytes(process: psutil.Process | None = None) -> int:
    """Return the memory that a process has for itself."""
    return int((process or psutil.Process()).memory_full_info().uss)


def measure(count: int) -> dict[str, float]:
    """Let agents and calls come, and return what each takes."""
    engine = Engine(parse_config(CONFIG, "the standing centre").settings, time_us=1)
    for number in (count, count + 1):  # what is made at the first one is nobody's
        engine.apply(sign_in(number), 1)
        engine.apply(enqueue(number), 1)
    sizes = [own_bytes()]
    saved = [len(engine.snapshot())]
    for command_of in (sign_in, enqueue):
        for number in range(count):
            engine.apply(command_of(number), 2)
        sizes.append(own_bytes())
        saved.append(len(engine.snapshot()))
    assert len(engine.agents()) == count + 2
    assert sum(queue.waiting for queue in engine.queues()) == count + 2
    again = Engine.restore(engine.snapshot())
    assert again.state_hash() == engine.state_hash()
    names = ("agent", "call")
    found = {name: (sizes[place + 1] - sizes[place]) / count for place, name in enumerate(names)}
    return found | {f"saved {name}": (saved[place + 1] - saved[place]) / count for place, name in enumerate(names)}


if __name__ == "__main__":
    json.dump(measure(int(sys.argv[1])), sys.stdout)
