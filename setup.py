"""Build the native engine. Static metadata is in pyproject.toml.

ROUTER_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer (see `make sanitize`).
ROUTER_WERROR=1 turns compiler warnings into errors. ROUTER_SKIP_NATIVE=1 installs the Python part alone: `make` does
that and builds the engine in place, so that it is compiled only when its sources change.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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


class ParallelBuild(build_ext):
    """Compiles the sources of the extension side by side; setuptools takes them one by one."""

    def build_extensions(self):
        compile_some = self.compiler.compile

        def compile_all(sources, **options):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                groups = pool.map(lambda source: compile_some([source], **options), sources)
                return [compiled for group in groups for compiled in group]

        self.compiler.compile = compile_all
        super().build_extensions()


modules = [] if os.environ.get("ROUTER_SKIP_NATIVE") else [native]
setup(
    ext_modules=cythonize(modules, compiler_directives={"language_level": 3}, annotate=False),
    cmdclass={"build_ext": ParallelBuild},
)
