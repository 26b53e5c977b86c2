"""What the demo shows: a live board while the hour runs, and at the end the figures and one decision explained."""

from __future__ import annotations

from typing import Final

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from router.cli.decision_table import decision_table, verdict
from router.cli.demo_figures import DemoFigures, QueueFigures, Scoreboard
from router.cli.demo_result import DemoResult
from router.engine.requirements import AgentTerm, AnyOf, SkillTerm, Step
from router.engine.settings import HOUR_US, MINUTE_US, SECOND_US
from router.engine.views import CallView, Decision

OPENING_US: Final = 11 * HOUR_US + 30 * MINUTE_US
"""The demo's hour begins at half past eleven, on the wall clock of the bank."""

BOARD_WIDTH: Final = 80

QUEUE_LABELS: Final = {
    "card_loss": "card loss",
    "repayment": "repayment",
    "loans": "loans",
    "complaints": "complaints",
}


def clock_text(offset_us: int) -> str:
    """Return the time of day at an offset from the start of the hour."""
    seconds = (OPENING_US + offset_us) // SECOND_US
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def seconds_text(seconds: float | None) -> str:
    """Return a wait as people say it."""
    if seconds is None:
        return "–"
    if seconds < 59.5:
        return f"{seconds:.0f}s" if seconds >= 9.95 or seconds == 0 else f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes}m{rest:02}s" if rest else f"{minutes}m"


def share_text(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def live_board(board: Scoreboard, offset_us: int, duration_us: int) -> RenderableType:
    """Return the picture of the hotline at this moment."""
    table = Table(box=None, padding=(0, 1), expand=True)
    for title in ("queue", "waiting", "", "longest", "answered", "gave up", "in target"):
        table.add_column(title, justify="left" if title in ("queue", "") else "right")
    for queue, tally in board.tallies.items():
        waiting = board.waiting_in(queue)
        decided = tally.answered + tally.abandoned + tally.refused
        level = share_text(tally.within_target / decided if decided else None)
        table.add_row(
            QUEUE_LABELS.get(queue, queue),
            str(waiting),
            Bar(30, 0, min(30, waiting), width=12, color="red" if waiting > 15 else "yellow"),
            seconds_text(board.longest_wait_us(queue) / SECOND_US) if waiting else "–",
            str(tally.answered),
            str(tally.abandoned),
            level,
        )
    busy, present = board.busy_agents(), board.present_agents()
    head = Text.assemble(
        ("bank hotline  ", "bold"),
        (clock_text(offset_us), "bold cyan"),
        f"  agents busy {busy} of {present}  service level so far {share_text(board.service_level())}",
    )
    hour = Bar(duration_us, 0, min(offset_us, duration_us), color="cyan")
    return Panel(Group(head, hour, Text(), table), width=BOARD_WIDTH, border_style="dim")


def plain_line(board: Scoreboard, offset_us: int) -> str:
    """Return the same in one line, for logs and pipes."""
    waiting = len(board.waiting)
    busy, present = board.busy_agents(), board.present_agents()
    level = share_text(board.service_level())
    return f"{clock_text(offset_us)}  waiting {waiting:3}  agents busy {busy:2} of {present:2}  service level {level}"


def print_report(console: Console, result: DemoResult) -> None:
    """Print the summary of the hour."""
    console.print()
    console.print(Text("The hour in figures", "bold"))
    console.print(_figures_table(result.figures))
    console.print(_facts_table(result))
    if result.decision is not None and result.decided_call is not None:
        console.print()
        console.print(Text("One decision, explained", "bold"))
        _print_decision(console, result.decision, result.decided_call)


def _figures_table(figures: DemoFigures) -> Table:
    table = Table(box=None, padding=(0, 1))
    table.add_column("queue", no_wrap=True)
    for title in ("offered", "answered", "gave up", "target", "in target", "mean wait", "p95 wait"):
        table.add_column(title, justify="right", no_wrap=True)
    for queue, row in figures.queues.items():
        table.add_row(QUEUE_LABELS.get(queue, queue), *_figures_cells(row))
    table.add_section()
    table.add_row("all", *_figures_cells(figures.total), style="bold")
    return table


def _figures_cells(row: QueueFigures) -> tuple[str, ...]:
    return (
        str(row.offered),
        str(row.answered),
        str(row.abandoned + row.refused),
        seconds_text(row.target_s) if row.target_s is not None else "",
        share_text(row.service_level),
        seconds_text(row.wait_mean_s),
        seconds_text(row.wait_p95_s),
    )


def _facts_table(result: DemoResult) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    figures = result.figures
    if (occupancy := figures.occupancy) is not None:
        table.add_row(
            "occupancy",
            f"mean {share_text(occupancy.mean)} over {occupancy.agents} agents, "
            f"from {share_text(occupancy.lowest)} ({occupancy.lowest_agent}) "
            f"to {share_text(occupancy.highest)} ({occupancy.highest_agent}); Jain's index {occupancy.jain:.3f}",
        )
    offers = figures.offers
    table.add_row(
        "offers",
        f"{offers.made} made: {offers.accepted} accepted, {offers.rejected} rejected, "
        f"{offers.expired} rang out, {offers.withdrawn} withdrawn",
    )
    if offers.preferred:
        table.add_row(
            "known agents", f"{offers.preferred_reached} of {offers.preferred} calls that had one reached one"
        )
    engine = result.engine
    table.add_row(
        "engine",
        f"{engine.engine_us_per_decision:.0f} µs and {engine.candidates_per_decision:.1f} candidates per decision, "
        f"as the server measured it ({engine.commands:,} commands, {engine.decisions:,} decisions)",
    )
    table.add_row("gRPC", f"round trip of a command: median {engine.rpc_p50_ms:.1f} ms, p99 {engine.rpc_p99_ms:.1f} ms")
    if (again := result.rerun) is not None:
        outcome = "the same" if again.same else "NOT THE SAME"
        table.add_row(
            "run again",
            f"the same {again.commands:,} commands in process: {outcome} {again.assignments:,} assignments, "
            f"{again.engine_us_per_decision:.0f} µs per decision",
        )
    return table


def _print_decision(console: Console, decision: Decision, call: CallView) -> None:
    console.print(_story(decision, call))
    console.print(decision_table(decision))
    console.print("\n".join(f" {line}" for line in verdict(decision).splitlines()), highlight=False)


def _story(decision: Decision, call: CallView) -> str:
    winner = decision.winner
    demand = _demand_text(call.requirement.steps[call.step])
    known = f", known to {', '.join(call.preferred_agents)}" if call.preferred_agents else ""
    head = f" {call.call} in {call.queue} (priority {call.priority}{known}) asked for {demand}."
    if decision.ranking == "agent":
        return f"{head}\n Agents were free, and {winner.agent} was chosen:"
    return f"{head}\n {winner.agent} became free, and it was chosen among the calls that waited:"


def _demand_text(step: Step) -> str:
    """Say a requirement step in words."""
    parts = [_term_text(term) for term in step.terms]
    text = " and ".join(parts) if parts else "any agent"
    if step.prefer:
        text += ", preferring " + ", ".join(preference.skill for preference in step.prefer)
    return text


def _term_text(term: SkillTerm | AgentTerm | AnyOf) -> str:
    if isinstance(term, SkillTerm):
        return f"{term.skill} {term.level}"
    if isinstance(term, AgentTerm):
        return f"the agent {term.agent}"
    return "(" + " or ".join(_term_text(each) for each in term.terms) + ")"
