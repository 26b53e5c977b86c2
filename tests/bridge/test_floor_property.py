"""Whatever happens, in whatever order: at rest every channel, mixing bridge, call and agent is accounted for."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from router.engine import commands as c
from tests.bridge.world import AGENTS, QUEUES, SECOND_US, World

WHICH = st.integers(0, 5)
FAULTS = st.sampled_from(["", "", "", "", "500", "slow", "lost"])


class FloorMachine(RuleBasedStateMachine):
    """Things happen one at a time; at the end everything comes to rest."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(agents=st.sets(st.sampled_from(AGENTS), min_size=1), settled=st.booleans())
    def begin(self, agents: set[str], settled: bool) -> None:
        self.world.connect()
        self.world.join()
        if settled:
            self.world.deliver_all()
        for agent in sorted(agents):
            self.world.pbx.dial_in(("agent", "sign_in"), f"PJSIP/{agent}")
        if settled:
            self.world.deliver_all()

    # --- callers

    @rule(queue=st.sampled_from(QUEUES), how=st.sampled_from(["in", "in", "ringing"]))
    def call(self, queue: str, how: str) -> None:
        self.world.pbx.dial_in((how, queue))

    @rule(which=WHICH, told=st.booleans())
    def caller_hangs_up(self, which: int, told: bool) -> None:
        if (caller := self.world.caller(which)) is not None:
            self.world.pbx.hang_up(caller, cause=16 if told else None)

    @rule(which=WHICH, key=st.sampled_from("095"))
    def caller_presses_a_key(self, which: int, key: str) -> None:
        if (caller := self.world.caller(which)) is not None:
            self.world.pbx.press(caller, key)

    @rule(agent=st.sampled_from([*AGENTS, "dora"]), kind=st.sampled_from(["sign_in", "sign_out", "ready", "not_ready"]))
    def feature(self, agent: str, kind: str) -> None:
        self.world.pbx.dial_in(("agent", kind), f"PJSIP/{agent}" if agent != "dora" else "PJSIP/nowhere")

    @rule(which=WHICH)
    def caller_comes_back(self, which: int) -> None:
        if self.world.pbx.left:
            self.world.pbx.come_back(self.world.pbx.left[which % len(self.world.pbx.left)])

    @rule()
    def unwanted(self) -> None:
        self.world.pbx.dial_in(("nonsense",))

    # --- agents

    @rule(which=WHICH, dial_first=st.booleans())
    def ring(self, which: int, dial_first: bool) -> None:
        if (leg := self.world.leg(which, "Down")) is not None:
            self.world.pbx.ring(leg, dial_first)

    @rule(which=WHICH, at_once=st.booleans())
    def lift(self, which: int, at_once: bool) -> None:
        if (leg := self.world.leg(which, "Down", "Ringing")) is not None:
            self.world.pbx.lift(leg)
            if at_once:
                self.world.pbx.enter(leg)

    @rule(which=WHICH, cause=st.sampled_from([0, 1, 16, 17, 19, 19, 21, 34, 127]))
    def refuse(self, which: int, cause: int) -> None:
        if (leg := self.world.leg(which, "Down", "Ringing")) is not None:
            self.world.pbx.refuse(leg, cause)

    @rule(which=WHICH)
    def agent_hangs_up(self, which: int) -> None:
        if (leg := self.world.leg(which, "Up")) is not None:
            self.world.pbx.hang_up(leg)

    @rule(which=WHICH, digits=st.sampled_from(["*21#", "*22#", "*29#", "5*", "2", "1#"]))
    def press(self, which: int, digits: str) -> None:
        if (leg := self.world.leg(which, "Up")) is not None and leg.stasis:
            self.world.pbx.press(leg, digits)

    # --- somebody else tells the router something

    @rule(data=st.data(), agent=st.sampled_from([*AGENTS, "dora"]), queue=st.sampled_from(["loans", "cards"]))
    def supervise(self, data: Any, agent: str, queue: str) -> None:
        caller = self.world.caller(data.draw(WHICH))
        call = f"asterisk-{caller.id}" if caller is not None else "nobody"
        commands: list[c.Command] = [
            c.Assign(call, agent),
            c.Requeue(call, keep_place=False),
            c.Transfer(call, queue),
            c.Complete(call),
            c.Cancel(call),
            c.SetAvailability(agent, False, "break"),
            c.SetAvailability(agent, True),
            c.SignOut(agent),
            c.SignIn(agent),
        ]
        self.world.supervise(data.draw(st.sampled_from(commands)))

    # --- what is under way arrives

    @rule(count=st.integers(1, 8))
    def deliver_events(self, count: int) -> None:
        for _ in range(count):
            self.world.deliver_event()

    @rule(which=WHICH, fault=FAULTS)
    def perform(self, which: int, fault: str) -> None:
        self.world.perform(which, fault)

    @rule(which=WHICH)
    def deliver_outcome(self, which: int) -> None:
        self.world.deliver_outcome(which)

    @rule(count=st.integers(1, 3))
    def router_works(self, count: int) -> None:
        for _ in range(count):
            self.world.carry_out()

    @rule(count=st.integers(1, 3))
    def router_answers(self, count: int) -> None:
        for _ in range(count):
            self.world.deliver_reply()

    @rule(count=st.integers(1, 8))
    def watch(self, count: int) -> None:
        for _ in range(count):
            self.world.deliver_watch()

    @rule()
    def the_router_is_slower(self) -> None:
        self.world.deliver_asterisk()

    @rule()
    def everything_arrives(self) -> None:
        self.world.deliver_all()

    @rule(duration_us=st.sampled_from([SECOND_US // 10, SECOND_US, 7 * SECOND_US, 25 * SECOND_US]))
    def time_passes(self, duration_us: int) -> None:
        self.world.wait(duration_us)

    # --- things break, and come back

    @rule(lost=st.integers(0, 6))
    def socket_drops(self, lost: int) -> None:
        self.world.drop_socket(lost)

    @rule()
    def socket_comes_back(self) -> None:
        self.world.connect()

    @rule(carried_out=st.integers(0, 3), gap=st.booleans(), session_lost=st.booleans())
    def router_drops(self, carried_out: int, gap: bool, session_lost: bool) -> None:
        self.world.drop_router(carried_out, gap=gap, session_lost=session_lost)

    @rule()
    def router_comes_back(self) -> None:
        self.world.join()

    @rule()
    def an_answer_is_lost(self) -> None:
        self.world.lose_reply()

    @rule()
    def bridge_restarts(self) -> None:
        self.world.restart()

    @rule()
    def asterisk_restarts(self) -> None:
        self.world.restart_asterisk()

    @rule()
    def rest(self) -> None:
        self.world.rest()
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.rest()
            self.world.check()
        except BaseException:
            print("\n".join(self.world.log[-400:]))
            raise


FloorMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
test_floor = FloorMachine.TestCase
