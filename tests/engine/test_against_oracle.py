"""Goal: the engine is the oracle, only faster. Method: the same random commands to both, all that can be seen compared.

Three drivers: a Hypothesis machine that shrinks well, a seeded driver for volume, and the same for a long time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from router.engine import commands as c
from router.engine.settings import SECOND_US, Settings
from tests.engine.choices import DrawnChoices
from tests.engine.drive import Run, draw_request, drive, report, script
from tests.engine.lockstep import Apply, Difference, Lockstep, Operation, Restore
from tests.engine.strategies import commands, restart_times_us, times_us
from tests.engine.strategies import settings as router_settings

VOLUME_SECONDS = float(os.environ.get("ROUTER_VOLUME_SECONDS", "35"))
LONG_SECONDS = float(os.environ.get("ROUTER_LONG_SECONDS", "1800"))
LONG_SEED = int(os.environ.get("ROUTER_LONG_SEED", "1"))


class EngineAndOracle(RuleBasedStateMachine):
    """Drives both with the same operations; each rule ends in a whole comparison."""

    @initialize(first=router_settings(), grid_us=st.sampled_from((SECOND_US, 1)))
    def start(self, first: Settings, grid_us: int) -> None:
        self.first = first
        self.grid_us = grid_us
        self.done: list[Operation] = []
        self.lockstep = Lockstep(first)

    def run_both(self, operation: Operation) -> None:
        self.done.append(operation)
        try:
            self.lockstep.run(operation)
        except Exception:
            note(script(self.first, self.done))
            raise

    def draw_apply(self, data: st.DataObject) -> Apply:
        oracle = self.lockstep.oracle
        return Apply(data.draw(times_us(oracle, self.grid_us)), data.draw(commands(oracle)), data.draw(st.booleans()))

    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        self.run_both(self.draw_apply(data))

    @rule(data=st.data())
    def apply_another(self, data: st.DataObject) -> None:
        self.run_both(self.draw_apply(data))

    @rule(data=st.data())
    def apply_some(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 5))):
            self.run_both(self.draw_apply(data))

    @rule(data=st.data())
    def apply_request(self, data: st.DataObject) -> None:
        self.run_both(draw_request(DrawnChoices(data.draw), self.draw_apply(data)))

    @rule(data=st.data())
    def go_back_in_time(self, data: st.DataObject) -> None:
        now_us = self.lockstep.oracle.time_us
        if now_us > 0:
            time_us = data.draw(st.integers(0, now_us - 1))
            self.run_both(Apply(time_us, data.draw(commands(self.lockstep.oracle))))

    @rule(data=st.data(), restored=st.booleans())
    def restart(self, data: st.DataObject, restored: bool) -> None:
        """Come back after a downtime, with the same engine or with one from its snapshot."""
        if restored:
            self.run_both(Restore())
        time_us = data.draw(restart_times_us(self.lockstep.oracle, self.grid_us))
        self.run_both(Apply(time_us, c.Restart(), data.draw(st.booleans())))

    @rule()
    def restore(self) -> None:
        self.run_both(Restore())


EngineAndOracle.TestCase.settings = settings(
    max_examples=int(os.environ.get("ROUTER_MACHINE_EXAMPLES", "250")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestEngineAndOracle = EngineAndOracle.TestCase


def drive_without_difference(seconds: float, seed: int) -> int:
    """Drive for some seconds; return the number of operations. Fails with the report of the first difference."""
    operations = 0
    for outcome in drive(seconds, seed):
        if isinstance(outcome, str):
            pytest.fail(outcome, pytrace=False)
        operations += len(outcome.done)
    return operations


@pytest.mark.parametrize("number", range(40))
def test_the_same_seeded_runs_each_time(number: int) -> None:
    run = Run(f"fixed/{number}")
    difference = run.go()
    if difference is not None:
        pytest.fail(report(f"fixed/{number}", run, difference), pytrace=False)


def test_volume() -> None:
    """Seeded runs for a while; a new seed each day would hide what failed, so it is fixed."""
    assert drive_without_difference(VOLUME_SECONDS, seed=2) > 1000


@pytest.mark.long
def test_volume_for_long() -> None:
    """Seeded runs for ROUTER_LONG_SECONDS (30 minutes) from ROUTER_LONG_SEED."""
    assert drive_without_difference(LONG_SECONDS, LONG_SEED) > 1000


def test_a_difference_is_found_shrunk_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the oracle on purpose: the driver must find it, and its short program must show it."""
    from tests.oracle import matching

    monkeypatch.setattr(matching, "bar", lambda *barred: None)
    found = next(outcome for outcome in drive(60, seed=3) if isinstance(outcome, str))
    assert "shrunk to" in found
    program = found[found.index("from router.engine import") :]
    assert program.count("lockstep.run(") <= 12
    with pytest.raises(Difference):
        exec(compile(program, "reproducer", "exec"), {})
