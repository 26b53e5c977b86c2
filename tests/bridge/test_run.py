"""The wiring: a real router, the bridge and a stand-in for Asterisk, from a caller's arrival to the end of the call."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import pytest

from router.bridge.asterisk.ari.client import CredentialsRefused
from router.bridge.asterisk.config import parse_bridge
from router.bridge.asterisk.router_side import EntryRefused
from router.bridge.asterisk.run import Bridge
from router.engine import CallState
from tests.bridge.ari_stand_in import PASSWORD, AriStandIn, Trouble
from tests.bridge.pbx_parts import Does, Phone
from tests.bridge.whole import BRIDGE, ROUTER, bridge_config, centre
from tests.security.support import TOKENS, Authority, write_access
from tests.server.support import ServerProcess


async def test_a_caller_is_answered_hears_music_and_talks_with_the_agent_who_answers() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        caller = whole.calls("loans")
        await whole.until(lambda: whole.talk(caller, "ada"))
        assert (await whole.call_is(caller, CallState.ASSIGNED)).agent == "ada"
        assert not caller.has_music
        whole.pbx.hang_up(caller)
        await whole.call_is(caller, CallState.COMPLETED)
        await whole.at_rest()


async def test_a_caller_who_waits_hears_music_and_gets_the_first_agent_who_comes() -> None:
    async with centre() as whole:
        caller = whole.calls("loans")
        await whole.until(lambda: caller.has_music)
        await whole.call_is(caller, CallState.WAITING)
        await whole.signs_in("ben")
        await whole.until(lambda: whole.talk(caller, "ben"))


async def test_callers_whom_no_queue_takes_go_on_in_the_dialplan() -> None:
    async with centre() as whole:
        unknown, nowhere, full = whole.calls("lones"), whole.pbx.dial_in(args=("in",)), whole.calls("full")
        await whole.until(lambda: unknown.went_to and nowhere.went_to and full.went_to)
        assert unknown.went_to is not None
        assert unknown.went_to["context"] == "busy"
        assert nowhere.went_to is not None
        assert nowhere.went_to["context"] == "down"
        assert full.went_to is not None
        assert full.went_to["context"] == "busy"


async def test_a_bridge_that_ends_leaves_calls_and_its_successor_takes_them_up() -> None:
    async with centre() as whole:
        await whole.signs_in("ada")
        talking = whole.calls("loans")
        await whole.until(lambda: whole.talk(talking, "ada"))
        waiting = whole.calls("loans")
        await whole.call_is(waiting, CallState.WAITING)
        assert await whole.stop_bridge() == ""
        assert whole.talk(talking, "ada")
        assert not waiting.is_gone
        await whole.start_bridge()
        assert (await whole.client.call(whole.name_of(talking))).state is CallState.ASSIGNED
        assert (await whole.client.call(whole.name_of(waiting))).state is CallState.WAITING
        whole.pbx.hang_up(talking)
        await whole.until(lambda: whole.talk(waiting, "ada"))


async def test_readiness_follows_both_connections() -> None:
    async with centre() as whole:
        health = whole.bridge.health
        await whole.pbx.drop_sockets()
        await whole.until(lambda: "Asterisk" in health.obstacle)
        await whole.until(lambda: not health.obstacle)
        await whole.server.stop(grace_s=0.1)
        await whole.until(lambda: "router" in health.obstacle)


async def test_without_a_router_callers_wait_for_a_while_and_then_go_on_in_the_dialplan() -> None:
    async with centre() as whole:
        await whole.server.stop(grace_s=0.1)
        await whole.until(lambda: "router" in whole.bridge.health.obstacle)
        caller = whole.calls("loans")
        await whole.until(lambda: caller.has_music)
        await whole.until(lambda: caller.went_to)
        assert caller.went_to is not None
        assert caller.went_to["context"] == "down"


async def test_a_wrong_password_ends_the_bridge_with_a_clear_error() -> None:
    async with centre(start=False) as whole:
        ari = msgspec.structs.replace(whole.config.ari, password="wrong")
        whole.config = msgspec.structs.replace(whole.config, ari=ari)
        bridge = Bridge(whole.config)
        with pytest.raises(CredentialsRefused, match=r"refuses user 'bridge'"):
            await bridge.run()


async def test_a_second_bridge_makes_the_first_one_yield() -> None:
    async with centre() as whole:
        second = Bridge(whole.config)
        running = asyncio.create_task(second.run())
        assert "taken over" in await whole.ended()
        assert whole.bridge.replaced
        assert not second.replaced
        second.stop()
        assert await running == ""


async def test_a_fault_of_the_floor_is_survived_counted_and_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    async with centre() as whole:
        bridge = whole.bridge
        hear = bridge.floor.hear

        def fail_once(*_: object) -> list[object]:
            monkeypatch.setattr(bridge.floor, "hear", hear)
            raise RuntimeError("made up")

        monkeypatch.setattr(bridge.floor, "hear", fail_once)
        caller = whole.calls("loans")
        await whole.until(lambda: caller.has_music)
        await whole.call_is(caller, CallState.WAITING)
        assert b"skill_router_bridge_faults_total 1.0" in bridge.metrics.text()


async def test_what_happened_is_in_the_metrics() -> None:
    async with centre() as whole:
        await whole.signs_in("ada", Phone(Does.REFUSES, cause=21))
        caller = whole.calls("loans")
        await whole.until(lambda: whole.pbx.asked_for("POST", "/channels"))
        await whole.call_is(caller, CallState.WAITING)
        whole.bridge.metrics.refresh()
        text = whole.bridge.metrics.text().decode()
        assert 'skill_router_bridge_calls_total{what="admitted"} 1.0' in text
        assert 'skill_router_bridge_asterisk_events_total{event="StasisStart"} 2.0' in text
        assert 'skill_router_bridge_router_command_seconds_count{command="Enqueue",outcome="Applied"} 1.0' in text
        assert 'skill_router_bridge_asterisk_request_seconds_count{outcome="Done",request="Originate"} 1.0' in text
        assert "skill_router_bridge_ready 1.0" in text


async def test_position_and_wait_are_announced_between_music() -> None:
    announcements = '\n[announcements]\nmode = "digits"\nfirst = "1s"\nevery = "5s"\n'
    async with centre(BRIDGE + announcements) as whole:
        caller = whole.calls("loans")
        await whole.until(lambda: whole.pbx.asked_for("POST", "/play"))
        (play,) = whole.pbx.asked_for("POST", "/play")
        assert play.query["media"].split(",")[0] == "sound:queue-youarenext"
        assert caller.id in play.path
        await whole.until(lambda: caller.has_music)


async def test_a_program_says_what_is_announced_in_the_language_of_the_channel() -> None:
    hook = [sys.executable, "-c", "import os; print('digits:' + os.environ['SKILL_ROUTER_POSITION'])"]
    announcements = f'\n[announcements]\nmode = "hook"\nfirst = "1s"\nevery = "5s"\nhook = {hook}\n'
    async with centre(BRIDGE + announcements) as whole:
        caller = whole.calls("loans")
        await whole.until(lambda: whole.pbx.asked_for("POST", "/play"))
        (play,) = whole.pbx.asked_for("POST", "/play")
        assert play.query["media"] == "digits:1"
        assert "lang" not in play.query, "Asterisk takes the channel's"
        await whole.until(lambda: caller.has_music)


async def test_text_announcements_are_variables_of_the_caller() -> None:
    announcements = '\n[announcements]\nmode = "text"\nfirst = "1s"\nevery = "5s"\n'
    async with centre(BRIDGE + announcements) as whole:
        whole.calls("loans")
        caller = whole.calls("loans")
        await whole.until(lambda: "SKILL_ROUTER_POSITION" in caller.variables)
        assert caller.variables["SKILL_ROUTER_POSITION"] == "2"


async def test_over_tls_with_a_token_of_the_role_pbx(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.write_pair()
    authority.write()
    (tmp_path / "token").write_text(TOKENS["pbx"])
    access = write_access(tmp_path / "access.toml")
    settings = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\naccess_file = "{access}"\n'
    text = ROUTER.replace("[server]", f"[server]\n{settings}")
    server = ServerProcess(write(tmp_path / "router.toml", text))
    try:
        router = f'address = "{server.await_listening()}"\nca = "ca.pem"\ntoken_file = "token"\n'
        async with AriStandIn(seed=3) as pbx:
            bridge_toml = BRIDGE.replace('address = "ADDRESS"', router.rstrip()).replace("URL", pbx.url)
            bridge = Bridge(parse_bridge(bridge_toml, "bridge.toml", tmp_path, {"PASSWORD": PASSWORD}))
            task = asyncio.create_task(bridge.run())
            await pbx.until(lambda: not bridge.health.obstacle)
            pbx.phones["PJSIP/ada"] = Phone()
            pbx.dial_in(args=("agent", "sign-in"), endpoint="PJSIP/ada")
            caller = pbx.dial_in(args=("in", "loans"))
            await pbx.until(lambda: caller.bridge is not None and len(caller.bridge.members) == 2)
            bridge.stop()
            assert await task == ""
            # another token, and none at all
            for token in ("skr_nobody", ""):
                changed = msgspec.structs.replace(bridge_config(pbx.url, server.address).router, token=token)
                changed = msgspec.structs.replace(changed, ca=(tmp_path / "ca.pem").read_bytes())
                with pytest.raises(EntryRefused, match="does not let us in"):
                    await Bridge(msgspec.structs.replace(bridge_config(pbx.url, "x:1"), router=changed)).run()
    finally:
        server.end()


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def test_told_to_stop_twice_it_waits_for_nothing() -> None:
    async with centre() as whole:
        whole.pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), times=9, slow_s=30))
        whole.calls("loans")
        await whole.until(lambda: whole.pbx.asked_for("POST", "/answer"))
        ending = asyncio.create_task(whole.stop_bridge())
        done, _ = await asyncio.wait([ending], timeout=0.3)
        assert not done, "it waits for the answer"
        began_s = time.monotonic()
        whole.bridge.stop()
        assert await ending == ""
        assert time.monotonic() - began_s < 1.5
