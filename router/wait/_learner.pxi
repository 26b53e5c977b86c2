# Lifetimes and the learner: what is learnt of callers and agents, to look at. The including module cimports _learner.pxd.


cdef class Lifetime:
    """How long something lasts, and how much longer once it has lasted so long. Times are seconds."""

    cdef LearnedLifetime _native

    @staticmethod
    def exponential(double mean_s):
        """Of this mean, 0 or more. `ValueError` otherwise."""
        return lifetime(LearnedLifetime.exponential(mean_s))

    @staticmethod
    def fixed(double length_s):
        """Of exactly this length, 0 or more. `ValueError` otherwise."""
        return lifetime(LearnedLifetime.fixed(length_s))

    @staticmethod
    def of_samples(samples_s):
        """As one of these, which are sorted and 0 or more. `ValueError` otherwise."""
        cdef vector[float] native = samples_s
        return lifetime(learned_samples(native))

    @staticmethod
    def of_hazard(edges_s, rates_per_s):
        """By a hazard that is constant from each edge, the first being 0, to the next. `ValueError` if it is none."""
        cdef vector[double] edges = edges_s
        cdef vector[double] rates = rates_per_s
        return lifetime(learned_hazard(edges, rates))

    def stretched(self, double by):
        """Return the same, `by` > 0 times as long."""
        return lifetime(self._native.stretched(by))

    def residual_s(self, double age_s, double uniform, double factor=1, double rate=1):
        """Return how much longer what has lasted `age_s` lasts, for a number in (0, 1); `inf`: for ever."""
        return seconds_or_inf(self._native.residual_s(age_s, uniform, factor, rate))

    def survival(self, double age_s, double more_s, double factor=1, double rate=1):
        """Return the chance that what has lasted `age_s` lasts more than `more_s` longer."""
        return self._native.survival(age_s, more_s, factor, rate)

    def hazard_per_s(self, double age_s):
        """Return the ends per second at an age; None for a fixed length and samples."""
        cdef double hazard = self._native.hazard_per_s(age_s)
        return None if hazard < 0 else hazard

    @property
    def mean_s(self):
        return seconds_or_inf(self._native.mean_s())

    @property
    def endless(self):
        return self._native.endless()


cdef double seconds_or_inf(double value_s):
    return float("inf") if value_s >= ENDLESS_S else value_s


cdef Lifetime lifetime(LearnedLifetime native):
    cdef Lifetime made = Lifetime.__new__(Lifetime)
    made._native = native
    return made


cdef object learned_or_none(double value):
    return None if value < 0 else value


# What operators may see of a learner: see Predictor.learned().
cdef dict learned_view(const CppLearner& learner, const CppEngine& engine):
    cdef LearnedFigures all_of_it = learner.figures()
    cdef QueueFigures figures
    queues = {}
    for number in engine.queues_by_name():
        figures = learner.figures(engine, number)
        queues[engine.queue(number).settings.name.decode()] = {
            "talks": figures.talks,
            "handle_mean_s": learned_or_none(figures.handle_mean_s),
            "abandoned": figures.abandoned,
            "exposure_s": figures.exposure_s,
            "patience_mean_s": learned_or_none(figures.patience_mean_s),
            "wrap_up_mean_s": learned_or_none(figures.wrap_up_mean_s),
            "arrivals_per_s": figures.arrivals_per_s,
        }
    return {
        "queues": queues,
        "agents": all_of_it.agents,
        "kinds": all_of_it.kinds,
        "offers": {"accepted": all_of_it.accepted, "rejected": all_of_it.rejected, "expired": all_of_it.expired},
        "ring_mean_s": learned_or_none(all_of_it.ring_mean_s),
        "not_ready_mean_s": learned_or_none(all_of_it.not_ready_mean_s),
        "break_chance": all_of_it.break_chance,
        "takes": all_of_it.takes,
        "return_lag_mean_s": learned_or_none(all_of_it.return_lag_mean_s),
    }


cdef class Learner:
    """Follows one engine's events and keeps what futures need to know of callers and agents. Not thread-safe.

    `shadow`: an outside ACD decides. `utc_offsets_s`: (from when in microseconds, local time less UTC in seconds), rising.
    """

    cdef CppLearner* _native
    cdef Engine _engine

    def __cinit__(self, Engine engine not None, *, bint shadow=False, utc_offsets_s=()):
        cdef vector[pair[int64_t, int32_t]] offsets = utc_offsets_s
        self._engine = engine
        self._native = new_learner(shadow, offsets)

    def __dealloc__(self):
        del self._native

    def observe(self):
        """Learn from the engine's last command. To be called after each, in order."""
        self._native.observe(self._engine._engine)

    @property
    def day_began(self):
        return self._native.day_began()

    def second_of_day(self, int64_t time_us):
        """Return the local time of day, 0 to 86,399."""
        return self._native.second_of_day(time_us)

    def weekday(self, int64_t time_us):
        """Return the local day of the week, 0 is Monday."""
        return self._native.weekday(time_us)

    def downtime_since(self, int64_t time_us):
        """Return for how long the engine was down after a moment."""
        return self._native.downtime_since(time_us)

    def learned(self):
        """Return what is known, in figures: see docs/wait-prediction.md."""
        return learned_view(self._native[0], self._engine._engine)

    def save(self):
        """Return the state as bytes; names, not numbers."""
        return self._native.save(self._engine._engine)

    def restore(self, bytes saved not None):
        """Take over a saved state. Raises `CorruptSnapshot`, having changed nothing."""
        self._native.restore(saved, self._engine._engine)

    def model(self):
        """Return what futures assume, queue by queue and agent by agent."""
        cdef shared_ptr[const LearnedModel] held = self._native.model(self._engine._engine)
        cdef const LearnedModel* model = held.get()
        cdef dict queues = {}, agents = {}
        for number in self._engine._engine.queues_by_name():
            queues[self._engine._engine.queue(number).settings.name.decode()] = queue_model(model.queues[number])
        for number in self._engine._engine.agents_by_name():
            agents[self._engine._engine.agent(number).name.decode()] = agent_model(model.agents[number])
        return {
            "queues": queues,
            "agents": agents,
            "arrivals": [stream_model(self._engine._engine, model.arrivals[index]) for index in range(model.arrivals.size())],
            "ring": lifetime(model.ring),
            "reject": model.reject,
            "no_answer": model.no_answer,
            "not_ready": lifetime(model.not_ready),
            "break_chance": model.break_chance,
            "return_lag": lifetime(model.return_lag),
            "day_started_us": model.day_started_us,
        }


cdef dict queue_model(const LearnedQueue& known):
    return {
        "handle_time": lifetime(known.handle_time),
        "patience": lifetime(known.patience),
        "wrap_up": lifetime(known.wrap_up),
        "samples": known.samples,
    }


cdef dict agent_model(const LearnedAgent& known):
    return {
        "handle_factor": known.handle_factor,
        "return_rate": known.return_rate,
        "since_us": None if known.since_us < 0 else known.since_us,
        "seen_today": known.seen_today,
        "days": [(known.days[day].in_s, known.days[day].out_s) for day in range(known.days_known)],
    }


cdef dict stream_model(const CppEngine& engine, const LearnedStream& stream):
    return {
        "queue": engine.queue(stream.queue).settings.name.decode(),
        "channel": engine.channel(stream.channel).name.decode(),
        "urgency": stream_urgency(stream),
        "priority": stream.priority,
        "period_us": stream.period_us,
        "rates_per_s": list(stream.rates_per_s),
    }
