"""How much memory there is for the server, and how much it uses.

Keeps one invariant: what is said to be there can be used: no more than the machine, or the container, has.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

AUTOMATIC_PERCENT: Final = 75
_ROOT: Final = Path("/")


def memory_limit(memory_max: int) -> int:
    """Return beyond how many bytes new work is refused: what the config says, or for 0 a share of what there is."""
    return memory_max or memory_there() * AUTOMATIC_PERCENT // 100


def memory_there(root: Path = _ROOT) -> int:
    """Return how many bytes the machine, or the container that the process runs in, has."""
    return min([psutil.virtual_memory().total, *_container_limits(root)])


def memory_used() -> int:
    """Return how many bytes of memory the process occupies."""
    return int(psutil.Process().memory_info().rss)


def _container_limits(root: Path) -> list[int]:
    """Return the limits of the control groups around the process; there may be none."""
    limits = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            directory, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            directory, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        inside = Path(path.strip("/"))
        # a group's limit holds for those in it; inside a container its own group may be the top
        for group in (inside, *inside.parents):
            with suppress(ValueError):
                limits.append(int(_read(directory / group / name)))
    return limits


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
