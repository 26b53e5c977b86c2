"""Hold the architecture of DESIGN.md: who may import whom, who reads clocks, what the native engine may include."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "router"
NATIVE = ROOT / "src_native"
LINES_MAX = 600

# room -> the rooms that it imports, no more and no fewer; v1 is generated
ALLOWED: dict[str, set[str]] = {
    "v1": set(),
    "engine": set(),
    "config": {"engine"},
    "fairness": {"engine"},
    "wait": {"engine"},
    "simulation": {"engine", "fairness", "config", "wait"},
    "wire": {"engine", "v1"},
    "client": {"engine", "wire", "v1"},
    "journal": {"engine", "wire", "v1"},
    "server": {"engine", "config", "wait", "wire", "journal", "v1"},
    "bridge": {"engine", "config", "client"},
}
ALLOWED["cli"] = set(ALLOWED)
# room of the server -> the others that it imports, no more and no fewer, beside what is beneath all of them
SERVER_ALLOWED: dict[str, set[str]] = {
    "writing": set(),
    "estimation": {"writing"},
    "sessions": {"writing"},
    # to be let in is one of the things around an RPC, and security knows how
    "rpcs": {"security"},
    "security": {"rpcs", "writing"},
    "logs": {"rpcs", "security"},
    "metrics": {"rpcs", "writing", "shell"},
    "recovery": {"forking", "shell", "writing"},
    "services": {"estimation", "rpcs", "security", "writing", "answers", "shell", "watch"},
}
SERVER_GROUND = {"_native", "clock", "errors", "health", "meters", "tally"}
WITH_GRPC = {"server", "client", "cli", "v1"}
WITH_CLOCK = {"server", "client", "cli", "bridge"}
# in the bridge, only these do I/O; all else follows from what it is told, and when
BRIDGE_EDGE = {"announcing", "command_sender", "listening", "process", "router_side", "run"}
BRIDGE_EDGE |= {"client", "ordering", "opening", "rest"}
GRPC_MODULES = {"grpc", "grpc_health", "grpc_reflection", "grpc_status", "grpc_tools"}
CLOCK_MODULES = {"time", "sched", "timeit"}
CLOCK_CALLS = {"now", "utcnow", "today", "monotonic", "monotonic_ns", "perf_counter", "time_ns"}
UNSEEDED = {"random", "secrets", "uuid"}
# native room -> those whose headers it includes, no more and no fewer; the engine is in src_native itself
NATIVE_ALLOWED: dict[str, set[str]] = {
    "engine": set(),
    "simulation": {"engine"},
    "wait": {"engine", "simulation"},
    "wire": {"engine"},
    "service": {"engine", "wire"},
    "process": set(),
}

FORBIDDEN_INCLUDES = {
    "Python.h",
    "atomic",
    "chrono",
    "cmath",
    "condition_variable",
    "cstdio",
    "ctime",
    "fcntl.h",
    "fstream",
    "future",
    "iostream",
    "math.h",
    "mutex",
    "poll.h",
    "random",
    "signal.h",
    "stdio.h",
    "sys/prctl.h",
    "sys/syscall.h",
    "sys/types.h",
    "sys/wait.h",
    "thread",
    "time.h",
    "unistd.h",
}


def python_files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def cython_files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.p[yx][xdi]") if path.suffix != ".pyi")


def native_files(room: str) -> list[Path]:
    folder = NATIVE if room == "engine" else NATIVE / room
    return sorted([*folder.glob("*.cpp"), *folder.glob("*.hpp")])


def native_rooms_included(path: Path) -> set[str]:
    """List the other native rooms whose headers a C++ file includes."""
    included = set()
    for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text("utf-8"), re.MULTILINE):
        header = path.parent / name if (path.parent / name).exists() else NATIVE / name
        assert header.exists(), f"{path.relative_to(ROOT)} includes {name}, which is not there"
        included.add(native_room_of(header))
    return included - {native_room_of(path)}


def native_room_of(path: Path) -> str:
    return "engine" if path.parent == NATIVE else path.parent.name


def room_of(path: Path) -> str:
    """Name the room of a file; the package's own `__init__` is the engine's front door."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "engine"


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """List imported modules with their lines, inside functions and TYPE_CHECKING blocks too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = relative_base(path, node.level)
            module = ".".join(part for part in (base, node.module) if part)
            if module == "router":
                yield from ((node.lineno, f"router.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def rooms_imported(path: Path) -> Iterator[tuple[int, str, str]]:
    """List imports of other rooms: line, module and room."""
    for line, module in imports_of(path):
        parts = module.split(".")
        if parts[0] != "router" or len(parts) == 1:
            continue
        target = parts[1] if (PACKAGE / parts[1]).is_dir() else "engine"
        if target != room_of(path):
            yield line, module, target


def relative_base(path: Path, level: int) -> str:
    if level == 0:
        return ""
    package = path.relative_to(ROOT).parent.parts
    return ".".join(package[: len(package) - level + 1])


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def without_comments(path: Path) -> list[str]:
    """Return the lines of a C++ file with comments and string literals blanked."""
    text = path.read_text("utf-8")
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)

    def blank(match: re.Match[str]) -> str:
        return '""' if match[0].startswith('"') else "\n" * match[0].count("\n")

    includes = re.compile(r"^\s*#include.*$")
    return [
        original if includes.match(original) else line
        for original, line in zip(text.split("\n"), pattern.sub(blank, text).split("\n"), strict=True)
    ]


def test_every_room_is_known() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert rooms <= ALLOWED.keys()


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_dependencies_point_one_way(path: Path) -> None:
    room = room_of(path)
    wrong = [(line, module) for line, module, target in rooms_imported(path) if target not in ALLOWED[room]]
    assert not [f"{where(path, line)}: {room} may not import {module}" for line, module in wrong]


@pytest.mark.parametrize("room", sorted(ALLOWED.keys() - {"cli"}))
def test_no_dependency_is_allowed_that_is_not_there(room: str) -> None:
    files = [path for path in python_files() if room_of(path) == room]
    assert {target for path in files for _, _, target in rooms_imported(path)} == ALLOWED[room]


def test_every_room_of_the_server_is_known() -> None:
    assert {path.parent.name for path in (PACKAGE / "server").glob("*/__init__.py")} == SERVER_ALLOWED.keys()


@pytest.mark.parametrize("room", SERVER_ALLOWED)
def test_rooms_of_the_server_import_those_beneath_them(room: str) -> None:
    modules = [module for path in (PACKAGE / "server" / room).rglob("*.py") for _, module in imports_of(path)]
    imported = {module.split(".")[2] for module in modules if module.startswith("router.server.")}
    assert imported - SERVER_GROUND - {room} == SERVER_ALLOWED[room]


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_edge_imports_grpc(path: Path) -> None:
    if room_of(path) in WITH_GRPC:
        return
    found = [(line, module) for line, module in imports_of(path) if module.split(".")[0] in GRPC_MODULES]
    assert not [f"{where(path, line)}: imports {module}" for line, module in found]


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_edge_reads_clocks_and_draws_lots(path: Path) -> None:
    is_core = room_of(path) == "bridge" and path.stem not in BRIDGE_EDGE
    if room_of(path) in WITH_CLOCK | {"v1"} and not is_core:
        return
    imported = [
        f"{where(path, line)}: imports {module}"
        for line, module in imports_of(path)
        if module.split(".")[0] in CLOCK_MODULES | UNSEEDED | {"asyncio", "aiohttp"}
    ]
    called = [
        f"{where(path, node.lineno)}: calls {node.func.attr}()"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS
    ]
    assert not imported + called


@pytest.mark.parametrize("path", cython_files(), ids=lambda path: path.name)
def test_only_the_edges_binding_reads_clocks(path: Path) -> None:
    if room_of(path) in WITH_CLOCK:
        return
    # the simulator's random numbers are functions of their seeds
    unseeded = "" if room_of(path) == "simulation" else "|random"
    words = re.compile(rf"\b(import time|libc\.time|datetime|monotonic|perf_counter|clock_gettime|chrono{unseeded})\b")
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    assert not [where(path, number) for number, line in lines if words.search(line)]


@pytest.mark.parametrize("path", native_files("engine"), ids=lambda path: path.name)
def test_the_native_engine_has_no_clock_no_io_and_no_threads(path: Path) -> None:
    wrong = []
    for number, line in enumerate(without_comments(path), 1):
        include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if include and include[1] in FORBIDDEN_INCLUDES:
            wrong.append(f"{where(path, number)}: includes {include[1]}")
    assert not wrong


@pytest.mark.parametrize("path", native_files("simulation"), ids=lambda path: path.name)
def test_the_native_simulator_has_no_clock_and_no_io(path: Path) -> None:
    forbidden = FORBIDDEN_INCLUDES - {"atomic", "cmath"}
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    assert not forbidden.intersection(includes)


@pytest.mark.parametrize("path", native_files("wait"), ids=lambda path: path.name)
def test_the_native_wait_prediction_has_no_io_and_only_futures_have_clock_and_threads(path: Path) -> None:
    allowed = {"atomic", "cmath", "math.h"} | (
        {"chrono", "mutex", "thread"} if path.name.startswith("futures_run") else set()
    )
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    assert not (FORBIDDEN_INCLUDES - allowed).intersection(includes)
    rooms = {include for include in includes if include.startswith("simulation/")}
    assert rooms <= {"simulation/random.hpp"}


def test_every_native_room_is_known() -> None:
    assert {path.name for path in NATIVE.iterdir() if path.is_dir()} == NATIVE_ALLOWED.keys() - {"engine"}


@pytest.mark.parametrize("room", NATIVE_ALLOWED)
def test_native_rooms_include_those_below_them(room: str) -> None:
    files = native_files(room)
    assert {other for path in files for other in native_rooms_included(path)} == NATIVE_ALLOWED[room]
    beyond = {path.name: native_rooms_included(path) - NATIVE_ALLOWED[room] for path in files}
    assert not {name: rooms for name, rooms in beyond.items() if rooms}


@pytest.mark.parametrize("path", native_files("wire"), ids=lambda path: path.name)
def test_the_native_wire_has_no_clock_no_io_no_threads_and_no_floating_point(path: Path) -> None:
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    assert not FORBIDDEN_INCLUDES.intersection(includes)
    assert not re.search(r"\b(float|double)\b", "\n".join(without_comments(path)))


@pytest.mark.parametrize("path", native_files("service"), ids=lambda path: path.name)
def test_the_native_service_has_no_clock_no_io_and_no_threads(path: Path) -> None:
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    assert not (FORBIDDEN_INCLUDES - {"cmath"}).intersection(includes)


@pytest.mark.parametrize("path", native_files("process"), ids=lambda path: path.name)
def test_the_native_process_knows_nothing_of_python_and_has_no_threads(path: Path) -> None:
    includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    assert not {"Python.h", "atomic", "condition_variable", "future", "thread"}.intersection(includes)


@pytest.mark.parametrize("path", native_files("engine"), ids=lambda path: path.name)
def test_the_native_engine_has_no_floating_point(path: Path) -> None:
    words = re.compile(r"\b(float|double)\b|\b\d+\.\d+")
    assert not [where(path, number) for number, line in enumerate(without_comments(path), 1) if words.search(line)]


@pytest.mark.parametrize("path", native_files("engine"), ids=lambda path: path.name)
def test_the_native_engine_never_walks_an_unordered_container(path: Path) -> None:
    text = "\n".join(without_comments(path))
    names = unordered_names()
    walked = re.compile(
        r"for\s*\([^;:()]*(?:\([^()]*\)[^;:()]*)?:\s*\*?([\w.>\-]+)\s*\)|\b([\w.>\-]+?)(?:\.|->)c?begin\s*\("
    )
    wrong = []
    for match in walked.finditer(text):
        container = re.split(r"\.|->", match[1] or match[2])[-1]
        if container in names:
            wrong.append(f"{where(path, text.count(chr(10), 0, match.start()) + 1)}: walks {container}")
    assert not wrong


def unordered_names() -> set[str]:
    """Names declared anywhere in the native engine with an unordered type."""
    declared = re.compile(r"\bunordered_(?:multi)?(?:map|set)\s*<[^;{}()]*>\s*&?\s*(\w+)\s*[;={,)]")
    aliases = re.compile(r"\busing\s+(\w+)\s*=\s*std::unordered_(?:multi)?(?:map|set)\b")
    texts = ["\n".join(without_comments(path)) for path in native_files("engine")]
    names = {name for text in texts for name in declared.findall(text)}
    for alias in {name for text in texts for name in aliases.findall(text)}:
        names |= {name for text in texts for name in re.findall(rf"\b{alias}\s*&?\s+&?(\w+)\s*[;={{,)]", text)}
    return names


def test_no_file_is_too_long_to_hold_in_the_head() -> None:
    kinds = {".py", ".pyi", ".pyx", ".pxd", ".pxi", ".cpp", ".hpp", ".proto", ".toml", ".md"}
    places = [ROOT / name for name in ("router", "src_native", "protos", "tests", "bench", "examples", "docs")]
    rendered = ROOT / "docs" / "benchmarks.md"  # from bench/report, whose parts are held here
    generated = {PACKAGE / "v1", PACKAGE / "journal" / "v1", *PACKAGE.glob("*/_native.cpp"), rendered}
    long = []
    for path in (path for place in places for path in place.rglob("*") if path.suffix in kinds):
        if generated & {path, *path.parents}:
            continue
        lines = len(path.read_text("utf-8").splitlines())
        if lines > LINES_MAX:
            long.append(f"{path.relative_to(ROOT)}: {lines} lines, more than {LINES_MAX}")
    assert not long


@pytest.mark.parametrize(
    ("snippet", "walks"),
    [
        ("std::unordered_map<int, int> table;\nfor (const auto& [k, v] : table) {}", True),
        ("std::unordered_map<int, int> table;\nfor (auto it = table.begin(); it != table.end(); ++it) {}", True),
        ("std::unordered_map<int, int> table;\ntable.find(3);", False),
        ("std::map<int, int> table;\nfor (const auto& entry : table) {}", False),
    ],
)
def test_the_check_of_unordered_walks_can_fail(
    snippet: str, walks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample.cpp").write_text(snippet)
    monkeypatch.setattr(f"{__name__}.NATIVE", tmp_path)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    if walks:
        with pytest.raises(AssertionError):
            test_the_native_engine_never_walks_an_unordered_container(tmp_path / "sample.cpp")
    else:
        test_the_native_engine_never_walks_an_unordered_container(tmp_path / "sample.cpp")
