"""Logs: what lines look like, what they say of a request, and that they hold nobody up."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.server.logs import fields
from router.server.logs.fields import RpcFields, shown
from router.server.logs.formats import JsonFormat, TextFormat
from router.server.logs.handler import Strict, UnhurriedHandler
from router.server.logs.repeats import LINES_MAX, WINDOW_S, Repeats
from router.server.rpcs.rpc import CURRENT, UNARY, Rpc, note_refusal, note_request
from router.server.security.principals import LOCAL
from router.v1 import agent_service_pb2, call_service_pb2, commands_pb2

Lines = tuple[logging.Logger, io.StringIO]


def new_logger(name: str, formatter: logging.Formatter, *filters: logging.Filter) -> Lines:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    for each in filters:
        handler.addFilter(each)
    logger = logging.Logger(name)
    logger.addHandler(handler)
    return logger, stream


@pytest.fixture
def text() -> Lines:
    return new_logger("router.test", TextFormat(), RpcFields())


@pytest.fixture
def as_json() -> Lines:
    return new_logger("router.test", JsonFormat(), RpcFields())


class Peer:
    """As much of a gRPC context as the logs need."""

    def peer(self) -> str:
        return "ipv4:127.0.0.1:4711"


@pytest.fixture
def rpc(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rpc]:
    under_way = Rpc("/router.v1.CallService/Enqueue", UNARY, Peer())
    monkeypatch.setattr(fields, "principal_of", lambda: LOCAL)
    token = CURRENT.set(under_way)
    yield under_way
    CURRENT.reset(token)


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_text_has_time_level_words_and_fields(text: Lines) -> None:
    logger, stream = text
    logger.warning("queue %s is full", "loans", extra={"queue": "loans", "waiting": 12, "note": "a b", "none": None})
    line = stream.getvalue()
    assert re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING queue loans is full \[queue=loans waiting=12 note="a b"\]\n',
        line,
    )


def test_a_json_line_is_one_object(as_json: Lines) -> None:
    logger, stream = as_json
    logger.error("it\nbroke \u2028 %s", "“x”", extra={"queue": "loans", "waiting": 12, "odd": {1, 2} and Path("/x")})
    assert stream.getvalue().count("\n") == 1
    (line,) = objects(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "ERROR",
        "logger": "router.test",
        "message": "it\nbroke \u2028 “x”",
        "queue": "loans",
        "waiting": 12,
        "odd": "/x",
    }


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[31mb", "a b", "a=b", "[a]", 'a"b', "", "a\u2028b"])
def test_what_could_be_mistaken_is_quoted(value: str) -> None:
    text = shown(value)
    assert json.loads(text) == value
    assert text.isprintable()


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 10_000)) == 301


def test_a_traceback_is_in_the_line(text: Lines, as_json: Lines) -> None:
    for logger, _ in (text, as_json):
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("a fault", extra={"queue": "q"})
    first, *rest = text[1].getvalue().splitlines()
    assert first.endswith("ERROR a fault [queue=q]")
    assert rest[-1] == "ValueError: broken"
    (line,) = objects(as_json[1])
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken")
    assert "exc_info" not in line


def test_a_line_about_a_request_says_who_and_what(as_json: Lines, rpc: Rpc) -> None:
    enqueue = commands_pb2.Enqueue(call="c1", queue="loans", customer="secret")
    note_request(call_service_pb2.EnqueueRequest(client_id="pbx", request_id="r1", enqueue=enqueue))
    note_refusal("TOO_MANY_CALLS", seen_by_engine=True)
    as_json[0].warning("x")
    (line,) = objects(as_json[1])
    assert {name: line[name] for name in line if name not in ("time", "level", "logger", "message")} == {
        "rpc": "/router.v1.CallService/Enqueue",
        "peer": "ipv4:127.0.0.1:4711",
        "reason": "TOO_MANY_CALLS",
        "client_id": "pbx",
        "request_id": "r1",
        "call": "c1",
        "queue": "loans",
        "principal": "local",
    }


def test_a_query_says_what_it_is_about(as_json: Lines, rpc: Rpc) -> None:
    note_request(agent_service_pb2.GetAgentRequest(agent="ada"))
    as_json[0].warning("x")
    (line,) = objects(as_json[1])
    assert line["agent"] == "ada"
    assert "client_id" not in line


def test_fields_of_a_line_win_over_those_of_the_request(as_json: Lines, rpc: Rpc) -> None:
    as_json[0].warning("x", extra={"peer": "10.0.0.1"})
    assert objects(as_json[1])[0]["peer"] == "10.0.0.1"


def test_outside_of_a_request_nothing_is_added(as_json: Lines) -> None:
    as_json[0].warning("x")
    assert set(objects(as_json[1])[0]) == {"time", "level", "logger", "message"}


def test_a_line_that_comes_again_and_again_is_counted() -> None:
    now_s = 100.0
    logger, stream = new_logger("router.test", JsonFormat(), Repeats(lambda: now_s))

    def say(number: int) -> None:
        logger.warning("again %d", number)

    for number in range(LINES_MAX + 5):
        say(number)
    logger.warning("something else")
    lines = objects(stream)
    assert len(lines) == LINES_MAX + 1
    assert "more_follow" not in lines[LINES_MAX - 2]
    assert lines[LINES_MAX - 1]["more_follow"] == "not written for 10 s"
    assert lines[-1]["message"] == "something else"
    now_s += WINDOW_S
    say(99)
    assert objects(stream)[-1]["left_out"] == 5
    say(100)
    assert "left_out" not in objects(stream)[-1]


def test_what_must_not_be_missed_always_passes() -> None:
    logger, stream = new_logger("router.test", JsonFormat(), Repeats(lambda: 0.0))
    for _ in range(LINES_MAX * 2):
        logger.critical("the end")
        logger.debug("access")
        logger.info("who did what", extra={"event": "audit"})
        logger.info("what became of a call", extra={"event": "call"})
    assert len(objects(stream)) == 4 * LINES_MAX * 2


class Stuck(logging.Handler):
    """A reader that reads nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.seen: list[str] = []

    def handle(self, record: logging.LogRecord) -> bool:
        self.go.wait()
        self.seen.append(record.getMessage())
        return True


def test_a_reader_who_is_stuck_holds_nobody_up_and_learns_what_is_lost() -> None:
    target = Stuck()
    handler = UnhurriedHandler(target, lines_max=5)
    logger = logging.Logger("router.test")
    logger.addHandler(handler)
    for number in range(100):
        logger.info("line %d", number)
    target.go.set()
    handler.flush()
    kept = len(target.seen)
    assert 5 <= kept <= 6
    logger.info("later")
    handler.flush()
    assert target.seen[:5] == [f"line {number}" for number in range(5)]
    assert target.seen[kept:] == ["later", f"{100 - kept} lines of the log found no room and are lost"]


def test_a_line_that_cannot_be_written_is_named_by_another_and_ends_none() -> None:
    class Wordless:
        def __str__(self) -> str:
            raise RuntimeError("no such words")

    stream = io.StringIO()
    target = Strict(stream)
    target.setFormatter(TextFormat())
    handler = UnhurriedHandler(target)
    logger = logging.Logger("router.test")
    logger.addHandler(handler)
    logger.info("good")
    logger.info("%s is bad", Wordless())
    logger.info("bad too", extra={"field": Wordless()})
    logger.info("better")
    handler.flush()
    told = [line.partition(" ")[2] for line in stream.getvalue().splitlines()]
    bad = "ERROR a line of the log cannot be written: RuntimeError: no such words"
    assert told == ["INFO good", bad, bad, "INFO better"]


def test_a_stream_that_takes_nothing_ends_nothing() -> None:
    class Broken(io.StringIO):
        broken = True

        def write(self, words: str) -> int:
            if self.broken:
                raise BrokenPipeError("nobody reads")
            return super().write(words)

    stream = Broken()
    handler = UnhurriedHandler(Strict(stream))
    logger = logging.Logger("router.test")
    logger.addHandler(handler)
    logger.info("nobody reads this")
    handler.flush()
    stream.broken = False
    logger.info("somebody reads this")
    handler.flush()
    assert stream.getvalue() == "somebody reads this\n"


def test_a_line_says_what_was_true_when_it_was_written() -> None:
    target = Stuck()
    handler = UnhurriedHandler(target)
    logger = logging.Logger("router.test")
    logger.addHandler(handler)
    changing = ["before"]
    logger.info("it is %s", changing)
    changing[0] = "after"
    target.go.set()
    handler.flush()
    assert target.seen == ["it is ['before']"]


PROGRAM = """
import gc, logging, sys, threading, warnings
from router.server.logs import set_up_logs
set_up_logs(sys.argv[1], sys.argv[2])
log = logging.getLogger("router.x")
log.debug("debug"); log.info("info"); logging.getLogger("other").debug("theirs"); log.warning("warning")
warnings.warn("old")
def fail(): raise ValueError("in a thread")
thread = threading.Thread(target=fail, name="worker"); thread.start(); thread.join()
class Sticky:
    def __del__(self): raise KeyError("thrown away")
Sticky(); gc.collect()
raise RuntimeError("uncaught")
"""


def run(style: str, level: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style, level], capture_output=True, text=True, timeout=30, env=environment
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_nothing_ends_in_silence_and_every_line_is_json() -> None:
    code, written = run("json", "info")
    assert code == 1
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line["level"], line["message"]) for line in lines if line["logger"] == "router.x"] == [
        ("INFO", "info"),
        ("WARNING", "warning"),
    ]
    assert [(line["level"], line["exception"].rpartition("\n")[2]) for line in lines if "exception" in line] == [
        ("CRITICAL", "ValueError: in a thread"),
        ("ERROR", "KeyError: 'thrown away'"),
        ("CRITICAL", "RuntimeError: uncaught"),
    ]
    assert [line["message"] for line in lines if line["logger"] == "py.warnings"] == ["<string>:7: UserWarning: old\n"]
    assert not [line for line in lines if line["logger"] == "other"]


def test_levels() -> None:
    written = run("text", "debug")[1]
    assert " DEBUG debug\n" in written
    assert "theirs" not in written
    errors = run("text", "error")[1]
    assert " WARNING " not in errors
    assert " CRITICAL " in errors
