"""What is said of a wait: the estimate, how often such estimates held, and what is remembered of a queue."""

from __future__ import annotations

from typing import Literal

import msgspec

Method = Literal["none", "immediate", "qlm", "les", "learned", "simulated", "corrected"]


class WaitEstimate(msgspec.Struct, frozen=True, gc=False):
    """How long a call will still wait, from the moment of the estimate on. All times are microseconds.

    `method`, with what it rests on (`samples`):

    - "none": too early to say, or nobody can: nobody is there for it, the queue is paused, the call detached or over.
      Only `position` is told, and `unanswered`: at least half of the futures came to no answer.
    - "immediate": offered to an agent, with one, or one may take it at once. All times are 0; calls served.
    - "qlm": calls ahead, agents, speed of service and patience. The mean alone; completed calls.
    - "les": the wait of the last call that was served. The mean alone; calls served.
    - "learned": a regression on delays of late, without futures; the answered calls that it learnt from.
    - "simulated": futures, as they came: the wait of a caller who stays; completed calls of the queue.
    - "corrected": futures, then a regression: the wait of those who are answered; the calls that it learnt from.

    `p10_us` … `p90_us` are quantiles. `interval_us` is the 80 % interval: the narrower one from 5 % to 85 %, since
    waits are skew. `answered_within` has pairs of a time and the chance to be answered by then, if the caller stays.
    `position` counts from 1 and is None for a call that does not wait. `futures` is how many were run, 0 without.
    """

    method: Method
    mean_us: int | None
    position: int | None
    samples: int
    p10_us: int | None = None
    p50_us: int | None = None
    p80_us: int | None = None
    p90_us: int | None = None
    interval_us: tuple[int, int] | None = None
    answered_within: tuple[tuple[int, float], ...] = ()
    futures: int = 0
    unanswered: bool = False


class IntervalCoverage(msgspec.Struct, frozen=True):
    """How often 80 % intervals held: `held` of `counted` answered calls.

    `lately` is the share over about the last 1,000, None before the first.
    """

    lately: float | None
    held: int
    counted: int


class QueueHistory(msgspec.Struct, frozen=True):
    """What the fallbacks know of a queue; old experience fades.

    `service_us` is how long a call keeps its agent, wrap-up included, on average over `completed` calls (0: none yet);
    `wrapping_up` agents are at it now. `served` counts the waits that ended with an agent; `last_wait_us` is the last
    one. Callers gave up `abandoned` times in `exposed_us` of waiting, that of the answered included.
    """

    completed: int
    service_us: float
    wrapping_up: int
    served: int
    last_wait_us: int
    abandoned: int
    exposed_us: int

    @property
    def patience_rate(self) -> float:
        """Callers who give up per microsecond of waiting."""
        return self.abandoned / self.exposed_us if self.exposed_us else 0.0


class DelayFigures(msgspec.Struct, frozen=True):
    """What delay history alone says of a new call of a queue. Microseconds; None: nothing to say yet.

    `les_us`: the wait of the last call that was served (LES). `hol_us`: what the first in line has waited (HOL; 0 if
    nobody waits). `average_us`: mean of the last ten served that waited over a second (Avg-LES); `average_all_us`: of
    the last ten. `same_length_us`: of the last ten that had found as many waiting (AvgC; LES if none). `waiting` calls
    of the queue wait, `waiting_all` of all queues; `samples` calls were served.
    """

    les_us: int | None
    hol_us: int | None
    average_us: int | None
    average_all_us: int | None
    same_length_us: int | None
    waiting: int
    waiting_all: int
    samples: int


class Learning(msgspec.Struct, frozen=True):
    """How far the corrections are.

    `answers` and `answers_learned`: answered calls that those with and without futures have learnt from. `pending`:
    estimates whose calls still wait. `abandoned`: calls whose estimates taught nothing, since the caller gave up.
    """

    answers: int
    answers_learned: int
    pending: int
    abandoned: int
