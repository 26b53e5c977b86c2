"""Types of the compiled wait prediction."""

from collections.abc import Sequence
from typing import Any, final

from router.engine import Engine, Enqueue
from router.wait.assumptions import Assumptions
from router.wait.estimate import DelayFigures, IntervalCoverage, Learning, QueueHistory, WaitEstimate
from router.wait.target_waits import TargetWaits

LES_SAMPLES_MIN: int
HORIZON_US: int
LEVELS_OF_QUANTILES: tuple[float, ...]
FEATURE_COUNT: int

def ql_modified(ahead: int, servers: int, service_rate: float, patience_rate: float) -> float:
    """Return the mean wait of a patient caller with `ahead` calls in front: Σ_{i=0..n} 1 / (sμ + iθ).

    All `servers` (1 or more) are busy and serve at `service_rate` (above 0) each; every caller ahead gives up at
    `patience_rate` (0 or more). Rates and waits share one unit of time, whichever it is. QLm of Ibrahim & Whitt (2009);
    without abandonment it is (n + 1) / (sμ). O(1). Raises `ValueError`.
    """

@final
class FutureSet:
    """What a set of futures says of each of its targets, the calls whose waits were asked for.

    The same situation, number of futures and seed give the same set, whatever the number of threads.
    """

    @property
    def taken_us(self) -> int:
        """Engine time that waits count from."""
    @property
    def sequence(self) -> int:
        """Number of the engine's last command before the situation was taken."""
    @property
    def futures(self) -> int:
        """How many were run to their end: fewer than asked for where the budget was used up, or `cancel` was called."""
    @property
    def commands(self) -> int:
        """How many commands the engine carried out in all of them: the work done."""
    @property
    def beyond(self) -> int:
        """How many waits, of all targets and futures, met the horizon."""
    @property
    def targets(self) -> tuple[TargetWaits, ...]:
        """The waits by target: waiting calls by order, then the hypothetical one. Copies."""
    def answered_within(self, call: str | None, within_us: int) -> float | None:
        """Return the share of futures in which a call is answered by `taken_us` + `within_us`, if its caller stays.

        `call`: None or "" is the hypothetical one. None if it is no target, or no future was run. O(futures).
        """
    def __len__(self) -> int: ...

@final
class Situation:
    """The state to run futures from: the engine as it stood, and what is assumed of callers and agents.

    It is a state of its own: the engine may go on. `run` may be called in any thread, and in several at once.
    """

    @property
    def now_us(self) -> int:
        """Engine time that waits count from."""
    @property
    def calls(self) -> int:
        """How many targets there are."""
    @property
    def draws_arrivals(self) -> bool:
        """Whether new calls are drawn, since some could go before one that waits."""
    def run(
        self, futures: int = 200, *, threads: int = 1, budget_us: int = 0, horizon_us: int = ..., seed: int = 1
    ) -> FutureSet:
        """Run futures and return the `FutureSet`, without holding the interpreter's lock.

        `futures`: 1 to 1,000,000. `threads`: 1 to 256. `budget_us`: real time after which no further one is begun;
        0: none. `horizon_us`: up to 366 days; a call that is not served by then counts as served then. `seed`: 0 to
        2^64 - 1. Raises `ValueError`.
        """
    def cancel(self) -> None:
        """End the runs under way after the futures that are begun, and any later one at once. From any thread."""

def situation_of(engine: Engine, assumed: Assumptions, call: str | Enqueue | None, now_us: int | None) -> Situation:
    """Take the situation that `simulate_waits` runs futures from: see there."""

@final
class Predictor:
    """Estimates waits for one engine, and learns from what becomes of them.

    Tell it of every command by `observe()`. `shadow`: an outside ACD decides, and the engine follows by forced
    assignments. `time_zone`: IANA name of the centre's local time, by which days and hours are learnt. `answers_min`:
    from how many answered calls on a correction is used; a huge number: never.

    Not thread-safe, but for `Situation.run()`, which may go on in another thread while engine and predictor are used.
    Raises `ValueError` for an unknown time zone.
    """

    def __init__(
        self, engine: Engine, *, shadow: bool = False, time_zone: str = "UTC", answers_min: int = 500
    ) -> None: ...
    def observe(self) -> None:
        """Learn from the last command that the engine carried out. Call it after each; twice for one does no harm."""
    def settled(self, of: str | Enqueue, now_us: int) -> WaitEstimate | None:
        """Return the estimate where the state alone tells it ("immediate" or "none"), else None: it has to be guessed.

        `of` is a call's name, or an `Enqueue` that is only thought of (its `call` may be empty). Raises `UnknownName`
        or `InvalidCommand`.
        """
    def quick(self, of: str | Enqueue, now_us: int) -> WaitEstimate:
        """Return an estimate without futures: "immediate", "learned", "qlm", "les" or "none", in microseconds of work.

        `of` as for `settled()`. Raises `UnknownName` or `InvalidCommand`.
        """
    def situation(self, of: str | Enqueue | None = None, *, now_us: int | None = None) -> Situation:
        """Return the state to run futures from: of all calls that wait, of one of them, or of a supposed one besides.

        The engine may go on meanwhile. `now_us`: the moment, if it is later than the engine's. Calls of which nobody
        can tell (detached, in a paused queue) are left out. O(live calls and agents). Raises `UnknownName` or
        `InvalidCommand`, and `ValueError` where the engine would not take the supposed call.
        """
    def digest(
        self, futures: FutureSet, *, within_us: Sequence[int] = (), first: int = 0, most: int | None = None
    ) -> dict[str, WaitEstimate]:
        """Return what a set of futures says, by call: of those that are still the same and still wait.

        A supposed call has the name "". `answered_within` is given for the times `within_us`; without any, for the
        target of the call's queue and urgency (a supposed call: the target of a normal one). The first estimate of each
        call is kept, and teaches the correction when the call is answered. A set without any future says nothing.

        `first` and `most`: only so many targets from this one on (some microseconds each), to go through a large set
        bit by bit.
        """
    def answered_within(self, futures: FutureSet, call: str, estimate: WaitEstimate, within_us: int) -> float | None:
        """Return the chance that a call is answered within `within_us` of the set's time, if its caller stays.

        `estimate` is what `digest()` said of it: where that was corrected, so is this. "" is the supposed call. None if
        it is no target, or the set has no future. Raises `InvalidCommand`.
        """
    def estimate(
        self,
        of: str | Enqueue,
        now_us: int | None = None,
        *,
        futures: int = 200,
        threads: int = 1,
        budget_us: int = 0,
        seed: int = 1,
        within_us: Sequence[int] = (),
    ) -> WaitEstimate:
        """Return the best estimate there is, running futures here and now: for whoever has the time to wait for it.

        `of` as for `settled()`; `now_us`: None is the engine's time. The rest as for `Situation.run()` and `digest()`.
        Raises `UnknownName` or `InvalidCommand`.
        """
    @property
    def coverage(self) -> IntervalCoverage:
        """How often 80 % intervals of corrected and simulated estimates held: the first of each call."""
    @property
    def coverage_learned(self) -> IntervalCoverage:
        """How often 80 % intervals of learned estimates held, those that new calls got or would have got."""
    @property
    def learning(self) -> Learning:
        """How far the corrections are."""
    def learned(self) -> dict[str, Any]:
        """Return what is known of callers and agents: see docs/wait-prediction.md. Seconds; None: nothing yet."""
    def queue_history(self, queue: str) -> QueueHistory:
        """Return what the fallbacks know of a queue. Raises `UnknownName`."""
    def delay_figures(self, queue: str, now_us: int, *, but: str | None = None) -> DelayFigures:
        """Return what delay history says of a call of a queue that comes now; `but`: that call, if it has come.

        Raises `UnknownName`.
        """
    def save(self) -> bytes:
        """Return all that was learnt, but for the estimates of calls that wait: those teach nothing later."""
    def part(self) -> object:
        """Return what `save` does, as a part of a snapshot (`router.server._native.Child`); empty bytes if it fails."""
    def restore(self, saved: bytes) -> None:
        """Take over what another predictor learnt, into an engine that is as its engine was then.

        Raises `CorruptSnapshot` for what is damaged, or was saved by another version or mode; nothing has changed then.
        """

@final
class Lifetime:
    """How long something lasts, and how much longer once it has lasted so long. Times are seconds."""

    @staticmethod
    def exponential(mean_s: float) -> Lifetime:
        """Of this mean, 0 or more. `ValueError` otherwise."""
    @staticmethod
    def fixed(length_s: float) -> Lifetime:
        """Of exactly this length, 0 or more. `ValueError` otherwise."""
    @staticmethod
    def of_samples(samples_s: Sequence[float]) -> Lifetime:
        """As one of these, which are sorted and 0 or more. `ValueError` otherwise."""
    @staticmethod
    def of_hazard(edges_s: Sequence[float], rates_per_s: Sequence[float]) -> Lifetime:
        """By a hazard that is constant from each edge, the first being 0, to the next. `ValueError` if it is none."""
    def stretched(self, by: float) -> Lifetime:
        """Return the same, `by` > 0 times as long."""
    def residual_s(self, age_s: float, uniform: float, factor: float = 1, rate: float = 1) -> float:
        """Return how much longer what has lasted `age_s` lasts, for a number in (0, 1); `inf`: for ever."""
    def survival(self, age_s: float, more_s: float, factor: float = 1, rate: float = 1) -> float:
        """Return the chance that what has lasted `age_s` lasts more than `more_s` longer."""
    def hazard_per_s(self, age_s: float) -> float | None:
        """Return the ends per second at an age; None for a fixed length and samples."""
    @property
    def mean_s(self) -> float: ...
    @property
    def endless(self) -> bool: ...

@final
class Learner:
    """Follows one engine's events and keeps what futures need to know of callers and agents. Not thread-safe.

    `shadow`: an outside ACD decides. `utc_offsets_s`: (since when in microseconds, local time less UTC), rising.
    """

    def __init__(
        self, engine: Engine, *, shadow: bool = False, utc_offsets_s: Sequence[tuple[int, int]] = ()
    ) -> None: ...
    def observe(self) -> None:
        """Learn from the engine's last command. To be called after each, in order."""
    @property
    def day_began(self) -> bool: ...
    def second_of_day(self, time_us: int) -> int:
        """Return the local time of day, 0 to 86,399."""
    def weekday(self, time_us: int) -> int:
        """Return the local day of the week, 0 is Monday."""
    def downtime_since(self, time_us: int) -> int:
        """Return for how long the engine was down after a moment."""
    def learned(self) -> dict[str, Any]:
        """Return what is known, in figures: see docs/wait-prediction.md."""
    def model(self) -> dict[str, Any]:
        """Return what futures assume, queue by queue and agent by agent."""
    def save(self) -> bytes:
        """Return the state as bytes; names, not numbers."""
    def restore(self, saved: bytes) -> None:
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""

@final
class DelayHistory:
    """What calls that were served lately had waited, by queue. Not thread-safe."""

    def __init__(self, engine: Engine, *, shadow: bool = False) -> None: ...
    def observe(self) -> None:
        """Learn from the engine's last command. To be called after each, in order."""
    def forget_day(self) -> None:
        """Begin a day without the waits of the last one."""
    def figures(self, queue: str, now_us: int, *, call: str | None = None) -> dict[str, Any]:
        """Return what the history says of a queue as a dictionary, seconds; None where it says nothing.

        `call`: who asks, and does not count itself. Raises `UnknownName`.
        """
    def downtime_since(self, time_us: int) -> int:
        """Return for how long the engine was down after a moment."""
    def save(self) -> bytes:
        """Return the state as bytes; names, not numbers."""
    def restore(self, saved: bytes) -> None:
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""

_Features = tuple[list[float], float, tuple[float, ...]]

@final
class FeatureMaker:
    """Features for a `Correction`, and what it takes to make them. Not thread-safe."""

    def __init__(self, engine: Engine) -> None: ...
    def with_futures(
        self,
        waits_s: Sequence[float],
        weights: Sequence[float],
        delays: DelayHistory,
        queue: str,
        now_us: int,
        *,
        second_of_day: int = 0,
        call: str | None = None,
    ) -> _Features:
        """Return (features, base mean, base quantiles) for a set of futures' waits with their weights, seconds."""
    def without_futures(
        self,
        line_s: float | None,
        delays: DelayHistory,
        queue: str,
        now_us: int,
        *,
        second_of_day: int = 0,
        call: str | None = None,
    ) -> _Features:
        """Return (features, base mean, base quantiles) from delays alone. `line_s`: QLm, or None."""
    def learn(self, queue: str, now_us: int, mean_s: float, wait_s: float) -> None:
        """Tell that a call that was estimated from a base of `mean_s` was answered after `wait_s`."""
    def forget_removed(self) -> tuple[int, ...]:
        """Forget queues that are no longer configured; return the features that mean nothing now."""
    def save(self) -> bytes:
        """Return the state as bytes; names, not numbers."""
    def restore(self, saved: bytes) -> None:
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""

@final
class Correction:
    """From features and a base to a better mean, quantiles and interval, learnt online. Not thread-safe.

    Quantiles are at the levels of `LEVELS_OF_QUANTILES`. Times are seconds, finite and not below 0: else `ValueError`.
    """

    def __init__(self, features: int = ...) -> None: ...
    def predict(
        self, mean_s: float, quantiles_s: Sequence[float], features: Sequence[float]
    ) -> tuple[float, tuple[float, ...], tuple[float, float]]:
        """Return (mean, quantiles, (low, high)) for a base."""
    def learn(self, mean_s: float, quantiles_s: Sequence[float], features: Sequence[float], wait_s: float) -> None:
        """Tell that a call that was estimated so was answered after `wait_s`."""
    def forget(self, feature: int) -> None:
        """Unlearn what hangs on a feature that will mean something else."""
    @property
    def answers(self) -> int:
        """How many answered calls it has learnt from."""
    def save(self) -> bytes:
        """Return the state as bytes."""
    def restore(self, saved: bytes) -> None:
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""

@final
class Coverage:
    """How often 80 % intervals held."""

    def __init__(self) -> None: ...
    def count(self, low_s: float, high_s: float, wait_s: float) -> None:
        """Count an interval and the wait that came of it."""
    @property
    def lately(self) -> float | None:
        """The share that held, over about the last 1,000; None if there was none."""
    @property
    def held(self) -> int:
        """How many held."""
    @property
    def counted(self) -> int:
        """How many there were."""
    def save(self) -> bytes:
        """Return the state as bytes."""
    def restore(self, saved: bytes) -> None:
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""

@final
class Creep:
    """Whether successive announcements of one call's wait creep upward. Seconds."""

    def __init__(self) -> None: ...
    def count(self, earlier_s: float, passed_s: float, now_s: float) -> None:
        """Count an announcement of `now_s`, made `passed_s` after one of `earlier_s`. Raises `ValueError`."""
    @property
    def updates(self) -> int:
        """How many announcements followed another one."""
    @property
    def rose(self) -> int:
        """How many of them were longer than the one before, by over a second."""
    @property
    def moved_later(self) -> int:
        """How many moved the announced end later, by more than 5 s and a tenth of the wait announced before."""
    @property
    def mean_shift_s(self) -> float:
        """By how much the announced end moved later, on average; 0 without updates."""
