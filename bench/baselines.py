"""Other ways to give a call to the longest idle agent who can serve it: what a team would write first.

Each must choose as the engine does with the preset fcfs-longest-idle, call by call; the benchmark asserts it. None of
them knows queues, offers, other weights, explanations, or how to undo anything.
"""

from __future__ import annotations

import heapq
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from router import Requirement, SignIn, SkillTerm

NATIVE = Path(__file__).parent / "native"
BUSY = np.iinfo(np.int64).max

Terms = tuple[tuple[str, int], ...]


def terms_of(requirement: Requirement) -> Terms:
    """Return the skills and levels of the only step of a requirement."""
    (step,) = requirement.steps
    return tuple((term.skill, term.level) for term in step.terms if isinstance(term, SkillTerm))


class NumpyScan:
    """All agents in arrays: one comparison per skill over everybody, then the least of the idle since when."""

    def __init__(self, agents: Sequence[SignIn]) -> None:
        names = sorted({skill for agent in agents for skill in agent.skills})
        self.places = {name: place for place, name in enumerate(names)}
        self.levels = np.zeros((len(names), len(agents)), dtype=np.int8)
        for number, agent in enumerate(agents):
            for skill, level in agent.skills.items():
                self.levels[self.places[skill], number] = level
        self.idle_since = np.arange(len(agents), dtype=np.int64)
        self.now = len(agents)

    def take(self, terms: Terms) -> int:
        """Return the number of the agent chosen, who is busy from now on."""
        mask = self.idle_since != BUSY
        for skill, level in terms:
            mask &= self.levels[self.places[skill]] >= level
        chosen = int(np.where(mask, self.idle_since, BUSY).argmin())
        assert mask[chosen]
        self.idle_since[chosen] = BUSY
        return chosen

    def release(self, agent: int) -> None:
        """The agent is idle again."""
        self.now += 1
        self.idle_since[agent] = self.now


class HeapRouter:
    """Plain Python: for each skill a heap of the idle agents who have it, the longest idle first."""

    def __init__(self, agents: Sequence[SignIn]) -> None:
        self.skills = [dict(agent.skills) for agent in agents]
        self.idle_since: list[int | None] = list(range(len(agents)))
        self.heaps: dict[str, list[tuple[int, int]]] = {}
        self.now = len(agents)
        for number, skills in enumerate(self.skills):
            for skill in skills:
                self.heaps.setdefault(skill, []).append((number, number))

    def take(self, terms: Terms) -> int:
        """Return the number of the agent chosen, who is busy from now on."""
        heap = self.heaps[terms[0][0]]
        unfit = []
        while True:
            entry = heapq.heappop(heap)
            since, agent = entry
            if self.idle_since[agent] != since:
                continue  # has been busy since
            if all(self.skills[agent].get(skill, 0) >= level for skill, level in terms):
                break
            unfit.append(entry)
        for other in unfit:
            heapq.heappush(heap, other)
        self.idle_since[agent] = None
        return agent

    def release(self, agent: int) -> None:
        """The agent is idle again."""
        self.now += 1
        self.idle_since[agent] = self.now
        for skill in self.skills[agent]:
            heapq.heappush(self.heaps[skill], (self.now, agent))


def heap_digest(entries: int, pairs: int) -> int:
    """Return the digest that bench/native/bare_heap.cpp prints, by Python's own heap."""
    state, later = 1, []
    for _ in range(pairs):
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        later.append((state >> 33) % 1_000_000)
    heap = [(later[number % pairs], number) for number in range(entries)]
    heapq.heapify(heap)
    digest = 0
    for key in later:
        first, number = heap[0]
        digest = (digest * 31 + number) % 2**64
        heapq.heapreplace(heap, (first + key, number))
    return digest


def build(name: str, folder: Path, *, with_engine: bool = False) -> Path:
    """Compile a program of bench/native as the engine is compiled, and return it."""
    program = folder / name
    root = NATIVE.parents[1]
    words = [
        *os.environ.get("CXX", "c++").split(),
        "-std=c++20",
        "-O2",
        str(NATIVE / f"{name}.cpp"),
        "-o",
        str(program),
    ]
    if with_engine:
        (library,) = root.glob("build/temp.*/librouter_engine.a")
        words += [f"-I{root / 'src_native'}", str(library)]
    subprocess.run(words, check=True)
    return program


def said(program: Path, *words: object) -> list[list[str]]:
    """Run a program and return its lines, in words."""
    answer = subprocess.run([str(program), *map(str, words)], check=True, capture_output=True, text=True)
    return [line.split() for line in answer.stdout.splitlines()]
