"""Build the native engine. Static metadata is in pyproject.toml.

ROUTER_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer (see `make sanitize`).
ROUTER_WERROR=1 turns compiler warnings into errors.
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

compile_args = ["-std=c++20", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wshadow", "-Wno-type-limits"]
link_args = []
if os.environ.get("ROUTER_SANITIZE"):
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
    # Python's own flags make signed overflow defined, which would hide it here.
    compile_args += [*flags, "-O1", "-fno-wrapv"]
    link_args += flags
if os.environ.get("ROUTER_WERROR"):
    compile_args.append("-Werror")

native = Extension(
    "router.engine._native",
    sources=["router/engine/_native.pyx", *sorted(glob("src_native/*.cpp"))],
    depends=[*sorted(glob("src_native/*.hpp")), *sorted(glob("router/engine/*.px[di]"))],
    include_dirs=["src_native"],
    extra_compile_args=compile_args,
    extra_link_args=link_args,
    language="c++",
)

setup(ext_modules=cythonize([native], compiler_directives={"language_level": 3}, annotate=False))
