"""`skill-router check-config`: say what would rule, or everything that is wrong. Changes nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import rich_click as click

from router.cli.parameters import HELP, exit_codes
from router.config import ConfigError, EstimateLimits, RouterConfig, load_config, parse_config, preset_of
from router.config.durations import format_duration
from router.config.load import FILE_BYTES_MAX
from router.config.report import printable
from router.config.schema import QUEUE, WRAP_UP
from router.engine.requirements import AgentTerm, Requirement, SkillTerm, Step
from router.engine.settings import ByUrgency, QueueSettings
from router.engine.vocabulary import WrapUpMode


@click.command(context_settings=HELP, epilog=exit_codes("the config is valid", "it is not, or cannot be read"))
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as one JSON object.")
def command(file: str, as_json: bool) -> None:
    """Check the config FILE (- for standard input) without using it.

    Prints a summary of what would rule, or every problem as `file:line: key: what is wrong; what would be right`.
    Every key is described in docs/configuration.md; `skill-router init-config` writes a file to start from.

    \b
    Examples:
      skill-router check-config router.toml
      skill-router check-config router.toml --json
      skill-router init-config - | skill-router check-config -
    """
    try:
        config = _read(file)
    except ConfigError as error:
        if as_json:
            _print_json({"valid": False, "problems": msgspec.to_builtins(error.problems)})
        else:
            count = len(error.problems)
            click.echo(f"{error}\n{count} problem{'' if count == 1 else 's'}; nothing was changed")
        sys.exit(1)
    if as_json:
        _print_json(_as_data(config))
    else:
        _print_summary(file, config)


def _read(file: str) -> RouterConfig:
    if file == "-":
        return parse_config(sys.stdin.buffer.read(FILE_BYTES_MAX + 1), "<stdin>")
    return load_config(file)


def _print_json(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _as_data(config: RouterConfig) -> dict[str, Any]:
    """Return the resolved config with the words of the file in place of enumeration numbers."""
    settings = msgspec.to_builtins(config.settings)
    for name, queue in config.settings.queues.items():
        data = settings["queues"][name]
        data["no_answer_action"] = _word(QUEUE.keys["no_answer_action"].kind.show(queue.no_answer_action))
        data["wrap_up"]["mode"] = _word(WRAP_UP.keys["mode"].kind.show(queue.wrap_up.mode))
        data["preset"] = preset_of(queue.agent_weights, queue.call_weights)
    return {
        "valid": True,
        "etag": config.etag,
        "server": msgspec.to_builtins(config.server),
        "estimates": msgspec.to_builtins(config.estimates),
        "limits": msgspec.to_builtins(config.limits),
        "settings": settings,
    }


def _word(shown: str) -> str:
    return shown.strip('"')


def _print_summary(file: str, config: RouterConfig) -> None:
    channels = (
        f"{printable(name)} ({'exclusive' if channel.exclusive else 'shared'})"
        for name, channel in config.settings.channels.items()
    )
    name = "<stdin>" if file == "-" else printable(file)
    click.echo(f"{name} is valid. etag {config.etag}")
    click.echo(f"listen on {config.server.listen}; channels {', '.join(channels)}")
    for name, queue in config.settings.queues.items():
        click.echo(f"\n{click.style(printable(name), bold=True)}")
        for title, text in _describe(queue, config.limits[name]).items():
            click.echo(f"  {title:<10}{text}")


def _describe(queue: QueueSettings, limits: EstimateLimits) -> dict[str, str]:
    overdue = _by_urgency(queue.max_overtake_wait_us)
    return {
        "weights": preset_of(queue.agent_weights, queue.call_weights) or "its own",
        "target": f"{_by_urgency(queue.target_us)}; overdue after {overdue}",
        "offers": _offers(queue),
        "wrap-up": _wrap_up(queue),
        "limits": _limits(queue),
        "estimates": _estimate_limits(queue, limits),
        "demands": _demands(queue.requirement),
    }


def _by_urgency(durations: ByUrgency) -> str:
    parts = [_duration(durations.normal)]
    for urgency in ("important", "urgent"):
        duration_us = getattr(durations, urgency)
        if duration_us != durations.normal:
            parts.append(f"{urgency} {_duration(duration_us)}")
    return ", ".join(parts)


def _duration(duration_us: int | None) -> str:
    return "never" if duration_us is None else format_duration(duration_us)


def _offers(queue: QueueSettings) -> str:
    if queue.automatic:
        return "automatic"
    return f"{format_duration(queue.offer_timeout_us)}, then {queue.no_answer_action.name.lower().replace('_', ' ')}"


def _wrap_up(queue: QueueSettings) -> str:
    if queue.wrap_up.mode == WrapUpMode.NONE:
        return "none"
    cap = "up to " if queue.wrap_up.mode == WrapUpMode.MANUAL else ""
    return cap + format_duration(queue.wrap_up.duration_us)


def _limits(queue: QueueSettings) -> str:
    limits = []
    if queue.waiting_max is not None:
        limits.append(f"{queue.waiting_max} waiting")
    if queue.wait_max_us is not None:
        limits.append(format_duration(queue.wait_max_us))
    if not limits:
        return "none"
    then = f"to {printable(queue.overflow)}" if queue.overflow else "refused"
    return f"{', '.join(limits)}, then {then}"


def _estimate_limits(queue: QueueSettings, limits: EstimateLimits) -> str:
    parts = []
    if limits.overflow_wait_estimate_us is not None and queue.overflow is not None:
        parts.append(f"above {format_duration(limits.overflow_wait_estimate_us)} to {printable(queue.overflow)}")
    if limits.callback_wait_estimate_us is not None:
        parts.append(f"above {format_duration(limits.callback_wait_estimate_us)} a callback is offered")
    return "; ".join(parts) or "no limits"


def _demands(requirement: Requirement) -> str:
    first, *later = requirement.steps
    return "; ".join([_step(first), *(f"after {format_duration(step.after_us)} {_step(step)}" for step in later)])


def _step(step: Step) -> str:
    demands = []
    for term in step.terms:
        if isinstance(term, SkillTerm):
            demands.append(_skill(term))
        elif isinstance(term, AgentTerm):
            demands.append(f"agent {printable(term.agent)}")
        else:
            demands.append(" or ".join(_skill(choice) for choice in term.terms))
    text = ", ".join(demands) or "any agent"
    if step.prefer:
        text += f" (better with {', '.join(printable(preference.skill) for preference in step.prefer)})"
    return text


def _skill(term: SkillTerm) -> str:
    return f"{printable(term.skill)} {term.level}"
