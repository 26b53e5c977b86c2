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

from router.cli.connection import Connection, connection_options
from router.cli.decision_table import decision_table, verdict
from router.cli.parameters import HELP, exit_codes
from router.client import RouterError
from router.engine.views import CallExplanation, Decision, Eligibility
from router.engine.vocabulary import CallState, Obstacle, Tier

_OBSTACLE_WORDS = {
    Obstacle.CALL_NOT_WAITING: "the call is not waiting",
    Obstacle.QUEUE_PAUSED: "the queue is paused",
    Obstacle.AGENT_SIGNED_OUT: "the agent is signed out",
    Obstacle.AGENT_NOT_READY: "the agent is not ready",
    Obstacle.AGENT_CLOSING: "the agent takes no more calls, and is not ready when the work in hand ends",
    Obstacle.NO_CAPACITY: "the agent does not work on the call's channel",
    Obstacle.AGENT_BUSY: "the agent is busy",
    Obstacle.SKILLS_LACKING: "the agent lacks skills that the call demands now",
    Obstacle.HELD_FOR_OTHERS: "the call is held for its preferred agents",
    Obstacle.BARRED: "the agent rejected the call, or did not answer it, not long ago",
    Obstacle.CALL_DETACHED: "the system that holds the call is out of reach",
}


@click.command(
    context_settings=HELP,
    epilog=exit_codes("the answer is printed", "the call or agent is not known, or the server cannot be reached"),
)
@click.argument("call")
@click.option("--agent", metavar="NAME", help="Say whether this agent may take the call, and if not, why not.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as one JSON object.")
@connection_options
def command(call: str, agent: str | None, as_json: bool, connection: Connection) -> None:
    """Explain where CALL is and why: its place in line, what keeps agents from taking it, how it was decided.

    The reasons of past decisions are there for calls that were enqueued with `explain`: each term of the ranking for
    the winner and the runner-up, and what made the difference.
    """
    try:
        explanation, decisions, eligibility = asyncio.run(_ask(connection, call, agent))
    except RouterError as error:
        if as_json:
            click.echo(json.dumps({"error": error.reason, "message": error.message}, ensure_ascii=False))
        click.echo(f"{error.reason}: {error.message}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(_as_data(explanation, decisions, eligibility), ensure_ascii=False, indent=2))
    else:
        _print(Console(highlight=False), explanation, decisions, eligibility)


async def _ask(
    connection: Connection, call: str, agent: str | None
) -> tuple[CallExplanation, list[Decision], Eligibility | None]:
    async with connection.client() as client:
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
    data["obstacles"] = {obstacle.name.lower(): agents for obstacle, agents in explanation.obstacles.items()}
    data["decision"] = None if explanation.decision is None else _decision_data(explanation.decision)
    data["decisions"] = [_decision_data(decision) for decision in decisions]
    data["eligibility"] = None
    if eligibility is not None:
        data["eligibility"] = msgspec.to_builtins(eligibility)
        data["eligibility"]["obstacles"] = [obstacle.name.lower() for obstacle in eligibility.obstacles]
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
            table.add_row(_OBSTACLE_WORDS[obstacle], f"{agents:,}")
        console.print(table)


def _print_decision(console: Console, decision: Decision) -> None:
    winner = decision.winner
    chosen = f"agent {winner.agent} for call {winner.call}"
    if decision.ranking == "call":
        chosen = f"call {winner.call} for agent {winner.agent}"
    console.print(escape(f"Offer {decision.offer}: {chosen}"))
    console.print(decision_table(decision))
    console.print(escape(verdict(decision)))


def _print_eligibility(console: Console, eligibility: Eligibility) -> None:
    agent, call = escape(eligibility.agent), escape(eligibility.call)
    if eligibility.eligible:
        console.print(f"[green]{agent} may take {call}.[/green]")
        return
    console.print(f"[yellow]{agent} may not take {call}:[/yellow]")
    for obstacle in eligibility.obstacles:
        console.print(f"  • {_OBSTACLE_WORDS[obstacle]}")


def _words(member: CallState | Tier) -> str:
    return member.name.lower().replace("_", " ")
