"""`skill-router explain`: why a call is where it is, asked of a running server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from router.client import RouterClient, RouterError
from router.client.client import DEFAULT_ADDRESS
from router.engine.views import CallExplanation, Candidate, Decision, Eligibility
from router.engine.vocabulary import CallState, Tier


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("call")
@click.option("--agent", metavar="NAME", help="Say whether this agent may take the call, and if not, why not.")
@click.option("--server", metavar="HOST:PORT", default=DEFAULT_ADDRESS, show_default=True, help="The server to ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as one JSON object.")
def command(call: str, agent: str | None, server: str, as_json: bool) -> None:
    """Explain where CALL is and why: its place in line, what keeps agents from taking it, how it was decided.

    The reasons of past decisions are there for calls that were enqueued with `explain`: each term of the ranking for
    the winner and the runner-up, and what made the difference.

    Exit codes: 0 the answer is printed; 1 the call or agent is not known, or the server cannot be reached.
    """
    try:
        explanation, decisions, eligibility = asyncio.run(_ask(server, call, agent))
    except RouterError as error:
        if as_json:
            click.echo(json.dumps({"error": error.reason, "message": error.message}, ensure_ascii=False))
        click.echo(f"{error.reason}: {error.message}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(_as_data(explanation, decisions, eligibility), ensure_ascii=False, indent=2))
    else:
        _print(Console(highlight=False), explanation, decisions, eligibility)


async def _ask(server: str, call: str, agent: str | None) -> tuple[CallExplanation, list[Decision], Eligibility | None]:
    async with RouterClient(server) as client:
        await client.wait_until_ready(3.0)
        explanation = await client.explain_call(call)
        decisions = await client.decisions(call)
        eligibility = await client.explain_agent(call, agent) if agent is not None else None
    return explanation, decisions, eligibility


def _as_data(
    explanation: CallExplanation, decisions: list[Decision], eligibility: Eligibility | None
) -> dict[str, Any]:
    """Return all of it with words in place of enumeration numbers."""
    data: dict[str, Any] = msgspec.to_builtins(explanation)
    data["state"] = explanation.state.name.lower()
    data["tier"] = explanation.tier.name.lower()
    data["decision"] = None if explanation.decision is None else _decision_data(explanation.decision)
    data["decisions"] = [_decision_data(decision) for decision in decisions]
    data["eligibility"] = None if eligibility is None else msgspec.to_builtins(eligibility)
    return data


def _decision_data(decision: Decision) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(decision)
    for name, candidate in (("winner", decision.winner), ("runner_up", decision.runner_up)):
        if candidate is not None:
            data[name]["tier"] = candidate.tier.name.lower()
    return data


def _print(
    console: Console, explanation: CallExplanation, decisions: list[Decision], eligibility: Eligibility | None
) -> None:
    console.print(f"[bold]{escape(explanation.call)}[/bold]: {_words(explanation.state)}")
    console.print(escape(explanation.summary))
    if explanation.state is CallState.WAITING:
        _print_waiting(console, explanation)
    shown = decisions or ([explanation.decision] if explanation.decision is not None else [])
    for decision in shown:
        _print_decision(console, decision)
    if not shown and explanation.state is not CallState.WAITING:
        console.print("[dim]No reasons were kept: enqueue a call with `explain` to keep those of every decision.[/dim]")
    if eligibility is not None:
        _print_eligibility(console, eligibility)


def _print_waiting(console: Console, explanation: CallExplanation) -> None:
    console.print(
        f"place in line {explanation.position}, tier {_words(explanation.tier)}, requirement step {explanation.step}"
    )
    if explanation.obstacles:
        console.print(f"What keeps the {explanation.signed_in_agents} signed-in agents from it")
        table = Table()
        table.add_column("obstacle")
        table.add_column("agents", justify="right")
        for obstacle, agents in sorted(explanation.obstacles.items(), key=lambda entry: (-entry[1], entry[0])):
            table.add_row(escape(obstacle), f"{agents:,}")
        console.print(table)


def _print_decision(console: Console, decision: Decision) -> None:
    winner, runner_up = decision.winner, decision.runner_up
    chosen = f"agent {winner.agent} for call {winner.call}"
    if decision.ranking == "call":
        chosen = f"call {winner.call} for agent {winner.agent}"
    weighed = f"{decision.candidates} candidate{'' if decision.candidates == 1 else 's'} weighed"
    title = f"Offer {decision.offer}: {chosen}, decided by {decision.decided_by.replace('_', ' ')} ({weighed})"
    console.print(escape(title))
    table = Table(show_footer=True)
    table.add_column("term", footer="total")
    table.add_column("weight", justify="right")
    for candidate in (winner, runner_up):
        if candidate is not None:
            name = candidate.agent if decision.ranking == "agent" else candidate.call
            table.add_column(escape(name), justify="right", footer=_units(candidate.total_nano))
    for index, term in enumerate(winner.terms):
        cells = [_contribution(candidate, index) for candidate in (winner, runner_up) if candidate is not None]
        table.add_row(term.name.replace("_", " "), f"{term.weight_milli / 1000:g}", *cells)
    console.print(table)
    if runner_up is None:
        console.print("There was no other candidate.")
    elif runner_up.tier is not winner.tier:
        console.print(f"Tiers come first: {_words(winner.tier)} before {_words(runner_up.tier)}.")


def _contribution(candidate: Candidate, index: int) -> str:
    term = candidate.terms[index]
    return f"{term.value_ppm / 1_000_000:.3f} → {_units(term.contribution_nano)}"


def _units(nano: int) -> str:
    return f"{nano / 1_000_000_000:.3f}"


def _print_eligibility(console: Console, eligibility: Eligibility) -> None:
    agent, call = escape(eligibility.agent), escape(eligibility.call)
    if eligibility.eligible:
        console.print(f"[green]{agent} may take {call}.[/green]")
        return
    console.print(f"[yellow]{agent} may not take {call}:[/yellow]")
    for obstacle in eligibility.obstacles:
        console.print(f"  • {escape(obstacle)}")


def _words(member: CallState | Tier) -> str:
    return member.name.lower().replace("_", " ")
