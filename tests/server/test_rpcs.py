"""Every RPC once, over a real connection, in the order of a day's work; every answer carries its header."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from router.client import LiveCall, RouterClient
from router.engine import commands as c
from router.engine.events import CallAssigned, CallEnqueued, OfferExpired, OfferMade
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.vocabulary import Availability, CallState, Obstacle, Urgency
from router.server.clock import Clock
from router.server.server import SERVICE_NAMES, RouterServer
from router.v1 import administration_service_pb2 as ad
from router.v1 import agent_service_pb2 as ag
from router.v1 import call_service_pb2 as ca
from router.v1 import command_service_pb2 as co
from router.v1 import commands_pb2 as m
from router.v1 import session_service_pb2 as se
from router.v1 import vocabulary_pb2
from router.v1 import watch_service_pb2 as wa
from tests.server.support import CONFIG, Seen, client_of, refused, running

# in this order; offers are numbered from 1
DAY: list[tuple[str, Message]] = [
    ("Agent/SignIn", ag.SignInRequest(sign_in=m.SignIn(agent="ada", skills={"loans": 7}))),
    ("Agent/SignIn", ag.SignInRequest(sign_in=m.SignIn(agent="bob", skills={"cards": 3}, ready=False))),
    ("Agent/SetAvailability", ag.SetAvailabilityRequest(set_availability=m.SetAvailability(agent="ada", ready=True))),
    ("Agent/UpdateAgent", ag.UpdateAgentRequest(update_agent=m.UpdateAgent(agent="bob"))),
    ("Call/Enqueue", ca.EnqueueRequest(enqueue=m.Enqueue(call="c1", queue="loans", explain=True))),
    ("Call/Reject", ca.RejectRequest(reject=m.Reject(offer=1, reason="busy"))),
    ("Call/Enqueue", ca.EnqueueRequest(enqueue=m.Enqueue(call="c2", queue="loans"))),
    ("Call/UpdateCall", ca.UpdateCallRequest(update_call=m.UpdateCall(call="c1", priority=3))),
    ("Call/TurnIntoCallback", ca.TurnIntoCallbackRequest(turn_into_callback=m.TurnIntoCallback(call="c1"))),
    ("Call/Accept", ca.AcceptRequest(accept=m.Accept(offer=2))),
    ("Call/GetCall", ca.GetCallRequest(call="c2")),
    ("Call/GetWaitEstimate", ca.GetWaitEstimateRequest(call="c1")),
    ("Call/GetWaitEstimate", ca.GetWaitEstimateRequest(enqueue=m.Enqueue(queue="general"))),
    ("Call/WatchWaitEstimates", ca.WatchWaitEstimatesRequest(queues=["loans"])),
    ("Call/Requeue", ca.RequeueRequest(requeue=m.Requeue(call="c2", reason="not connected"))),
    ("Call/Accept", ca.AcceptRequest(accept=m.Accept(offer=3))),
    ("Call/Complete", ca.CompleteRequest(complete=m.Complete(call="c2"))),
    ("Call/RecordOutcome", ca.RecordOutcomeRequest(record_outcome=m.RecordOutcome(call="c2", satisfaction=5))),
    ("Agent/EndWrapUp", ag.EndWrapUpRequest(end_wrap_up=m.EndWrapUp(agent="ada"))),
    ("Call/Transfer", ca.TransferRequest(transfer=m.Transfer(call="c1", queue="cards"))),
    ("Call/Assign", ca.AssignRequest(assign=m.Assign(call="c1", agent="bob"))),
    ("Administration/ExplainCall", ad.ExplainCallRequest(call="c1")),
    ("Administration/ExplainAgent", ad.ExplainAgentRequest(call="c1", agent="ada")),
    ("Administration/ListDecisions", ad.ListDecisionsRequest(call="c1")),
    ("Call/Enqueue", ca.EnqueueRequest(enqueue=m.Enqueue(call="c3", queue="cards"))),
    ("Call/Cancel", ca.CancelRequest(cancel=m.Cancel(call="c3", reason="hung up"))),
    ("Agent/GetAgent", ag.GetAgentRequest(agent="bob")),
    ("Agent/ListAgents", ag.ListAgentsRequest()),
    ("Administration/PauseQueue", ad.PauseQueueRequest(pause_queue=m.PauseQueue(queue="loans"))),
    ("Administration/ResumeQueue", ad.ResumeQueueRequest(resume_queue=m.ResumeQueue(queue="loans"))),
    ("Administration/GetQueue", ad.GetQueueRequest(queue="loans", waiting_limit=10)),
    ("Administration/ListQueues", ad.ListQueuesRequest()),
    ("Administration/GetConfig", ad.GetConfigRequest()),
    ("Administration/ValidateConfig", ad.ValidateConfigRequest(toml=CONFIG)),
    ("Administration/ApplyConfig", ad.ApplyConfigRequest(toml=CONFIG + "\n[queues.more]\n")),
    ("Administration/GetStatistics", ad.GetStatisticsRequest()),
    ("Session/Heartbeat", se.HeartbeatRequest(client_id="pbx")),
    # nothing is the client's, so there is nothing to do
    ("Session/Reconcile", se.ReconcileRequest(client_id="pbx")),
    ("Session/EndSession", se.EndSessionRequest(client_id="pbx")),
    ("Agent/SignOut", ag.SignOutRequest(sign_out=m.SignOut(agent="ada"))),
    ("Command/Apply", co.ApplyRequest(batch=1, commands=[m.Command(sign_out=m.SignOut(agent="bob"))])),
    ("Watch/Watch", wa.WatchRequest(after_sequence=0)),
]
MODULES = {"Call": ca, "Agent": ag, "Administration": ad, "Command": co, "Watch": wa, "Session": se}


def method_of(short: str) -> Any:
    service, name = short.split("/")
    return MODULES[service].DESCRIPTOR.services_by_name[f"{service}Service"].methods_by_name[name]


def encode(message: Message) -> bytes:
    return message.SerializeToString()


async def ask(channel: grpc.aio.Channel, short: str, request: Message) -> Any:
    """Send a request and return the response, the last so far where there are several."""
    method = method_of(short)
    path = f"/router.v1.{short.replace('/', 'Service/')}"
    answer = GetMessageClass(method.output_type).FromString
    if short == "Command/Apply":
        call = channel.stream_stream(path, encode, answer)()
        await call.write(request)
        response = await call.read()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        return response
    if short == "Call/WatchWaitEstimates":
        call = channel.unary_stream(path, encode, answer)(request)
        response = await call.read()
        call.cancel()
        return response
    if short == "Watch/Watch":
        call = channel.unary_stream(path, encode, answer)(request)
        await call.read()
        response = await call.read()
        call.cancel()
        return response
    return await channel.unary_unary(path, encode, answer)(request)


def test_the_day_has_every_rpc() -> None:
    every = {
        f"{service}/{method.name}"
        for service, module in MODULES.items()
        for method in module.DESCRIPTOR.services_by_name[f"{service}Service"].methods
    }
    assert {short for short, _ in DAY} == every
    assert {f"router.v1.{service}Service" for service in MODULES} == set(SERVICE_NAMES)


async def test_every_rpc_answers_with_its_header() -> None:
    # history from the very first sequence on, for the watch
    async with running() as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        sequence = 1
        for short, request in DAY:
            if short == "Watch/Watch":
                request = wa.WatchRequest(after_sequence=1)
            response = await ask(channel, short, request)
            writes = "client_id" in request.DESCRIPTOR.fields_by_name and short != "Session/Reconcile"
            sequence += writes
            assert response.header.sequence == sequence, short
            assert response.header.time.seconds > 1_600_000_000
        assert len(response.events) > 25


async def test_a_calls_life_seen_through_the_client(server: RouterServer, client: RouterClient) -> None:
    await client.apply(c.SignIn("ada", {"loans": 7}))
    reply = await client.apply(c.Enqueue("c1", "loans", customer="x", attributes={"k": "v"}, explain=True))
    assert (reply.result.call_state, reply.result.agent, reply.result.offer) == (CallState.OFFERED, "ada", 1)
    assert reply.wait_estimate is not None
    assert reply.wait_estimate.method == "immediate"
    assert (await client.apply(c.Accept(1))).result.sequence == reply.result.sequence + 1
    view = await client.call("c1")
    assert view == server.shell.engine.call("c1")
    assert (view.state, view.agent, view.attributes) == (CallState.ASSIGNED, "ada", {"k": "v"})
    await client.apply(c.Complete("c1"))
    assert (await client.agent("ada")).engagements[0].state.name == "WRAP_UP"
    await client.apply(c.EndWrapUp("ada"))
    agent = await client.agent("ada")
    assert agent == server.shell.engine.agent("ada")
    assert agent.engagements == ()
    assert (await client.queue("loans")) == server.shell.engine.queue("loans")
    assert [decision.winner.agent for decision in await client.decisions("c1")] == ["ada"]
    assert (await client.explain_call("c1")) == server.shell.engine.explain_call("c1")


async def test_a_waiting_call_and_its_line(server: RouterServer, client: RouterClient) -> None:
    for number in range(3):
        reply = await client.apply(c.Enqueue(f"c{number}", "loans"))
    assert reply.result.call_state is CallState.WAITING
    assert reply.wait_estimate is not None
    assert reply.wait_estimate.position == 3
    await client.apply(c.Enqueue("first", "loans", urgency=Urgency.URGENT))
    assert await client.waiting("loans", 2) == ["first", "c0"]
    assert await client.waiting("loans", 0) == []
    assert (await client.call("c2")).position == 4
    estimate = await client.wait_estimate("c2")
    assert estimate.position == 4
    quick = await client.wait_estimate("c2", quick=True)
    expected = server.shell.estimation.predicting.quick("c2", server.shell.clock.now_us())
    assert (quick.method, quick.position) == (expected.method, expected.position)
    hypothetical = await client.wait_estimate(c.Enqueue("", "loans"))
    assert hypothetical.position == 5
    assert (await refused(client.explain_agent("c2", "ada"))).reason == "UNKNOWN_AGENT"
    await client.apply(c.SignIn("ada", {"loans": 1}))
    eligibility = await client.explain_agent("c2", "ada")
    assert eligibility == server.shell.engine.explain_agent("c2", "ada")
    assert not eligibility.eligible
    assert eligibility.obstacles == (Obstacle.SKILLS_LACKING,)
    explanation = await client.explain_call("c2")
    assert explanation == server.shell.engine.explain_call("c2")
    assert explanation.obstacles == {Obstacle.SKILLS_LACKING: 1}


async def test_a_call_assigned_at_once_is_immediate(client: RouterClient) -> None:
    await client.apply(c.SignIn("ada", {"cards": 7}))
    reply = await client.apply(c.Enqueue("c1", "cards"))
    assert reply.result.call_state is CallState.ASSIGNED
    assert reply.wait_estimate is not None
    assert (reply.wait_estimate.method, reply.wait_estimate.mean_us) == ("immediate", 0)


async def test_a_watch_for_what_is_no_event_says_what_is_wanted(client: RouterClient) -> None:
    with pytest.raises(TypeError, match=r"'OfferMade' is no type of event; a class from router\.engine\.events"):
        client.watch(kinds=["OfferMade"])  # type: ignore[list-item]


async def test_agents_are_listed_page_by_page(server: RouterServer, client: RouterClient) -> None:
    names = sorted(f"agent-{number:03}" for number in range(25))
    for name in reversed(names):
        await client.apply(c.SignIn(name, ready=name.endswith("5")))
    await client.apply(c.SignOut(names[3]))
    await client.apply(c.SignIn(names[3], ready=False))
    assert [view.agent async for view in client.agents()] == names
    stub_request = ag.ListAgentsRequest(page_size=10, availabilities=[vocabulary_pb2.AVAILABILITY_READY])
    async with grpc.aio.insecure_channel(client.address) as channel:
        found, pages = [], 0
        while True:
            page = await ask(channel, "Agent/ListAgents", stub_request)
            found += [view.agent for view in page.agents]
            pages += 1
            if not page.next_page_token:
                break
            stub_request.page_token = page.next_page_token
    assert found == [name for name in names if name.endswith("5")]
    assert pages == 3
    assert (await client.agent(found[0])).availability is Availability.READY


async def test_statistics_tell_the_engines_share(server: RouterServer, client: RouterClient) -> None:
    await client.apply(c.SignIn("ada", {"loans": 7}))
    await client.apply(c.Enqueue("c1", "loans"))
    figures = await client.statistics()
    assert figures.statistics == server.shell.engine.statistics()
    assert figures.statistics.decisions >= 1
    assert 0 < figures.engine_time_us < 5_000_000
    assert figures.clock_speed == 1.0
    assert figures.sequence == server.shell.engine.sequence


async def test_an_enqueue_in_full_reaches_the_engine(server: RouterServer, client: RouterClient) -> None:
    requirement = Requirement((Step((SkillTerm("x", 2),)), Step(after_us=5_000_000)))
    await client.apply(c.SignIn("ada"))
    command = c.Enqueue(
        "c1",
        "loans",
        "chat",
        requirement,
        Urgency.IMPORTANT,
        4,
        ("ada",),
        7_000_000,
        1_000_000,
        "cust",
        {"a": "b"},
        True,
    )
    await client.apply(command)
    view = server.shell.engine.call("c1")
    assert (view.channel, view.requirement, view.urgency, view.priority) == ("chat", requirement, Urgency.IMPORTANT, 4)
    assert (view.preferred_agents, view.customer, view.attributes, view.callback) == (
        ("ada",),
        "cust",
        {"a": "b"},
        True,
    )
    assert view.wait_started_us - view.effective_arrival_us == 1_000_000
    assert view.hold_until_us == view.wait_started_us + 7_000_000


async def test_deadlines_fire_without_any_command() -> None:
    async with running(clock=Clock(60.0)) as server, client_of(server) as client:
        seen = await Seen(client.watch()).begun()
        await client.apply(c.SignIn("ada", {"loans": 7}))
        await client.apply(c.Enqueue("c1", "loans"))
        await seen.until(lambda s: s.of(OfferExpired))
        (made,) = seen.of(OfferMade)
        (expired,) = seen.of(OfferExpired)
        assert expired.time_us == made.expires_us
        assert not seen.of(CallAssigned)
        assert len(seen.of(CallEnqueued)) == 1
        await seen.end()


async def test_health_and_reflection(server: RouterServer) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *SERVICE_NAMES):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        async for response in stub.ServerReflectionInfo(iter([request])):
            found = {service.name for service in response.list_services_response.service}
            break
        assert set(SERVICE_NAMES) <= found
        assert "grpc.health.v1.Health" in found


async def test_what_reconcile_found_is_never_larger_than_a_client_takes(server: RouterServer) -> None:
    """What leaves something to the client comes first; of the rest it is told how many there are."""
    async with client_of(server, client_id="pbx") as pbx:
        await pbx.apply(c.SignIn("ada"))
        unknown = [LiveCall(f"{number:0200}") for number in range(18_000)]
        found = await pbx.reconcile(unknown, [])
        assert 10_000 < len(found.differences) < 18_000
        assert not any(difference.repaired for difference in found.differences)
        assert len(found.differences) + found.more == 18_001
        rest = unknown[len(found.differences) :]
        found = await pbx.reconcile(rest, [])
        assert (len(found.differences), found.more) == (len(rest), 0)
