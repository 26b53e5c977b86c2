"""A small ACD over gRPC: two agents, a few callers, and every step of a call's life.

Start a server, then this, in another terminal; examples/README.md has the commands.

It stands in for a telephone system: it brings calls, rings agents when offers come, lets them answer, and hangs up.
Agent Ben does not hear his first call ringing and rejects it; one caller gives up while waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid

from router.client import LiveAgent, LiveCall, RouterClient, RouterError
from router.client.replies import WaitEstimate
from router.engine import (
    Accept,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    Cancel,
    Command,
    Complete,
    EndWrapUp,
    Enqueue,
    Event,
    OfferMade,
    OfferRejected,
    Reject,
    SignIn,
    SignOut,
    WrapUpStarted,
)

QUEUE = "loans"
AGENTS = {"ada": {"loans": 8}, "ben": {"loans": 5}}
TALK_SECONDS = 0.4
TIMEOUT_SECONDS = 60


class SimpleAcd:
    """Follow the watch and do what a telephone system would do."""

    def __init__(self, client: RouterClient) -> None:
        self.client = client
        # A call id is used once. A telephone system has its own; here each run makes some up.
        run = uuid.uuid4().hex[:6]
        self.callers = [f"caller-{number}-{run}" for number in range(1, 7)]
        self.unfinished = set(self.callers)
        # What we have, in case that the router loses sight of us.
        self.live: dict[str, LiveCall] = {}
        self.agents: list[LiveAgent] = []
        self.ben_has_rejected = False
        self.all_done = asyncio.Event()
        self.watching = asyncio.Event()

    async def run(self) -> None:
        # When one task of the group fails, the others are cancelled and the group raises: nothing is left hanging.
        async with asyncio.timeout(TIMEOUT_SECONDS), asyncio.TaskGroup() as self.tasks:
            # Watch first, so that no offer is missed. Only our own queue's events come.
            follower = self.tasks.create_task(self.follow())
            await self.watching.wait()
            # If we die, our agents get no more calls. If only the connection was lost, we are asked to come back.
            async with self.client.keep_session(on_lost=self.come_back):
                await self.come_back()  # what an earlier run has left behind is over
                await self.play()
            follower.cancel()

    async def come_back(self) -> None:
        for difference in (await self.client.reconcile(self.live.values(), self.agents)).differences:
            print(f"  {difference.kind.name}: the router had {difference.call or difference.agent} {difference.found}")

    async def play(self) -> None:
        for agent, skills in AGENTS.items():
            await self.client.apply(SignIn(agent, skills))
            self.agents.append(LiveAgent(SignIn(agent, skills)))
            print(f"{agent} signs in with {skills}")
        for caller in self.callers:
            await self.call_in(caller)
        # The last caller in line loses patience. If an agent has just answered, this is refused.
        await self.unless("CALL_ASSIGNED", Cancel(self.callers[-1], reason="hung up"))
        await self.all_done.wait()
        while self.agents:
            await self.client.apply(SignOut(self.agents.pop().sign_in.agent))

    async def call_in(self, caller: str) -> None:
        self.live[caller] = LiveCall(caller, enqueue=call_of(caller))
        reply = await self.client.apply(call_of(caller))
        estimate = reply.wait_estimate
        assert estimate is not None, "each answer to an Enqueue has one"
        place = "no waiting" if estimate.position is None else f"place {estimate.position}"
        print(f"{caller} calls: {place}; expected wait: {in_words(estimate)}")

    async def follow(self) -> None:
        async for moment in self.client.watch(queues=[QUEUE]):
            self.watching.set()
            for event in moment.events:
                await self.react(event)

    async def react(self, event: Event) -> None:
        # Other clients may use the same queue: what is not about our calls is theirs.
        if getattr(event, "call", None) not in self.callers:
            return
        match event:
            case OfferMade(offer=offer, call=call, agent=agent):
                print(f"  {agent}'s telephone rings for {call} (offer {offer})")
                self.live[call] = LiveCall(call, ringing=offer, enqueue=call_of(call))
                answer: Command = Accept(offer)
                if agent == "ben" and not self.ben_has_rejected:
                    self.ben_has_rejected = True
                    answer = Reject(offer, reason="not at the desk")
                # The caller may have hung up in this very moment. Then the telephone stops ringing, and that is all.
                await self.unless("OFFER_ENDED", answer)
            case OfferRejected(call=call, agent=agent, reason=reason):
                print(f"  {agent} rejects {call} ({reason}); it keeps its place")
                self.live[call] = LiveCall(call, enqueue=call_of(call))
            case CallAssigned(call=call, agent=agent, wait_us=wait_us):
                print(f"  {agent} talks with {call}, who waited {wait_us / 1e6:.2f} s")
                self.live[call] = LiveCall(call, talking=agent, enqueue=call_of(call))
                self.tasks.create_task(self.talk(call))
            case WrapUpStarted(call=call, agent=agent):
                # The wrap-up may have ended by its own time meanwhile.
                await self.unless("NOT_IN_WRAP_UP", EndWrapUp(agent, call))
            case CallCompleted(call=call, handle_us=handle_us):
                print(f"  {call} is over after {handle_us / 1e6:.2f} s")
                self.finish(call)
            case CallAbandoned(call=call, wait_us=wait_us):
                print(f"  {call} gave up after {wait_us / 1e6:.2f} s")
                self.finish(call)

    async def talk(self, call: str) -> None:
        await asyncio.sleep(TALK_SECONDS)
        await self.client.apply(Complete(call))

    async def unless(self, reason: str, command: Command) -> None:
        """Apply a command that may come too late, which is refused for `reason`."""
        try:
            await self.client.apply(command)
        except RouterError as error:
            if error.reason != reason:
                raise
            print(f"  too late for {type(command).__name__}: {error.message}")

    def finish(self, call: str) -> None:
        self.unfinished.discard(call)
        self.live.pop(call, None)
        if not self.unfinished:
            self.all_done.set()

    async def say_why(self) -> None:
        """Print what decided about the last caller who was answered with another candidate at hand."""
        for caller in reversed(self.callers):
            for decision in reversed(await self.client.decisions(caller)):
                winner, other = decision.winner, decision.runner_up
                if other is None:
                    continue
                for_whom, won, lost = f"call {winner.call}", winner.agent, other.agent
                if decision.ranking == "call":
                    for_whom, won, lost = f"agent {winner.agent}", winner.call, other.call
                print(f"\nWhy did {for_whom} get {won}, not {lost}? Decided by {decision.decided_by}:")
                print(f"  {won} has a total of {winner.total_nano / 1e9:.9f}, {lost} of {other.total_nano / 1e9:.9f}")
                print(f"More: skill-router explain {caller} --server {self.client.address}")
                return


def call_of(caller: str) -> Enqueue:
    return Enqueue(caller, QUEUE, customer=f"customer of {caller}", explain=True)


def in_words(estimate: WaitEstimate) -> str:
    if estimate.mean_us is None:
        return "too early to say"
    if estimate.method == "immediate":
        return "none (immediate)"
    words = f"{estimate.mean_us / 1e6:.1f} s ({estimate.method}, from {estimate.samples} calls)"
    if estimate.p80_us is not None:
        words += f", four of five within {estimate.p80_us / 1e6:.1f} s"
    return words


async def main(address: str) -> int:
    async with RouterClient(address, client_id="simple-acd") as client:
        acd, return_code = SimpleAcd(client), 1
        try:
            await client.wait_until_ready(5)
            await acd.run()
            await acd.say_why()
            return_code = 0
        except* RouterError as group:
            for error in group.exceptions:
                print(error, file=sys.stderr)
        except* TimeoutError:
            print(f"not all calls ended within {TIMEOUT_SECONDS} s", file=sys.stderr)
    return return_code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Drive a running skill-router as a small ACD would.")
    parser.add_argument("--server", default="127.0.0.1:50051", metavar="HOST:PORT", help="default: %(default)s")
    sys.exit(asyncio.run(main(parser.parse_args().server)))
