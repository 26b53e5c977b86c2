"""Snapshots: whole, canonical, and refused with a reason when they are anything else."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

import router


def busy_engine() -> router.Engine:
    queues = {
        "loans": router.QueueSettings(requirement=router.Requirement((router.Step((router.SkillTerm("loans", 3),)),))),
        "cards": router.QueueSettings(automatic=True, wrap_up=router.WrapUp(router.WrapUpMode.FIXED, 5_000_000)),
    }
    engine = router.Engine(router.Settings(queues=queues), time_us=0)
    for number in range(5):
        engine.apply(router.SignIn(f"agent-{number}", skills={"loans": number + 1, "german": 2}), 1_000)
    for number in range(12):
        engine.apply(
            router.Enqueue(
                f"call-{number}",
                ["loans", "cards"][number % 2],
                preferred_agents=("agent-4",),
                customer=f"customer-{number % 3}",
                attributes={"tone": "calm"},
                explain=True,
            ),
            2_000 + number,
        )
    for call in engine.calls():
        if call.state == router.CallState.ASSIGNED:
            engine.apply(router.Complete(call.call), 3_000_000)
            break
    engine.apply(router.SignIn("agent-5", ready=False), 3_000_000)
    engine.apply(router.Assign("call-9", "agent-5"), 3_000_000)
    engine.apply(router.Detach("call-9"), 3_000_000)
    engine.apply(router.Detach("call-10"), 3_000_000)
    engine.apply_request(router.PauseQueue("loans"), 3_000_000, client="pbx", request_id="1", content=b"pause-it")
    return engine


def test_restored_engine_is_the_same_and_goes_on_the_same() -> None:
    engine = busy_engine()
    twin = router.Engine.restore(engine.snapshot())
    assert twin.state_hash() == engine.state_hash()
    assert (twin.calls(), twin.agents(), twin.queues(), twin.customers()) == (
        engine.calls(), engine.agents(), engine.queues(), engine.customers(),
    )  # fmt: skip
    assert twin.settings == engine.settings
    assert [twin.decisions(call.call) for call in twin.calls()] == [
        engine.decisions(call.call) for call in engine.calls()
    ]
    later = [(4_000_000, router.ResumeQueue("loans")), (60_000_000, router.Advance())]
    assert twin.apply_many(later) == engine.apply_many(later)
    assert twin.state_hash() == engine.state_hash()
    result, events = twin.apply_request(
        router.PauseQueue("loans"), 60_000_000, client="pbx", request_id="1", content=b"pause-it"
    )
    assert (result.repeated, result.sequence, events) == (True, result.sequence, [])


def test_every_flipped_bit_is_found() -> None:
    whole = busy_engine().snapshot()
    rng = random.Random(1)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        with pytest.raises(router.CorruptSnapshot):
            router.Engine.restore(bytes(damaged))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 50])
def test_torn_snapshots_are_refused(length: int) -> None:
    with pytest.raises(router.CorruptSnapshot):
        router.Engine.restore(busy_engine().snapshot()[:length])


def test_foreign_bytes_are_refused_with_a_reason() -> None:
    with pytest.raises(router.CorruptSnapshot, match="no snapshot"):
        router.Engine.restore(b"PK\x03\x04" + bytes(100))
    with pytest.raises(router.InvalidCommand):
        router.Engine.restore("text")  # type: ignore[arg-type]


@pytest.mark.parametrize(("version", "has"), [("1", "the older format version 1"), ("9", "an unknown format version")])
def test_other_versions_are_refused_with_what_to_do(version: str, has: str) -> None:
    other = bytearray(busy_engine().snapshot())
    other[3] = ord(version)
    with pytest.raises(router.CorruptSnapshot) as caught:
        router.Engine.restore(sealed(bytes(other[:-8])))
    assert str(caught.value) == (
        f"the snapshot has {has}; this engine reads version 2 only: replay the commands instead, "
        "or restore with the engine that wrote it"
    )


def test_hash_does_not_depend_on_the_process() -> None:
    script = "from tests.engine.test_snapshot import busy_engine; print(busy_engine().state_hash())"
    hashes = set()
    for seed in ("0", "1", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, text=True, capture_output=True, check=True
        )
        hashes.add(run.stdout)
    assert hashes == {busy_engine().state_hash() + "\n"}


def sealed(content: bytes) -> bytes:
    """Put the checksum of the format behind the bytes, so that only their meaning can be wrong."""
    checksum = 0xCBF29CE484222325
    for byte in content:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    return content + checksum.to_bytes(8, "little")


def test_a_forged_detachment_is_refused() -> None:
    """Nobody is offered a detached call, and a finished one is not detached: found by the flag, which alone differs."""

    def snapshot_of(*later: router.Command) -> bytes:
        engine = router.Engine(router.Settings(queues={"loans": router.QueueSettings()}), time_us=0)
        engine.apply(router.Enqueue("call", "loans"), 1)
        for command in later:
            engine.apply(command, 2)
        return engine.snapshot()[:-8]

    waiting, detached = snapshot_of(router.PauseQueue("loans")), snapshot_of(router.Detach("call"))
    paused, attached = [at for at, pair in enumerate(zip(waiting, detached, strict=True)) if pair[0] != pair[1]]
    assert (waiting[attached], detached[attached], detached[paused]) == (0, 1, 0)
    for state in (snapshot_of(router.SignIn("ada")), snapshot_of(router.Cancel("call"))):
        sound = router.Engine.restore(sealed(state))
        flags = [at for at in range(4, len(state)) if state[at] == 0]
        forged = [sealed(state[:at] + b"\1" + state[at + 1 :]) for at in flags]
        assert sound.state_hash()
        assert not any(is_accepted_as_detached(one) for one in forged)
    assert is_accepted_as_detached(sealed(waiting[:attached] + b"\1" + waiting[attached + 1 :]))


def is_accepted_as_detached(snapshot: bytes) -> bool:
    try:
        return router.Engine.restore(snapshot).call("call").detached
    except (router.CorruptSnapshot, router.UnknownName):
        return False


def test_forged_snapshots_are_refused_or_work() -> None:
    content = busy_engine().snapshot()[:-8]
    rng = random.Random(7)
    refused = 0
    for _ in range(1500):
        forged = bytearray(content)
        for _ in range(rng.choice((1, 1, 2))):
            forged[rng.randrange(4, len(forged))] = rng.choice((0, 1, 2, 127, 255, rng.randrange(256)))
        try:
            engine = router.Engine.restore(sealed(bytes(forged)))
        except router.CorruptSnapshot:
            refused += 1
            continue
        try:
            engine.calls(), engine.agents(), engine.queues(), engine.customers(), engine.settings, engine.snapshot()
            engine.apply(router.Restart(), min(engine.time_us + 10**6, 2**61))
            engine.advance(min(engine.time_us + 10**12, 2**61))
            engine.audit()
        except (router.InvariantViolated, UnicodeDecodeError):
            pass
    assert refused > 300
