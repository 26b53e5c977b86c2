"""Deadlines that fall on one instant: what changes a call comes before what frees an agent."""

from __future__ import annotations

import pytest

import router
from router import SECOND_US
from tests.oracle import Oracle


@pytest.mark.parametrize("machine", [router.Engine, Oracle])
def test_a_freed_agent_sees_every_kin_as_it_is(machine: type[router.Engine]) -> None:
    """At 60 s two kin become overdue, the younger one's offer expires, and another agent's wrap-up ends."""
    minute_us = 60 * SECOND_US
    queue = router.QueueSettings(
        max_overtake_wait_us=router.ByUrgency(minute_us, minute_us, minute_us),
        offer_timeout_us=58 * SECOND_US,
        no_answer_action=router.NoAnswerAction.KEEP_READY,
        reject_backoff_us=120 * SECOND_US,
        wrap_up=router.WrapUp(router.WrapUpMode.FIXED, 30 * SECOND_US),
    )
    engine = machine(router.Settings(queues={"loans": queue}), time_us=0)
    engine.apply(router.SignIn("bob"), 0)
    engine.apply(router.Enqueue("earlier", "loans"), 0)
    engine.apply(router.Accept(1), 0)
    engine.apply(router.Enqueue("older", "loans"), 0)
    engine.apply(router.Enqueue("younger", "loans"), 0)
    engine.apply(router.SignIn("ada"), 1 * SECOND_US)
    engine.apply(router.Reject(2), 2 * SECOND_US)
    assert engine.call("younger").agent == "ada"
    engine.apply(router.Complete("earlier"), 30 * SECOND_US)
    engine.advance(minute_us)
    assert engine.call("older").agent == "bob"
    assert engine.call("younger").state == router.CallState.WAITING
