# The predictor: quick estimates, situations to run futures from, and what sets of futures say.

cdef extern from *:
    """
    #include "wait/predictor.hpp"

    static const std::string& channel_name(const router::Enqueue& call) { return call.channel.name; }
    static void set_corrected(router::wait::Estimate& estimate) { estimate.method = router::wait::Method::corrected; }
    static int method_number(const router::wait::Estimate& estimate) { return static_cast<int>(estimate.method); }
    """
    const string& channel_name(const Enqueue&)

from router.engine._part cimport Part, part_capsule

cdef extern from "wait/predictor.hpp" namespace "router::wait" nogil:
    cdef cppclass CppEstimate "router::wait::Estimate":
        double mean_s
        double p10_s
        double p50_s
        double p80_s
        double p90_s
        double low_s
        double high_s
        int64_t position
        uint32_t futures
        int64_t samples
        bool unanswered
    cdef cppclass CppFadingMean "router::wait::FadingMean":
        int64_t count
        double mean_us()
    cdef cppclass CppQueueHistory "router::wait::QueueHistory":
        CppFadingMean service
        int64_t wrapping_up
        int64_t served
        int64_t last_wait_us
        int64_t abandoned
        int64_t exposed_us
    cdef cppclass CppFallbackHistory "router::wait::FallbackHistory":
        const CppQueueHistory& queue(uint32_t)
    cdef struct CppPredictorCounts "router::wait::PredictorCounts":
        int64_t pending
        int64_t abandoned
    cdef cppclass CppPredictorSettings "router::wait::PredictorSettings":
        CppLearnerSettings learner
        int64_t answers_min
    cdef cppclass CppPredictor "router::wait::Predictor":
        CppPredictor(const CppEngine&, CppPredictorSettings) except +wait_raise
        void observe(CppEngine&) except +wait_raise
        optional[CppEstimate] settled(CppEngine&, uint32_t) except +wait_raise
        optional[CppEstimate] settled(CppEngine&, const Enqueue&, int64_t) except +wait_raise
        CppEstimate quick(CppEngine&, uint32_t, int64_t) except +wait_raise
        CppEstimate quick(CppEngine&, const Enqueue&, int64_t) except +wait_raise
        shared_ptr[const CppModel] model(const CppEngine&) except +wait_raise
        @staticmethod
        bool still_waits(const CppEngine&, const CppFutureSet&, size_t)
        CppEstimate digest(CppEngine&, const CppFutureSet&, size_t, const CppTargetSummary&) except +wait_raise
        @staticmethod
        double answered_within(const CppTargetWaits&, const CppTargetSummary&, const CppEstimate&, double) except +wait_raise
        const CppLearner& learner()
        const CppDelayHistory& delays()
        const CppFallbackHistory& history()
        const CppCoverage& coverage()
        const CppCoverage& coverage_learned()
        int64_t answers()
        int64_t answers_learned()
        CppPredictorCounts counts()
        string save(const CppEngine&) except +wait_raise
        void restore(const string&, const CppEngine&) except +wait_raise
    double native_ql_modified "router::wait::ql_modified"(int64_t, int64_t, double, double) except +wait_raise
    int64_t LES_SAMPLES_MIN_NATIVE "router::wait::LES_SAMPLES_MIN"

cdef extern from *:
    """
    // What cannot be saved is nothing: the rest of a snapshot is worth having.
    static router::process::Part saving_predictor(const router::wait::Predictor& predictor, const router::Engine& engine) {
        return [&predictor, &engine] {
            try {
                return predictor.save(engine);
            } catch (const std::exception&) {
                return std::string();
            }
        };
    }
    """
    Part saving_predictor(const CppPredictor&, const CppEngine&) except +wait_raise
    int method_number(const CppEstimate&)
    void set_corrected(CppEstimate&)

LES_SAMPLES_MIN = LES_SAMPLES_MIN_NATIVE
cdef tuple METHODS = (None, "none", "immediate", "qlm", "les", "learned", "simulated", "corrected")


def ql_modified(ahead, servers, service_rate, patience_rate):
    """Return the mean wait of a patient caller with `ahead` calls in front: Σ_{i=0..n} 1 / (sμ + iθ).

    All `servers` (1 or more) are busy and serve at `service_rate` (above 0) each; every caller ahead gives up at
    `patience_rate` (0 or more). Rates and waits share one unit of time, whichever it is. QLm of Ibrahim & Whitt (2009);
    without abandonment it is (n + 1) / (sμ). O(1). Raises `ValueError`.
    """
    return native_ql_modified(ahead, servers, service_rate, patience_rate)


cdef object microseconds(double time_s):
    return round(time_s * 1e6) if time_s >= 0 else None


cdef object estimate_from(const CppEstimate& native, tuple answered_within=()):
    return estimates.WaitEstimate(
        METHODS[method_number(native)], microseconds(native.mean_s), native.position or None, native.samples,
        microseconds(native.p10_s), microseconds(native.p50_s), microseconds(native.p80_s), microseconds(native.p90_s),
        None if native.low_s < 0 else (round(native.low_s * 1e6), round(native.high_s * 1e6)),
        answered_within, native.futures, native.unanswered,
    )


cdef object coverage_from(const CppCoverage& native):
    lately = native.lately()
    return estimates.IntervalCoverage(lately if lately >= 0 else None, native.held(), native.counted())


cdef list times_of(object values, str field):
    if not isinstance(values, (tuple, list)):
        raise errors.InvalidCommand(field, f"{values!r} is not a list", "a tuple of microseconds is wanted")
    return [moment_of(value, field) for value in values]


cdef class Predictor:
    """Estimates waits for one engine, and learns from what becomes of them.

    Tell it of every command by `observe()`. `shadow`: an outside ACD decides, and the engine follows by forced
    assignments. `time_zone`: IANA name of the centre's local time, by which days and hours are learnt. `answers_min`:
    from how many answered calls on a correction is used; a huge number: never.

    Not thread-safe, but for `Situation.run()`, which may go on in another thread while engine and predictor are used.
    Raises `ValueError` for an unknown time zone.
    """

    cdef Engine _engine
    cdef CppPredictor* _native

    def __cinit__(self, Engine engine not None, *, bint shadow=False, str time_zone="UTC", answers_min=500):
        cdef CppPredictorSettings settings
        cdef pair[int64_t, int32_t] change
        if type(answers_min) is not int or not 1 <= answers_min < 1 << 62:
            raise ValueError(f"answers_min: {answers_min!r} is not 1 or more: a number of answered calls is wanted")
        settings.learner.shadow = shadow
        for time_us, offset_s in utc_offsets(time_zone):
            change.first = time_us
            change.second = offset_s
            settings.learner.utc_offsets_s.push_back(change)
        settings.answers_min = answers_min
        self._engine = engine
        self._native = new CppPredictor(engine._engine, settings)

    def __dealloc__(self):
        del self._native

    def observe(self):
        """Learn from the last command that the engine carried out. Call it after each; twice for one does no harm."""
        self._native.observe(self._engine._engine)

    # ---- without futures ----

    cdef Enqueue _hypothetical(self, object call) except *:
        cdef Enqueue native
        if not call.call:
            call = msgspec.structs.replace(call, call="?")
        native = enqueue_in(command_of(call))
        native.call.clear()
        self._engine._queue(call.queue)
        if self._engine._engine.find_channel(channel_name(native)) == NONE:
            raise errors.UnknownName("channel", call.channel)
        return native

    def settled(self, of, now_us):
        """Return the estimate where the state alone tells it ("immediate" or "none"), else None: it has to be guessed.

        `of` is a call's name, or an `Enqueue` that is only thought of (its `call` may be empty). Raises `UnknownName`
        or `InvalidCommand`.
        """
        cdef int64_t when = moment_of(now_us, "now_us")
        cdef optional[CppEstimate] found
        if isinstance(of, commands.Enqueue):
            found = self._native.settled(self._engine._engine, self._hypothetical(of), when)
        else:
            found = self._native.settled(self._engine._engine, self._engine._call(of))
        return estimate_from(found.value()) if found.has_value() else None

    def quick(self, of, now_us):
        """Return an estimate without futures: "immediate", "learned", "qlm", "les" or "none", in microseconds of work.

        `of` as for `settled()`. Raises `UnknownName` or `InvalidCommand`.
        """
        cdef int64_t when = moment_of(now_us, "now_us")
        if isinstance(of, commands.Enqueue):
            return estimate_from(self._native.quick(self._engine._engine, self._hypothetical(of), when))
        return estimate_from(self._native.quick(self._engine._engine, self._engine._call(of), when))

    # ---- with futures ----

    def situation(self, of=None, *, now_us=None):
        """Return the state to run futures from: of all calls that wait, of one of them, or of a supposed one besides.

        The engine may go on meanwhile. `now_us`: the moment, if it is later than the engine's. Calls of which nobody
        can tell (detached, in a paused queue) are left out. O(live calls and agents). Raises `UnknownName` or
        `InvalidCommand`, and `ValueError` where the engine would not take the supposed call.
        """
        cdef int64_t when = NEVER if now_us is None else moment_of(now_us, "now_us")
        cdef uint32_t only = NONE
        cdef Enqueue supposed
        cdef bint supposing = isinstance(of, commands.Enqueue)
        if supposing:
            supposed = self._hypothetical(of)
        elif of is not None:
            only = self._engine._call(of)
        cdef CppSituation* native = new CppSituation(
            self._engine._engine, self._native.model(self._engine._engine), only, when)
        cdef Situation made = situation_from(native, self._engine)
        if supposing:
            made._suppose(supposed)
        return made

    def digest(self, FutureSet futures not None, *, within_us=(), first=0, most=None):
        """Return what a set of futures says, by call: of those that are still the same and still wait.

        A supposed call has the name "". `answered_within` is given for the times `within_us`; without any, for the
        target of the call's queue and urgency (a supposed call: the target of a normal one). The first estimate of each
        call is kept, and teaches the correction when the call is answered. A set without any future says nothing.

        `first` and `most`: only so many targets from this one on (some microseconds each), to go through a large set bit
        by bit.
        """
        cdef size_t begin = count_in(first, "first", 0, FUTURES_MAX)
        cdef size_t length = FUTURES_MAX if most is None else count_in(most, "most", 0, FUTURES_MAX)
        cdef size_t index
        cdef list times = times_of(within_us, "within_us")
        collected = {}
        for index in range(begin, min(begin + length, futures.summaries.size())):
            if CppPredictor.still_waits(self._engine._engine, futures.native, index):
                name, found = self._digest(futures, index, times)
                collected[name] = found
        return collected

    cdef tuple _digest(self, FutureSet futures, size_t index, list times):
        cdef CppEstimate native = self._native.digest(
            self._engine._engine, futures.native, index, futures.summaries[index])
        cdef const CppTarget* target = &futures.native.targets[index].target
        cdef int urgency = 0
        cdef list answered = []
        name = ""
        if target.live != NONE:
            name = (<bytes>self._engine._engine.call(target.live).name).decode("utf-8")
            urgency = <int>self._engine._engine.call(target.live).urgency
        if native.futures > 0:
            for within_us in times or [self._engine._engine.queue(target.queue).settings.target_us[urgency]]:
                answered.append((within_us, CppPredictor.answered_within(
                    futures.native.targets[index], futures.summaries[index], native, within_us / 1e6)))
        return name, estimate_from(native, tuple(answered))

    def answered_within(self, FutureSet futures not None, str call, estimate, within_us):
        """Return the chance that a call is answered within `within_us` of the set's time, if its caller stays.

        `estimate` is what `digest()` said of it: where that was corrected, so is this. "" is the supposed call. None if it
        is no target, or the set has no future. Raises `InvalidCommand`.
        """
        cdef int64_t within = moment_of(within_us, "within_us")
        cdef CppEstimate native
        cdef size_t index
        name = call or None
        if futures.summaries.empty() or name not in futures.names:
            return None
        if estimate.method == "corrected":
            set_corrected(native)
            native.p10_s, native.p50_s = estimate.p10_us / 1e6, estimate.p50_us / 1e6
            native.p80_s, native.p90_s = estimate.p80_us / 1e6, estimate.p90_us / 1e6
        index = futures.names.index(name)
        return CppPredictor.answered_within(futures.native.targets[index], futures.summaries[index], native, within / 1e6)

    def estimate(self, of, now_us=None, *, futures=200, threads=1, budget_us=0, seed=1, within_us=()):
        """Return the best estimate there is, running futures here and now: for whoever has the time to wait for it.

        `of` as for `settled()`; `now_us`: None is the engine's time. The rest as for `Situation.run()` and `digest()`.
        Raises `UnknownName` or `InvalidCommand`.
        """
        moment = self._engine.time_us if now_us is None else now_us
        found = self.settled(of, moment)
        if found is not None:
            return found
        try:
            situation = self.situation(of, now_us=moment)
        except ValueError:
            return self.quick(of, moment)
        said = self.digest(situation.run(futures, threads=threads, budget_us=budget_us, seed=seed), within_us=within_us)
        found = said.get("" if isinstance(of, commands.Enqueue) else of)
        if found is None or (found.method == "none" and not found.unanswered):
            return self.quick(of, moment)
        return found

    # ---- what was learnt ----

    @property
    def coverage(self):
        """How often 80 % intervals of corrected and simulated estimates held: the first of each call."""
        return coverage_from(self._native.coverage())

    @property
    def coverage_learned(self):
        """How often 80 % intervals of learned estimates held, those that new calls got or would have got."""
        return coverage_from(self._native.coverage_learned())

    @property
    def learning(self):
        """How far the corrections are."""
        counts = self._native.counts()
        return estimates.Learning(self._native.answers(), self._native.answers_learned(), counts.pending, counts.abandoned)

    def learned(self):
        """Return what is known of callers and agents: see docs/wait-prediction.md. Seconds; None: nothing yet."""
        return learned_view(self._native.learner(), self._engine._engine)

    def queue_history(self, queue):
        """Return what the fallbacks know of a queue. Raises `UnknownName`."""
        cdef const CppQueueHistory* native = &self._native.history().queue(self._engine._queue(queue))
        return estimates.QueueHistory(
            native.service.count, native.service.mean_us(), native.wrapping_up, native.served, native.last_wait_us,
            native.abandoned, native.exposed_us,
        )

    def delay_figures(self, queue, now_us, *, but=None):
        """Return what delay history says of a call of a queue that comes now; `but`: that call, if it has come.

        Raises `UnknownName`.
        """
        cdef uint32_t call = NONE if but is None else self._engine._call(but)
        cdef CppDelayFigures native = self._native.delays().figures(
            self._engine._engine, self._engine._queue(queue), moment_of(now_us, "now_us"), call)
        return estimates.DelayFigures(
            microseconds(native.les_s), microseconds(native.hol_s), microseconds(native.average_s),
            microseconds(native.average_all_s), microseconds(native.same_length_s), native.waiting, native.waiting_all,
            native.samples,
        )

    def save(self):
        """Return all that was learnt, but for the estimates of calls that wait: those teach nothing later."""
        return <bytes>self._native.save(self._engine._engine)

    def part(self):
        """Return what `save` does, as a part of a snapshot (`router.server._native.Child`); empty bytes if it fails."""
        return part_capsule(saving_predictor(self._native[0], self._engine._engine), self)

    def restore(self, saved):
        """Take over what another predictor learnt, into an engine that is as its engine was then.

        Raises `CorruptSnapshot` for what is damaged, or was saved by another version or mode; nothing has changed then.
        """
        if not isinstance(saved, (bytes, bytearray, memoryview)):
            raise errors.InvalidCommand("saved", f"{type(saved).__name__} is not bytes", "what save() returned is wanted")
        self._native.restore(bytes(saved), self._engine._engine)

