"""The link to the router: commands in order, and what holds them back while the two sides are not of one mind.

Keeps one invariant: between asking for a comparison and its answer no command goes out.

Whatever could not be told is told by the next comparison (`Reconcile`), since the list of live calls and agents is
always made from what is so now. So a command that is not answered is never sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from router.bridge.asterisk.actions import Applied, LearnAgents, Learned, Reconcile, Refused, Send, Unanswered
from router.bridge.asterisk.desk import Desk
from router.client import LiveAgent, LiveCall, Reconciled
from router.engine.commands import Command

RETRY_US = 1_000_000
_AGAIN = ("link", "again")

Then = Callable[[Applied | Refused | Unanswered], None]
Live = Callable[[], tuple[tuple[LiveCall, ...], tuple[LiveAgent, ...]]]


class LinkState(Enum):
    """How things stand with the router."""

    AWAY = "away"  # out of reach
    JOINING = "joining"  # in reach; something is to be found out before the lists can be compared
    DRAINING = "draining"  # answers are waited for, then the lists are compared
    COMPARING = "comparing"
    TOGETHER = "together"


class Link:
    """The router as the floor sees it."""

    def __init__(self, desk: Desk, live: Live) -> None:
        self._desk = desk
        self._live = live
        self.state = LinkState.AWAY
        self.pbx_known = False
        """Whether what Asterisk has is known: before, there is nothing to compare."""
        self._learned = False
        self._number = 0
        self._agreed_us = -RETRY_US
        self._wanted = False
        self._pending: dict[int, Then | None] = {}
        self._held: list[tuple[Send, Then | None]] = []
        self._asked: LearnAgents | Reconcile | None = None
        self._unanswered = False
        """Whether a comparison was carried out, perhaps, and what it found is not known."""
        self.on_learned: Callable[[Learned], None]
        self.doubtful: Callable[[], tuple[str, ...]]
        self.earlier: Callable[[], tuple[LiveCall, ...]]
        """Returns the calls of an earlier run that were found in Asterisk."""
        self.on_reconciled: Callable[[Reconcile, Reconciled, bool], None]
        """Is told of a comparison, and whether one before it is unanswered."""
        self.on_together: Callable[[], None]
        self.on_away: Callable[[], None]

    @property
    def together(self) -> bool:
        return self.state is LinkState.TOGETHER

    def send(self, command: Command, *, call: str = "", then: Then | None = None) -> None:
        """Send a command, or hold it back while lists are compared; `then` is told what became of it."""
        self._number += 1
        send = Send(self._number, command, call)
        if self.state is LinkState.TOGETHER:
            self._pending[send.number] = then
            self._desk.ask(send)
        elif self.state in (LinkState.DRAINING, LinkState.COMPARING):
            self._held.append((send, then))
        elif then is not None:
            then(Unanswered("the router is out of reach"))

    def answered(self, send: Send, answer: object) -> None:
        """A command was answered, or will never be."""
        if send.number not in self._pending:
            return
        then = self._pending.pop(send.number)
        match answer:
            case Applied():
                pass
            case Refused(reason=reason, message=message):
                self._desk.count("commands_refused", reason)
                what = type(send.command).__name__
                self._desk.note("debug", f"the router refuses {what}: {reason} ({message})", call=send.call)
            case _:
                answer = answer if isinstance(answer, Unanswered) else Unanswered(repr(answer))
                self._desk.count("commands_unanswered")
                self.lost()
        if then is not None:
            then(answer)
        self.go_on()

    def lost(self) -> None:
        """The router is out of reach, or did not answer. What is under way is not waited for any more."""
        if self.state is LinkState.AWAY:
            return
        self.state = LinkState.AWAY
        self._unanswered = self._unanswered or isinstance(self._asked, Reconcile)
        self._asked, self._wanted = None, False
        self._desk.timers.clear(_AGAIN)
        self._desk.note("warning", "the router is out of reach")
        waiting = [*self._pending.values(), *(then for _, then in self._held)]
        self._pending.clear()
        self._held.clear()
        self.on_away()
        for then in waiting:
            if then is not None:
                then(Unanswered("the router went out of reach"))

    def back(self) -> None:
        """The router is in reach again."""
        if self.state is LinkState.AWAY:
            self.state = LinkState.JOINING
        self.go_on()

    def compare_again(self, why: str) -> None:
        """Something does not fit: compare the lists once everything under way is answered."""
        if self.state is LinkState.TOGETHER and not self._wanted:
            self._desk.note("info", f"calls and agents are compared with the router's: {why}")
            self._wanted = True
            self._desk.timers.set(_AGAIN, max(self._desk.now_us, self._agreed_us + RETRY_US))

    def go_on(self) -> None:
        """Take the next step towards being together, if nothing is in the way of it."""
        if self.state is LinkState.TOGETHER and self._wanted and _AGAIN not in self._desk.timers:
            self.state = LinkState.DRAINING
        if self.state is LinkState.DRAINING and not self._pending:
            self._compare()
        if self.state is not LinkState.JOINING or self._asked is not None or _AGAIN in self._desk.timers:
            return
        if not self.pbx_known:
            return
        if not self._learned:
            self._number += 1
            self._asked = LearnAgents(self._number, self.doubtful(), self.earlier())
            self._desk.ask(self._asked)
            return
        self._compare()

    def _compare(self) -> None:
        # what is held back about calls is in the list, since the list is made from what is so now
        in_list = [then for send, then in self._held if send.call]
        self._held = [(send, then) for send, then in self._held if not send.call]
        for then in in_list:
            if then is not None:
                then(Unanswered("the comparison tells it"))
        self._wanted = False
        self._number += 1
        calls, agents = self._live()
        self._asked = Reconcile(self._number, calls, agents)
        self.state = LinkState.COMPARING
        self._desk.ask(self._asked)

    def told(self, asked: LearnAgents | Reconcile, answer: object) -> None:
        """A question was answered."""
        if self._asked != asked:
            return
        self._asked = None
        match answer:
            case Learned():
                self._learned = True
                self.on_learned(answer)
                self.go_on()
            case Reconciled() if isinstance(asked, Reconcile):
                self._agree(asked, answer)
            case _:
                self._fail(answer)

    def _agree(self, asked: Reconcile, answer: Reconciled) -> None:
        self._desk.count("reconciles", "differed" if answer.differences else "agreed")
        held, self._held = self._held, []
        self.state = LinkState.TOGETHER
        self._agreed_us = self._desk.now_us
        for send, then in held:
            self._pending[send.number] = then
            self._desk.ask(send)
        unanswered, self._unanswered = self._unanswered, False
        self.on_reconciled(asked, answer, unanswered)
        self.on_together()
        if answer.more:
            self.compare_again(f"{answer.more} differences are still to be seen")

    def _fail(self, answer: object) -> None:
        self._unanswered = True
        self._desk.count("reconciles", "failed")
        self._desk.note("warning", f"comparing with the router failed and is tried again: {answer}")
        held, self._held = self._held, []
        self.state = LinkState.JOINING
        self._desk.timers.set(_AGAIN, self._desk.now_us + RETRY_US)
        for _, then in held:
            if then is not None:
                then(Unanswered("calls and agents could not be compared"))
