"""A small ACD over gRPC: two agents, a few callers, and every step of a call's life.

Start a server, then this, in another terminal (examples/README.md has the commands):

    python examples/simple_acd.py

It stands in for a telephone system: it brings calls, rings agents when offers come, lets them answer, and hangs up.
Agent Ben does not hear his first call ringing and rejects it; one caller gives up while waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from router.client import RouterClient, RouterError
from router.engine import (
    Accept,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    Cancel,
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
CALLERS = [f"caller-{number}" for number in range(1, 7)]
TALK_SECONDS = 0.4


class SimpleAcd:
    """Follow the watch and do what a telephone system would do."""

    def __init__(self, client: RouterClient) -> None:
        self.client = client
        self.finished: set[str] = set()
        self.ben_has_rejected = False
        self.all_done = asyncio.Event()
        self.watching = asyncio.Event()
        self.conversations: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        # Watch first, so that no offer is missed. Only our own queue's events come.
        follow = asyncio.create_task(self.follow())
        await self.watching.wait()
        for agent, skills in AGENTS.items():
            await self.client.apply(SignIn(agent, skills))
            print(f"{agent} signs in with {skills}")
        for caller in CALLERS:
            await self.call_in(caller)
        # The last caller in line loses patience. If an agent had just answered, this would be refused.
        try:
            await self.client.apply(Cancel(CALLERS[-1], reason="hung up"))
        except RouterError as error:
            print(f"too late to hang up: {error.reason}")
        await asyncio.wait_for(self.all_done.wait(), timeout=60)
        for agent in AGENTS:
            await self.client.apply(SignOut(agent))
        follow.cancel()

    async def call_in(self, caller: str) -> None:
        reply = await self.client.apply(Enqueue(caller, QUEUE, customer=f"customer of {caller}", explain=True))
        estimate = reply.wait_estimate
        place = f"place {estimate.position}" if estimate and estimate.position else "no waiting"
        wait = f", expected wait {estimate.mean_us / 1e6:.1f} s" if estimate and estimate.mean_us is not None else ""
        print(f"{caller} calls: {place}{wait}")

    async def follow(self) -> None:
        async for moment in self.client.watch(queues=[QUEUE]):
            self.watching.set()
            for event in moment.events:
                await self.react(event)

    async def react(self, event: Event) -> None:
        match event:
            case OfferMade(offer=offer, call=call, agent=agent):
                print(f"  {agent}'s telephone rings for {call} (offer {offer})")
                if agent == "ben" and not self.ben_has_rejected:
                    self.ben_has_rejected = True
                    await self.client.apply(Reject(offer, reason="not at the desk"))
                else:
                    await self.client.apply(Accept(offer))
            case OfferRejected(call=call, agent=agent, reason=reason):
                print(f"  {agent} rejects {call} ({reason}); it keeps its place")
            case CallAssigned(call=call, agent=agent, wait_us=wait_us):
                print(f"  {agent} talks with {call}, who waited {wait_us / 1e6:.2f} s")
                task = asyncio.create_task(self.talk(call))
                self.conversations.add(task)
                task.add_done_callback(self.conversations.discard)
            case WrapUpStarted(call=call, agent=agent):
                await self.client.apply(EndWrapUp(agent, call))
            case CallCompleted(call=call, handle_us=handle_us):
                print(f"  {call} is over after {handle_us / 1e6:.2f} s")
                self.finish(call)
            case CallAbandoned(call=call, wait_us=wait_us):
                print(f"  {call} gave up after {wait_us / 1e6:.2f} s")
                self.finish(call)

    async def talk(self, call: str) -> None:
        await asyncio.sleep(TALK_SECONDS)
        await self.client.apply(Complete(call))

    def finish(self, call: str) -> None:
        self.finished.add(call)
        if self.finished.issuperset(CALLERS):
            self.all_done.set()


async def main(address: str) -> int:
    async with RouterClient(address, client_id="simple-acd") as client:
        try:
            await client.wait_until_ready(5)
            await SimpleAcd(client).run()
            explanation = await client.explain_call(CALLERS[0])
        except RouterError as error:
            print(f"{error.reason}: {error.message}", file=sys.stderr)
            return 1
    print(f"\nWhy did {CALLERS[0]} go where it went? {explanation.summary}")
    print(f"More: skill-router explain {CALLERS[0]} --server {address}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Drive a running skill-router as a small ACD would.")
    parser.add_argument("--server", default="127.0.0.1:50051", metavar="HOST:PORT", help="default: %(default)s")
    sys.exit(asyncio.run(main(parser.parse_args().server)))
