"""A decision as a table: each term of the ranking for the winner and the runner-up, and what made the difference."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from router.engine.views import Decision, Term


def decision_table(decision: Decision) -> Table:
    """Return the terms, weights and totals of a decision; the term that decided stands out."""
    winner, runner_up = decision.winner, decision.runner_up
    candidates = [winner, *([runner_up] if runner_up else [])]
    table = Table(box=None, padding=(0, 1))
    table.add_column("term")
    table.add_column("weight", justify="right")
    for candidate in candidates:
        table.add_column(Text(candidate.agent if decision.ranking == "agent" else candidate.call), justify="right")
        table.add_column("adds", justify="right")
    for number, term in enumerate(winner.terms):
        cells = [cell for candidate in candidates for cell in _term_cells(candidate.terms[number])]
        style = "bold green" if term.name == decision.decided_by else ""
        table.add_row(term.name, f"{term.weight_milli / 1000:g}", *cells, style=style)
    table.add_section()
    totals = [cell for candidate in candidates for cell in ("", f"{candidate.total_nano / 1e9:.3f}")]
    table.add_row("total", "", *totals, style="bold")
    return table


def verdict(decision: Decision) -> str:
    """Say what made the difference, and what spoke against it."""
    winner, runner_up = decision.winner, decision.runner_up
    if runner_up is None:
        return "There was no other candidate."
    by_term = decision.decided_by in {term.name for term in winner.terms}
    what = decision.decided_by if by_term else decision.decided_by.replace("_", " ")
    text = f"Decided by {what}; {decision.candidates} candidates were weighed."
    if runner_up.tier is not winner.tier:
        first, second = (candidate.tier.name.lower().replace("_", " ") for candidate in (winner, runner_up))
        text += f"\nTiers come first: {first} before {second}."
    pairs = zip(winner.terms, runner_up.terms, strict=True)
    against = [ours.name for ours, theirs in pairs if ours.contribution_nano < theirs.contribution_nano]
    return f"{text}\nThe runner-up was ahead in {', '.join(against)}." if against else text


def _term_cells(term: Term) -> tuple[str, str]:
    return f"{term.value_ppm / 1e6:.3f}", f"{term.contribution_nano / 1e9:.3f}"
