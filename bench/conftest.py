"""Options and the closing report of the benchmarks."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bench.machine import machine

REPORT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="fewer rounds, and no assertion about times")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = []


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, object]) -> None:
    machine_info["bench"] = machine(quick=bool(config.getoption("--quick")))


@pytest.fixture(scope="session")
def quick(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--quick"))


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> list[str]:
    """Lines to be printed after the run."""
    return request.config.stash[REPORT]


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """Keep Python's collector, which walks everything there is, out of the times."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(REPORT, [])
    if lines:
        terminalreporter.section("scale")
        for line in lines:
            terminalreporter.write_line(line)
