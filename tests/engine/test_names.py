"""Names of calls, agents and customers: found as long as they are known and no longer, however many come and go."""

from __future__ import annotations

import random

import pytest

import router
from router import SECOND_US, Engine, UnknownName

RETENTION_US = 10 * SECOND_US
NAMES = [*(f"c{number}" for number in range(400)), *("x" * length for length in range(1, 60)), "ä", "ä" * 100]


def known(engine: Engine, name: str) -> bool:
    try:
        return engine.call(name).call == name
    except UnknownName:
        return False


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_calls_come_and_go_under_the_same_names(seed: int) -> None:
    draw = random.Random(seed)
    engine = Engine(
        router.Settings(queues={"q": router.QueueSettings()}, finished_retention_us=RETENTION_US), time_us=0
    )
    finished_us: dict[str, int | None] = {}
    now_us = 0
    for step in range(4_000):
        now_us += draw.randrange(SECOND_US)
        name = draw.choice(NAMES)
        finish = draw.random() < 0.5
        engine.apply(router.Cancel(name) if finish else router.Enqueue(name, "q"), now_us)
        for call, finish_us in list(finished_us.items()):
            if finish_us is not None and finish_us + RETENTION_US <= now_us:
                del finished_us[call]
        if finish and finished_us.get(name, 0) is None:
            finished_us[name] = now_us
        elif not finish:
            finished_us.setdefault(name, None)
        if step % 400 == 0:
            engine.audit()
            assert {name for name in NAMES if known(engine, name)} == finished_us.keys()
            engine = Engine.restore(engine.snapshot())
    assert {view.call for view in engine.calls()} == finished_us.keys()


def test_customers_come_and_go_under_the_same_names() -> None:
    queue = router.QueueSettings(automatic=True, last_agent_preferred=True)
    engine = Engine(
        router.Settings(queues={"q": queue}, customer_retention_us=3 * SECOND_US, customers_max=50), time_us=0
    )
    engine.apply(router.SignIn("ada"), 0)
    draw = random.Random(5)
    for number in range(1_000):
        now_us = number * SECOND_US // 20
        customer = f"customer-{draw.randrange(60)}"
        remembered = {view.customer for view in engine.customers() if view.served_us + 3 * SECOND_US > now_us}
        entered, *_ = engine.apply(router.Enqueue(f"call-{number}", "q", customer=customer), now_us)
        assert isinstance(entered, router.CallEnqueued)
        assert entered.preferred_agents == (("ada",) if customer in remembered else ())
        engine.apply(router.Complete(f"call-{number}"), now_us)
        assert engine.customers()[-1].served_us <= now_us
        assert customer in {view.customer for view in engine.customers()}
        assert len(engine.customers()) <= 50
