"""Loading: what a valid file means. Inheritance, values, the etag, and that the engine takes the result."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import PRESETS, RouterConfig, ServerSettings, default_config_text, load_config, parse_config
from router.config.schema import BASE_QUEUE
from router.engine import (
    AgentTerm,
    AgentWeights,
    AnyOf,
    ByUrgency,
    ChannelSettings,
    EfficiencySettings,
    Engine,
    NoAnswerAction,
    Preference,
    QueueSettings,
    Requirement,
    Settings,
    SkillTerm,
    Step,
    WrapUp,
    WrapUpMode,
)

SECOND = 1_000_000
MINUTE = 60 * SECOND


def queue_of(text: str, name: str = "a") -> QueueSettings:
    """Return one queue of a config text."""
    return parse_config(text, "x.toml").settings.queues[name]


def test_a_single_queue_is_a_whole_config_of_defaults() -> None:
    config = parse_config("[queues.a]\n", "x.toml")
    assert config.server == ServerSettings()
    assert config.settings == Settings(queues={"a": BASE_QUEUE})
    bare = msgspec.structs.replace(BASE_QUEUE, agent_weights=AgentWeights(), call_weights=QueueSettings().call_weights)
    assert bare == QueueSettings()


def test_every_section_fills_its_settings() -> None:
    config = parse_config(
        """
[server]
listen = "[::1]:0"
watch_buffer_events = 100
watch_history_events = 200
message_bytes_max = 1_000_000
stream_batch_max = 7
commands_max = 2_000
rpcs_max = 10
streams_max = 11
watchers_max = 12
memory_max = "1GiB"
lease = "3s"
lost_session_retention = "2h"
snapshot_commands = 100
snapshot_interval = "1m"
snapshot_child = false
history_retention = "1d"
drain = "500ms"
metrics_listen = "localhost:9464"
tls_certificate = "server.pem"
tls_key = "keys/server.key"
tls_client_ca = "/etc/ca.pem"
access_file = "access.toml"
[engine]
idle_scale = "2m"
occupancy_half_life = "1h"
finished_retention = 1
customer_retention = "366d"
customers_max = 0
request_retention = "500ms"
requests_max = 1
agents_max = 2
calls_max = 3
requirements_max = 4
[efficiency]
prior_calls = 20
handle_time = 0.125
resolution = 1000
satisfaction = 0
[channels.chat]
exclusive = false
[channels.voice]
[queues.a]
""",
        "x.toml",
    )
    assert config.server == ServerSettings(
        listen="[::1]:0",
        watch_buffer_events=100,
        watch_history_events=200,
        message_bytes_max=1_000_000,
        stream_batch_max=7,
        commands_max=2_000,
        rpcs_max=10,
        streams_max=11,
        watchers_max=12,
        memory_max=1 << 30,
        lease_us=3 * SECOND,
        lost_session_retention_us=120 * MINUTE,
        snapshot_commands=100,
        snapshot_interval_us=MINUTE,
        snapshot_child=False,
        history_retention_us=24 * 60 * MINUTE,
        drain_us=SECOND // 2,
        metrics_listen="localhost:9464",
        tls_certificate="server.pem",
        tls_key="keys/server.key",
        tls_client_ca="/etc/ca.pem",
        access_file="access.toml",
    )
    assert config.settings == Settings(
        queues={"a": BASE_QUEUE},
        channels={"chat": ChannelSettings(exclusive=False), "voice": ChannelSettings(exclusive=True)},
        idle_scale_us=2 * MINUTE,
        occupancy_half_life_us=60 * MINUTE,
        efficiency=EfficiencySettings(prior_calls=20, handle_time=125, resolution=1_000_000, satisfaction=0),
        finished_retention_us=SECOND,
        customer_retention_us=366 * 24 * 60 * MINUTE,
        customers_max=0,
        request_retention_us=SECOND // 2,
        requests_max=1,
        agents_max=2,
        calls_max=3,
        requirements_max=4,
    )


def test_every_key_of_a_queue_fills_its_settings() -> None:
    queue = queue_of(
        """
[queues.b]
[queues.a]
target = { normal = "30s", urgent = 5 }
max_overtake_wait = { important = "never", urgent = "1m" }
automatic = true
offer_timeout = "15s"
no_answer_action = "sign-out"
reject_backoff = "0s"
wrap_up = { mode = "manual", duration = "2m" }
preferred_hold = "1m"
last_agent_preferred = true
last_agent_hold = "10s"
waiting_max = 0
wait_max = "1h"
overflow = "b"
agent_weights = { skill_fit = 0.001, idle = 1_000, load = 2.50, efficiency = 1e2, affinity = 0, reserve = 0.9 }
call_weights = { priority = 1, age = 2, deadline = 3, skill_fit = 4, efficiency = 5, affinity = 6 }
skills = { z = 10, b = 1 }
any_of = [{ y = 2, x = 1 }, { w = 3 }]
agent = "anna"
prefer = { q = 10, p = 1 }
[[queues.a.steps]]
after = "1ms"
agent = "bob"
[[queues.a.steps]]
after = 1
"""
    )
    assert queue.target_us == ByUrgency(30 * SECOND, 20 * SECOND, 5 * SECOND)
    assert queue.max_overtake_wait_us == ByUrgency(10 * MINUTE, None, MINUTE)
    assert queue.wrap_up == WrapUp(WrapUpMode.MANUAL, 2 * MINUTE)
    assert (queue.automatic, queue.last_agent_preferred) == (True, True)
    assert (queue.offer_timeout_us, queue.reject_backoff_us) == (15 * SECOND, 0)
    assert queue.no_answer_action is NoAnswerAction.SIGN_OUT
    assert (queue.preferred_hold_us, queue.last_agent_hold_us) == (MINUTE, 10 * SECOND)
    assert (queue.waiting_max, queue.wait_max_us, queue.overflow) == (0, 60 * MINUTE, "b")
    assert list(msgspec.to_builtins(queue.agent_weights).values()) == [1, 1_000_000, 2_500, 100_000, 0, 900]
    assert list(msgspec.to_builtins(queue.call_weights).values()) == [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]
    assert queue.requirement == Requirement(
        (
            Step(
                (
                    SkillTerm("b", 1),
                    SkillTerm("z", 10),
                    AgentTerm("anna"),
                    AnyOf((SkillTerm("x", 1), SkillTerm("y", 2))),
                    AnyOf((SkillTerm("w", 3),)),
                ),
                (Preference("p", 1), Preference("q", 10)),
            ),
            Step((AgentTerm("bob"),), (), 1_000),
            Step((), (), SECOND),
        )
    )


def test_a_queue_inherits_what_it_does_not_say() -> None:
    text = """
[queue_defaults]
preset = "most-skilled"
target = { normal = "1m", urgent = "3s" }
max_overtake_wait = "never"
wrap_up = { mode = "fixed", duration = "30s" }
waiting_max = 5
wait_max = "1m"
agent_weights.idle = 3
call_weights.age = 4
[queues.a]
[queues.b]
target.important = "2m"
max_overtake_wait = { urgent = "1m" }
wrap_up.mode = "manual"
waiting_max = "unlimited"
wait_max = "never"
agent_weights.load = 5
[queues.c]
target = "7s"
wrap_up.mode = "none"
preset = "least-occupied"
call_weights.age = 6
[queues.d]
wrap_up.duration = "1m"
"""
    queues = parse_config(text, "x.toml").settings.queues
    most_skilled, least_occupied = PRESETS["most-skilled"], PRESETS["least-occupied"]
    assert queues["a"].target_us == ByUrgency(MINUTE, 20 * SECOND, 3 * SECOND)
    assert queues["a"].max_overtake_wait_us == ByUrgency(None, None, None)
    assert (queues["a"].waiting_max, queues["a"].wait_max_us) == (5, MINUTE)
    assert queues["a"].agent_weights == msgspec.structs.replace(most_skilled.agent_weights, idle=3_000)
    assert queues["a"].call_weights == msgspec.structs.replace(most_skilled.call_weights, age=4_000)
    assert queues["b"].target_us == ByUrgency(MINUTE, 2 * MINUTE, 3 * SECOND)
    assert queues["b"].max_overtake_wait_us == ByUrgency(None, None, MINUTE)
    assert queues["b"].wrap_up == WrapUp(WrapUpMode.MANUAL, 30 * SECOND)
    assert (queues["b"].waiting_max, queues["b"].wait_max_us) == (None, None)
    assert queues["b"].agent_weights == msgspec.structs.replace(most_skilled.agent_weights, idle=3_000, load=5_000)
    assert queues["c"].target_us == ByUrgency(7 * SECOND, 7 * SECOND, 7 * SECOND)
    assert queues["c"].wrap_up == WrapUp()
    assert queues["c"].agent_weights == least_occupied.agent_weights
    assert queues["c"].call_weights == msgspec.structs.replace(least_occupied.call_weights, age=6_000)
    assert queues["d"].wrap_up == WrapUp(WrapUpMode.FIXED, MINUTE)


def test_queues_may_overflow_in_a_circle() -> None:
    queues = parse_config('[queues.a]\noverflow = "b"\n[queues.b]\noverflow = "a"\n', "x.toml").settings.queues
    assert (queues["a"].overflow, queues["b"].overflow) == ("b", "a")


@pytest.mark.parametrize("name", ["é" * 127, "x" * 255, "card loss", "a.b", '\\"', "队列", "💳"])
def test_names_may_be_anything_printable(name: str) -> None:
    assert list(parse_config(f'[queues."{name}"]\n', "x.toml").settings.queues) == [name.replace('\\"', '"')]


@pytest.mark.parametrize("address", ["localhost:1", "0.0.0.0:65535", "[::]:50051", "my-host.example_1.com:0"])
def test_addresses_are_hosts_with_ports(address: str) -> None:
    assert parse_config(f'[server]\nlisten = "{address}"\n[queues.a]\n', "x.toml").server.listen == address


@pytest.mark.parametrize(
    ("text", "size"),
    [("'auto'", 0), ("268_435_456", 1 << 28), ("'256MiB'", 1 << 28), ("'1048576KiB'", 1 << 30), ("'3TiB'", 3 << 40)],
)
def test_memory_is_a_number_of_bytes_or_has_a_unit(text: str, size: int) -> None:
    assert parse_config(f"[server]\nmemory_max = {text}\n[queues.a]\n", "x.toml").server.memory_max == size


def test_paths_start_at_the_directory_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text('[server]\ntls_certificate = "keys/a.pem"\ntls_key = "/etc/a.key"\n[queues.a]\n')
    server = load_config(path).server
    assert (server.tls_certificate, server.tls_key) == (str(tmp_path / "keys/a.pem"), "/etc/a.key")
    assert (server.tls_client_ca, server.access_file) == ("", "")
    as_written = parse_config(path.read_text(), "x.toml")
    assert as_written.server.tls_certificate == "keys/a.pem"
    assert as_written.etag == load_config(path).etag


def test_files_strings_and_bytes_are_read_alike(tmp_path: Path) -> None:
    text = default_config_text()
    path = tmp_path / "router.toml"
    windows = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    path.write_bytes(windows)
    expected = parse_config(text, "x")
    assert load_config(path) == load_config(str(path)) == parse_config(windows, "y") == expected


def with_tables_in_order(order: list[int]) -> RouterConfig:
    """Return a config whose tables and keys come in a given order."""
    tables = [
        '[server]\nlisten = "localhost:1"\nstream_batch_max = 5\n',
        "[channels.chat]\nexclusive = false\n",
        "[channels.voice]\n",
        '[queue_defaults]\ntarget = "30s"\nautomatic = true\n',
        '[queues.a]\nskills = { x = 1, y = 2 }\noverflow = "b"\n[[queues.a.steps]]\nafter = 9\n',
        "[queues.b]\nprefer = { x = 1, y = 2 }\n",
        "[engine]\nagents_max = 9\nidle_scale = '90s'\n",
    ]
    return parse_config("".join(tables[index] for index in order), "x.toml")


@given(st.permutations(range(7)))
def test_the_order_of_tables_means_nothing(order: list[int]) -> None:
    expected = with_tables_in_order(list(range(7)))
    config = with_tables_in_order(order)
    assert config == expected
    assert list(config.settings.queues) == list(expected.settings.queues)
    assert list(config.settings.channels) == list(expected.settings.channels)


def test_the_etag_is_of_the_meaning() -> None:
    one = parse_config('[queues.a]\nskills = { x = 1, y = 2 }\ntarget = "1m"\n', "x.toml")
    same = parse_config("# c\n[queues]\na.target = 60 # c\n[queues.a.skills]\ny = 0x2\nx = 1\n", "other.toml")
    assert one == same
    assert len(one.etag) == 32
    changes = ['skills.x = 2\nskills.y = 2\ntarget = "1m"', 'skills = { x = 1 }\ntarget = "1m"', 'target = "59s"']
    etags = {parse_config(f"[queues.a]\n{change}\n", "x.toml").etag for change in changes}
    server = parse_config('[server]\nstream_batch_max = 9\n[queues.a]\nskills = { x = 1, y = 2 }\ntarget = "1m"\n', "x")
    assert len({one.etag, server.etag, *etags}) == 5


durations = st.sampled_from(['"1ms"', '"20s"', '"366d"', "1", '"1m30s"'])
queue_keys = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from([f'"{name}"' for name in PRESETS]),
        "target": st.sampled_from(['"1s"', '"366d"', '{ urgent = "2s" }', "20"]),
        "max_overtake_wait": st.sampled_from(['"never"', '"0s"', '"366d"', '{ normal = "never", urgent = 3 }']),
        "automatic": st.sampled_from(["true", "false"]),
        "offer_timeout": st.sampled_from(['"1s"', '"20s"', '"366d"']),
        "no_answer_action": st.sampled_from(['"not-ready"', '"keep-ready"', '"sign-out"']),
        "reject_backoff": durations | st.just("0"),
        "wrap_up": st.sampled_from(['{ mode = "fixed", duration = "1us" }', '{ mode = "manual", duration = "366d" }']),
        "preferred_hold": durations | st.just("0"),
        "last_agent_preferred": st.sampled_from(["true", "false"]),
        "last_agent_hold": durations | st.just("0"),
        "waiting_max": st.sampled_from(["0", "1_000_000_000", '"unlimited"']),
        "wait_max": durations | st.just('"never"'),
        "agent_weights": st.sampled_from(["{ idle = 1000, load = 0.001 }", "{}"]),
        "call_weights": st.sampled_from(["{ age = 1000, deadline = 0 }", "{}"]),
    },
)
own_keys = st.fixed_dictionaries(
    {},
    optional={
        "skills": st.sampled_from(["{ x = 10, y = 1 }", "{}", "{ " + ", ".join(f"s{i} = 5" for i in range(31)) + " }"]),
        "any_of": st.sampled_from(["[]", "[{ x = 1 }]", "[{ " + ", ".join(f"s{i} = 5" for i in range(32)) + " }]"]),
        "prefer": st.sampled_from(["{ x = 10, y = 1 }", "{}"]),
        "overflow": st.just('"other"'),
        "steps": st.sampled_from(
            ["[{ after = 1 }]", "[" + ", ".join(f"{{ after = {i + 1} }}" for i in range(15)) + "]"]
        ),
    },
)


@given(queue_keys, queue_keys, own_keys)
def test_the_engine_takes_every_valid_config(
    defaults: dict[str, str], queue: dict[str, str], own: dict[str, str]
) -> None:
    lines = ["[queue_defaults]", *(f"{key} = {value}" for key, value in defaults.items())]
    lines += ["[queues.other]", "[queues.a]", *(f"{key} = {value}" for key, value in (queue | own).items())]
    settings = parse_config("\n".join(lines), "x.toml").settings
    assert Engine(settings, time_us=0).settings == settings


def test_the_engine_takes_the_greatest_and_least_of_everything() -> None:
    least = """
[engine]
idle_scale = "1s"
occupancy_half_life = "1s"
finished_retention = "1ms"
customer_retention = 0
customers_max = 0
request_retention = "1ms"
requests_max = 1
agents_max = 1
calls_max = 1
[efficiency]
prior_calls = 1
handle_time = 0
resolution = 0
satisfaction = 0
[queues.a]
"""
    channels = "".join(f"[channels.c{number}]\n" for number in range(16))
    greatest = f"""
[engine]
idle_scale = "366d"
occupancy_half_life = "366d"
finished_retention = "366d"
customer_retention = "366d"
customers_max = 1_000_000_000
request_retention = "366d"
requests_max = 1_000_000_000
agents_max = 1_000_000_000
calls_max = 1_000_000_000
[efficiency]
prior_calls = 10_000
handle_time = 1000
resolution = 1000
satisfaction = 1000
{channels}[queues.{"q" * 255}]
"""
    for text in (least, greatest):
        settings = parse_config(text, "x.toml").settings
        assert Engine(settings, time_us=0).settings == settings
