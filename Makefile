# Everything a checkout needs. `make demo` and `make test` set up what is missing first; `make help` lists the rest.
# Works offline once the packages are in .venv.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# What the sanitizers run: everything that drives native code in process (no server over a network, no terminal).
SANITIZE_TESTS ?= tests/engine tests/wire_native tests/test_native_classes.py tests/recovery/test_replaying.py \
  $(addprefix tests/server/,test_child.py test_followers.py test_history.py test_holdings.py test_lane.py) \
  tests/server/estimation/test_stays.py tests/server/metrics/test_native_counts.py \
  tests/simulation/test_run.py tests/simulation/test_run_behaviour.py \
  $(wildcard $(addprefix tests/wait/test_,correction.py delay_history.py fallback.py features.py futures.py learner*.py lifetime.py \
  predictor.py queue_history.py))
# How long the fuzzer and the soak run.
FUZZ_SECONDS ?= 60
SOAK_MINUTES ?= 30
SOAK_ARGS ?=
# Where a run of the benchmarks is kept, the runs that the report is of, and more for the count of instructions (--record).
BENCH_RUN ?= build/bench/run.json
BENCH_RUNS ?= $(sort $(wildcard build/bench/*.json))
BENCH_ARGS ?=

BIN := $(VENV)/bin
NATIVE_SOURCES := $(wildcard $(foreach folder,src_native src_native/simulation src_native/wait src_native/wire src_native/service src_native/process,$(folder)/*.cpp $(folder)/*.hpp) \
  $(foreach folder,router/engine router/simulation router/wait router/server,$(folder)/*.pyx $(folder)/*.pxd $(folder)/*.pxi))
SANITIZE_TREE := build/sanitize

VENV_STAMP := $(VENV)/.stamp-venv
INSTALL_STAMP := $(VENV)/.stamp-install
BUILD_STAMP := $(VENV)/.stamp-build

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build demo lint test test-long sanitize fuzz soak bench bench-asterisk bench-peers bench-quick bench-report bench-instructions protos format clean preflight

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

preflight:
	@command -v $(PYTHON) >/dev/null || { echo "error: no '$(PYTHON)' found: install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: '$(PYTHON)' is $$($(PYTHON) -V 2>&1): 3.11 or newer is needed; name one with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: '$(PYTHON)' cannot make virtual environments: install python3-venv (Debian, Ubuntu)" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig as s; sys.exit(not os.path.exists(os.path.join(s.get_path("include"), "Python.h")))' || { \
	  echo "error: '$(PYTHON)' has no C headers (Python.h): install python3-dev (Debian, Ubuntu) or python3-devel (Fedora)" >&2; exit 1; }
	@cxx=$${CXX:-c++}; command -v $${cxx%% *} >/dev/null || { \
	  echo "error: no C++ compiler ('$$cxx'): install g++ 11 or clang++ 14 or newer, or name one with CXX=..." >&2; exit 1; }
	@cxx=$${CXX:-c++}; echo '#include <compare>' | $$cxx -std=c++20 -x c++ -fsyntax-only - 2>/dev/null || { \
	  echo "error: '$$cxx' does not know C++20: g++ 11 or clang++ 14 or newer is needed; name one with CXX=..." >&2; exit 1; }

$(VENV_STAMP):
	@$(MAKE) --no-print-directory preflight
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "setuptools>=77" "cython>=3.1"
	@touch $@

$(INSTALL_STAMP): $(VENV_STAMP) pyproject.toml setup.py
	@echo "installing the package and what it needs (once)"
	@ROUTER_SKIP_NATIVE=1 $(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[dev]"
	@touch $@

$(BUILD_STAMP): $(INSTALL_STAMP) $(NATIVE_SOURCES)
	@echo "building the native parts: engine, simulator, wait prediction, server (some minutes)"
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

build: $(BUILD_STAMP) ## set up .venv and build the engine

demo: build ## a bank's hotline for an hour, in about a minute, over a real server
	@$(BIN)/skill-router demo

lint: build
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy

test: lint ## types, lint and all tests but the long ones (some 11 minutes on two cores)
	$(BIN)/python -m pytest -m "not long" $(PYTEST_ARGS)

test-long: build ## the long tests: the oracle and the properties with a large budget
	$(BIN)/python -m pytest -m long $(PYTEST_ARGS)

# The sanitized engine is built in a copy of the tree, so that the normal build stays as it is. Python itself is not
# sanitized: libasan has to come first, libstdc++ with it so that exceptions are seen, and leaks are not looked for
# because the interpreter keeps memory to its end.
sanitize: build ## the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@mkdir -p $(SANITIZE_TREE)
	@rm -rf $(SANITIZE_TREE)/tests
	@tar --exclude='*.so' --exclude=_native.cpp --exclude=__pycache__ -cf - \
	  setup.py pyproject.toml README.md LICENSE src_native router tests | tar -xpf - -C $(SANITIZE_TREE)
	@echo "building the engine with sanitizers"
	@cd $(SANITIZE_TREE) && ROUTER_SANITIZE=1 $(abspath $(BIN))/python setup.py --quiet build_ext --inplace
	cd $(SANITIZE_TREE) && cxx=$${CXX:-c++} && \
	  LD_PRELOAD="$$($$cxx -print-file-name=libasan.so) $$($$cxx -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 ROUTER_SANITIZE=1 PYTHONMALLOC=malloc \
	  $(abspath $(BIN))/python -m pytest -m "not long" --capture=sys -p no:cacheprovider $(SANITIZE_TESTS) $(PYTEST_ARGS)

fuzz: build ## the engine and its reader of commands under coverage-guided fuzzers with sanitizers (FUZZ_SECONDS=60; needs clang)
	@$(MAKE) --no-print-directory -j "$$(nproc)" -f tests/fuzz/Makefile FUZZ_SECONDS=$(FUZZ_SECONDS) PYTHON=$(abspath $(BIN))/python

soak: build ## a server with a journal under steady work, and its memory and latency (SOAK_MINUTES=30)
	$(BIN)/python -m bench.soak --minutes $(SOAK_MINUTES) $(SOAK_ARGS)

# The benchmarks that compare with other simulators are skipped, and say so, where those cannot be installed.
bench-peers: build
	@$(BIN)/python -c 'import ciw, simpy' 2>/dev/null || \
	  ROUTER_SKIP_NATIVE=1 $(BIN)/python -m pip install --quiet --no-build-isolation --editable ".[bench]" || \
	  echo "SimPy and Ciw could not be installed: the comparison with them will be skipped" >&2

bench: build bench-peers ## all benchmarks, some minutes (BENCH_RUN=build/bench/run.json: the run's figures)
	@mkdir -p $(dir $(BENCH_RUN))
	$(BIN)/python -m pytest bench --benchmark-columns=min,mean,max,rounds --benchmark-json=$(BENCH_RUN) $(PYTEST_ARGS)

bench-asterisk: build ## only those on a real Asterisk with SIP telephones (ASTERISK=asterisk, sipp; BENCH_RUN=build/bench/asterisk.json)
	@mkdir -p build/bench
	$(BIN)/python -m pytest bench/asterisk --benchmark-json=$(if $(filter file,$(origin BENCH_RUN)),build/bench/asterisk.json,$(BENCH_RUN)) $(PYTEST_ARGS)

bench-quick: build ## the same in under a minute, asserting counts and hashes and not times
	$(BIN)/python -m pytest bench --quick $(PYTEST_ARGS)

bench-report: build ## docs/benchmarks.md, its plots and the README's table from BENCH_RUNS (build/bench/*.json)
	@[ -n "$(BENCH_RUNS)" ] || { echo "error: no runs in build/bench: 'make bench' makes one" >&2; exit 1; }
	$(BIN)/python -m bench.render $(BENCH_RUNS)

bench-instructions: build ## instructions of fixed work beside the recorded ones (needs valgrind; BENCH_ARGS=--record)
	$(BIN)/python -m bench.instructions $(BENCH_ARGS)

protos: build ## generate router/v1 from protos/router/v1
	$(BIN)/python protos/generate.py

format: build ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that was built, .venv included
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks *.egg-info
	rm -f router/*/_native.cpp router/*/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
