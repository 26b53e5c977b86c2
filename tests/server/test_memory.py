"""How much memory there is: the machine's, or less where a container has less."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from router.server.memory import memory_limit, memory_there, memory_used

MACHINE = psutil.virtual_memory().total


def root_with(tmp_path: Path, groups: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("groups", "files", "there"),
    [
        ("", {}, MACHINE),
        ("0::/\n", {"sys/fs/cgroup/memory.max": "268435456\n"}, 268435456),
        ("0::/a/b\n", {"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "4096\n"}, 4096),
        ("0::/a/b\n", {"sys/fs/cgroup/memory.max": "4096\n"}, 4096),
        ("0::/a\n", {"sys/fs/cgroup/a/memory.max": f"{MACHINE * 2}\n"}, MACHINE),
        ("5:cpu:/x\n4:memory:/a\n", {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "8192\n"}, 8192),
        ("4:memory:/a\n", {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
        ("nonsense\n", {}, MACHINE),
    ],
)
def test_a_container_may_have_less(tmp_path: Path, groups: str, files: dict[str, str], there: int) -> None:
    assert memory_there(root_with(tmp_path, groups, files)) == there


def test_automatic_is_three_quarters() -> None:
    assert memory_limit(0) == memory_there() * 75 // 100
    assert memory_limit(5) == 5


def test_the_process_uses_some() -> None:
    assert 10_000_000 < memory_used() < memory_there()
