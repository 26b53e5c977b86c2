"""Print the event hash and the state hash of fixed random histories; the same lines in every process."""

from __future__ import annotations

import hashlib
import random

import msgspec

from router.engine import Engine
from router.engine import commands as c
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import AgentWeights, CallWeights, ChannelSettings, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import NoAnswerAction, WrapUpMode
from tests.fairness.centres import AGENTS, GRID_US, OFTEN, QUEUES, SKILLS, Centre, Intent, drive


def centre(seed: int) -> Centre:
    """Return a centre that depends on the seed alone."""
    order = random.Random(seed)
    queues = {
        name: QueueSettings(
            requirement=Requirement((Step((SkillTerm(order.choice(SKILLS)),)), Step(after_us=4 * GRID_US))),
            no_answer_action=order.choice(list(NoAnswerAction)),
            automatic=order.random() < 0.3,
            reject_backoff_us=order.choice((0, GRID_US)),
            wrap_up=order.choice((WrapUp(), WrapUp(WrapUpMode.FIXED, GRID_US))),
            agent_weights=AgentWeights(*[order.choice((0, 500, 1000)) for _ in range(6)]),
            call_weights=CallWeights(*[order.choice((0, 500, 1000)) for _ in range(6)]),
        )
        for name in QUEUES
    }
    settings = Settings(queues=queues, channels={"voice": ChannelSettings(), "chat": ChannelSettings(False)})
    agents = tuple(
        c.SignIn(name, {skill: order.randint(1, 10) for skill in order.sample(SKILLS, 2)}) for name in AGENTS[:4]
    )
    intents = tuple(Intent(*(order.randrange(256) for _ in range(4)), gap=order.randrange(16)) for _ in range(200))
    actions = tuple(name for name, count in OFTEN.items() for _ in range(count))
    return Centre(settings, (), agents, intents, actions)


def main() -> None:
    for seed in range(15):
        one = centre(seed)
        engine = Engine(one.settings)
        told = [event for _, _, events in drive(engine, one) for event in events]
        print(hashlib.sha256(msgspec.json.encode(told)).hexdigest(), engine.state_hash())


if __name__ == "__main__":
    main()
