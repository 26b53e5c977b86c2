"""What `skill-router evaluate-wait` tells: tables for people, one JSON object for scripts (docs/evaluate-wait.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import rich_click as click
from rich.console import Console

from router.cli.evaluate_wait_run import WaitReport
from router.cli.simulate_format import NONE, new_console, new_table
from router.wait.scoring.report import OURS, GroupScore, Part
from router.wait.scoring.scores import QUANTILES, PointScore, QuantileScore

NAMES: Final = {
    OURS: "skill-router",
    "les": "LES",
    "hol": "HOL",
    "average_les": "Avg-LES(10)",
    "average_same_length": "AvgC(10)",
    "mean_by_type": "mean by type",
}


def show(report: WaitReport, *, as_json: bool) -> None:
    """Print a report."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(as_data(report)), indent=2).decode())
    else:
        print_report(report, new_console())


def as_data(report: WaitReport) -> dict[str, Any]:
    """Return what `--json` prints. Times in seconds, shares from 0 to 1."""
    order, scores, evaluation = report.order, report.scores, report.evaluation
    return {
        "files": [str(path) for path in order.files],
        "train_files": [str(path) for path in order.train],
        "futures": order.futures,
        "training_futures": order.training_futures,
        "estimated_days": order.estimated_days,
        "trained_days": report.trained_days,
        "scored_days": report.scored_days,
        "calls": {"arrived": report.arrived, "answered": report.answered, "gave_up": report.gave_up},
        "big_types": scores.big_types,
        "served": {group.group: _group_data(group) for group in scores.served},
        "censored": {group.group: _group_data(group) for group in scores.censored},
        "gave_up_after_1_s": {"calls": scores.abandoned, "contradicted": scores.contradicted},
        "stated_quantiles": [{"stated": each.stated, "held": each.held} for each in scores.stated],
        "by_level": [_part_data("from_s", part) for part in scores.by_level],
        "by_hour": [_part_data("hour", part) for part in scores.by_hour],
        "by_day": {day: _part_data("", part) for day, part in scores.by_day.items()},
        "methods": scores.methods,
        "creep": _creep_data(report),
        "shadow": {
            "assigned": evaluation.agreement.assigned,
            "agreed": evaluation.agreement.agreed,
            "had_none": evaluation.agreement.idle,
        },
        "commands": evaluation.commands,
    }


def _group_data(group: GroupScore) -> dict[str, Any]:
    forecasts = {
        name: {**_point_data(score.point), **_quantile_data(score.quantiles)} for name, score in group.forecasts.items()
    }
    return {"calls": group.calls, "mean_wait_s": group.mean_wait_s, "forecasts": forecasts}


def _part_data(place: str, part: Part) -> dict[str, Any]:
    begins = {place: part.begins} if place else {}
    found = {"calls": part.calls, "mean_wait_s": part.mean_wait_s}
    return {**begins, **found, **_point_data(part.point), **_quantile_data(part.quantiles)}


def _point_data(score: PointScore) -> dict[str, Any]:
    return {"rmse_share": score.rmse_share, "mae_s": score.mae_s, "bias_s": score.bias_s}


def _quantile_data(score: QuantileScore | None) -> dict[str, Any]:
    if score is None:
        return {}
    return {
        "pinball_s": dict(zip((f"{level:.1f}" for level in QUANTILES), score.pinball_s, strict=True)),
        "pinball_mean_s": score.pinball_mean_s,
        "coverage": score.coverage,
        "width_s": score.width_s,
        "calls_with_quantiles": score.calls,
    }


def _creep_data(report: WaitReport) -> dict[str, Any]:
    creep = report.evaluation.creep
    return {
        "updates": creep.updates,
        "rose": creep.rose,
        "moved_later": creep.moved_later,
        "mean_shift_s": creep.mean_shift_s,
    }


def _span(days: Sequence[object]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"


def print_report(report: WaitReport, console: Console) -> None:
    """Print a report as tables."""
    scores = report.scores
    trained = f"learnt from {len(report.trained_days)} days before" if report.trained_days else "nothing learnt before"
    console.print(
        f"[bold]{_span(report.scored_days)}[/bold], {trained}; "
        f"{report.arrived:,} calls, {report.gave_up:,} gave up; {report.order.futures} futures an estimate",
        highlight=False,
        soft_wrap=True,
    )
    big = ", ".join(scores.big_types)
    _print_forecasts(scores.served[0], f"Answered after more than 1 s, types {big}", console)
    if scores.censored:
        _print_forecasts(scores.censored[0], "The same, those who gave up taken as censored", console)
    _print_types(scores.served, console)
    _print_parts(scores.by_level, "By the estimate's mean", lambda begins: f"from {begins:.0f} s", console)
    _print_parts(scores.by_hour, "By hour of arrival", lambda begins: f"{begins:.0f}:00", console)
    _print_notes(report, console)


def _print_forecasts(group: GroupScore, title: str, console: Console) -> None:
    table = new_table(f"{title}: {group.calls:,} calls, mean wait {group.mean_wait_s:.1f} s")
    table.add_column("forecast")
    for heading in (
        "RMSE ÷ mean",
        "MAE",
        "bias",
        "pinball 10 %",
        "50 %",
        "90 %",
        "interval covers",
        "width",
    ):
        table.add_column(heading, justify="right")
    for name, score in group.forecasts.items():
        table.add_row(NAMES[name], *_point_cells(score.point), *_quantile_cells(score.quantiles))
    console.print(table)


def _point_cells(score: PointScore) -> tuple[str, ...]:
    return f"{100 * score.rmse_share:.1f} %", f"{score.mae_s:.1f} s", f"{score.bias_s:+.1f} s"


def _quantile_cells(score: QuantileScore | None) -> tuple[str, ...]:
    if score is None:
        return (NONE,) * 5
    losses = tuple(f"{loss_s:.2f} s" for loss_s in score.pinball_s)
    return (*losses, *_interval_cells(score))


def _interval_cells(score: QuantileScore | None) -> tuple[str, str]:
    return (NONE, NONE) if score is None else (f"{100 * score.coverage:.1f} %", f"{score.width_s:.1f} s")


def _print_types(groups: Sequence[GroupScore], console: Console) -> None:
    table = new_table("RMSE ÷ mean by type")
    table.add_column("")
    for heading in ("calls", "mean wait", *NAMES.values(), "interval covers", "width"):
        table.add_column(heading, justify="right")
    for group in groups:
        errors = (f"{100 * group.forecasts[name].point.rmse_share:.1f} %" for name in NAMES)
        interval = _interval_cells(group.forecasts[OURS].quantiles)
        table.add_row(group.group, f"{group.calls:,}", f"{group.mean_wait_s:.1f} s", *errors, *interval)
    console.print(table)


def _print_parts(parts: Sequence[Part], title: str, name: Any, console: Console) -> None:
    table = new_table(title)
    table.add_column("")
    for heading in ("calls", "mean wait", "RMSE ÷ mean", "MAE", "bias", "interval covers", "width"):
        table.add_column(heading, justify="right")
    for part in parts:
        cells = (
            f"{part.calls:,}",
            f"{part.mean_wait_s:.1f} s",
            *_point_cells(part.point),
            *_interval_cells(part.quantiles),
        )
        table.add_row(name(part.begins), *cells)
    console.print(table)


def _print_notes(report: WaitReport, console: Console) -> None:
    scores, creep, agreement = report.scores, report.evaluation.creep, report.evaluation.agreement
    lines = [
        "Quantiles: "
        + ", ".join(f"{100 * each.held:.1f} % below the {100 * each.stated:.0f} %" for each in scores.stated),
        "Methods: " + ", ".join(f"{name} {count:,}" for name, count in scores.methods.items() if count),
    ]
    if scores.abandoned:
        gone = ", ".join(f"{NAMES[name]} {100 * share:.1f} %" for name, share in scores.contradicted.items())
        lines.append(
            f"Gave up after more than 1 s: {scores.abandoned:,} calls; had waited longer than announced: {gone}"
        )
    if creep.updates:
        lines.append(
            f"Updates every 30 s of one call in 20: {creep.updates:,}; announced a longer wait than before "
            f"{100 * creep.rose / creep.updates:.1f} %, a later end {100 * creep.moved_later / creep.updates:.1f} %, "
            f"end moved by {creep.mean_shift_s:+.1f} s on average"
        )
    if agreement.assigned:
        lines.append(
            f"Shadow: of {agreement.assigned:,} answers after over 1 s, our engine would have chosen the "
            f"same call for the agent in {100 * agreement.agreed / agreement.assigned:.1f} %"
        )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
