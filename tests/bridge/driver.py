"""A random driver of the small world: people, lines and breakdowns by weight, everything from one seed.

Faster and wilder than the property test (5 ms for 150 steps): it finds what takes a long and unlikely story. What it
found is told in short by tests of its own, where that can be done.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from router.engine import commands as c
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.world import AGENTS, SECOND_US, World

STEPS = 150
CHECKED_EVERY = 50
_ANY = 6
_KINDS = ("sign_in", "sign_out", "ready", "ready", "not_ready")
_QUEUES = ("loans", "loans", "cards", "vip", "tiny")
_CAUSES = (0, 1, 16, 17, 19, 19, 21, 34, 127)
_PAUSES_US = (SECOND_US // 10, SECOND_US, 7 * SECOND_US, 25 * SECOND_US)

Step = Callable[[], object]


class Driver:
    """Drives one world from a seed; at each rest everything must be accounted for."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World()
        self.faults = ("", "", "", "", "", "", "500", "slow", "lost")
        people, lines, breakdowns = self._people(), self._lines(), self._breakdowns()
        self._weights, self._steps = zip(*people, *lines, *breakdowns, strict=True)

    def run(self, steps: int = STEPS) -> None:
        """Drive, rest and check, again and again."""
        self._begin()
        if self.random.random() < 0.3:
            self._promise()
        for step in range(1, steps + 1):
            self.random.choices(self._steps, self._weights)[0]()
            if step % CHECKED_EVERY == 0 or step == steps:
                self.world.rest()
                self.world.check()

    def _begin(self) -> None:
        self.world.connect()
        self.world.join()
        for agent in AGENTS:
            if self.random.random() < 0.8:
                self.world.pbx.dial_in(("agent", "sign_in"), f"PJSIP/{agent}")
        if self.random.random() < 0.7:
            self.world.deliver_all()

    def _promise(self) -> None:
        """Begin with somebody who is to be called back."""
        caller = self.world.pbx.dial_in(("in", "loans"))
        self.world.deliver_all()
        if caller is not None:
            self.world.pbx.press(caller, "1")
        if self.random.random() < 0.8:
            self.world.deliver_all()

    def _people(self) -> list[tuple[float, Step]]:
        pbx, one = self.world.pbx, self.random.choice
        return [
            (8, lambda: pbx.dial_in((one(("in", "in", "ringing")), one(_QUEUES)))),
            (2, lambda: pbx.dial_in(("agent", one(_KINDS)), f"PJSIP/{one(AGENTS)}")),
            (1, lambda: pbx.dial_in(("nonsense",))),
            (2, lambda: pbx.left and pbx.come_back(one(pbx.left))),
            (4, lambda: self._caller(lambda caller: pbx.hang_up(caller, cause=one((16, None, 127))))),
            (1, lambda: self._caller(pbx.put_through)),
            (6, lambda: self._leg(lambda leg: pbx.ring(leg, one((True, False))), "Down")),
            (10, lambda: self._leg(self._lift, "Down", "Ringing")),
            (4, lambda: self._leg(lambda leg: pbx.refuse(leg, one(_CAUSES)), "Down", "Ringing")),
            (3, lambda: self._leg(pbx.hang_up, "Up")),
            (2, lambda: self._leg(self._press, "Up")),
            (1, lambda: self._leg(lambda leg: leg.bridge and pbx.transfer(leg), "Up")),
            (0.5, lambda: self._leg(pbx.forward, "Down", "Ringing")),
            (2, lambda: self._caller(lambda caller: pbx.press(caller, one("0911111115")))),
            (8, lambda: self._line(self._lift, "Down", "Ringing")),
            (4, lambda: self._line(lambda line: pbx.refuse(line, one(_CAUSES)), "Down", "Ringing")),
            (1, lambda: self._line(lambda line: pbx.ring(line, one((True, False))), "Down")),
            (2, self._stranger),
            (3, self._instant),
            (3, self._supervise),
            (2, self._announce),
        ]

    def _lines(self) -> list[tuple[float, Step]]:
        world, draw = self.world, self.random.randrange
        return [
            (25, lambda: [world.deliver_event() for _ in range(draw(1, 8))]),
            (25, lambda: world.perform(draw(_ANY), self.random.choice(self.faults))),
            (20, lambda: world.deliver_outcome(draw(_ANY))),
            (15, lambda: [world.carry_out() for _ in range(draw(1, 4))]),
            (15, lambda: [world.deliver_reply() for _ in range(draw(1, 4))]),
            (20, lambda: [world.deliver_watch() for _ in range(draw(1, 8))]),
            (6, world.deliver_all),
            (6, world.deliver_asterisk),
            (4, lambda: world.wait(self.random.choice(_PAUSES_US))),
        ]

    def _breakdowns(self) -> list[tuple[float, Step]]:
        world, draw, maybe = self.world, self.random.randrange, self.random.choice
        either = (False, True)
        return [
            (1, lambda: world.drop_socket(draw(6))),
            (3, world.connect),
            (1, lambda: world.drop_router(draw(4), gap=maybe(either), session_lost=maybe(either))),
            (3, world.join),
            (1, world.lose_reply),
            (0.5, world.restart),
            (0.3, world.restart_asterisk),
            (0.3, world.restart_router),
        ]

    # --- whoever is there

    def _caller(self, act: Callable[[ModelChannel], object]) -> None:
        if (caller := self.world.caller(self.random.randrange(_ANY))) is not None:
            act(caller)

    def _leg(self, act: Callable[[ModelChannel], object], *states: str) -> None:
        if (leg := self.world.leg(self.random.randrange(_ANY), *states)) is not None:
            act(leg)

    def _line(self, act: Callable[[ModelChannel], object], *states: str) -> None:
        if (line := self.world.line(self.random.randrange(_ANY), *states)) is not None:
            act(line)

    def _lift(self, leg: ModelChannel) -> None:
        self.world.pbx.lift(leg)
        if self.random.random() < 0.5:
            self.world.pbx.enter(leg)

    def _instant(self) -> None:
        """An agent answers, and something else happens before the router has heard of it."""
        pbx, chance = self.world.pbx, self.random.random()
        if chance < 0.2:
            self._supervise()
        self._leg(self._lift, "Ringing")
        self.world.deliver_asterisk()
        if chance < 0.4:
            self._leg(pbx.hang_up, "Up")
        elif chance < 0.6:
            self._caller(pbx.hang_up)
        elif chance < 0.7:
            self._leg(self._press, "Up")
        elif chance < 0.8:
            self._leg(lambda leg: leg.bridge and pbx.transfer(leg), "Up")
        if chance < 0.9:
            self.world.deliver_asterisk()

    def _press(self, leg: ModelChannel) -> None:
        if leg.stasis:
            self.world.pbx.press(leg, self.random.choice(("*21#", "*22#", "*29#")))

    def _stranger(self) -> None:
        strangers = self.world.pbx.strangers()
        if not strangers:
            return
        stranger = self.random.choice(strangers)
        if not stranger.stasis:
            self.world.pbx.enter(stranger)
        elif stranger.bridge and self.random.random() < 0.3:
            self.world.pbx.transfer(stranger)
        else:
            self.world.pbx.hang_up(stranger)

    def _announce(self) -> None:
        if self.world.waits:
            self.world.announce(self.random.choice(sorted(self.world.waits)), "sound:x")

    def _supervise(self) -> None:
        one = self.random.choice
        caller = self.world.caller(self.random.randrange(_ANY))
        call, agent = f"asterisk-{caller.line}" if caller else "nobody", one([*AGENTS, "dora"])
        if self.random.random() < 0.3:
            call = one([view.call for view in self.world.router.engine.calls()] or [call])
        commands: list[c.Command] = [
            c.Assign(call, agent),
            c.Requeue(call, keep_place=False),
            c.Transfer(call, one(("loans", "cards"))),
            c.Complete(call),
            c.Cancel(call),
            c.SetAvailability(agent, False, "break"),
            c.SetAvailability(agent, True),
            c.SetAvailability(agent, True),
            c.SignOut(agent),
            c.SignIn(agent),
        ]
        self.world.supervise(one(commands))


def drive(seed: int) -> None:
    """Drive a world from a seed; what went before is printed if it does not hold."""
    driver = Driver(seed)
    try:
        driver.run()
    except BaseException:
        print("\n".join(driver.world.log[-400:]))
        raise
