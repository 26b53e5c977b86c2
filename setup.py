"""Build the native parts: the engine's C++ as a static library, and the extensions around it. Static metadata is in
pyproject.toml.

ROUTER_SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer (see `make sanitize`).
ROUTER_WERROR=1 turns compiler warnings into errors. ROUTER_SKIP_NATIVE=1 installs the Python part alone: `make` does
that and builds the native parts in place, so that they are compiled only when their sources change.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

compile_args = ["-std=c++20", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wshadow", "-Wno-type-limits"]
link_args = []
if os.environ.get("ROUTER_SANITIZE"):
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
    # Python's own flags make signed overflow defined, which would hide it here.
    compile_args += [*flags, "-O1", "-fno-wrapv"]
    link_args += flags
if os.environ.get("ROUTER_WERROR"):
    compile_args.append("-Werror")

ENGINE = "router_engine"
engine_sources = sorted(glob("src_native/*.cpp"))
engine_headers = sorted(glob("src_native/*.hpp"))


def extension(name, sources=(), headers=()):
    """Describe an extension around the engine: a .pyx by the name of the module, and more C++ of its own."""
    folder = os.path.dirname(name.replace(".", "/"))
    bindings = {*glob("router/engine/*.px[di]"), *glob(f"{folder}/*.px[di]")}
    return Extension(
        name,
        sources=[f"{name.replace('.', '/')}.pyx", *sources],
        depends=[*engine_sources, *engine_headers, *headers, *sorted(bindings), "setup.py"],
        include_dirs=["src_native"],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        language="c++",
    )


class NativeBuild(build_ext):
    """Compiles the engine once for all extensions, and all sources side by side; setuptools takes them one by one."""

    def build_extensions(self):
        compile_some = self.compiler.compile

        def compile_all(sources, **options):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                groups = pool.map(lambda source: compile_some([source], **options), sources)
                return [compiled for group in groups for compiled in group]

        self.compiler.compile = compile_all
        engine = self._build_engine()
        for one in self.extensions:
            one.extra_objects = [engine]
        super().build_extensions()

    def _build_engine(self):
        library = self.compiler.library_filename(ENGINE, output_dir=self.build_temp)
        if self.force or newer_group([*engine_sources, *engine_headers, "setup.py"], library, "newer"):
            objects = self.compiler.compile(
                engine_sources,
                output_dir=self.build_temp,
                include_dirs=["src_native"],
                debug=self.debug,
                extra_postargs=compile_args,
            )
            if os.path.exists(library):
                os.remove(library)  # an archive would keep the objects of sources that are gone
            self.compiler.create_static_lib(objects, ENGINE, output_dir=self.build_temp)
        return library


server_rooms = ("wire", "service", "process")
modules = [
    extension("router.engine._native"),
    extension(
        "router.simulation._native",
        sorted(glob("src_native/simulation/*.cpp")),
        sorted(glob("src_native/simulation/*.hpp")),
    ),
    extension(
        "router.wait._native",
        ["src_native/simulation/random.cpp", *sorted(glob("src_native/wait/*.cpp"))],
        sorted(glob("src_native/wait/*.hpp") + glob("src_native/process/part.hpp")),
    ),
    extension(
        "router.server._native",
        sorted(source for room in server_rooms for source in glob(f"src_native/{room}/*.cpp")),
        sorted(header for room in server_rooms for header in glob(f"src_native/{room}/*.hpp")),
    ),
]
if os.environ.get("ROUTER_SKIP_NATIVE"):
    modules = []
setup(
    ext_modules=cythonize(modules, compiler_directives={"language_level": 3}, annotate=False),
    cmdclass={"build_ext": NativeBuild},
)
