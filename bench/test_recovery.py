"""How long is the way back after kill -9, with a million commands in the journal, with and without a snapshot?

Method: a real server is sent whole lives of calls over one stream, in batches of 1,000. It ends in between, and so has
a snapshot that is almost `snapshot_commands` commands old, the oldest it lets them become, when it is killed with -9.
It is started again, and once more after all snapshots were taken out of the journal. The time is that from the start of
the process to the moment it says that it listens, Python's own start in it; the same for a new journal shows what of
it is not recovery. After each, the server ends and saves its state, everything is carried out again, independently
(`journal verify`), and every state must come out as saved.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import note
from bench.wire import messages
from bench.wire.pouring import pour, succeeded
from bench.wire.subjects import Router
from router.engine.commands import SignIn
from router.journal.files import DATABASE
from router.journal.verify import verify
from router.wire.commands import encode_any_command

AGENTS = 100
CONFIG = "".join(
    f"""
[queues.queue-{number}]
skills = {{ skill-{number} = 1 }}
wrap_up = {{ mode = "manual", duration = "10m" }}
"""
    for number in range(AGENTS)
)
"""A queue for each agent, so that it is known beforehand who gets which call."""
COMMANDS, QUICK_COMMANDS = 1_000_000, 20_000
LAST, QUICK_LAST = 48_000, 12_000
"""So many come after the snapshot: fewer than lead to the next one, and more than are always replayed."""
BATCH = 1_000
APPLY = "/router.v1.CommandService/Apply"
OWN = 2
"""Commands of the server's own until it is killed: the config, and one for its being back."""


def sign_ins() -> bytes:
    """Return the batch that brings the agents to work."""
    agents = [encode_any_command(SignIn(f"agent-{number}", {f"skill-{number}": 5}), "") for number in range(AGENTS)]
    return messages.batch(1, "pbx", [agent.SerializeToString() for agent in agents])


def lives(first: int, last: int) -> Iterator[bytes]:
    """Yield batches of whole lives."""
    made: list[bytes] = []
    for number in range(first, last):
        call, at = f"call-{number:06}", number % AGENTS
        made.append(messages.enqueue(call, f"queue-{at}", f"{number}e"))
        made.append(messages.accept(number + 1, f"{number}a"))
        made.append(messages.complete(call, f"{number}c"))
        made.append(messages.end_wrap_up(f"agent-{at}", f"{number}w"))
        if len(made) >= BATCH:
            yield messages.batch(number, "pbx", made)
            made = []
    assert not made


def drop_snapshots(data_dir: Path) -> int:
    """Take all snapshots out of a journal; return how many there were."""
    with closing(sqlite3.connect(data_dir / DATABASE)) as connection, connection:
        (count,) = connection.execute("SELECT count(*) FROM snapshots").fetchone()
        connection.execute("DELETE FROM snapshots")
        connection.execute("DELETE FROM snapshot_parts")
    return int(count)


def started_s(server: Router) -> float:
    """Start the server and return the seconds until it listened."""
    began_s = time.perf_counter()
    server.start()
    return time.perf_counter() - began_s


def check(server: Router, sequence: int) -> None:
    """End, and hold the states that were saved, the last one among them, against all commands."""
    assert server.end() == 0
    found = verify(server.data_dir)
    assert found.findings == []
    assert found.last_sequence == found.replayed == sequence
    assert list(found.snapshots)[-1] == sequence
    assert found.agreeing == list(found.snapshots)


def test_recovery(benchmark: BenchmarkFixture, tmp_path: Path, quick: bool) -> None:
    commands, last = (QUICK_COMMANDS, QUICK_LAST) if quick else (COMMANDS, LAST)
    with Router(tmp_path, CONFIG) as server:
        note(benchmark, "recovery", "a new journal", {"ready after, s": started_s(server), "commands replayed": 0})
        calls, first = commands // 4, (commands - last) // 4
        assert succeeded(pour(server.address, APPLY, [sign_ins(), *lives(0, first)]).answers) == AGENTS + 4 * first
        assert server.end() == 0
        server.start()
        assert succeeded(pour(server.address, APPLY, lives(first, calls)).answers) == last
        server.kill()
        journal_bytes = sum(path.stat().st_size for path in server.data_dir.iterdir())
        whole = OWN + AGENTS + commands
        per_command = {"journal, bytes/command": journal_bytes / whole}

        def back(name: str) -> int:
            ready_s = started_s(server)
            replayed, took_s = server.metric("recovery_commands"), server.metric("recovery_seconds")
            figures = {"ready after, s": ready_s, "commands replayed": replayed, "recovery, s": took_s}
            # with a snapshot most of the time is its own, not that of the commands after it
            rate = {"commands/s": replayed / took_s} if replayed > commands else {}
            note(benchmark, "recovery", name, figures | rate | per_command)
            return round(replayed)

        def both() -> None:
            assert back(f"{commands:,} commands, with a snapshot") == last + 1
            check(server, whole + 1)
            assert drop_snapshots(server.data_dir) >= 2
            assert back(f"{commands:,} commands, without") == whole + 1
            check(server, whole + 2)

        benchmark.pedantic(both, rounds=1)
