"""Count the instructions of fixed work under callgrind, and hold them against what is recorded.

usage: python -m bench.instructions [--record]

Times on a machine that others use differ by tens of percents; the number of instructions hardly does, so that a
slower engine is seen through the noise. The counts of bench/instructions.json hold for one compiler, C library,
architecture and set of flags: elsewhere they are shown, and the check passes. `--record` writes them anew; do that
where a change is meant, and say why in its description.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from bench import baselines, machine

RECORD: Final = Path(__file__).with_name("instructions.json")
TOLERANCE: Final = 0.01


class Work(NamedTuple):
    """A program of bench/native and its words, with what it does."""

    program: str
    words: tuple[str, ...]
    doc: str


WORK: Final = {
    "decisions": Work(
        "fixed_work",
        ("decisions",),
        "8,000 calls, each assigned at once to one of 1,000 agents of 50 profiles, and ended",
    ),
    "offers": Work(
        "engine_life",
        ("3000", "1", "balanced_four_queues_offers_wrap_up"),
        "3,000 calls offered, accepted, ended, wrapped up; 100 agents, some waiting, all terms weighing",
    ),
    "snapshots": Work("fixed_work", ("snapshots",), "500 agents and 2,000 calls, written and read four times"),
}


def environment() -> dict[str, str]:
    """Return what the counts depend on, apart from the code."""
    return {
        "compiler": machine.compiler(),
        "libc": machine.libc(),
        "architecture": platform.machine(),
        "flags": machine.flags(),
    }


def count(program: Path, words: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """Run a program under callgrind; return the instructions that it took, and what it printed."""
    out = folder / f"callgrind.{'-'.join(words)}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(program), *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    (collected,) = re.findall(r"Collected : (\d+)", answer.stderr)
    return int(collected), result_of(answer.stdout)


def result_of(said: str) -> str:
    """Return what is the same in every run: the line without the time that engine_life measures."""
    words = said.split()
    return " ".join(word for word in words if "." not in word)


def counted() -> dict[str, dict[str, int | str]]:
    """Compile the programs and count all work, two at a time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = {
            program: baselines.build(program, folder, with_engine=True)
            for program in dict.fromkeys(work.program for work in WORK.values())
        }
        with ThreadPoolExecutor(2) as pool:
            runs = pool.map(lambda work: count(programs[work.program], work.words, folder), WORK.values())
            return {
                name: {"instructions": instructions, "result": result}
                for name, (instructions, result) in zip(WORK, runs, strict=True)
            }


def check(found: dict[str, dict[str, int | str]], recorded: dict[str, dict[str, int | str]]) -> list[str]:
    """Show all counts beside the recorded ones, and return what is wrong."""
    wrong = []
    for name, one in found.items():
        before = recorded[name]
        now, then = int(one["instructions"]), int(before["instructions"])
        change = now / then - 1
        print(f"{name:10} {now:>13,} instructions, recorded {then:>13,}: {change:+.2%}")
        if one["result"] != before["result"]:
            wrong.append(f"{name} did other work: {one['result']!r} instead of {before['result']!r}")
        elif change > TOLERANCE:
            wrong.append(f"{name} takes {change:.2%} more instructions than recorded (allowed: {TOLERANCE:.0%})")
        elif change < -TOLERANCE:
            wrong.append(f"{name} takes {-change:.2%} fewer: record that, so that it stays so")
    return wrong


def recorded_text() -> str:
    """Return the recorded counts as a table for the report."""
    recorded = json.loads(RECORD.read_text())
    lines = ["| work | | instructions |", "|---|---|---:|"]
    for name, one in recorded["work"].items():
        lines.append(f"| {name} | {WORK[name].doc} | {one['instructions']:,} |")
    known = recorded["environment"]
    lines += ["", f"{known['compiler']}, {known['libc']}, {known['architecture']}. `make bench-instructions`"]
    return "\n".join(lines)


def main(words: list[str]) -> int:
    if words not in ([], ["--record"]):
        print(__doc__, file=sys.stderr)
        return 2
    if shutil.which("valgrind") is None:
        print("error: no valgrind on this machine: install it (Debian: apt-get install valgrind)", file=sys.stderr)
        return 1
    found = counted()
    if words:
        RECORD.write_text(json.dumps({"environment": environment(), "work": found}, indent=2) + "\n")
        print(f"recorded in {RECORD.name}")
        return 0
    recorded = json.loads(RECORD.read_text())
    here = environment()
    if here != recorded["environment"]:
        differing = ", ".join(key for key, value in here.items() if recorded["environment"].get(key) != value)
        for name, one in found.items():
            print(f"{name:10} {one['instructions']:>13,} instructions")
        print(f"not compared: {differing} differ from what the counts of {RECORD.name} were recorded with")
        return 0
    wrong = check(found, recorded["work"])
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    if wrong:
        print("if that is meant: make bench-instructions BENCH_ARGS=--record", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
