"""What a run ran on: noted in its JSON, shown by the report, and the key of the recorded instruction counts."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from importlib import metadata

import psutil

PACKAGES = ("cython", "grpcio", "uvloop", "protobuf", "msgspec", "numpy", "simpy", "ciw")


def processor() -> str:
    """Return the processor's name and how many of it there are."""
    name = platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # not Linux
    return f"{name}, {os.cpu_count()} cores, {platform.machine()}"


def compiler() -> str:
    """Return the C++ compiler's name and version, empty where there is none."""
    words = os.environ.get("CXX", "c++").split()
    try:
        answer = subprocess.run([*words, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.partition("\n")[0].strip()


def libc() -> str:
    """Return the C library's name and version."""
    return " ".join(platform.libc_ver()).strip()


def flags() -> str:
    """Return the flags that the engine is compiled with, as far as Python brings them along."""
    return " ".join(sorted(set(str(sysconfig.get_config_var("CFLAGS")).split())))


def packages() -> str:
    """Return the versions of what takes part in the benchmarks."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def machine(*, quick: bool) -> dict[str, object]:
    """Return all of it."""
    return {
        "quick": quick,
        "version": metadata.version("skill-router"),
        "processor": processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": compiler(),
        "libc": libc(),
        "packages": packages(),
    }


if __name__ == "__main__":
    for name, value in machine(quick=False).items():
        print(f"{name}: {value}", file=sys.stdout)
