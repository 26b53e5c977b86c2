"""What one run of a simulation found. Reports, intervals and comparisons are made of these.

Invariant: counts are exact and whole: offered = answered + abandoned + blocked + refused + unfinished, and
`Balance` shows Little's law on the run's own counts, to the microsecond.
"""

from __future__ import annotations

import msgspec

from router.engine.commands import Command
from router.engine.events import Event

PERCENTILES = tuple(range(1, 100))


class Happening(msgspec.Struct, frozen=True):
    """One command, when it was applied and what came of it."""

    time_us: int
    command: Command
    events: list[Event]


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that arrived in the measured time (and not in the warm-up), of one kind, one queue or all.

    A call is followed to its end, also beyond the measured time. Its first answer makes it an answered one, whatever
    comes later (at a shift's end it may go back to its queue). A wait runs from the arrival to that answer, offers that
    were not accepted and ringing included; else to the call's end, or, where it is unfinished, to that of the run.
    Times are microseconds. Percentiles lie between the two nearest of the sorted waits, in proportion, and are exact
    to 0.1 %; of no calls they are None.
    """

    offered: int
    answered: int
    abandoned: int  # gave up
    blocked: int  # the queue, and all that it overflows to, had no room
    refused: int  # the wait limit was met
    unfinished: int  # still waiting at the end of the run
    delayed: int  # neither presented to an agent nor blocked at the very instant of arrival
    answered_in_target: int  # within the target of the queue it arrived in, for its urgency
    wait_all_sum_us: int
    wait_served_sum_us: int
    wait_all_percentiles_us: tuple[float, ...] | None  # the 1st to the 99th, of all offered
    wait_served_percentiles_us: tuple[float, ...] | None
    talk_sum_us: int  # of the answered; where the run ends first, until then
    redials: int  # offered calls that are further attempts of a caller
    resolved: int
    unresolved: int  # answered and not resolved; both 0 where resolution is not told
    first_calls: int  # offered calls that are no redials …
    first_resolved: int  # … and were resolved
    satisfactions: int
    satisfaction_sum: float
    slips: int  # how often one of these calls was overtaken by a later call of the measured time, in the same queue
    skips: int  # how often one of these calls overtook an earlier call of the measured time
    overtaken: int  # calls with a slip
    kin_slips: int  # the same among equals: queue, channel, requirement, urgency, priority, preferred agents
    kin_skips: int


class QueueFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One queue: calls by the queue they arrived in, and who waited in it during the measured time."""

    calls: CallFigures
    length_integral_us: int  # ∫ waiting calls dt; a call waits until its answer
    length_max: int  # the most that waited together for any time at all


class AgentFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One agent over the measured time, in microseconds.

    `present_us`: signed in, or still engaged after the end of a shift; `ready_us`: ready or engaged; `busy_us`: engaged
    (offer, talk or wrap-up), weighted by the share of capacity in use. Occupancy is busy ÷ ready, utilisation busy ÷
    present. `offered_us`, `talk_us` and `wrap_up_us` are sums over engagements: three chats of a minute are three
    minutes. `answered` counts what came to the agent in the measured time, a call once each time.
    """

    agent: str
    group: str
    present_us: int
    ready_us: int
    offered_us: int
    talk_us: int
    wrap_up_us: int
    busy_us: int
    answered: int
    rejected: int
    not_answered: int


class Balance(msgspec.Struct, frozen=True):
    """Two independent counts of the same thing over the measured time; `length_integral_us` equals `waited_us` exactly.

    What happens at the very instant at which the measured time begins belongs to it; what happens at its end does not.
    """

    waiting_at_start: int
    entered: int  # calls that came to wait: arrivals, and calls that came back from an agent
    left: int  # calls that ceased to wait: answered, abandoned, blocked or refused
    waiting_at_end: int
    length_integral_us: int  # ∫ waiting calls dt
    waited_us: int  # Σ over calls of their waiting within the measured time


class Discrimination(msgspec.Struct, frozen=True):
    """RAQFM (Raz, Levy & Avi-Itzhak 2004): D = service got − ∫ ω/N dt over a call's stay, in seconds.

    ω is the number of calls in service, N of those in the system, of all queues together. Counted are calls that
    arrived in the measured time and left, but for those blocked at once. `residue_s` is the largest |Σ D| over a busy
    period that began in the measured time and ended: 0 but for rounding.
    """

    calls: int
    sum_s: float
    square_sum_s2: float
    busy_periods: int
    residue_s: float

    @property
    def variance_s2(self) -> float | None:
        """Return the variance of D."""
        return self.square_sum_s2 / self.calls - (self.sum_s / self.calls) ** 2 if self.calls else None


class Series(msgspec.Struct, frozen=True):
    """Means over equal slices of the measured time, for plots. The last one is shorter if they do not come out even."""

    slice_us: int
    offered: tuple[int, ...]
    waiting: dict[str, tuple[float, ...]]  # by queue
    present: dict[str, tuple[float, ...]]  # agents, by group, as in `present_us`
    busy: dict[str, tuple[float, ...]]  # likewise, as in `busy_us`
    wait_mean_us: tuple[float | None, ...]  # of the calls that arrived in the slice


class Replication(msgspec.Struct, frozen=True, kw_only=True):
    """One run from its start to its end."""

    number: int  # from 0
    length_us: int  # of the measured time
    calls: CallFigures
    callers: dict[str, CallFigures]
    queues: dict[str, QueueFigures]
    agents: tuple[AgentFigures, ...]
    balance: Balance
    discrimination: Discrimination
    series: Series | None
    commands: int
    events: int
    customers: int  # all calls of the run, warm-up included
    event_hash: int  # 64 bits over all events, to tell runs apart
