"""The child that writes snapshots: the bytes of the moment at which it was made, and nothing left of it afterwards."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine.settings import QueueSettings, Settings
from router.journal import ConfigText, ServiceState
from router.journal.records import decode_service_state, encode_service_state
from router.server._native import (
    AgentHoldings,
    CallHoldings,
    Child,
    ChildFailed,
    Holdings,
    engine_part,
    owned_part,
    write_parts,
)
from router.server.forking import MAY_FORK
from router.server.sessions.sessions import Sessions
from router.wait import Predictor
from tests.engine.random_states import RandomState

pytestmark = pytest.mark.skipif(not MAY_FORK, reason="no child can be made here")
PIPE_BYTES = 1 << 20
SANITIZED = "ROUTER_SANITIZE" in os.environ
TIMEOUT_S = 30.0


def long_line() -> Engine:
    """Return an engine whose snapshot does not fit into the pipe: a child of it waits until somebody reads."""
    engine = Engine(Settings(queues={"q": QueueSettings(waiting_max=100_000)}))
    for number in range(7_000):
        engine.apply(c.Enqueue(f"call-{number}", "q", attributes={"note": f"{number:150}"}), 0)
    assert len(engine.snapshot()) > PIPE_BYTES
    return engine


@pytest.fixture(scope="module")
def line() -> Engine:
    return long_line()


def is_gone(pid: int) -> bool:
    """Whether not even a zombie is left of a process."""
    return not psutil.pid_exists(pid)


def await_that(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.005)


@given(seed=st.integers(0, 2**32))
def test_the_child_writes_what_was_there_when_it_was_made(seed: int) -> None:
    state = RandomState(f"child {seed}", operations=40)
    parts = [engine_part(state.engine), Predictor(state.engine).part()]
    expected = write_parts(parts)
    child = Child(parts)
    state.continuation(20)
    engine, wait = child.read(TIMEOUT_S)
    assert [engine, wait] == expected
    assert Engine.restore(engine).snapshot() == engine != state.engine.snapshot()
    assert is_gone(child.pid)


def names_of(clients: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80), st.sampled_from(clients)))


@given(agents=names_of(("", "pbx", "café ☎")), calls=names_of(("pbx", "p" * 255, "\U0001f600", "ｚ")))
def test_what_is_owned_is_written_as_python_would(agents: list[tuple[str, str]], calls: list[tuple[str, str]]) -> None:
    sessions = Sessions()
    for holdings, given_ in ((sessions.agents, agents), (sessions.calls, calls)):
        for name, client_id in given_:
            holdings.give(name, client_id)
    (owned,) = write_parts([owned_part(sessions.agents, sessions.calls)])
    state = ServiceState(ConfigText("text", "etag", from_file=True), "etag", (), sessions.state()[1], b"learnt")
    without = ServiceState(state.config, state.file_etag, (), (), b"learnt", owned)
    assert decode_service_state(encode_service_state(without)) == state
    assert owned == write_parts([owned_part(sessions.agents, sessions.calls)])[0]


def test_of_the_process_the_child_keeps_only_its_pipe(line: Engine) -> None:
    with open(os.devnull) as opened:
        child = Child([engine_part(line)])
        await_that(lambda: psutil.Process(child.pid).status() == psutil.STATUS_SLEEPING)
        files = {int(name): os.readlink(f"/proc/{child.pid}/fd/{name}") for name in os.listdir(f"/proc/{child.pid}/fd")}
        assert opened.fileno() > 3
    assert files.keys() <= {2, 3}
    assert files[3].startswith("pipe:")
    told = Path(f"/proc/{child.pid}/status").read_text()
    assert "Threads:\t1\n" in told
    assert "Name:\trouter-snapshot\n" in told
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text() == "1000\n"
    assert psutil.Process(child.pid).nice() == min(19, psutil.Process().nice() + 10)
    # a signal to the whole group, such as ctrl-C, is the parent's matter
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        os.kill(child.pid, number)
    assert child.read(TIMEOUT_S) == [line.snapshot()]


def test_what_is_let_go_is_gone(line: Engine) -> None:
    child = Child([engine_part(line)])
    pid = child.pid
    del child
    assert is_gone(pid)


def test_a_child_that_dies_is_told(line: Engine) -> None:
    child = Child([engine_part(line)])
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildFailed, match=r"ended early \(killed by signal 9\)"):
        child.read(TIMEOUT_S)
    assert is_gone(child.pid)
    with pytest.raises(ChildFailed, match="gone already"):
        child.read(TIMEOUT_S)


def test_it_is_killed_while_somebody_reads(line: Engine) -> None:
    child = Child([engine_part(line)])
    os.kill(child.pid, signal.SIGSTOP)
    failures: list[ChildFailed] = []

    def read() -> None:
        with pytest.raises(ChildFailed) as failed:
            child.read(TIMEOUT_S)
        failures.append(failed.value)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.05)
    assert reader.is_alive()
    child.kill()
    reader.join(TIMEOUT_S)
    assert "killed by signal 9" in str(failures[0])
    child.kill()
    assert is_gone(child.pid)


def test_a_child_that_is_stuck_is_given_up(line: Engine) -> None:
    child = Child([engine_part(line)])
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ChildFailed, match="not done in time"):
        child.read(0.1)
    assert is_gone(child.pid)


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let nobody open a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(SANITIZED, reason="a sanitizer opens files to look at memory")
def test_what_the_system_refuses_is_told(line: Engine) -> None:
    with no_more_files(), pytest.raises(OSError, match="no pipe can be made: Too many open files"):
        Child([engine_part(line)])
    assert Child([engine_part(line)]).read(TIMEOUT_S) == [line.snapshot()]


FORBIDDEN = """
import os, resource
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    Child([engine_part(Engine())])
except OSError as error:
    print("refused:", error)
"""
STUCK = """
child = Child([engine_part(long_line())])
print(child.pid, flush=True)
import time
time.sleep(60)
"""


def with_imports(program: str) -> list[str]:
    imports = "from tests.server.test_child import *\nfrom router.server._native import *\n"
    return [sys.executable, "-c", imports + program]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_fork_that_is_refused_is_told() -> None:
    done = subprocess.run(with_imports(FORBIDDEN), capture_output=True, text=True, timeout=60)
    assert "refused: [Errno 11] no child can be made: Resource temporarily unavailable" in done.stdout, done.stderr


def test_it_dies_with_its_parent() -> None:
    with subprocess.Popen(with_imports(STUCK), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # it has filled the pipe, and waits for somebody to read
        await_that(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING)
        parent.kill()
    await_that(lambda: is_gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_where_nobody_waits_for_children_it_works_all_the_same(line: Engine) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = Child([engine_part(line)])
        assert child.read(TIMEOUT_S) == [line.snapshot()]
        stuck = Child([engine_part(line)])
        stuck.kill()
        with pytest.raises(ChildFailed, match="ended early"):
            stuck.read(TIMEOUT_S)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_many_children_beside_busy_threads_leave_nothing_behind() -> None:
    engine = RandomState("many children").engine
    expected, ended = [engine.snapshot()], threading.Event()

    def be_busy() -> None:
        while not ended.is_set():
            # of sizes that take the allocator's locks
            Engine.restore(expected[0])

    threads = [threading.Thread(target=be_busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    files = len(os.listdir("/proc/self/fd"))
    try:
        for _ in range(20 if SANITIZED else 100):  # a sanitizer's memory takes long to copy
            assert Child([engine_part(engine)]).read(TIMEOUT_S) == expected
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert len(os.listdir("/proc/self/fd")) == files
    assert psutil.Process().children() == []


def test_what_is_no_part_is_refused() -> None:
    with pytest.raises(ValueError, match="PyCapsule"):
        write_parts([b"something else"])
    with pytest.raises(TypeError):
        owned_part(Holdings.__new__(AgentHoldings), None)  # type: ignore[arg-type]
    assert write_parts([owned_part(AgentHoldings(), CallHoldings())]) == [b""]
