"""How much memory there is for the server, how much it uses, and what is refused when it is short.

Keeps one invariant: what is said to be there can be used: no more than the machine, or the container, has. Work that
frees something (an answer, an end, a sign-out) is never refused.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

import psutil

from router.engine.commands import Command, Enqueue, SignIn
from router.server.errors import Refusal

AUTOMATIC_PERCENT: Final = 75
_ROOT: Final = Path("/")
_LOOK_EVERY_S: Final = 0.25
_RETRY_US: Final = 5_000_000


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


class MemoryGuard:
    """Refuse what needs memory for long, new calls and agents, while the process has more than `memory_max` bytes.

    0 for `memory_max` is a share of what the machine has. The system is asked four times a second at most.
    """

    def __init__(
        self,
        memory_max: int,
        *,
        used: Callable[[], int] = memory_used,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self.limit = memory_limit(memory_max)
        """In bytes."""
        self._used = used
        self._now_s = now_s
        self._looked_s = float("-inf")
        self._short = False

    def check(self, command: Command) -> None:
        """Refuse a command that there is no memory for. Raises `Refusal` (OVERLOADED)."""
        if isinstance(command, Enqueue | SignIn) and self.is_short():
            text = f"the server uses more than {self.limit:,} bytes of memory"
            raise Refusal("OVERLOADED", text, retry_after_us=_RETRY_US)

    def is_short(self) -> bool:
        """Whether there is no memory for what needs it for long."""
        now_s = self._now_s()
        if now_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now_s
            # without a free file descriptor nobody can look: what was seen last holds
            with suppress(OSError):
                self._short = self._used() > self.limit
        return self._short
