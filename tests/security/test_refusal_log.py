"""However many callers are turned away, lines and memory are bounded, and nothing that they hid is shown."""

from __future__ import annotations

import logging

import pytest

from router.server.security.refusals import LINES_MAX, PEERS_MAX, SILENCE_S, RefusalLog, host_of


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> RefusalLog:
    return RefusalLog(clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_one_line_for_each_address_and_reason(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    for port in range(100):
        log.note("UNAUTHENTICATED", "/a", f"ipv4:10.0.0.1:{port}", "no credentials")
    log.note("PERMISSION_DENIED", "/a", "ipv4:10.0.0.1:1", "wrong role")
    log.note("UNAUTHENTICATED", "/a", "ipv6:%5B2001:db8::1%5D:1", "no credentials")
    assert lines(caplog) == [
        "refused /a to 10.0.0.1: no credentials",
        "refused /a to 10.0.0.1: wrong role",
        "refused /a to 2001:db8::1: no credentials",
    ]


def test_what_was_left_unsaid_is_counted(log: RefusalLog, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(4):
        log.note("UNAUTHENTICATED", "/a", "ipv4:10.0.0.1:1", "no credentials")
    clock.now_s += SILENCE_S
    log.note("UNAUTHENTICATED", "/b", "ipv4:10.0.0.1:2", "no credentials")
    assert lines(caplog)[1] == "refused /b to 10.0.0.1: no credentials; 3 more from there since the last word of it"


def test_many_addresses_do_not_make_many_lines(log: RefusalLog, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3 * PEERS_MAX):
        log.note("UNAUTHENTICATED", "/a", f"ipv4:10.0.{number // 256}.{number % 256}:1", "no credentials")
    assert len(lines(caplog)) == LINES_MAX
    assert len(log._said) == PEERS_MAX
    clock.now_s += SILENCE_S
    log.note("UNAUTHENTICATED", "/a", "ipv4:9.9.9.9:1", "no credentials")
    assert lines(caplog)[-2] == f"and {3 * PEERS_MAX - LINES_MAX} more were refused, from too many addresses to name"


def test_lines_carry_fields_for_machines(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    log.note("UNAUTHENTICATED", "/a", "ipv4:10.0.0.1:1", "no credentials")
    (record,) = caplog.records
    fields = {name: record.__dict__[name] for name in ("event", "reason", "rpc", "peer")}
    assert fields == {"event": "refused", "reason": "UNAUTHENTICATED", "rpc": "/a", "peer": "10.0.0.1"}


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:10.0.0.1:4711", "10.0.0.1"),
        ("ipv6:%5B::1%5D:4711", "::1"),
        ("ipv6:[::1]:4711", "::1"),
        ("unix:/run/router.sock", "unix:/run/router.sock"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_addresses_without_their_ports(peer: str, host: str) -> None:
    assert host_of(peer) == host
