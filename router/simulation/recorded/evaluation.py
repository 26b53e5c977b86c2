"""Wait estimates scored over call logs: each call is estimated on its arrival, from what was known then.

The predictor follows the log in shadow mode. It learns from every day, in order; its correction learns from estimates
of the last days of the training and of all scored days. Invariant: an estimate follows from what the log says before
it. Which calls are estimated at all (those that turn out to have waited over a second) is known only later, and
changes no estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, Protocol

import msgspec

from router.engine import Engine
from router.engine.settings import DAY_US, SECOND_US
from router.simulation.recorded.log_days import LogDay, Step
from router.simulation.recorded.shadow import Agreement, Follower, Shadow
from router.wait import Creep, WaitEstimate
from router.wait.scoring.baselines import WAITED_MIN_S, DelayBaselines, DelayHistory, MeanByType
from router.wait.scoring.conformal import Conformal
from router.wait.scoring.scored_calls import UNKNOWN, Collector, ScoredCalls

UPDATE_US: Final = 30 * SECOND_US  # how often a call of the sample is estimated again while it waits
UPDATED_EVERY: Final = 20  # one call in so many is in that sample


class Forecaster(Follower, Protocol):
    """A predictor that follows an engine."""

    def estimate(self, call: str, *, futures: int, threads: int) -> WaitEstimate:
        """Say how long a waiting call will still wait."""


class EvaluationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to go about it.

    `futures` of an estimate that is scored, `training_futures` of one that only teaches the correction. `every_call`:
    estimate those too that turn out to be answered at once; slower, and it changes no other estimate.
    """

    futures: int = 200
    training_futures: int = 40
    threads: int = 2
    every_call: bool = False


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `calls`: those of the scored days that waited over a second, answered or not."""

    calls: ScoredCalls
    agreement: Agreement
    creep: Creep
    commands: int


class Evaluator:
    """Follows days in order: `train` on some, then `score` the rest; `close` returns what came of it."""

    def __init__(
        self, new_forecaster: Callable[[Engine], Forecaster], settings: EvaluationSettings | None = None
    ) -> None:
        """Start with nothing learnt."""
        self._settings = settings or EvaluationSettings()
        self._shadow = Shadow(self._follow_with(new_forecaster))
        self._collector = Collector()
        self._history = DelayHistory()
        self._means = MeanByType()
        self._trained = False
        self._conformal = Conformal()
        self._creep = Creep()
        self._calls: dict[int, _Call] = {}  # of today, that wait and were estimated
        self._updates: list[tuple[int, int]] = []  # when to estimate again, and which

    def train(self, day: LogDay, *, estimated: bool) -> None:
        """Learn from a day; the correction too if `estimated`."""
        self._trained = True
        self._run(day, self._settings.training_futures if estimated else 0, scored=False)

    def score(self, day: LogDay) -> None:
        """Learn from a day and score its calls."""
        if not self._collector:
            self._shadow.agreement = Agreement()
        self._run(day, self._settings.futures, scored=True)

    def close(self) -> Evaluation:
        """Return what came of it."""
        return Evaluation(
            calls=self._collector.close(),
            agreement=self._shadow.agreement,
            creep=self._creep,
            commands=self._shadow.commands,
        )

    def _follow_with(self, new_forecaster: Callable[[Engine], Forecaster]) -> Callable[[Engine], Follower]:
        def follow(engine: Engine) -> Follower:
            self._forecaster = new_forecaster(engine)
            return self._forecaster

        return follow

    def _run(self, day: LogDay, futures: int, *, scored: bool) -> None:
        self._shadow.begin_day(day)
        self._history.forget()
        waited_s = (day.waited_us / SECOND_US).tolist()
        for time_us, step, row in day.steps():
            if time_us >= DAY_US:
                break
            self._update_before(time_us)
            self._shadow.follow(time_us, step, row)
            if step is Step.ARRIVES:
                said = self._history.arrive(row, day.types[row], time_us / SECOND_US)
                if futures and (self._settings.every_call or waited_s[row] > WAITED_MIN_S):
                    self._estimate(day, time_us, row, said, futures, scored)
            elif step is not Step.RELEASED:
                self._end(day, time_us, step, row, waited_s[row])
        self._shadow.end_day()
        for row, call in self._calls.items():  # of whom the log tells what came of them after midnight
            if call.scored:
                self._collect(day, row, call, bool(day.answered[row]), waited_s[row])
        self._calls.clear()
        self._updates.clear()

    def _estimate(self, day: LogDay, time_us: int, row: int, said: DelayBaselines, futures: int, scored: bool) -> None:
        mean_by_type_s = self._means.say(day.types[row])
        les_s = mean_by_type_s if said.les is None else said.les
        call = _Call(
            arrived_us=time_us,
            estimate=self._forecaster.estimate(
                self._shadow.call_name(row), futures=futures, threads=self._settings.threads
            ),
            points={
                "les_s": les_s,
                "hol_s": said.hol,
                "average_s": mean_by_type_s if said.average is None else said.average,
                "same_length_s": les_s if said.same_length is None else said.same_length,
                "mean_by_type_s": mean_by_type_s,
            },
            les_quantiles=self._conformal.say(les_s) or (UNKNOWN, UNKNOWN, UNKNOWN),
            scored=scored,
        )
        self._calls[row] = call
        if scored and row % UPDATED_EVERY == 0 and call.estimate.mean_us is not None:
            call.said_s, call.said_at_us = call.estimate.mean_us / SECOND_US, time_us
            heappush(self._updates, (time_us + UPDATE_US, row))

    def _end(self, day: LogDay, time_us: int, step: Step, row: int, waited_s: float) -> None:
        """An agent has the call, or its caller gave up."""
        kind = day.types[row]
        answered = step is Step.ANSWERED
        if answered:
            self._history.answer(row, kind, time_us / SECOND_US)
        else:
            self._history.give_up(row, kind)
        call = self._calls.pop(row, None)
        if answered and waited_s > WAITED_MIN_S:
            if call is not None:
                self._conformal.learn(call.points["les_s"], waited_s)
            if call is None or not call.scored or not self._trained:
                self._means.learn(kind, waited_s)
        if call is not None and call.scored:
            self._collect(day, row, call, answered, waited_s)

    def _collect(self, day: LogDay, row: int, call: _Call, answered: bool, waited_s: float) -> None:
        if waited_s <= WAITED_MIN_S:
            return
        found = call.estimate
        low_us, high_us = found.interval_us or (None, None)
        mean_us = found.mean_us
        self._collector.add(
            day.day,
            day.types[row],
            found.method,
            arrived_s=call.arrived_us / SECOND_US,
            waited_s=waited_s,
            answered=answered,
            mean_s=call.points["mean_by_type_s"] if mean_us is None else mean_us / SECOND_US,
            p10_s=_seconds(found.p10_us),
            p50_s=_seconds(found.p50_us),
            p80_s=_seconds(found.p80_us),
            p90_s=_seconds(found.p90_us),
            low_s=_seconds(low_us),
            high_s=_seconds(high_us),
            les_p10_s=call.les_quantiles[0],
            les_p50_s=call.les_quantiles[1],
            les_p90_s=call.les_quantiles[2],
            **call.points,
        )

    def _update_before(self, time_us: int) -> None:
        """Estimate again the calls of the sample whose turn comes before then, and note how the announcement moved."""
        while self._updates and self._updates[0][0] < time_us:
            when_us, row = heappop(self._updates)
            call = self._calls.get(row)
            if call is None:
                continue
            self._shadow.advance(when_us)
            name = self._shadow.call_name(row)
            found = self._forecaster.estimate(name, futures=self._settings.futures, threads=self._settings.threads)
            if found.mean_us is not None:
                now_s = found.mean_us / SECOND_US
                self._creep.count(call.said_s, (when_us - call.said_at_us) / SECOND_US, now_s)
                call.said_s, call.said_at_us = now_s, when_us
            heappush(self._updates, (when_us + UPDATE_US, row))


class _Call(msgspec.Struct):
    """What was said of a call that waits."""

    arrived_us: int
    estimate: WaitEstimate
    points: dict[str, float]
    les_quantiles: tuple[float, ...]
    scored: bool
    said_s: float = 0.0  # last, for calls of the sample
    said_at_us: int = 0


def _seconds(time_us: int | None) -> float:
    return UNKNOWN if time_us is None else time_us / SECOND_US
