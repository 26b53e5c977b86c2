"""Work about one channel goes in order, work about different ones side by side."""

from __future__ import annotations

import asyncio
import random

from router.bridge.asterisk.ari.ordering import Late, Ordering


async def test_order_for_each_id_and_none_between_ids() -> None:
    ordering = Ordering()
    gates = {name: asyncio.Event() for name in ("a1", "a2", "b1")}
    done: list[str] = []

    async def work(name: str) -> None:
        await gates[name].wait()
        done.append(name)

    tasks = [ordering.begin(name[0], lambda _, name=name: work(name)) for name in ("a1", "a2", "b1")]
    gates["a2"].set()
    gates["b1"].set()
    await tasks[2]
    assert done == ["b1"]
    gates["a1"].set()
    await asyncio.gather(*tasks)
    assert done == ["b1", "a1", "a2"]
    assert len(ordering) == 0


async def test_a_failure_does_not_stop_what_comes_after() -> None:
    ordering = Ordering()

    async def fail(_: object) -> None:
        raise ValueError("broken")

    async def succeed(_: object) -> str:
        return "done"

    first, second = ordering.begin("a", fail), ordering.begin("a", succeed)
    assert await second == "done"
    assert isinstance(first.exception(), ValueError)


async def test_work_about_several_ids_keeps_the_order_of_each() -> None:
    draw = random.Random(7)
    ordering = Ordering()
    under_way: set[str] = set()
    begun: dict[str, list[int]] = {one: [] for one in "abcd"}
    most = 0

    async def work(number: int, mine: str) -> None:
        nonlocal most
        assert not under_way & set(mine), "two at once about one"
        under_way.update(mine)
        most = max(most, len(under_way))
        for one in mine:
            begun[one].append(number)
        for _ in range(draw.randrange(5)):
            await asyncio.sleep(0)
        under_way.difference_update(mine)

    plan = ["".join(draw.sample("abcd", draw.randrange(1, 4))) for _ in range(300)]
    await asyncio.gather(*(ordering.begin(mine, lambda _, n=n, m=mine: work(n, m)) for n, mine in enumerate(plan)))
    assert begun == {one: [n for n, mine in enumerate(plan) if one in mine] for one in "abcd"}
    assert most > 1
    assert len(ordering) == 0


async def test_no_id_no_order() -> None:
    ordering = Ordering()
    gate = asyncio.Event()

    async def work(_: object) -> int:
        return 1

    waiting = ordering.begin((), lambda _: gate.wait())
    assert await ordering.begin((), work) == 1
    gate.set()
    await waiting


async def test_what_goes_on_after_the_outcome_holds_its_lanes() -> None:
    ordering = Ordering()
    gate = asyncio.Event()

    async def give_up(late: Late) -> str:
        late.add(asyncio.create_task(gate.wait()))
        return "no answer in time"

    async def work(_: object) -> str:
        return "done"

    assert await ordering.begin("a", give_up) == "no answer in time"
    after, elsewhere = ordering.begin("ab", work), ordering.begin("c", work)
    assert await elsewhere == "done"
    assert not after.done()
    assert len(ordering) == 2
    gate.set()
    assert await after == "done"
    await asyncio.sleep(0)
    assert len(ordering) == 0
