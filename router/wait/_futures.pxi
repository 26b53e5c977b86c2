# Futures: situations, what is assumed in them, and what they say.
from libc.stdint cimport int32_t
from libcpp.memory cimport shared_ptr

from router.engine import vocabulary
from router.wait import assumptions, target_waits

cdef extern from *:
    """
    #include <atomic>
    #include <memory>
    #include "wait/futures.hpp"

    struct StopFlag {
        std::atomic<bool> stopped{false};
        void stop() { stopped.store(true); }
    };
    static router::wait::Lifetime assumed_samples(std::vector<float> sorted_s) {
        return router::wait::Lifetime::of_samples(std::make_shared<const std::vector<float>>(std::move(sorted_s)));
    }
    static router::wait::Lifetime assumed_hazard(std::vector<double> edges_s, std::vector<double> rates_per_s) {
        return router::wait::Lifetime::of_hazard(std::make_shared<const std::vector<double>>(std::move(edges_s)), std::move(rates_per_s));
    }
    static router::wait::FutureSet run_futures(const router::wait::Situation& situation, const router::wait::FutureLimits& limits,
                                               const StopFlag& flag) {
        return situation.run(limits, &flag.stopped);
    }
    static std::shared_ptr<const router::wait::Model> model_in(const router::wait::Model& model) {
        return std::make_shared<const router::wait::Model>(model);
    }
    static void size_model(router::wait::Model& model, const router::Engine& engine) {
        model.queues.resize(engine.queues_known());
        model.agents.resize(engine.agents_known());
        for (router::AgentId id = 0; id < engine.agents_known(); ++id) {
            const router::Agent& agent = engine.agent(id);
            const bool free = agent.availability == router::Availability::ready && !agent.engaged();
            if (free) model.agents[id].since_us = agent.idle_since_us;
        }
    }
    static void add_day(router::wait::AgentModel& agent, std::int32_t in_s, std::int32_t out_s) {
        agent.days.at(agent.days_known++) = {in_s, out_s};
    }
    """
    cdef cppclass StopFlag:
        StopFlag() except +
        void stop() nogil
    CppLifetime assumed_samples(vector[float]) except +wait_raise
    CppLifetime assumed_hazard(vector[double], vector[double]) except +wait_raise
    CppFutureSet run_futures(const CppSituation&, const CppFutureLimits&, const StopFlag&) except +wait_raise nogil
    shared_ptr[const CppModel] model_in(const CppModel&) except +wait_raise
    void size_model(CppModel&, const CppEngine&) except +
    void add_day(CppAgentModel&, int32_t, int32_t) except +wait_raise

cdef extern from "wait/lifetime.hpp" namespace "router::wait" nogil:
    cdef cppclass CppLifetime "router::wait::Lifetime":
        CppLifetime()
        CppLifetime(const CppLifetime&)
        @staticmethod
        CppLifetime exponential(double) except +wait_raise
        @staticmethod
        CppLifetime fixed(double) except +wait_raise

cdef extern from "wait/model.hpp" namespace "router::wait" nogil:
    cdef cppclass CppArrivalStream "router::wait::ArrivalStream":
        uint32_t queue
        uint32_t channel
        Urgency urgency
        uint8_t priority
        int64_t period_us
        vector[double] rates_per_s
    cdef cppclass CppQueueModel "router::wait::QueueModel":
        CppLifetime handle_time
        CppLifetime patience
        CppLifetime wrap_up
        int64_t samples
    cdef cppclass CppAgentModel "router::wait::AgentModel":
        double handle_factor
    cdef cppclass CppModel "router::wait::Model":
        vector[CppQueueModel] queues
        vector[CppAgentModel] agents
        vector[CppArrivalStream] arrivals
        CppLifetime ring
        double reject
        double no_answer
        CppLifetime not_ready
        double break_chance
        CppLifetime return_lag
        bool shadow
        int64_t day_started_us
        int64_t stays_on_us

cdef extern from "wait/futures.hpp" namespace "router::wait" nogil:
    cdef cppclass CppTarget "router::wait::Target":
        uint32_t live
        uint64_t order
        uint32_t queue
        int64_t waited_us
        int64_t position
    cdef cppclass CppFutureLimits "router::wait::FutureLimits":
        uint32_t futures
        uint32_t threads
        int64_t horizon_us
        int64_t budget_us
        uint64_t seed
    cdef cppclass CppTargetWaits "router::wait::TargetWaits":
        CppTarget target
        vector[float] waits_s
        vector[float] weights
        uint32_t beyond
        uint32_t refused
    cdef cppclass CppFutureSet "router::wait::FutureSet":
        int64_t taken_us
        uint64_t sequence
        uint32_t futures
        uint64_t commands
        int64_t horizon_us
        vector[CppTargetWaits] targets
    cdef cppclass CppSituation "router::wait::Situation":
        CppSituation(const CppEngine&, shared_ptr[const CppModel], uint32_t, int64_t) except +wait_raise
        RejectReason suppose(const CppEngine&, const Enqueue&) except +wait_raise
        const vector[CppTarget]& targets()
        int64_t now_us()
        bool draws_arrivals() except +wait_raise

HORIZON_US = 4 * 3600 * 1_000_000
cdef int64_t DAY_S = assumptions.DAY_S  # days of agents are told from a day before the engine's time
cdef int64_t HORIZON_US_MAX = DURATION_US_MAX
cdef int64_t FUTURES_MAX = 1_000_000
cdef int64_t THREADS_MAX = 256
cdef object SITUATION_KEY = object()  # who has it may make one


cdef int64_t count_in(object value, str field, int64_t least, int64_t most) except? -1:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{field}: {value!r} will not do; {least} to {most} is wanted")
    return value


cdef class FutureSet:
    """What a set of futures says of each of its targets, the calls whose waits were asked for.

    The same situation, number of futures and seed give the same set, whatever the number of threads.
    """

    cdef CppFutureSet native
    cdef vector[CppTargetSummary] summaries
    cdef list names

    @property
    def taken_us(self):
        """Engine time that waits count from."""
        return self.native.taken_us

    @property
    def sequence(self):
        """Number of the engine's last command before the situation was taken."""
        return self.native.sequence

    @property
    def futures(self):
        """How many were run to their end: fewer than asked for where the budget was used up, or `cancel` was called."""
        return self.native.futures

    @property
    def commands(self):
        """How many commands the engine carried out in all of them: the work done."""
        return self.native.commands

    @property
    def beyond(self):
        """How many waits, of all targets and futures, met the horizon."""
        cdef size_t index
        return sum([self.native.targets[index].beyond for index in range(self.native.targets.size())])

    @property
    def targets(self):
        """The waits by target, as `TargetWaits`: waiting calls by order, then the hypothetical one. Copies."""
        cdef size_t index
        return tuple([self._target(index) for index in range(self.native.targets.size())])

    cdef object _target(self, size_t index):
        cdef const CppTargetWaits* waits = &self.native.targets[index]
        return target_waits.TargetWaits(
            self.names[index], waits.target.position, waits.target.waited_us,
            array_of(waits.waits_s), array_of(waits.weights), waits.beyond, waits.refused)

    def answered_within(self, call, within_us):
        """Return the share of futures in which the call is answered within `within_us` of `taken_us`, if its caller stays.

        `call`: None or "" is the hypothetical one. None if it is no target, or no future was run. O(futures).
        """
        cdef size_t index, future, answered = 0
        cdef float within_s = within_us * 1e-6
        cdef float horizon_s = self.native.horizon_us * 1e-6
        name = call or None
        if self.native.futures == 0 or name not in self.names:
            return None
        index = self.names.index(name)
        for future in range(self.native.futures):
            answered += self.native.targets[index].waits_s[future] <= within_s and self.native.targets[index].waits_s[future] < horizon_s
        return answered / self.native.futures

    def __len__(self):
        return self.native.targets.size()


cdef object array_of(const vector[float]& values):
    array = np.empty(values.size(), np.float32)
    cdef float[::1] view = array
    cdef size_t index
    for index in range(values.size()):
        view[index] = values[index]
    return array


cdef class Situation:
    """The state to run futures from: the engine as it stood, and what is assumed of callers and agents.

    It is a state of its own: the engine may go on. `run` may be called in any thread, and in several at once.
    """

    cdef CppSituation* native
    cdef StopFlag* flag
    cdef list names
    cdef Engine engine

    def __cinit__(self, key=None):
        if key is not SITUATION_KEY:
            raise TypeError("a situation is taken from an engine: see simulate_waits and Predictor.situation")
        self.flag = new StopFlag()

    def __dealloc__(self):
        del self.native
        del self.flag

    # Before the engine goes on. Raises ValueError where the engine would not take the call.
    cdef int _suppose(self, const Enqueue& call) except -1:
        cdef RejectReason reason = self.native.suppose(self.engine._engine, call)
        if <uint8_t>reason != 0:
            raise ValueError(f"the engine would not take the call: {vocabulary.RejectReason(<uint8_t>reason).name}")
        self.names.append(None)
        return 0

    @property
    def now_us(self):
        """Engine time that waits count from."""
        return self.native.now_us()

    @property
    def calls(self):
        """How many targets there are."""
        return self.native.targets().size()

    @property
    def draws_arrivals(self):
        """Whether new calls are drawn, since some could go before one that waits."""
        return self.native.draws_arrivals()

    def run(self, futures=200, *, threads=1, budget_us=0, horizon_us=HORIZON_US, seed=1):
        """Run futures and return the `FutureSet`, without holding the interpreter's lock.

        `futures`: 1 to 1,000,000. `threads`: 1 to 256. `budget_us`: real time after which no further one is begun; 0: none.
        `horizon_us`: up to 366 days; a call that is not served by then counts as served then. `seed`: 0 to 2^64 - 1.
        Raises `ValueError`.
        """
        cdef CppFutureLimits limits
        limits.futures = count_in(futures, "futures", 1, FUTURES_MAX)
        limits.threads = count_in(threads, "threads", 1, THREADS_MAX)
        limits.budget_us = count_in(budget_us, "budget_us", 0, HORIZON_US_MAX)
        limits.horizon_us = count_in(horizon_us, "horizon_us", 1, HORIZON_US_MAX)
        if type(seed) is not int or not 0 <= seed < 1 << 64:
            raise ValueError(f"seed: {seed!r} will not do; 0 to {(1 << 64) - 1} is wanted")
        limits.seed = seed
        cdef FutureSet made = FutureSet.__new__(FutureSet)
        made.names = self.names
        with nogil:
            made.native = run_futures(self.native[0], limits, self.flag[0])
            made.summaries = summarise_targets(made.native)
        return made

    def cancel(self):
        """End the runs under way after the futures that are begun, and any later one at once. From any thread."""
        self.flag.stop()


# Takes the native one over.
cdef Situation situation_from(CppSituation* native, Engine engine):
    cdef Situation made = Situation.__new__(Situation, SITUATION_KEY)
    cdef size_t index
    made.native = native
    made.engine = engine
    made.names = [
        (<bytes>engine._engine.call(native.targets()[index].live).name).decode("utf-8")
        for index in range(native.targets().size())
    ]
    return made


# ---- assumptions, checked in assumptions.py ----

cdef CppLifetime lifetime_of(object value) except *:
    cdef vector[float] samples_s
    cdef vector[double] edges_s, rates_per_s
    if value is None:
        return CppLifetime()
    if isinstance(value, assumptions.Exponential):
        return CppLifetime.exponential(value.mean_us * 1e-6)
    if isinstance(value, assumptions.Fixed):
        return CppLifetime.fixed(value.length_us * 1e-6)
    if isinstance(value, assumptions.Samples):
        for length_us in sorted(value.lengths_us):
            samples_s.push_back(length_us * 1e-6)
        return assumed_samples(samples_s)
    for edge_us, rate_per_s in zip(value.edges_us, value.rates_per_s):
        edges_s.push_back(edge_us * 1e-6)
        rates_per_s.push_back(rate_per_s)
    return assumed_hazard(edges_s, rates_per_s)


cdef uint32_t channel_of(Engine engine, object name) except? 0xFFFFFFFF:
    cdef list channels = engine._channels()
    for channel, number in channels:
        if channel == name or (name is None and len(channels) == 1):
            return number
    if name is None:
        raise ValueError(f"arrivals: a channel is wanted, one of {', '.join([channel for channel, _ in channels])}")
    raise errors.UnknownName("channel", name)


cdef int add_arrivals(CppModel& model, Engine engine, uint32_t queue, object arrivals) except -1:
    cdef CppArrivalStream stream
    stream.queue = queue
    stream.channel = channel_of(engine, arrivals.channel)
    stream.urgency = <Urgency><uint8_t>int(arrivals.urgency)
    stream.priority = arrivals.priority
    stream.period_us = arrivals.period_us
    for rate in arrivals.rates_per_s:
        stream.rates_per_s.push_back(rate)
    model.arrivals.push_back(stream)
    return 0


cdef shared_ptr[const CppModel] model_of(Engine engine, object assumed) except *:
    cdef CppModel model
    cdef uint32_t number
    size_model(model, engine._engine)
    for name, queue in assumed.queues.items():
        number = engine._queue(name)
        model.queues[number].handle_time = lifetime_of(queue.handle_time)
        model.queues[number].patience = lifetime_of(queue.patience)
        model.queues[number].wrap_up = lifetime_of(queue.wrap_up)
        for arrivals in queue.arrivals:
            add_arrivals(model, engine, number, arrivals)
    model.day_started_us = engine._engine.time_us() - DAY_S * 1_000_000
    model.stays_on_us = 0
    for name, agent in assumed.agents.items():
        number = engine._agent(name)
        model.agents[number].handle_factor = agent.handle_factor
        for day in agent.days:
            if day is None:
                add_day(model.agents[number], -1, -1)
            else:
                add_day(model.agents[number], DAY_S + day[0], DAY_S + day[1])
    model.ring = lifetime_of(assumed.ring)
    model.reject = assumed.reject
    model.no_answer = assumed.no_answer
    model.not_ready = lifetime_of(assumed.not_ready)
    model.break_chance = assumed.break_chance
    if assumed.return_lag is not None:
        model.shadow = True
        model.return_lag = lifetime_of(assumed.return_lag)
    return model_in(model)


cdef int check_queues(Engine engine, object assumed) except -1:
    for queue in engine.queues():
        if queue.queue not in assumed.queues and queue.waiting + queue.offered + queue.assigned > 0:
            raise ValueError(f"queues: {queue.queue!r} has calls; it needs QueueAssumptions")
    return 0


def situation_of(Engine engine not None, assumed, call, now_us):
    """Take the situation that `simulate_waits` runs futures from: see there."""
    cdef int64_t when = NEVER if now_us is None else count_in(now_us, "now_us", engine._engine.time_us(), TIME_US_MAX_NATIVE)
    cdef uint32_t only = NONE
    cdef object named = isinstance(call, str)
    if isinstance(call, commands.Enqueue):
        if call.queue not in assumed.queues:
            engine._queue(call.queue)
            raise ValueError(f"queues: {call.queue!r} is the call's queue; it needs QueueAssumptions")
    elif named:
        only = engine._call(call)
    elif call is not None:
        raise TypeError(f"call: {type(call).__name__} will not do; None, a call's name or an Enqueue is wanted")
    check_queues(engine, assumed)
    cdef Situation made = situation_from(new CppSituation(engine._engine, model_of(engine, assumed), only, when), engine)
    if named and made.calls == 0:
        raise ValueError(f"call: {call!r} does not wait, or nobody may take it: it is detached or its queue is paused")
    if isinstance(call, commands.Enqueue):
        made._suppose(enqueue_in(command_of(call)))
    return made
