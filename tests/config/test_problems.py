"""Problems: each way to be wrong is found, at its line, under its key, with what is wrong and what would be right."""

# ruff: noqa: E501 (tables of cases)

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.config import ConfigError, ConfigProblem, load_config, parse_config
from router.config.load import FILE_BYTES_MAX
from router.config.report import PROBLEMS_MAX, printable

WEIGHT = "a number from 0 to 1000, at most 3 decimal places"
DURATION = 'a duration such as "20s", "1m30s" or "500ms", from '
NAME = "1 to 255 bytes of UTF-8 without control characters"
LEVEL = "a whole number from 1 to 10"


def problems_of(text: str | bytes) -> list[ConfigProblem]:
    """Return the problems of a text that has some."""
    with pytest.raises(ConfigError) as refused:
        parse_config(text, "router.toml")
    assert str(refused.value) == "\n".join(str(problem) for problem in refused.value.problems)
    return list(refused.value.problems)


def in_queue(line: str) -> str:
    """Return a config with `line` as the first line of a queue, line 3 of the text."""
    return f"# a comment\n[queues.a]\n{line}\n"


IN_QUEUE = [
    # unknown keys
    ("targets = 5", "targets", "unknown key", "did you mean target?"),
    ("Offer-Timeout = 5", "Offer-Timeout", "unknown key", "did you mean offer_timeout?"),
    ("wait_max_us = 5", "wait_max_us", "unknown key", "did you mean wait_max?"),
    ('"a b" = 5', '"a b"', "unknown key", "known here: preset, target, "),
    ("reserve = 1", "reserve", "unknown key", "it belongs in [queue_defaults.agent_weights] or [queues.NAME.agent_weights]"),
    ("agent_weights.age = 1", "agent_weights.age", "unknown key", "it belongs in [queue_defaults.call_weights] or "),
    ("agent_weights.affinty = 1", "agent_weights.affinty", "unknown key", "did you mean affinity?"),
    ("target = { urgnt = 5 }", "target.urgnt", "unknown key", "did you mean urgent?"),
    ("wrap_up.durations = 5", "wrap_up.durations", "unknown key", "did you mean duration?"),
    ("steps = [{ after = 1, skill = {} }]", "steps[1].skill", "unknown key", "did you mean skills?"),
    # durations
    ("offer_timeout = '20'", "offer_timeout", '"20" is not a duration', DURATION + "1s to 366d"),
    ("offer_timeout = '20 seconds'", "offer_timeout", '"20 seconds" is not a duration', 'write "20s"'),
    ("offer_timeout = '1 min 30 sec'", "offer_timeout", '"1 min 30 sec" is not a duration', 'write "1m30s"'),
    ("offer_timeout = '2 Hours'", "offer_timeout", '"2 Hours" is not a duration', 'write "2h"'),
    ("offer_timeout = ''", "offer_timeout", '"" is not a duration', DURATION),
    ("offer_timeout = 1.5", "offer_timeout", "1.5 is not a duration", DURATION),
    ("offer_timeout = true", "offer_timeout", "true is not a duration", DURATION),
    ("offer_timeout = [5]", "offer_timeout", "a list is not a duration", DURATION),
    ("offer_timeout = 1979-05-27", "offer_timeout", "a date or time is not a duration", DURATION),
    ("offer_timeout = 'never'", "offer_timeout", '"never" is not a duration', DURATION),
    ("offer_timeout = 0", "offer_timeout", "0 is out of range", DURATION + "1s to 366d"),
    ("offer_timeout = -1", "offer_timeout", "-1 is out of range", DURATION),
    ("offer_timeout = '367d'", "offer_timeout", '"367d" is out of range', DURATION),
    ("offer_timeout = 99999999999999999999", "offer_timeout", "a number beyond 64 bits is out of range", DURATION),
    ("offer_timeout = '999999999999999999d'", "offer_timeout", '"999999999999999999d" is out of range', DURATION),
    ("target = 'never'", "target", '"never" is not a duration', DURATION + "1s to 366d"),
    ("target.normal = '999ms'", "target.normal", '"999ms" is out of range', DURATION + "1s to 366d"),
    ("max_overtake_wait = 'Never'", "max_overtake_wait", '"Never" is not a duration', 'to 366d, or "never"'),
    ("max_overtake_wait.urgent = -5", "max_overtake_wait.urgent", "-5 is out of range", 'or "never"'),
    # numbers, words, switches
    ("waiting_max = 1.0", "waiting_max", "1.0 is not a whole number", '0 to 1,000,000,000, or "unlimited"'),
    ("waiting_max = true", "waiting_max", "true is not a whole number", "a whole number from 0"),
    ("waiting_max = '5'", "waiting_max", '"5" is not a whole number', "a whole number from 0"),
    ("waiting_max = -1", "waiting_max", "-1 is out of range", "a whole number from 0"),
    ("waiting_max = 'never'", "waiting_max", '"never" is not a whole number', '"unlimited"'),
    ("automatic = 'true'", "automatic", '"true" is neither true nor false', "true or false, without quotes"),
    ("automatic = 1", "automatic", "1 is neither true nor false", "true or false, without quotes"),
    ("preset = 'ballanced'", "preset", '"ballanced" is not known here', 'did you mean "balanced"?'),
    ("preset = 5", "preset", "5 is not known here", 'one of "balanced", "most-skilled", "least-occupied", "fcfs-'),
    ("no_answer_action = 'not_ready'", "no_answer_action", '"not_ready" is not known here', 'did you mean "not-ready"?'),
    ("wrap_up.mode = 'Fixed'", "wrap_up.mode", '"Fixed" is not known here', 'did you mean "fixed"?'),
    # weights
    ("agent_weights.idle = nan", "agent_weights.idle", "NaN is out of range", WEIGHT),
    ("agent_weights.idle = -nan", "agent_weights.idle", "-NaN is out of range", WEIGHT),
    ("agent_weights.idle = inf", "agent_weights.idle", "Infinity is out of range", WEIGHT),
    ("agent_weights.idle = -inf", "agent_weights.idle", "-Infinity is out of range", WEIGHT),
    ("agent_weights.idle = -0.001", "agent_weights.idle", "-0.001 is out of range", WEIGHT),
    ("agent_weights.idle = -1", "agent_weights.idle", "-1 is out of range", WEIGHT),
    ("agent_weights.idle = 1000.001", "agent_weights.idle", "1000.001 is out of range", WEIGHT),
    ("agent_weights.idle = 1001", "agent_weights.idle", "1001 is out of range", WEIGHT),
    ("agent_weights.idle = 1e99", "agent_weights.idle", "1E+99 is out of range", WEIGHT),
    ("agent_weights.idle = 1e9999999999999999999", "agent_weights.idle", "Infinity is out of range", WEIGHT),
    ("agent_weights.idle = 0.0001", "agent_weights.idle", "0.0001 has more than 3 decimal places", WEIGHT),
    ("agent_weights.idle = 1e-999", "agent_weights.idle", "1E-999 has more than 3 decimal places", WEIGHT),
    ("call_weights.age = '1'", "call_weights.age", '"1" is not a number', WEIGHT),
    ("call_weights.age = false", "call_weights.age", "false is not a number", WEIGHT),
    ("call_weights = 1", "call_weights", "this is the single value 1", "a table: { … }, or keys under a [call_weights] header"),
    # skills
    ("skills = { x = 0 }", "skills.x", "0 is out of range", LEVEL),
    ("skills = { x = 11 }", "skills.x", "11 is out of range", LEVEL),
    ("skills = { x = '5' }", "skills.x", '"5" is not a whole number', LEVEL),
    ("skills = { '' = 5 }", 'skills.""', "the skill is empty", NAME),
    ("skills = ['x']", "skills", "this is a list", "a table of skill = level, such as { loans = 3 }"),
    ("skills = 'x'", "skills", 'this is the single value "x"', "a table of skill = level"),
    ("prefer = { x = 11 }", "prefer.x", "11 is out of range", LEVEL),
    ("any_of = { x = 1 }", "any_of", "this is a table", "a list of tables of skills: [{ english = 5, german = 5 }]"),
    ("any_of = [{ x = 1 }, {}]", "any_of[2]", "0 skills to choose from", "1 to 32 skills"),
    ("any_of = ['x']", "any_of[1]", 'this is the single value "x"', "a table of skill = level"),
    ("any_of = [{ x = 1, y = 99 }]", "any_of[1].y", "99 is out of range", LEVEL),
    ("agent = ''", "agent", "the agent is empty", NAME),
    ("agent = ['anna']", "agent", "a list is not a name", "the name of one agent, in quotes"),
    (f"agent = '{'é' * 128}'", "agent", "the agent is 256 bytes long", NAME),
    ('agent = "a\\nb"', "agent", 'the agent "a\\nb" has a control character', NAME),
    ('agent = "a\\u0085b"', "agent", 'the agent "a\\u0085b" has a control character', NAME),
    # what does not fit together
    ("overflow = 'a'", "overflow", "the queue overflows to itself", "another queue, or no overflow to refuse the calls"),
    ("overflow = 'A'", "overflow", 'there is no queue "A"', 'did you mean "a"?'),
    ("overflow = 'zzz'", "overflow", 'there is no queue "zzz"', "the name of a queue of this file"),
    ("wrap_up.mode = 'fixed'", "wrap_up", "the mode is fixed without a duration", 'a duration above 0, such as "30s"'),
    ("wrap_up = { mode = 'manual', duration = 0 }", "wrap_up", "the mode is manual without a duration", "above 0"),
    ("wrap_up.duration = 5", "wrap_up.duration", "a duration of 5s, but the mode is none", 'mode = "fixed" or "manual"'),
    ("steps = [{}]", "steps[1]", "after is missing", "after = a duration"),
    ("steps = [{ after = 0 }]", "steps[1].after", "0 is out of range", DURATION),
    ("steps = { after = 5 }", "steps", "this is a table", "tables under [[…steps]] headers"),
    ("steps = [5]", "steps[1]", "this is the single value 5", "a table: { … }"),
    (
        "steps = [{ after = 5 }, { after = 5 }]",
        "steps[2].after",
        "it begins after 5s, not later than the step before it",
        "more than 5s",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "key", "problem", "wanted"), IN_QUEUE)
def test_what_is_wrong_in_a_queue(line: str, key: str, problem: str, wanted: str) -> None:
    (found,) = problems_of(in_queue(line))
    assert (found.file, found.line, found.key, found.problem) == ("router.toml", 3, f"queues.a.{key}", problem)
    assert wanted in found.wanted
    assert str(found) == f"router.toml:3: queues.a.{key}: {problem}; {found.wanted}"


IN_FILE = [
    # the top of the file
    ("[queues.a]\n[servers]\n", 2, "servers", "unknown key", "did you mean server?"),
    ("preset = 'balanced'\n[queues.a]\n", 1, "preset", "unknown key", "it belongs in [queue_defaults] or [queues.NAME]"),
    ("prset = 'balanced'\n[queues.a]\n", 1, "prset", "unknown key", "did you mean preset? It belongs in [queue_defaults] or"),
    ("[simulation]\nlength = 5\n[agents.a]\n", 1, "simulation", "this is a scenario, not a router's config", "`skill-router simulate`"),
    ("queue.a = 5\n[queues.a]\n", 1, "queue", "unknown key", "did you mean queues?"),
    ("xyzzy = 1\n[queues.a]\n", 1, "xyzzy", "unknown key", "known here: server, estimates, engine, efficiency, channels, queue_d"),
    ("server = 5\n[queues.a]\n", 1, "server", "this is the single value 5", "a table: { … }, or keys under a [server] header"),
    ("[[engine]]\n[queues.a]\n", 1, "engine", "this is a list", "a table"),
    ("# no queues\n\n[server]\n", 1, "queues", "there is no queue", "at least one [queues.NAME]"),
    ("# no queues\n\n[queues]\n", 3, "queues", "there is no queue", "at least one [queues.NAME]"),
    ("\nqueues = 5\n", 2, "queues", "this is the single value 5", "a table"),
    ("\n[[queues]]\nname = 'a'\n", 2, "queues", "this is a list", "a table"),
    ("\nqueues.a = 5\n", 2, "queues.a", "this is the single value 5", "a table"),
    ("queue_defaults = 'x'\n[queues.a]\n", 1, "queue_defaults", 'this is the single value "x"', "a table"),
    # sections
    ("[queues.a]\n[server]\nlisten = ':1'\n", 3, "server.listen", '":1" is not an address with a port', "host:port in quotes"),
    ("[queues.a]\n[server]\nlisten = 'x'\n", 3, "server.listen", '"x" is not an address with a port', "host:port"),
    ("[queues.a]\n[server]\nlisten = 'x:65536'\n", 3, "server.listen", '"x:65536" is not an address with a port', "host:port"),
    ("[queues.a]\n[server]\nlisten = '[1::2::3]:5'\n", 3, "server.listen", '"[1::2::3]" is not an IPv6 address', "host:port"),
    ("[queues.a]\n[server]\nlisten = 50051\n", 3, "server.listen", "50051 is not an address with a port", "host:port"),
    ("[queues.a]\n[server]\nstream_batch_max = 0\n", 3, "server.stream_batch_max", "0 is out of range", "1 to 10,000"),
    ('[queues.a]\n[server]\nwatch_buffer_events = 1\n', 3, "server.watch_buffer_events", '1 is out of range', '100 to 1,000,000'),
    ('[queues.a]\n[server]\nwatch_history_events = 0\n', 3, "server.watch_history_events", '0 is out of range', '100 to 10,000,000'),
    ('[queues.a]\n[server]\nwatch_history_events = 9_999\n', 3, "server.watch_history_events", '9,999 is less than watch_buffer_events, 10,000', 'at least as many'),
    ('[queues.a]\n[server]\nstream_batch_max = 5_000\ncommands_max = 4_999\n', 4, "server.commands_max", '4,999 is less than stream_batch_max, 5,000', 'a full batch must find room'),
    ('[queues.a]\n[server]\nrpcs_max = 9\n', 3, "server.rpcs_max", '9 is out of range', '10 to 1,000,000'),
    ('[queues.a]\n[server]\nstreams_max = 0\n', 3, "server.streams_max", '0 is out of range', '1 to 100,000'),
    ('[queues.a]\n[server]\nwatchers_max = 0\n', 3, "server.watchers_max", '0 is out of range', '1 to 100,000'),
    ("[queues.a]\n[server]\nmemory_max = '1GB'\n", 3, "server.memory_max", '"1GB" is not a size', '"512MiB" or "4GiB"'),
    ('[queues.a]\n[server]\nmemory_max = 1.5\n', 3, "server.memory_max", '1.5 is not a size', 'a number of bytes'),
    ('[queues.a]\n[server]\nmemory_max = 0\n', 3, "server.memory_max", '0 is out of range', '256MiB to 1024TiB, or "auto"'),
    ("[queues.a]\n[server]\nmemory_max = '255MiB'\n", 3, "server.memory_max", '"255MiB" is out of range', '256MiB to 1024TiB, or "auto"'),
    ("[queues.a]\n[server]\nlease = '2s'\n", 3, "server.lease", '"2s" is out of range', 'from 3s to 1d'),
    ("[queues.a]\n[server]\nlease = '25h'\n", 3, "server.lease", '"25h" is out of range', 'from 3s to 1d'),
    ('[queues.a]\n[server]\nlost_session_retention = 0\n', 3, "server.lost_session_retention", '0 is out of range', 'from 1s to 366d'),
    ('[queues.a]\n[server]\nsnapshot_commands = 99\n', 3, "server.snapshot_commands", '99 is out of range', '100 to 1,000,000,000'),
    ("[queues.a]\n[server]\nsnapshot_interval = 'never'\n", 3, "server.snapshot_interval", '"never" is not a duration', 'from 1s to 1d'),
    ("[queues.a]\n[server]\nhistory_retention = '10ms'\n", 3, "server.history_retention", '"10ms" is out of range', 'from 1s to 366d'),
    ("[queues.a]\n[server]\ndrain = '2h'\n", 3, "server.drain", '"2h" is out of range', 'from 100ms to 1h'),
    ("[queues.a]\n[server]\nmetrics_listen = ':9464'\n", 3, "server.metrics_listen", '":9464" is not an address with a port', '"" for none'),
    ("[queues.a]\n[server]\nmetrics_listen = '127.0.0.1:50051'\n", 3, "server.metrics_listen", 'this is the address of the gRPC server', 'another port'),
    ('[queues.a]\n[server]\ntls_certificate = 5\n', 3, "server.tls_certificate", '5 is not a path', 'the path of a file in quotes'),
    ("[queues.a]\n[server]\ntls_certificate = 'keys/'\n", 3, "server.tls_certificate", '"keys/" is a directory', 'the path of a file in quotes'),
    ('[queues.a]\n[server]\naccess_file = "a\\u0000"\n', 3, "server.access_file", 'the path "a\\u0000" has a control character', 'the path of a file in quotes'),
    ("[queues.a]\n[server]\naccess_file = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n", 3, "server.access_file", 'the path is longer than 4,096 bytes', 'the path of a file in quotes'),
    ("[queues.a]\n[server]\ntls_certificate = 'a.pem'\n", 3, "server.tls_certificate", 'there is a certificate without its key', 'both tls_certificate and tls_key'),
    ("[queues.a]\n[server]\ntls_key = 'a.key'\n", 3, "server.tls_key", 'there is a key without its certificate', 'both tls_certificate and tls_key'),
    ("[queues.a]\n[server]\ntls_client_ca = 'ca.pem'\n", 3, "server.tls_client_ca", 'client certificates are asked for without TLS', 'tls_certificate and tls_key'),
    ("[queues.a]\n[engine]\nagents_max = 0\n", 3, "engine.agents_max", "0 is out of range", "1 to 1,000,000,000"),
    ("[queues.a]\n[engine]\nidle_scale = '1ms'\n", 3, "engine.idle_scale", '"1ms" is out of range', "1s to 366d"),
    ("[queues.a]\n[efficiency]\nprior_calls = 0\n", 3, "efficiency.prior_calls", "0 is out of range", "1 to 10,000"),
    ("[queues.a]\n[efficiency]\nresolution = -1\n", 3, "efficiency.resolution", "-1 is out of range", WEIGHT),
    ("[queues.a]\n[channels]\n", 2, "channels", "there are 0 channels", "1 to 16, each under [channels.NAME]"),
    ("[queues.a]\n[channels.voice]\nexclusiv = true\n", 3, "channels.voice.exclusiv", "unknown key", "did you mean exclusive?"),
    ("[queues.a]\n[channels]\nvoice = true\n", 3, "channels.voice", "this is the single value true", "a table"),
    ('[queues.a]\n[channels.""]\n', 2, 'channels.""', "the channel is empty", NAME),
    # queue defaults, which have no demands and no overflow
    ("[queue_defaults]\noverflow = 'a'\n[queues.a]\n", 2, "queue_defaults.overflow", "it belongs to a single queue", "put it in"),
    ("[queue_defaults]\nskills = {}\n[queues.a]\n", 2, "queue_defaults.skills", "it belongs to a single queue", "put it in"),
    ("[queue_defaults]\nsteps = []\n[queues.a]\n", 2, "queue_defaults.steps", "it belongs to a single queue", "[queues.NAME]"),
    ("[queue_defaults]\ntarget = 0\n[queues.a]\n", 2, "queue_defaults.target", "0 is out of range", DURATION),
    # names of queues
    ('\n[queues.""]\n', 2, 'queues.""', "the queue is empty", NAME),
    ('\n[queues."a\\u0000b"]\n', 2, 'queues."a\\u0000b"', 'the queue "a\\u0000b" has a control character', NAME),
    (f"\n[queues.{'x' * 256}]\n", 2, f'queues."{"x" * 59}…"', "the queue is 256 bytes long", NAME),
    (f"\n[queues.{'x' * 10_000}]\n", 2, f'queues."{"x" * 59}…"', "the queue is 10000 bytes long", NAME),
    # steps written as people write them
    (
        "[queues.a]\n[[queues.a.steps]]\nafter = '2m'\n\n[[queues.a.steps]]\nskills.x = 1\nafter = '1m'\n",
        7, "queues.a.steps[2].after", "it begins after 1m, not later than the step before it", "more than 2m",
    ),
    ("[queues.a]\n\n[[queues.a.steps]]\nskills.x = 1\n", 3, "queues.a.steps[1]", "after is missing", "after = a duration"),
    # not TOML
    ("[queues.a]\ntarget = 20s\n", 2, "queues.a.target", "expected newline or end of document after a statement", 'such as "20s"'),
    ("[queues.a]\npreset = balanced\n", 2, "queues.a.preset", "invalid value", 'text and durations in quotes, such as "20s"'),
    ("[queues.a]\n\ntarget = \n", 3, "queues.a.target", "the value is missing", 'a value such as 5, true or "20s"'),
    ("[queues.a]\ntarget = '5s\n", 2, "queues.a.target", "the text is not closed", "the same quote at its end"),
    ("[queues.a]\nagent = \"a\\qb\"\n", 2, "queues.a.agent", "unescaped '\\' in a string", r"\\ for a backslash"),
    ("[queues.a]\nagent = 'a\0b'\n", 2, "queues.a.agent", "found invalid character '\\x00'", "printable characters"),
    ("[queues.a]\nany_of = [\n{ x = 1 }\nagent = 'b'\n", 4, "queues.a.any_of", "the list opened on line 2 is not closed", "]"),
    ("\n[queues.a\n", 2, "", "the table header is not closed", "a ] at its end"),
    ("[queues.a]\ntarget '5s'\n", 2, "", "there is no = after the key", "KEY = VALUE, or a [TABLE] header"),
    ("[queues.a]\ntarget = '5s' agent = 'x'\n", 2, "queues.a.target", "there is something after the end of the statement", "one"),
    ("a = 1\n[a.b]\n", 2, "a.b", "cannot overwrite a value", "each key and table once"),
    ("a = [1]\n[[a]]\n", 2, "a[1]", "cannot mutate immutable namespace ('a',)", "each key and table once"),
    ("[queues.a]\ntarget = " + "[" * 100_000, 2, "queues.a.target" + "[1]" * 14, "it is nested more than 16 deep", "reference"),
    ("[queues." + "a." * 100_000 + "a]", 1, "", "the key has more than 16 parts", "the keys of the reference"),
    ("[queues.a]\nwaiting_max = " + "9" * 5_000, 2, "queues.a.waiting_max", "the value is longer than 100 characters", "shorter"),
    # the same twice
    ("[queues.a]\n[queues.b]\n[queues.a]\n", 3, "queues.a", "defined twice, first on line 1", "one of the two"),
    ("[queues.a]\ntarget = 5\n\ntarget = 6\n", 4, "queues.a.target", "defined twice, first on line 2", "one of the two"),
    ("[queues.a]\nskills = { x = 1, x = 1 }\n", 2, "queues.a.skills.x", "defined twice, first on line 2", "one of the two"),
    # not text
    ("", 0, "", "it is empty", "write one to start from with `skill-router init-config`"),
    (" \n\t\n", 0, "", "it is empty", "write one to start from with `skill-router init-config`"),
    ("\ufeff\n", 0, "", "it is empty", "write one to start from with `skill-router init-config`"),
    (b"[queues.a]\n# gr\xfc\xdfe\n", 2, "", "byte 0xfc is not UTF-8", "a file saved as UTF-8"),
    ("[queues.a]\n# \ud800\n", 2, "", "byte 0xed is not UTF-8", "a file saved as UTF-8"),
    ("[queues.a]\n".encode("utf-16"), 1, "", "it is UTF-16", "UTF-8"),
    ("[queues.a]\n".encode("utf-16-be"), 1, "", "there is no key here", "letters, digits"),
    (b"\x7fELF\x02\x01\x01", 1, "", "there is no key here", "letters, digits"),
    (b"#" * (FILE_BYTES_MAX + 1), 0, "", "it is larger than 4 MiB", "a smaller file"),
    ("#" * (FILE_BYTES_MAX + 1), 0, "", "it is larger than 4 MiB", "a smaller file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "problem", "wanted"), IN_FILE, ids=range(len(IN_FILE)))
def test_what_is_wrong_in_a_file(text: str | bytes, line: int, key: str, problem: str, wanted: str) -> None:
    (found,) = problems_of(text)
    assert (found.line, found.key, found.problem) == (line, key, problem)
    assert wanted in found.wanted


def test_too_many_of_something() -> None:
    skills = ", ".join(f"s{number} = 1" for number in range(33))
    steps = "".join(f"[[queues.a.steps]]\nafter = {number + 1}\n" for number in range(16))
    channels = "".join(f"[channels.c{number}]\n" for number in range(17))
    text = f"[queues.a]\nskills = {{ {skills} }}\nprefer = {{ {skills} }}\nany_of = [{{ {skills} }}]\n{steps}{channels}"
    assert [(problem.line, problem.key, problem.problem) for problem in problems_of(text)] == [
        (1, "queues.a", "it demands 34 things of an agent at once"),
        (3, "queues.a.prefer", "it prefers 33 skills"),
        (4, "queues.a.any_of[1]", "33 skills to choose from"),
        (5, "queues.a.steps", "there are 16 steps"),
        (37, "channels", "there are 17 channels"),
    ]


def test_all_problems_are_reported_in_order_of_lines() -> None:
    text = """\
[queues.b]
overflow = "c"
target = "x"
[[queues.b.steps]]
after = "soon"
skills = { x = 11, y = 0 }
[engine]
calls_max = "many"
speed = 5
[queue_defaults]
agent_weights = { idle = -1, load = nan }
[queues.a]
wrap_up = { mode = "sometimes", duration = "x" }
[server]
listen = 1
"""
    assert [(problem.line, problem.key) for problem in problems_of(text)] == [
        (2, "queues.b.overflow"),
        (3, "queues.b.target"),
        (5, "queues.b.steps[1].after"),
        (6, "queues.b.steps[1].skills.x"),
        (6, "queues.b.steps[1].skills.y"),
        (8, "engine.calls_max"),
        (9, "engine.speed"),
        (11, "queue_defaults.agent_weights.idle"),
        (11, "queue_defaults.agent_weights.load"),
        (13, "queues.a.wrap_up.duration"),
        (13, "queues.a.wrap_up.mode"),
        (15, "server.listen"),
    ]


def test_every_double_is_reported() -> None:
    text = "[queues.a]\ntarget = 5\ntarget = 6\nautomatic = true\ntarget = 7\nautomatic = true\n"
    assert [(problem.line, problem.problem) for problem in problems_of(text)] == [
        (3, "defined twice, first on line 2"),
        (5, "defined twice, first on line 2"),
        (6, "defined twice, first on line 4"),
    ]


def test_a_hostile_file_ends_in_a_bounded_list() -> None:
    text = "[queues.a]\n" + "".join(f"unknown{number} = 1\n" for number in range(5_000))
    problems = problems_of(text)
    assert len(problems) == PROBLEMS_MAX + 1
    assert [problem.line for problem in problems[:-1]] == list(range(2, PROBLEMS_MAX + 2))
    assert problems[-1].problem == f"there are {PROBLEMS_MAX} problems or more; the rest was not checked"


def test_problems_never_carry_control_characters() -> None:
    text = '[queues."\\u001b[31m\\u009b\\u202e"]\n"\\u0007" = "\\u001b]0;x"\npreset = "\\u001b\\u2028"\n'
    assert all(letter.isprintable() or letter == "\n" for letter in "\n".join(map(str, problems_of(text))))


def test_windows_line_ends_do_not_shift_lines() -> None:
    (found,) = problems_of(b"\xef\xbb\xbf[queues.a]\r\n\r\ntarget = 0\r\n")
    assert found.line == 3


class TestFiles:
    """What can be wrong with a file before its text is."""

    @staticmethod
    def problem_of(path: Path | str) -> ConfigProblem:
        with pytest.raises(ConfigError) as refused:
            load_config(path)
        (problem,) = refused.value.problems
        assert (problem.file, problem.line, problem.key) == (printable(str(path)), 0, "")
        assert str(problem) == f"{problem.file}: {problem.problem}; {problem.wanted}"
        return problem

    def test_missing(self, tmp_path: Path) -> None:
        problem = self.problem_of(tmp_path / "missing.toml")
        assert problem.problem == "there is no such file"
        assert "init-config" in problem.wanted

    def test_directory(self, tmp_path: Path) -> None:
        assert self.problem_of(tmp_path).problem == "this is a directory"

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert self.problem_of(tmp_path / "file" / "x.toml").problem == "it cannot be read: Not a directory"

    def test_pipe_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert self.problem_of(tmp_path / "pipe").problem == "this is not a regular file"

    def test_device_without_end(self) -> None:
        assert self.problem_of("/dev/zero").problem == "this is not a regular file"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_unreadable(self, tmp_path: Path) -> None:
        path = tmp_path / "secret.toml"
        path.touch(mode=0)
        assert self.problem_of(path).problem == "it cannot be read: Permission denied"

    def test_name_that_cannot_be(self) -> None:
        assert self.problem_of("a\0b").problem == "it cannot be read: embedded null byte"
        assert self.problem_of("x" * 5_000).problem == "it cannot be read: File name too long"

    def test_huge_sparse_file_is_not_read_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.toml"
        with path.open("wb") as file:
            file.truncate(1 << 40)
        assert self.problem_of(path).problem == "it is larger than 4 MiB"

    def test_names_that_terminals_cannot_show(self, tmp_path: Path) -> None:
        path = tmp_path / "\x1b[31m\udcff.toml"
        assert self.problem_of(path).file == f"{tmp_path}/\\u001b[31m\\udcff.toml"
        path.write_text("[queues.a]\ntarget = 0\n")
        with pytest.raises(ConfigError, match=r"\\udcff\.toml:2: queues\.a\.target: 0 is out of range"):
            load_config(path)
        path.write_text("[queues.a]\n")
        assert list(load_config(path).settings.queues) == ["a"]

    def test_the_file_is_named_as_it_was_given(self, tmp_path: Path) -> None:
        path = tmp_path / "router.toml"
        path.write_text("[queues.a]\ntarget = 0\n")
        with pytest.raises(ConfigError) as refused:
            load_config(path)
        assert str(refused.value).startswith(f"{path}:2: queues.a.target: 0 is out of range; ")
