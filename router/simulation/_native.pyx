# cython: language_level=3
"""The compiled simulator: runs of the C++ centre in src_native/simulation/ around the very engine, and its statistics."""

from cpython.ref cimport PyObject
from cython.operator cimport dereference
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

import numpy as np

from router.engine import commands, errors
from router.simulation import results
from router.simulation.errors import SimulationError
from router.simulation.scenario import model

from router.engine._cpp cimport *
from router.engine._native cimport Engine, command_of, requirement_of
from router.simulation._statistics cimport *
from router.simulation._run cimport *

# Declared once for each extension: see _cpp.pxd.
router_error_classes[0] = <PyObject*>errors.TimeWentBackwards
router_error_classes[1] = <PyObject*>errors.RequestIdReused
router_error_classes[2] = <PyObject*>errors.CorruptSnapshot
router_error_classes[3] = <PyObject*>errors.InvariantViolated
simulation_error_class = <PyObject*>SimulationError

include "_statistics.pxi"
include "_scenario.pxi"


cdef class Run:
    """One run of a scenario: step by step, with commands and events in words, or at full speed.

    Callers and agents are numbered as the scenario has them, and ties go by these numbers. Not thread-safe, but for
    `cancel()` and `reached_us`.
    """

    cdef readonly Engine engine
    cdef CppRun* _run
    cdef object _scenario
    cdef int _replication
    cdef bint _named
    cdef bint _series
    cdef bint _busy
    cdef readonly bint over

    def __cinit__(self, scenario, int replication=0, *, bint named=False, size_t slices=0, recorded=None,
                  int64_t epoch_us=EPOCH_US, bint keep_ends=False):
        """Prepare a run. The engine takes the start of the run for `epoch_us`.

        `recorded`: a `RecordedCalls`, where callers come from a list and not from their `arrivals`. `named`: calls have
        names, which stepping needs. `slices`: of the series, 0 for none. `keep_ends`: remember how recorded calls end.
        """
        cdef CppScenario native
        self._scenario = scenario
        self._replication = replication
        self._named = named
        self._series = slices > 0
        self.engine = Engine()
        native.configure = configure_in(command_of(commands.Configure(scenario.settings)))
        for callers in scenario.callers:
            native.callers.push_back(callers_of(callers))
        for group in scenario.agents:
            native.groups.push_back(group_of(group, scenario.callers))
        if recorded is not None:
            fill_recorded(native, recorded, len(scenario.callers))
        native.epoch_us = epoch_us
        native.warm_up_us = scenario.warm_up_us
        native.length_us = scenario.length_us
        native.ending = <CppEnding><uint8_t>ENDINGS.index(scenario.ending)
        if scenario.hunting is not None:
            native.hunting = hunting_of(scenario.hunting)
        native.seed = scenario.seed
        native.replication = replication
        native.named = named
        native.keep_ends = keep_ends
        native.slices = slices
        self._run = new CppRun(self.engine._engine, native)

    def __dealloc__(self):
        del self._run

    def step(self):
        """Carry out one command and return (time_us, command, events); None when the run is over.

        Raises `SimulationError`.
        """
        if not self._named:
            raise ValueError("only a run with named calls can be stepped through: named=True is needed")
        cdef Words words
        if self.over or not self._run.step():
            self.over = True
            return None
        words = describe(dereference(self._run))
        return self._run.time_us(), self._command(words), self.engine._events()

    def run(self):
        """Run to the end, with the GIL released, and return True; or False once `cancel()` was called.

        Raises `SimulationError`. Until it returns, the engine must be left alone.
        """
        cdef bint ended
        if self._busy:
            raise RuntimeError("the run is under way already")
        self._busy = True
        try:
            with nogil:
                ended = self._run.run()
        finally:
            self._busy = False
        self.over = self.over or ended
        return ended

    def cancel(self):
        """Make `run()` return soon. From any thread."""
        self._run.cancel()

    @property
    def reached_us(self):
        """How far the run is, in microseconds from its start. From any thread."""
        return self._run.reached_us()

    def replication(self):
        """Return what the run found, after its end."""
        self._must_be_over()
        agents = [(name, group.name) for group in self._scenario.agents for name in group.agent_names()]
        queues = {name: self.engine._queue(name) for name in self._scenario.settings.queues}
        return replication_of(
            self._run.recorder(), self._replication, self._scenario.length_us,
            [callers.name for callers in self._scenario.callers], queues, agents,
            [group.name for group in self._scenario.agents], self._series,
        )

    @property
    def event_hash(self):
        """A hash over all events, by numbers and times, after the end."""
        self._must_be_over()
        return self._run.recorder().event_hash()

    def ends(self):
        """Return, after the end, how each recorded call ended (0 none, 1 answered, 2 abandoned, 3 refused) and when."""
        cdef const vector[RecordedEnd]* native = &self._run.ends()
        cdef size_t index, count = native.size()
        self._must_be_over()
        ends, times_us = np.empty(count, np.int64), np.empty(count, np.int64)
        cdef int64_t[::1] to_ends = ends
        cdef int64_t[::1] to_times_us = times_us
        for index in range(count):
            to_ends[index] = <uint8_t>native[0][index].kind
            to_times_us[index] = native[0][index].time_us
        return ends, times_us

    def agents(self):
        """Return what `replication()` says of the agents alone, and quicker, after the end."""
        self._must_be_over()
        agents = [(name, group.name) for group in self._scenario.agents for name in group.agent_names()]
        return tuple([
            agent_figures(self._run.recorder().agent_figures(index), name, group)
            for index, (name, group) in enumerate(agents)
        ])

    @property
    def events(self):
        """How many events there were, after the end."""
        self._must_be_over()
        return self._run.recorder().events()

    def _must_be_over(self):
        if not self.over:
            raise RuntimeError("the run is not over yet: run() first")

    cdef object _command(self, const Words& words):
        cdef size_t callers = words.callers, group = words.group
        kind = COMMANDS[<int>words.kind]
        call, agent = words.call.decode(), words.agent.decode()
        if kind is commands.Enqueue:
            return enqueue_from(self._scenario.callers[callers], call, words.customer.decode())
        if kind is commands.SignIn:
            settings = self._scenario.agents[group]
            return kind(agent, skills=dict(settings.skills), capacity=dict(settings.capacity or {}))
        if kind is commands.Configure:
            return kind(self._scenario.settings)
        if kind is commands.SetAvailability:
            return kind(agent, ready=True)
        if kind is commands.RecordOutcome:
            return kind(
                call, resolved=None if words.resolved < 0 else words.resolved == 1, satisfaction=words.satisfaction or None
            )
        if kind is commands.Assign:
            return kind(call, agent)
        if kind is commands.EndWrapUp:
            return kind(agent, call)
        if kind is commands.PauseQueue:
            return kind(words.queue.decode())
        if kind is commands.SignOut:
            return kind(agent)
        if kind in (commands.Accept, commands.Reject):
            return kind(words.offer)
        return commands.Advance() if kind is commands.Advance else kind(call)
