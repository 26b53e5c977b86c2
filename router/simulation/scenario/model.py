"""What a scenario says: callers, agents and a router's settings, in the units of the engine.

Invariant: a `Scenario` is resolved and checked; whoever gets one need not ask again whether its parts fit together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum

import msgspec

from router.config.errors import ConfigProblem
from router.engine.requirements import Requirement
from router.engine.settings import SECOND_US, Settings
from router.engine.vocabulary import Urgency


class Family(IntEnum):
    """Families of distributions of a duration."""

    DETERMINISTIC = 0
    EXPONENTIAL = 1
    GAMMA = 2
    LOGNORMAL = 3
    UNIFORM = 4
    EMPIRICAL = 5


class Distribution(msgspec.Struct, frozen=True):
    """A duration drawn at random.

    `cv` is the standard deviation over the mean (gamma, lognormal; up to 1/√3 for uniform, which is mean·(1 ± √3·cv)).
    An empirical one draws each of `values_us` equally often; its mean is theirs.
    """

    family: Family
    mean_us: int
    cv: float = 0.0
    values_us: tuple[int, ...] = ()


AT_ONCE = Distribution(Family.DETERMINISTIC, 0)


class PoissonArrivals(msgspec.Struct, frozen=True):
    """A Poisson process whose rate is constant within each period; after the last period the first one follows.

    `day_factor_cv` above 0: all rates of a day of `day_us` are multiplied by one draw a day of a gamma variable with
    mean 1.
    """

    rates_per_s: tuple[float, ...]
    period_us: int = 0  # 0 where there is one rate
    day_factor_cv: float = 0.0
    day_us: int = 86_400 * SECOND_US


class RenewalArrivals(msgspec.Struct, frozen=True):
    """Independent times between arrivals; the first one after such a time."""

    interval: Distribution


class RecordedArrivals(msgspec.Struct, frozen=True):
    """Arrivals as recorded: times from the start of the run, in order, never before it.

    `handle_us` and `patience_us` are empty, or say for each call what was recorded or inferred (patience -1: waits for
    ever); then they rule over the callers' distributions. `places` is empty, or where each call stood in the log: of
    calls at the same instant, of whatever callers, the one that stood before comes first.
    """

    times_us: tuple[int, ...]
    handle_us: tuple[int, ...] = ()
    patience_us: tuple[int, ...] = ()
    places: tuple[int, ...] = ()


Arrivals = PoissonArrivals | RenewalArrivals | RecordedArrivals


class Redial(msgspec.Struct, frozen=True):
    """Callers who call again: with this chance, after this time, at most so many times each (None: no bound)."""

    chance: float
    after: Distribution
    times_max: int | None = None


class Callers(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of callers.

    Tables "by level" hold (level, value) by rising level: the value holds from that level of `skill` on; an agent
    without the skill has level 0, and below the first entry the first one holds. `satisfaction_by_wait` likewise
    by wait in microseconds, scores 1 to 5.
    """

    name: str
    queue: str
    arrivals: Arrivals
    handle_time: Distribution
    channel: str = "voice"
    urgency: Urgency = Urgency.NORMAL
    priority: int = 0
    requirement: Requirement | None = None  # None: the queue's
    skill: str | None = None  # whose level the tables by level mean
    handle_factor_by_level: tuple[tuple[int, float], ...] = ()
    resolution_by_level: tuple[tuple[int, float], ...] = ()  # chance that a call is resolved; empty: not told
    satisfaction_by_wait: tuple[tuple[int, float], ...] = ()
    patience: Distribution | None = None  # None: waits for ever
    wrap_up: Distribution | None = None  # None: as the queue's settings say
    redial_unresolved: Redial | None = None
    redial_abandoned: Redial | None = None  # abandoned, blocked or refused
    customers: int = 0  # how many different ones call; 0: a new one each time (a redial is the same one)
    known: bool = False  # whether calls name their customer, so that the queue's last-agent rule applies


class ShiftEnd(Enum):
    """What becomes of the call in hand when an agent's shift ends."""

    FINISH = "finish"  # it is finished, then the agent leaves
    REQUEUE = "requeue"  # it goes back to its queue, keeping its place, for the rest of its handle time
    CUT = "cut"  # it ends there


class AgentGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Agents who are alike, named `NAME-1`, `NAME-2`, … (just NAME where there is one).

    `staffing` is how many of them are there in each period of `staffing_period_us`, the first ones by number; after the
    last period the first one follows. `shifts` instead says when all of them are there: (from, until) in microseconds
    from the start of the run, in order, not touching; outside nobody is. Handle times by callers rule over the group's
    one, that over the callers' own; `handle_factor` and the callers' factor by level multiply whichever rules.
    """

    name: str
    count: int
    skills: Mapping[str, int] = {}
    capacity: Mapping[str, int] | None = None
    handle_time: Distribution | None = None
    handle_times: Mapping[str, Distribution] = {}
    handle_factor: float = 1.0
    ring: Distribution = AT_ONCE  # from the offer to its acceptance
    reject: float = 0.0  # chance that an offer is rejected
    reject_after: Distribution = AT_ONCE
    no_answer: float = 0.0  # chance that an offer rings until it expires
    return_after: Distribution = Distribution(Family.DETERMINISTIC, 60 * SECOND_US)  # from no answer to ready again
    staffing: tuple[int, ...] = ()  # empty, with no shifts: all of them, always
    staffing_period_us: int = 0
    shifts: tuple[tuple[int, int], ...] = ()  # excludes staffing
    at_shift_end: ShiftEnd = ShiftEnd.FINISH

    def agent_names(self) -> tuple[str, ...]:
        """Return the names of the agents."""
        return (self.name,) if self.count == 1 else tuple(f"{self.name}-{n}" for n in range(1, self.count + 1))


class LineOrder(Enum):
    """Whom hunting takes first of those who wait."""

    FIRST_COME = "first-come"
    LAST_COME = "last-come"
    RANDOM = "random"


class HuntedAgent(Enum):
    """Whom hunting gives a call to, of the agents who are free."""

    LONGEST_IDLE = "longest-idle"
    RANDOM = "random"


class Hunting(msgspec.Struct, frozen=True):
    """An old switch in place of our routing: any free agent with room on the channel, whatever the skills.

    It decides outside the engine and tells it by forced assignments, as a switch that hunts would; urgency, priority,
    requirements and weights count for nothing. For comparison.
    """

    order: LineOrder = LineOrder.FIRST_COME
    agent: HuntedAgent = HuntedAgent.LONGEST_IDLE


class Ending(Enum):
    """What happens when the measured time is over."""

    DRAIN = "drain"  # nobody new calls; who is there is served to the end, as far as somebody is there to do it
    CUT = "cut"  # everything stops; calls that still wait are counted as unfinished


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """All that a simulation needs to know. Times count from the start of the run, warm-up included.

    `hints`: what is not wrong but hardly meant, for people to read.
    """

    source: str  # the file, for messages
    settings: Settings
    callers: tuple[Callers, ...]
    agents: tuple[AgentGroup, ...]
    length_us: int  # of the measured time, after the warm-up
    warm_up_us: int = 0
    replications: int = 10
    seed: int = 1
    ending: Ending = Ending.DRAIN
    hunting: Hunting | None = None
    hints: tuple[ConfigProblem, ...] = ()
