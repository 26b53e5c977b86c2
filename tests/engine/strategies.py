"""Hypothesis strategies over the same generators that the seeded driver uses."""

from __future__ import annotations

from hypothesis import strategies as st

from router.engine.commands import Command
from router.engine.requirements import Requirement
from router.engine.settings import Settings
from tests.engine import generate
from tests.engine.choices import DrawnChoices
from tests.engine.generate import WORLD, World
from tests.engine.generate_commands import CommandSource, next_time, restart_time
from tests.oracle import Oracle


@st.composite
def settings(draw: st.DrawFn, world: World = WORLD) -> Settings:
    """Settings of one to four queues and channels, with overflow cycles, limits, holds and any weights."""
    return generate.settings(DrawnChoices(draw), world)


@st.composite
def requirements(draw: st.DrawFn, world: World = WORLD) -> Requirement:
    """Requirements of one to four steps with every kind of term."""
    return generate.requirement(DrawnChoices(draw), world)


@st.composite
def commands(draw: st.DrawFn, oracle: Oracle, world: World = WORLD) -> Command:
    """Commands that mostly make sense in the oracle's present state."""
    return CommandSource(DrawnChoices(draw), world, oracle).command()


@st.composite
def times_us(draw: st.DrawFn, oracle: Oracle, grid_us: int = 1) -> int:
    """Times from the oracle's present one on: mostly near, often exactly at a deadline or beside it."""
    return next_time(DrawnChoices(draw), oracle, grid_us)


@st.composite
def restart_times_us(draw: st.DrawFn, oracle: Oracle, grid_us: int = 1) -> int:
    """Times for a `Restart`: after no time, seconds, hours or ages, often exactly when something was due."""
    return restart_time(DrawnChoices(draw), oracle, grid_us)
