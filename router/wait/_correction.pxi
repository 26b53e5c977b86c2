# Delay history, features, the correction and what watches it: the predictor's parts, one by one, for tests and measurements.
# The including module cimports everything of _correction.pxd, and Engine.


cdef object seconds_or_none(double value_s):
    return None if value_s < 0 else value_s


cdef Base base_of(double mean_s, quantiles_s) except *:
    cdef Base base
    cdef size_t level
    if len(quantiles_s) != LEVELS:
        raise ValueError(f"a base has {LEVELS} quantiles, not {len(quantiles_s)}")
    base.mean_s = mean_s
    for level in range(LEVELS):
        base.quantile_s[level] = quantiles_s[level]
    return base


cdef tuple quantiles_of(const double* quantile_s):
    return tuple([quantile_s[level] for level in range(LEVELS)])


cdef uint32_t queue_number(Engine engine, queue) except? 0xFFFFFFFF:
    return engine._queue(queue)


cdef class DelayHistory:
    """What calls that were served lately had waited, by queue. Not thread-safe."""

    cdef CppDelayHistory* _native
    cdef Engine _engine

    def __cinit__(self, Engine engine not None, *, bint shadow=False):
        self._engine = engine
        self._native = new CppDelayHistory(shadow)

    def __dealloc__(self):
        del self._native

    def observe(self):
        """Learn from the engine's last command. To be called after each, in order."""
        self._native.observe(self._engine._engine)

    def forget_day(self):
        """Begin a day without the waits of the last one."""
        self._native.forget_day()

    def figures(self, queue, now_us, *, call=None):
        """Return what the history says of a queue as a dictionary, seconds; None where it says nothing.

        `call`: who asks, and does not count itself. Raises `UnknownName`.
        """
        cdef uint32_t but = NONE if call is None else self._engine._call(call)
        cdef CppDelayFigures found = self._native.figures(
            self._engine._engine, queue_number(self._engine, queue), now_us, but
        )
        return {
            "les_s": seconds_or_none(found.les_s),
            "hol_s": seconds_or_none(found.hol_s),
            "hol_all_s": seconds_or_none(found.hol_all_s),
            "average_s": seconds_or_none(found.average_s),
            "average_all_s": seconds_or_none(found.average_all_s),
            "same_length_s": seconds_or_none(found.same_length_s),
            "waiting": found.waiting,
            "waiting_all": found.waiting_all,
            "answers_per_s": found.answers_per_s,
            "answers_all_per_s": found.answers_all_per_s,
            "samples": found.samples,
        }

    def downtime_since(self, time_us):
        """Return for how long the engine was down after a moment."""
        return self._native.downtime_since(time_us)

    def save(self):
        """Return the state as bytes; names, not numbers."""
        return self._native.save(self._engine._engine)

    def restore(self, bytes saved not None):
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""
        self._native.restore(saved, self._engine._engine)


cdef class FeatureMaker:
    """Features for a `Correction`, and what it takes to make them. Not thread-safe."""

    cdef CppFeatureMaker _native
    cdef Engine _engine

    def __cinit__(self, Engine engine not None):
        self._engine = engine

    def with_futures(self, waits_s, weights, DelayHistory delays not None, queue, now_us, *, second_of_day=0, call=None):
        """Return (features, base mean, base quantiles) for a set of futures' waits with their weights, seconds."""
        cdef vector[float] waits = waits_s
        cdef vector[float] weight = weights
        cdef FutureSummary summary = base_summary(waits, weight)
        cdef uint32_t number = queue_number(self._engine, queue)
        return self._shown(self._native.with_futures(
            summary, self._figures(delays, number, now_us, call), number, second_of_day, now_us))

    def without_futures(self, line_s, DelayHistory delays not None, queue, now_us, *, second_of_day=0, call=None):
        """Return (features, base mean, base quantiles) from delays alone. `line_s`: QLm, or None."""
        cdef uint32_t number = queue_number(self._engine, queue)
        return self._shown(self._native.without_futures(
            -1 if line_s is None else line_s, self._figures(delays, number, now_us, call), number, second_of_day, now_us))

    cdef CppDelayFigures _figures(self, DelayHistory delays, uint32_t queue, int64_t now_us, call) except *:
        cdef uint32_t but = NONE if call is None else self._engine._call(call)
        return delays._native.figures(self._engine._engine, queue, now_us, but)

    cdef tuple _shown(self, Features features):
        return vector_of(features), features.base.mean_s, quantiles_of(features.base.quantile_s)

    def learn(self, queue, now_us, mean_s, wait_s):
        """Tell that a call that was estimated from a base of `mean_s` was answered after `wait_s`."""
        self._native.learn(queue_number(self._engine, queue), now_us, base_of(mean_s, (0.0,) * LEVELS), wait_s)

    def forget_removed(self):
        """Forget queues that are no longer configured; return the features that mean nothing now."""
        return tuple(self._native.forget_removed(self._engine._engine))

    def save(self):
        """Return the state as bytes; names, not numbers."""
        return self._native.save(self._engine._engine)

    def restore(self, bytes saved not None):
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""
        self._native.restore(saved, self._engine._engine)


cdef class Correction:
    """From features and a base to a better mean, quantiles and interval, learnt online. Not thread-safe.

    Quantiles are at the levels of `LEVELS_OF_QUANTILES`. Times are seconds, finite and not below 0: else `ValueError`.
    """

    cdef CppCorrection* _native

    def __cinit__(self, size_t features=FEATURES):
        self._native = new CppCorrection(features)

    def __dealloc__(self):
        del self._native

    def predict(self, mean_s, quantiles_s, features):
        """Return (mean, quantiles, (low, high)) for a base."""
        cdef Corrected found = predict_at(self._native[0], base_of(mean_s, quantiles_s), features)
        return found.mean_s, quantiles_of(found.quantile_s), (found.low_s, found.high_s)

    def learn(self, mean_s, quantiles_s, features, wait_s):
        """Tell that a call that was estimated so was answered after `wait_s`."""
        learn_at(self._native[0], base_of(mean_s, quantiles_s), features, wait_s)

    def forget(self, size_t feature):
        """Unlearn what hangs on a feature that will mean something else."""
        self._native.forget(feature)

    @property
    def answers(self):
        """How many answered calls it has learnt from."""
        return self._native.answers()

    def save(self):
        """Return the state as bytes."""
        return self._native.save()

    def restore(self, bytes saved not None):
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""
        self._native.restore(saved)


cdef class Coverage:
    """How often 80 % intervals held."""

    cdef CppCoverage _native

    def count(self, low_s, high_s, wait_s):
        """Count an interval and the wait that came of it."""
        self._native.count(low_s, high_s, wait_s)

    @property
    def lately(self):
        """The share that held, over about the last 1,000; None if there was none."""
        return seconds_or_none(self._native.lately())

    @property
    def held(self):
        """How many held."""
        return self._native.held()

    @property
    def counted(self):
        """How many there were."""
        return self._native.counted()

    def save(self):
        """Return the state as bytes."""
        return self._native.save()

    def restore(self, bytes saved not None):
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""
        self._native.restore(saved)


cdef class Creep:
    """Whether successive announcements of one call's wait creep upward. Seconds."""

    cdef CppCreep _native

    def count(self, earlier_s, passed_s, now_s):
        """Count an announcement of `now_s`, made `passed_s` after one of `earlier_s`. Raises `ValueError`."""
        self._native.count(earlier_s, passed_s, now_s)

    @property
    def updates(self):
        """How many announcements followed another one."""
        return self._native.updates()

    @property
    def rose(self):
        """How many of them were longer than the one before, by over a second."""
        return self._native.rose()

    @property
    def moved_later(self):
        """How many moved the announced end later, by more than 5 s and a tenth of the wait announced before."""
        return self._native.moved_later()

    @property
    def mean_shift_s(self):
        """By how much the announced end moved later, on average; 0 without updates."""
        return self._native.mean_shift_s()


LEVELS_OF_QUANTILES = tuple([LEVEL[level] for level in range(LEVELS)])
"""The levels of a base's and a correction's quantiles."""
FEATURE_COUNT = FEATURES
"""How many features a `FeatureMaker` makes."""
