"""Calls from Asterisk through the bridge to the router and back: each situation of a call's life."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.floor_settings import Place
from router.engine import Assign, Availability, CallState, SignIn, Transfer
from tests.bridge.live import ANSWERS, RINGS, ROUTER, centre
from tests.bridge.pbx_parts import Does, Phone

REFUSALS = {
    "busy": (Phone(Does.REFUSES, cause=17), Availability.NOT_READY, "busy"),
    "rejects": (Phone(Does.REFUSES, cause=21), Availability.READY, ""),
    "congestion": (Phone(Does.REFUSES_AT_ONCE, cause=34), Availability.READY, ""),
    "unknown number": (Phone(Does.REFUSES, cause=1), Availability.NOT_READY, "unreachable"),
    "nowhere": (Phone(Does.IS_NOWHERE), Availability.NOT_READY, "unreachable"),
}


async def test_a_call_from_its_beginning_to_its_end() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        assert caller.state == "Up"
        whole.pbx.hang_up(caller)
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)
        await whole.call_is(caller, CallState.COMPLETED)


async def test_what_is_asked_of_asterisk_for_a_call() -> None:
    """Nothing twice, nothing needless, and in an order that leaves nobody in silence."""
    async with centre() as whole:
        await whole.signs_in("ada")
        await whole.until(lambda: whole.pbx.shunned)
        begun = len(whole.pbx.asked)
        caller = whole.calls()
        await whole.talking(caller, "ada")
        whole.pbx.hang_up(caller)
        await whole.at_rest()
        asked = [(a.method, a.path.replace(caller.id, "CALLER"), a.status) for a in whole.pbx.asked[begun:]]
        assert sorted(asked) == sorted(
            [
                ("POST", "/channels/CALLER/answer", 204),
                ("POST", "/channels/CALLER/moh", 204),
                ("POST", "/channels", 200),
                ("POST", "/bridges", 200),
                ("DELETE", "/channels/CALLER/moh", 204),
                ("POST", "/bridges/asterisk-call-CALLER/addChannel", 204),
                ("DELETE", "/channels/asterisk-offer-1-leg", 204),
                ("DELETE", "/bridges/asterisk-call-CALLER", 204),
            ]
        )
        order = [path.rpartition("/")[2] for _, path, _ in asked]
        assert order.index("answer") < order.index("moh") < order.index("addChannel")
        originate = next(a for a in whole.pbx.asked[begun:] if a.path == "/channels")
        assert originate.query == {
            "endpoint": "PJSIP/ada",
            "app": "router",
            "appArgs": f"agent,ada,asterisk-{caller.id}",
            "channelId": "asterisk-offer-1-leg",
            "timeout": "7",
            "originator": caller.id,
            "callerId": '"Alice" <15550001>',
        }
        assert originate.body == {
            "variables": {"SKILL_ROUTER_AGENT": "ada", "SKILL_ROUTER_CALL": f"asterisk-{caller.id}"}
        }


async def test_the_agent_hangs_up_first() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        whole.pbx.world.phone_hangs_up(await whole.leg_is("ada", "Up"))
        await whole.at_rest()
        await whole.call_is(caller, CallState.COMPLETED)


async def test_the_caller_goes_on_in_the_dialplan_after_the_agent() -> None:
    async with centre(after_agent=Place("survey", "s", 3)) as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        whole.pbx.world.phone_hangs_up(await whole.leg_is("ada", "Up"))
        await whole.until(lambda: caller.went_to)
        assert caller.went_to == {"context": "survey", "extension": "s", "priority": "3"}
        await whole.call_is(caller, CallState.COMPLETED)


@pytest.mark.parametrize("seed", range(4))
async def test_both_hang_up_at_once(seed: int) -> None:
    async with centre(seed) as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        leg = await whole.leg_is("ada", "Up")
        whole.pbx.hang_up(caller)
        whole.pbx.world.phone_hangs_up(leg)
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)


async def test_a_caller_waits_with_music_until_somebody_is_there() -> None:
    async with centre() as whole:
        first, second = whole.calls(), whole.calls()
        await whole.waiting(first)
        await whole.waiting(second)
        assert first.state == "Up"
        await whole.signs_in("ada")
        await whole.talking(first, "ada")
        assert second.has_music
        whole.pbx.hang_up(first)
        await whole.talking(second, "ada")
        whole.pbx.hang_up(second)
        await whole.at_rest()


async def test_a_caller_may_be_kept_ringing() -> None:
    async with centre(answer=False) as whole:
        caller = whole.calls()
        await whole.until(lambda: caller.is_ringing)
        await whole.call_is(caller, CallState.WAITING)
        assert caller.state == "Ring"
        await whole.signs_in("ada")
        await whole.talking(caller, "ada")
        assert caller.state == "Up"
        whole.pbx.hang_up(caller)
        await whole.at_rest()


@pytest.mark.parametrize("why", REFUSALS)
async def test_an_agent_who_cannot_be_had(why: str) -> None:
    """The call keeps its place and goes to the next agent; what becomes of the first is told by the cause."""
    phone, availability, reason = REFUSALS[why]
    async with centre() as whole:
        await whole.signs_in("ada", phone)
        first, second = whole.calls(), whole.calls()
        legs = whole.pbx.world.all_channels
        await whole.until(lambda: "asterisk-offer-1-leg" in legs and legs["asterisk-offer-1-leg"].is_gone)
        await whole.agent_is("ada", availability)
        await whole.waiting(first)
        assert (await whole.client.agent("ada")).reason == reason
        await whole.signs_in("ben", ANSWERS)
        await whole.talking(first, "ben")
        whole.pbx.hang_up(first)
        whole.pbx.hang_up(second)
        await whole.at_rest()


async def test_an_endpoint_that_asterisk_does_not_know() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        del whole.pbx.phones["PJSIP/ada"]
        caller = whole.calls()
        await whole.until(lambda: [a for a in whole.pbx.asked_for("POST", "/channels") if a.status == 500])
        await whole.waiting(caller)
        await whole.signs_in("ben")
        await whole.talking(caller, "ben")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_nobody_answers() -> None:
    async with centre() as whole:
        await whole.signs_in("ada", RINGS)
        caller = whole.calls()
        await whole.rings("ada")
        await whole.agent_is("ada", Availability.NOT_READY)
        await whole.until(lambda: whole.pbx.leg_of("PJSIP/ada") is None, "it stops ringing")
        await whole.waiting(caller)
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_the_caller_hangs_up_while_waiting() -> None:
    async with centre() as whole:
        caller = whole.calls()
        await whole.waiting(caller)
        whole.pbx.hang_up(caller)
        await whole.call_is(caller, CallState.ABANDONED)
        await whole.at_rest()


async def test_the_caller_hangs_up_before_anything() -> None:
    async with centre() as whole:
        caller = whole.calls()
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_the_caller_hangs_up_while_the_agent_rings() -> None:
    async with centre() as whole:
        await whole.signs_in("ada", RINGS)
        caller = whole.calls()
        await whole.rings("ada")
        whole.pbx.hang_up(caller)
        await whole.call_is(caller, CallState.ABANDONED)
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)


@pytest.mark.parametrize("seed", range(6))
async def test_the_caller_hangs_up_in_the_instant_of_the_answer(seed: int) -> None:
    async with centre(seed) as whole:
        await whole.signs_in("ada", RINGS)
        caller = whole.calls()
        leg = await whole.rings("ada")
        acts = [lambda: whole.pbx.world.phone_answers(leg), lambda: whole.pbx.hang_up(caller)]
        for act in acts if seed % 2 else reversed(acts):
            act()
            await asyncio.sleep(seed // 2 * 0.002)
        await whole.at_rest()
        await whole.agent_is("ada", Availability.READY, engaged=False)


@pytest.mark.parametrize("seed", range(4))
async def test_the_agent_hangs_up_in_the_instant_of_the_answer(seed: int) -> None:
    async with centre(seed) as whole:
        await whole.signs_in("ada", Phone(talks_s=seed * 0.002))
        caller = whole.calls()
        await whole.until(lambda: whole.pbx.world.all_channels.get("asterisk-offer-1-leg") is not None)
        await whole.until(lambda: whole.pbx.leg_of("PJSIP/ada") is None)
        # The caller is served or waits again, and is never left in silence.
        await whole.until(lambda: caller.is_gone or caller.has_music or whole.talk(caller, "ada"))
        whole.phone("ada", RINGS)
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_the_agent_transfers_to_another_queue() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        before = (await whole.client.call(whole.name_of(caller))).effective_arrival_us
        whole.pbx.world.press(await whole.leg_is("ada", "Up"), "*21#")
        await whole.waiting(caller, "loans")
        view = await whole.client.call(whole.name_of(caller))
        assert view.effective_arrival_us == before, "it keeps its wait"
        await whole.signs_in("cleo")
        await whole.talking(caller, "cleo")
        await whole.until(lambda: whole.pbx.leg_of("PJSIP/ada") is None, "ada's leg is gone")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_the_router_transfers_a_call_that_is_talked_about() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls()
        await whole.talking(caller, "ada")
        await whole.client.apply(Transfer(whole.name_of(caller), "loans"))
        await whole.waiting(caller, "loans")
        await whole.until(lambda: whole.pbx.leg_of("PJSIP/ada") is None, "ada's leg is gone")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_a_supervisor_assigns_a_call() -> None:
    async with centre() as whole:
        caller = whole.calls()
        await whole.waiting(caller)
        await whole.signs_in("cleo")  # who has not the skill
        await whole.client.apply(Assign(whole.name_of(caller), "cleo"))
        await whole.talking(caller, "cleo")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_an_assigned_agent_does_not_answer() -> None:
    async with centre() as whole:
        caller = whole.calls()
        await whole.waiting(caller)
        await whole.signs_in("cleo", Phone(Does.REFUSES, cause=17))
        await whole.client.apply(Assign(whole.name_of(caller), "cleo"))
        await whole.agent_is("cleo", Availability.NOT_READY, engaged=False)
        await whole.waiting(caller)
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_a_queue_without_offers() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls("502")
        await whole.talking(caller, "ada")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_overflow_and_refusal() -> None:
    async with centre() as whole:
        spilled = whole.calls("504")
        await whole.waiting(spilled, "sales")
        first, second = whole.calls("503"), None
        await whole.waiting(first, "tiny")
        second = whole.calls("503")
        await whole.until(lambda: second.went_to)
        assert second.went_to == {"context": "full", "extension": "s", "priority": "1"}
        third = whole.calls("999")
        await whole.until(lambda: third.went_to)
        assert third.went_to == {"context": "outside", "extension": "s", "priority": "1"}
        for caller in (spilled, first, second, third):
            whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_agents_change_their_state_by_telephone() -> None:
    async with centre() as whole:
        await whole.signs_in("ada", RINGS)
        for code, availability in (
            ("not_ready:lunch", Availability.NOT_READY),
            ("ready", Availability.READY),
            ("sign_out", Availability.SIGNED_OUT),
        ):
            channel = whole.dials("ada", code)
            await whole.agent_is("ada", availability)
            await whole.until(lambda channel=channel: channel.is_gone or channel.went_to is not None, "it is over")
            whole.pbx.hang_up(channel)
            if code.startswith("not_ready"):
                assert (await whole.client.agent("ada")).reason == "lunch"
        await whole.at_rest()


async def test_an_agent_signs_in_over_grpc() -> None:
    async with centre() as whole:
        whole.phone("ben", ANSWERS)
        await whole.client.apply(SignIn("ben", {"sales": 5}))
        caller = whole.calls()
        await whole.talking(caller, "ben")
        whole.pbx.hang_up(caller)
        await whole.at_rest()


async def test_local_channels() -> None:
    """Each has a second half, of which Asterisk tells too, and which must not be taken for a caller or an agent."""
    endpoint = "Local/dora@agents/n"
    table = AgentTable([AgentEntry("dora", endpoint, SignIn("dora", {"sales": 5}))])
    async with centre(agents=table) as whole:
        whole.pbx.phones[endpoint] = Phone(Does.REFUSES, cause=21)
        await whole.client.apply(SignIn("dora", {"sales": 5}))
        caller = whole.calls(endpoint="Local/500@inbound")
        legs = whole.pbx.world.all_channels
        await whole.until(lambda: "asterisk-offer-1-leg" in legs and legs["asterisk-offer-1-leg"].is_gone)
        await whole.waiting(caller)
        whole.pbx.phones[endpoint] = ANSWERS
        second = whole.calls(endpoint="Local/500@inbound")
        await whole.until(lambda: second.bridge is not None and len(second.bridge.members) == 2)
        whole.pbx.hang_up(second)
        whole.pbx.hang_up(caller)
        await whole.at_rest()
        assert legs["asterisk-offer-2-leg"].other_half is not None


async def test_device_states() -> None:
    async with centre(device_states=True) as whole:
        await whole.signs_in("ada")
        await whole.until(lambda: "PJSIP/ada" in whole.pbx.world.watched_devices.get("router", ()))
        whole.pbx.world.set_device("PJSIP/ada", "UNAVAILABLE")
        await whole.agent_is("ada", Availability.NOT_READY)
        whole.pbx.world.set_device("PJSIP/ada", "NOT_INUSE")
        await whole.agent_is("ada", Availability.READY)


async def test_no_overtaking_and_no_double_booking_under_load() -> None:
    async with centre(pbx_jitter_s=0.0005) as whole:
        callers = [whole.calls(number=str(number)) for number in range(30)]
        for caller in callers:
            await whole.waiting(caller)
        connected: list[str] = []
        agents = ("ada", "ben")
        for agent in agents:
            await whole.signs_in(agent, Phone(rings_s=0.005, talks_s=0.1))
        await whole.at_rest()
        for told in whole.pbx.told:
            if told["type"] == "ChannelEnteredBridge" and told["channel"]["id"] in {c.id for c in callers}:
                connected.append(told["channel"]["id"])
        assert len(connected) == len(callers)
        places = {caller.id: place for place, caller in enumerate(callers)}
        # Two agents at work: who is rung first may be answered a moment later.
        assert all(abs(places[channel] - at) < len(agents) for at, channel in enumerate(connected))


async def test_telephones_that_refuse_now_and_then() -> None:
    async with centre(config=ROUTER.replace("30s", "1s")) as whole:
        for agent in ("ada", "ben"):
            await whole.signs_in(agent)
            whole.pbx.phones[f"PJSIP/{agent}"] = deque(
                [
                    Phone(Does.REFUSES, cause=21),
                    Phone(talks_s=0.5),
                    Phone(Does.REFUSES_AT_ONCE, cause=34),
                    Phone(talks_s=0),
                    Phone(talks_s=0.5),
                ]
            )
        callers = [whole.calls() for _ in range(6)]
        # each refusal bars an agent for a second
        await whole.until(lambda: all(caller.is_gone for caller in callers), "all are served", time_limit_s=20)
        await whole.at_rest()
