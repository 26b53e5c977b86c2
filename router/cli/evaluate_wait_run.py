"""`skill-router evaluate-wait`: reading, choosing days, following them, and showing how far it has come.

Invariant: days are followed in order of date, and training ends before scoring begins.
"""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import rich_click as click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from router.cli.progress import DelayedBar
from router.cli.replay_order import refuse
from router.engine import Engine
from router.simulation import READERS, RecordingError
from router.simulation.processors import count_processors
from router.simulation.recorded.evaluation import Evaluation, EvaluationSettings, Evaluator
from router.simulation.recorded.log_days import LogDay, pool_columns, read_log_days
from router.simulation.recorded.patience import PatienceModel
from router.wait import Predictor
from router.wait.scoring.baselines import WAITED_MIN_S
from router.wait.scoring.report import ScoreReport, count_big_types, make_report
from router.wait.scoring.scored_calls import ScoredCalls
from router.wait.scoring.scores import Floats

LINE_EVERY_S: Final = 60.0  # where standard error is no terminal


class EvaluationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    files: tuple[Path, ...]
    train: tuple[Path, ...] = ()
    days: tuple[str, ...] = ()
    futures: int = 200
    training_futures: int = 40
    estimated_days: int = 90
    format_name: str = "vanad"
    threads: int | None = None

    def settings(self) -> EvaluationSettings:
        """Return the settings of the evaluation."""
        return EvaluationSettings(
            futures=self.futures,
            training_futures=self.training_futures,
            threads=self.threads or count_processors(),
        )


class WaitReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `arrived`, `answered` and `gave_up` count all calls of the scored days."""

    order: EvaluationOrder
    trained_days: tuple[str, ...]
    scored_days: tuple[str, ...]
    arrived: int
    answered: int
    gave_up: int
    evaluation: Evaluation
    scores: ScoreReport


def run_evaluation(order: EvaluationOrder) -> WaitReport:
    """Read, follow and score. Ends the command with a message where the input is not good."""
    ranges = [_read_range(text) for text in order.days]
    with DelayedBar("", MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        progress = _DaysProgress(bar)
        train, scored = _read(order, progress)
        train, scored = _choose(train, scored, ranges)
        evaluator = Evaluator(_new_predictor, order.settings())
        silent = len(train) - order.estimated_days
        progress.begin("learning", len(train))
        for number, day in enumerate(train):
            evaluator.train(day, estimated=number >= silent)
            progress.step(day.day)
        progress.begin("scoring", len(scored))
        for day in scored:
            evaluator.score(day)
            progress.step(day.day)
    evaluation = evaluator.close()
    if not evaluation.calls.answered.any():
        refuse("no call of the scored days was answered after waiting over a second; a log with waits is needed")
    big_types = count_big_types(Counter(kind for day in scored for kind in day.types))
    answered = sum(int(day.answered.sum()) for day in scored)
    arrived = sum(map(len, scored))
    return WaitReport(
        order=order,
        trained_days=tuple(day.day for day in train),
        scored_days=tuple(day.day for day in scored),
        arrived=arrived,
        answered=answered,
        gave_up=arrived - answered,
        evaluation=evaluation,
        scores=make_report(evaluation.calls, big_types, _still_there(evaluation.calls, train or scored)),
    )


def _new_predictor(engine: Engine) -> Predictor:
    return Predictor(engine, shadow=True)


def _still_there(calls: ScoredCalls, days: Sequence[LogDay]) -> Floats:
    """Return for each call the chance that its caller is there still when it is answered, by type, from the given days.

    Of those who waited over a second, as the scored calls are.
    """
    columns = pool_columns(days)
    waited = columns.only(columns.waited_us > WAITED_MIN_S * 1e6)
    if not len(waited):
        return np.ones(len(calls))
    patience = PatienceModel(waited)
    curves = [patience.curve(kind) for kind in calls.kinds]
    # less a microsecond: who is answered at the last moment was not gone before it
    before_us = np.rint(calls.waited_s * 1e6).astype(np.int64) - 1
    return np.array(
        [curves[kind].share_beyond(until_us) for kind, until_us in zip(calls.kind, before_us.tolist(), strict=True)]
    )


def _read(order: EvaluationOrder, progress: _DaysProgress) -> tuple[list[LogDay], list[LogDay]]:
    progress.begin("reading", len(order.train) + len(order.files))
    paths = (*order.train, *order.files)
    try:
        days = read_log_days(paths, READERS[order.format_name], on_file=lambda path: progress.step(path.name))
    except RecordingError as error:
        refuse(str(error))
    sources = {str(path) for path in order.train}
    return [day for day in days if day.source in sources], [day for day in days if day.source not in sources]


def _choose(
    train: list[LogDay], scored: list[LogDay], ranges: list[tuple[str, str]]
) -> tuple[list[LogDay], list[LogDay]]:
    """Split days into those to learn from and those to score."""
    if ranges:
        for first, last in ranges:
            if not any(first <= day.day <= last for day in scored):
                raise click.BadParameter(
                    f"no day of CALLS is in {first}..{last}; they are from {scored[0].day} to {scored[-1].day}",
                    param_hint="--days",
                )
        chosen = [day for day in scored if any(first <= day.day <= last for first, last in ranges)]
        train = sorted([*train, *(day for day in scored if day.day < chosen[0].day)], key=lambda day: day.day)
        scored = chosen
    if train and train[-1].day > scored[0].day:
        refuse(
            f"the training goes on to {train[-1].day} ({train[-1].source}), but {scored[0].day} ({scored[0].source}) "
            "is to be scored: that would be learning from the future; all days of --train must be before those scored"
        )
    return train, scored


def _read_range(text: str) -> tuple[str, str]:
    first, dots, last = text.partition("..")
    ends = (first, last if dots else first)
    for end in ends:
        try:
            good = len(end) == 10 and bool(datetime.date.fromisoformat(end))
        except ValueError:
            good = False
        if not good:
            raise click.BadParameter(
                f"{text!r} is no day or range of days; 2014-08-01 or 2014-08-01..2014-08-31 is right",
                param_hint="--days",
            )
    if ends[1] < ends[0]:
        raise click.BadParameter(f"{text}: the last day is before the first", param_hint="--days")
    return ends


class _DaysProgress:
    """A bar where standard error is a terminal; elsewhere a line a minute."""

    def __init__(self, bar: DelayedBar) -> None:
        self._bar = bar
        self._line_at_s = time.monotonic() + LINE_EVERY_S
        self._what, self._done, self._total = "", 0, 0

    def begin(self, what: str, total: int) -> None:
        """Begin a part of the work, of so many steps."""
        self._what, self._done, self._total = what, 0, total
        self._bar.begin(what, total)

    def step(self, name: str) -> None:
        """A step of that name is done."""
        self._done += 1
        if self._bar.console.is_terminal:
            self._bar.update(self._done, title=f"{self._what} {name}")
        elif time.monotonic() >= self._line_at_s:
            self._line_at_s = time.monotonic() + LINE_EVERY_S
            click.echo(f"{self._what}: {name}, {self._done} of {self._total}", err=True)
