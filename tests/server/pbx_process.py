"""A telephone system in a process of its own, that can be killed: `python -m tests.server.pbx_process ADDRESS`.

It signs in ada and brings four calls, unless the router has them already; when it was lost it reconciles. It says on
its standard output what it did, one word a line.
"""

from __future__ import annotations

import asyncio
import sys

from router.client import LiveAgent, LiveCall, RouterClient
from router.engine.commands import Enqueue, SignIn

CALLS = ("first", "second", "third", "fourth")
ADA = SignIn("ada", {"loans": 9})


async def main(address: str) -> None:
    async with RouterClient(address, client_id="pbx") as client:

        async def reconcile() -> None:
            # the fourth caller hung up while nobody was looking
            found = await client.reconcile([LiveCall(call) for call in CALLS[:3]], [LiveAgent(ADA)])
            print("reconciled", *sorted(one.kind.name for one in found.differences), flush=True)

        async with client.keep_session(reconcile) as session:
            if session.began:
                await client.apply(ADA)
                for call in CALLS:
                    await client.apply(Enqueue(call, "loans"))
                print("brought", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
