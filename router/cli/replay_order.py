"""What `skill-router replay` is to do: which days of which logs, under which policies, how.

Invariant: a problem with the input ends the command with one plain line and exit code 1 before anything is replayed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import msgspec
import rich_click as click

from router.cli.replay_report import name_policy
from router.config import DEFAULT_PRESET, ConfigError, load_config, with_preset
from router.engine import Settings
from router.simulation import DayPlan, queue_name, replay_settings


def refuse(problem: str) -> NoReturn:
    """Say in one plain line what is wrong with the input, for people and scripts, and end with exit code 1."""
    click.echo(f"Error: {problem}", err=True)
    sys.exit(1)


class Policy(msgspec.Struct, frozen=True):
    """A router config, or none, and a preset, or none: together the settings for any day that they fit."""

    config: str | None
    preset: str | None
    settings: Settings | None  # of the config, the preset over it

    @classmethod
    def load(cls, config: Path | None, preset: str | None) -> Policy:
        """Read the config. Without one the queues are those of the day and the preset, if not given, the default."""
        if config is None:
            return cls(None, preset or DEFAULT_PRESET, None)
        try:
            settings = load_config(config).settings
        except ConfigError as error:
            refuse(str(error))
        return cls(str(config), preset, settings if preset is None else with_preset(settings, preset))

    @property
    def name(self) -> str:
        """Return how the policy is called in text."""
        return name_policy(self.config, self.preset)

    def check(self, day: str, types: Iterable[str]) -> None:
        """Refuse a day with types that the config has no queue for."""
        if self.settings is None:
            return
        missing = [name for name in map(queue_name, types) if name not in self.settings.queues]
        if missing:
            refuse(
                f"{self.config}: queues are missing for calls of {day}: {', '.join(missing)}; "
                f"each type of call in the log needs a queue of its own, such as [queues.{missing[0]}]"
            )

    def settings_for(self, plan: DayPlan) -> Settings:
        """Return the settings to replay a day under."""
        if self.settings is not None:
            return self.settings
        return with_preset(replay_settings(plan.types), self.preset or DEFAULT_PRESET)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay: files, days of them, and one policy or two. Without days, the only one of each file, or all."""

    files: tuple[Path, ...]
    days: tuple[str, ...]
    all_days: bool
    format_name: str
    seed: int
    ring_us: int
    skill_calls_min: int | None
    policies: tuple[Policy, ...]
    check: bool | None  # None: one day under one policy is checked
    restore_at: tuple[int, ...]
    threads: int | None

    @property
    def one_day(self) -> bool:
        """Say whether this is at most one day of one file."""
        return len(self.files) == 1 and not self.all_days and len(self.days) <= 1

    def check_usage(self) -> None:
        """Refuse what makes no sense together. Raises `click.UsageError`."""
        if self.all_days and self.days:
            raise click.UsageError("--all-days and --day exclude each other; one of them is right")
        if len(self.files) > 1 and not self.all_days and not self.days:
            raise click.UsageError("with several logs --day or --all-days says which days")
        if self.restore_at and not (self.one_day and len(self.policies) == 1):
            raise click.UsageError("--restore-at is for one day under one policy")
