"""The demo's hour: who works at the bank's hotline, who calls, and how both behave.

A plan is a pure function of its seed and length. Times are microseconds from the start of the hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from router.engine.commands import Enqueue, SignIn
from router.engine.requirements import Preference, Requirement, SkillTerm, Step
from router.engine.settings import MINUTE_US, SECOND_US
from router.engine.vocabulary import Urgency

PEAK_WIDTH = 0.16
"""Standard deviation of the midday peak, as a share of the hour."""

CHAT_HANDLE = 1.5
CHAT_PATIENCE = 3.0
"""A chat lasts longer than a call, and people wait longer for one."""

REJECTED_SHARE = 0.015
UNANSWERED_SHARE = 0.012


@dataclass(frozen=True)
class LineOfBusiness:
    """What calls of one queue are like. Rates are per minute on average over the hour; times are seconds."""

    queue: str
    rate: float
    handle: float
    handle_spread: float
    patience: float
    complex_share: float
    chat_share: float
    urgency: Urgency = Urgency.NORMAL


LINES = (
    LineOfBusiness("card_loss", 1.1, 150, 0.5, 600, 0.0, 0.0, Urgency.URGENT),
    LineOfBusiness("repayment", 4.9, 190, 0.7, 260, 0.20, 0.16),
    LineOfBusiness("loans", 3.3, 320, 0.8, 320, 0.40, 0.12),
    LineOfBusiness("complaints", 1.5, 400, 0.8, 400, 0.50, 0.0, Urgency.IMPORTANT),
)

NAMES = [
    "ada", "ben", "carla", "dmitri", "elena", "farid", "grace", "hugo", "ines", "jonas", "kira", "leon",
    "mara", "nils", "olga", "pablo", "quinn", "rosa", "sam", "tara", "umar", "vera", "will", "xenia", "yusuf",
    "zoe", "anton", "bella", "cyrus", "dora", "emil", "flora", "gustav", "hana", "igor", "julia", "kofi",
    "lena", "milo", "nora", "otto", "petra", "rafael", "selma", "theo", "ursula", "viktor", "wanda", "yara",
    "zeno", "aisha", "bruno", "celia", "david", "edith", "felix", "gina", "harald", "iris", "jan",
]  # fmt: skip

LANGUAGES = ("spanish", "polish")


@dataclass(frozen=True)
class PlannedAgent:
    """One agent. `pace` multiplies handle times; breaks are (start, end)."""

    sign_in: SignIn
    grade: str
    pace: float
    arrives_us: int
    breaks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Answer:
    """What the agent does with the n-th offer of a call: "accept", "reject" or "ignore", after `after_us`."""

    action: str
    after_us: int


@dataclass(frozen=True)
class PlannedCall:
    """One caller: when, what for, how long they would wait and talk, and how offers of the call are met."""

    at_us: int
    enqueue: Enqueue
    vip: bool
    patience_us: int
    handle_us: int
    wrap_up_us: int
    answers: tuple[Answer, ...]
    resolved: bool | None
    satisfaction: int | None


@dataclass(frozen=True)
class Plan:
    """The whole hour, calls in order of arrival."""

    seed: int
    duration_us: int
    agents: tuple[PlannedAgent, ...]
    calls: tuple[PlannedCall, ...]


def make_plan(seed: int, duration_us: int) -> Plan:
    """Draw the hour. The same seed and duration give the same plan."""
    staff_stream, call_stream = np.random.SeedSequence(seed).spawn(2)
    agents = _staff(np.random.default_rng(staff_stream), duration_us)
    calls = _callers(np.random.default_rng(call_stream), duration_us, agents)
    return Plan(seed, duration_us, agents, calls)


def arrival_share(moment: float) -> float:
    """Return the arrival rate at a moment (0 to 1 of the hour) relative to the hour's mean."""
    bump = math.exp(-0.5 * ((moment - 0.5) / PEAK_WIDTH) ** 2)
    return 0.72 + 0.70 * bump


def _staff(random: np.random.Generator, duration_us: int) -> tuple[PlannedAgent, ...]:
    grades = ["junior"] * 28 + ["senior"] * 22 + ["expert"] * 10
    agents = []
    for number, (name, grade) in enumerate(zip(NAMES, grades, strict=True)):
        capacity = {"voice": 1, "chat": 3} if number % 6 == 5 else {"voice": 1}
        skills = _skills(random, grade, number)
        pace = {"junior": 1.15, "senior": 1.0, "expert": 0.85}[grade] * float(random.lognormal(0, 0.12))
        late = number % 15 == 7
        arrives_us = int(random.uniform(0.2, 0.35) * duration_us) if late else 0
        breaks = _breaks(random, duration_us) if number % 9 == 4 else ()
        agents.append(PlannedAgent(SignIn(name, skills, capacity), grade, pace, arrives_us, breaks))
    return tuple(agents)


def _skills(random: np.random.Generator, grade: str, number: int) -> dict[str, int]:
    low, high = {"junior": (2, 4), "senior": (4, 7), "expert": (7, 10)}[grade]
    products = ["repayment", "loans", "complaints"]
    known = {
        "junior": [products[number % 2]] if number % 4 else products[:2],
        "senior": products[:2] if number % 3 else [products[0], products[2]],
        "expert": products,
    }[grade]
    skills = {skill: int(random.integers(low, high, endpoint=True)) for skill in known}
    if grade != "junior" or number % 3 == 0:
        skills["card_loss"] = int(random.integers(low, high, endpoint=True))
    skills["english"] = int(random.integers(6, 10, endpoint=True))
    if number % 4 == 1:
        skills[LANGUAGES[number // 4 % 2]] = int(random.integers(6, 10, endpoint=True))
    return skills


def _breaks(random: np.random.Generator, duration_us: int) -> tuple[tuple[int, int], ...]:
    start_us = int(random.uniform(0.1, 0.75) * duration_us)
    return ((start_us, start_us + duration_us // 6),)


def _callers(
    random: np.random.Generator, duration_us: int, agents: tuple[PlannedAgent, ...]
) -> tuple[PlannedCall, ...]:
    arrivals = [(at_us, line) for line in LINES for at_us in _arrivals(random, line.rate, duration_us)]
    arrivals.sort(key=lambda arrival: arrival[0])
    advisers = [agent.sign_in.agent for agent in agents if agent.grade == "expert"]
    return tuple(_caller(random, number, at_us, line, advisers) for number, (at_us, line) in enumerate(arrivals, 1))


def _arrivals(random: np.random.Generator, rate: float, duration_us: int) -> list[int]:
    """Draw a Poisson process whose rate follows the peak, by thinning (Lewis & Shedler 1979)."""
    highest = arrival_share(0.5)
    count = int(random.poisson(rate * highest * duration_us / MINUTE_US))
    times = np.sort(random.integers(0, duration_us, size=count))
    kept = random.uniform(0, highest, size=count)
    return [int(t) for t, level in zip(times, kept, strict=True) if level < arrival_share(t / duration_us)]


def _caller(
    random: np.random.Generator, number: int, at_us: int, line: LineOfBusiness, advisers: list[str]
) -> PlannedCall:
    vip = bool(random.random() < 0.06)
    known = vip or bool(random.random() < 0.15)
    channel = "chat" if random.random() < line.chat_share else "voice"
    difficult = bool(random.random() < line.complex_share)
    language = LANGUAGES[int(random.integers(2))] if random.random() < 0.10 else "english"
    customer = f"customer-{int(random.integers(1, 400)):03}" if known else ""
    enqueue = Enqueue(
        call=f"call-{number:04}",
        queue=line.queue,
        channel=channel,
        requirement=_requirement(line.queue, difficult, language),
        urgency=line.urgency,
        priority=8 if vip else 3 if known else 0,
        preferred_agents=(str(random.choice(advisers)),) if vip else (),
        customer=customer,
        attributes={"topic": "complex" if difficult else "simple", "language": language},
        explain=vip or bool(random.random() < 0.25),
    )
    handle = line.handle * (1.35 if difficult else 0.9) * (CHAT_HANDLE if channel == "chat" else 1)
    patience = line.patience * (CHAT_PATIENCE if channel == "chat" else 1)
    return PlannedCall(
        at_us=at_us,
        enqueue=enqueue,
        vip=vip,
        patience_us=_lognormal_us(random, patience, 0.9),
        handle_us=_lognormal_us(random, handle, line.handle_spread),
        wrap_up_us=_lognormal_us(random, 18, 0.5),
        answers=tuple(_answer(random) for _ in range(8)),
        resolved=bool(random.random() < 0.85) if random.random() < 0.4 else None,
        satisfaction=_satisfaction(random) if random.random() < 0.25 else None,
    )


def _requirement(queue: str, difficult: bool, language: str) -> Requirement:
    """A complex question asks for a senior for a minute and a half; another language drops to basic after two."""
    speaks = SkillTerm(language, 5)
    if queue == "card_loss":
        return Requirement((Step((SkillTerm(queue, 2), speaks)), Step((SkillTerm(queue, 2),), after_us=45 * SECOND_US)))
    level = 5 if difficult else 2
    first = Step((SkillTerm(queue, level), speaks), prefer=(Preference(queue, 6),) if difficult else ())
    later = Step((SkillTerm(queue, max(2, level - 2)), SkillTerm(language, 3)), after_us=90 * SECOND_US)
    return Requirement((first, later))


def _answer(random: np.random.Generator) -> Answer:
    draw = random.random()
    after_us = min(_lognormal_us(random, 4, 0.5), 15 * SECOND_US)
    if draw < UNANSWERED_SHARE:
        return Answer("ignore", after_us)
    return Answer("reject" if draw < UNANSWERED_SHARE + REJECTED_SHARE else "accept", after_us)


def _satisfaction(random: np.random.Generator) -> int:
    return int(random.choice([1, 2, 3, 4, 5], p=[0.05, 0.08, 0.17, 0.4, 0.3]))


def _lognormal_us(random: np.random.Generator, mean: float, spread: float) -> int:
    """Draw a lognormal time with the given mean in seconds and spread (sigma of the logarithm), at least 1 s."""
    return max(SECOND_US, int(random.lognormal(math.log(mean) - spread**2 / 2, spread) * SECOND_US))
