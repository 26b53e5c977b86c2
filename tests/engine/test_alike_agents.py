"""Goal: the exact choice among agents of one class, some with learned efficiency and some without.

Method: a pool of agents with the same skills and queues whose efficiency weighs heavily, in lockstep with the oracle.
Random centres seldom have two such agents free at once; here nearly every decision is among several.
"""

from __future__ import annotations

import random

import pytest

import router
from tests.engine.lockstep import Apply, Lockstep, Restore

SECOND_US = router.SECOND_US


def alike_settings(rng: random.Random) -> router.Settings:
    def queue() -> router.QueueSettings:
        weights = router.AgentWeights(
            skill_fit=1000,
            idle=rng.choice((0, 1, 500)),
            load=rng.choice((0, 500)),
            efficiency=rng.choice((0, 1000, 9000)),
        )
        return router.QueueSettings(
            automatic=rng.random() < 0.7,
            agent_weights=weights,
            call_weights=router.CallWeights(age=1000, efficiency=rng.choice((0, 5000))),
            reject_backoff_us=rng.choice((0, 30 * SECOND_US)),
            no_answer_action=router.NoAnswerAction.KEEP_READY,
        )

    return router.Settings(
        queues={"loans": queue(), "cards": queue(), "mortgages": queue()},
        channels={"voice": router.ChannelSettings(), "chat": router.ChannelSettings(exclusive=False)},
        efficiency=router.EfficiencySettings(prior_calls=1),
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_choice_among_agents_alike_is_exact(seed: int) -> None:
    rng = random.Random(seed)
    lockstep = Lockstep(alike_settings(rng))
    now_us = SECOND_US
    for number in range(rng.randint(3, 8)):
        lockstep.run(Apply(now_us, router.SignIn(f"agent-{number}", {"german": 5}, {"voice": 1, "chat": 2})))
    for number in range(120):
        now_us += rng.choice((0, 1, SECOND_US, 20 * SECOND_US))
        calls = lockstep.oracle.calls()
        assigned = [call.call for call in calls if call.state == router.CallState.ASSIGNED]
        offered = [call.offer for call in calls if call.state == router.CallState.OFFERED]
        kind = rng.random()
        command: router.Command
        if offered and kind < 0.3:
            command = router.Accept(rng.choice(offered)) if rng.random() < 0.7 else router.Reject(rng.choice(offered))
        elif assigned and kind < 0.65:
            command = router.Complete(rng.choice(assigned))
        elif kind < 0.7:
            done = [call.call for call in calls if call.state == router.CallState.COMPLETED and call.resolved is None]
            command = router.RecordOutcome(rng.choice(done), resolved=rng.random() < 0.5) if done else router.Advance()
        else:
            queue = rng.choice(("loans", "cards", "mortgages"))
            command = router.Enqueue(f"call-{number}", queue, channel=rng.choice(("voice", "chat")))
        lockstep.run(Apply(now_us, command))
        if rng.random() < 0.02:
            lockstep.run(Restore())
    assert sum(queue.calls for queue in lockstep.engine.queues()) > 10
