# What a recorder counted -> router/simulation/results.py, and draws and histograms themselves, for tests.
# The including module imports `results` and cimports everything of _statistics.pxd.


cdef object whole(Wide value):
    return (int(high_of(value)) << 64) | low_of(value)


cdef tuple percentiles_or_none(const vector[double]& percentiles):
    return tuple(percentiles) if percentiles.size() else None


cdef object call_figures(const CppCallFigures& figures):
    return results.CallFigures(
        offered=figures.offered,
        answered=figures.answered,
        abandoned=figures.abandoned,
        blocked=figures.blocked,
        refused=figures.refused,
        unfinished=figures.unfinished,
        delayed=figures.delayed,
        answered_in_target=figures.answered_in_target,
        wait_all_sum_us=whole(figures.wait_all_sum_us),
        wait_served_sum_us=whole(figures.wait_served_sum_us),
        wait_all_percentiles_us=percentiles_or_none(figures.wait_all_percentiles_us),
        wait_served_percentiles_us=percentiles_or_none(figures.wait_served_percentiles_us),
        talk_sum_us=whole(figures.talk_sum_us),
        redials=figures.redials,
        resolved=figures.resolved,
        unresolved=figures.unresolved,
        first_calls=figures.first_calls,
        first_resolved=figures.first_resolved,
        satisfactions=figures.satisfactions,
        satisfaction_sum=figures.satisfaction_sum,
        slips=figures.slips,
        skips=figures.skips,
        overtaken=figures.overtaken,
        kin_slips=figures.kin_slips,
        kin_skips=figures.kin_skips,
    )


cdef object queue_figures(const CppQueueFigures& figures):
    return results.QueueFigures(
        calls=call_figures(figures.calls),
        length_integral_us=whole(figures.length_integral_us),
        length_max=figures.length_max,
    )


cdef object agent_figures(const CppAgentFigures& figures, str agent, str group):
    return results.AgentFigures(
        agent=agent,
        group=group,
        present_us=figures.present_us,
        ready_us=figures.ready_us,
        offered_us=figures.offered_us,
        talk_us=figures.talk_us,
        wrap_up_us=figures.wrap_up_us,
        busy_us=figures.busy_us,
        answered=figures.answered,
        rejected=figures.rejected,
        not_answered=figures.not_answered,
    )


cdef object balance_of(const CppBalance& balance):
    return results.Balance(
        waiting_at_start=balance.waiting_at_start,
        entered=balance.entered,
        left=balance.left,
        waiting_at_end=balance.waiting_at_end,
        length_integral_us=whole(balance.length_integral_us),
        waited_us=whole(balance.waited_us),
    )


cdef object discrimination_of(const CppDiscrimination& found):
    return results.Discrimination(
        calls=found.calls,
        sum_s=found.sum_s,
        square_sum_s2=found.square_sum_s2,
        busy_periods=found.busy_periods,
        residue_s=found.residue_s,
    )


cdef object series_of(const CppSeries& series, dict queues, list groups):
    return results.Series(
        slice_us=series.slice_us,
        offered=tuple(series.offered),
        waiting={name: tuple(series.waiting[<size_t>queue]) for name, queue in queues.items()},
        present={name: tuple(series.present[<size_t>index]) for index, name in enumerate(groups)},
        busy={name: tuple(series.busy[<size_t>index]) for index, name in enumerate(groups)},
        wait_mean_us=tuple([mean if mean >= 0 else None for mean in list(series.wait_mean_us)]),
    )


# `callers` and `groups` are names by number, `queues` the engine's numbers by name, `agents` (name, group) by number.
cdef object replication_of(
    Recorder& recorder, int number, int64_t length_us, list callers, dict queues, list agents, list groups, bint series
):
    return results.Replication(
        number=number,
        length_us=length_us,
        calls=call_figures(recorder.all_figures()),
        callers={name: call_figures(recorder.caller_figures(index)) for index, name in enumerate(callers)},
        queues={name: queue_figures(recorder.queue_figures(queue)) for name, queue in queues.items()},
        agents=tuple([
            agent_figures(recorder.agent_figures(index), name, group) for index, (name, group) in enumerate(agents)
        ]),
        balance=balance_of(recorder.balance()),
        discrimination=discrimination_of(recorder.discrimination()),
        series=series_of(recorder.series(), queues, groups) if series else None,
        commands=recorder.commands(),
        events=recorder.events(),
        customers=recorder.customers(),
        event_hash=recorder.event_hash(),
    )


def philox_block(counter, key):
    """Return the four words of Philox 4x32-10 for a counter of four and a key of two."""
    cdef uint32_t[4] words
    cdef uint32_t[4] counter_words = counter
    cdef uint32_t[2] key_words = key
    philox_words(counter_words, key_words, words)
    return tuple(words)


def quantile_of_normal(double probability):
    """Return the standard normal deviate below which this share lies."""
    return normal_quantile(probability)


def draw_uniforms(int count, *, seed=1, replication=0, purpose=4, name="", first=0, attempt=0):
    """Return that many uniform numbers of a stream, from draw `first` on."""
    cdef Stream stream = Stream(seed, replication, <Purpose><uint32_t>purpose, name.encode())
    cdef DrawOf draw
    draw.attempt = attempt
    drawn = []
    for number in range(first, first + count):
        draw.number = number
        drawn.append(stream.uniform(draw))
    return drawn


def draw_sequence(int count, *, seed=1, replication=0, purpose=4, name=""):
    """Return that many uniform numbers of a stream, one after the other."""
    cdef Stream stream = Stream(seed, replication, <Purpose><uint32_t>purpose, name.encode())
    cdef Sequence sequence = Sequence(stream)
    return [sequence.uniform() for _ in range(count)]


def draw_durations(distribution, int count, *, seed=1, replication=0, purpose=4, name="", first=0, attempt=0, factor=1.0):
    """Return that many draws of a distribution, in microseconds, from draw `first` on."""
    cdef Stream stream = Stream(seed, replication, <Purpose><uint32_t>purpose, name.encode())
    cdef CppDistribution compiled = CppDistribution(spec_of(distribution))
    cdef DrawOf draw
    cdef double scale = factor
    draw.attempt = attempt
    drawn = []
    for number in range(first, first + count):
        draw.number = number
        drawn.append(compiled.draw_scaled(stream, draw, scale))
    return drawn


def moments_us(distribution):
    """Return mean and variance of a distribution, before rounding to microseconds."""
    cdef CppDistribution compiled = CppDistribution(spec_of(distribution))
    return compiled.mean_us(), compiled.variance_us2()


cdef DistributionSpec spec_of(distribution) except *:
    cdef DistributionSpec spec
    spec.family = <Family><unsigned char>distribution.family
    spec.mean_us = distribution.mean_us
    spec.cv = distribution.cv
    for value_us in distribution.values_us:
        spec.values_us.push_back(value_us)
    return spec


cdef class Histogram:
    """Durations in microseconds, each known to 2^-10 of itself."""

    cdef CppHistogram histogram

    def add(self, int64_t value_us):
        """Add a duration, 0 to 366 days."""
        if not 0 <= value_us <= 366 * 86_400 * 1_000_000:
            raise ValueError(f"a duration must be 0 to 366 days, not {value_us} µs")
        self.histogram.add(value_us)

    def merge(self, Histogram other):
        """Add all of another one."""
        self.histogram.merge(other.histogram)

    def __len__(self):
        return self.histogram.count()

    def percentiles(self, percents):
        """Return the percentiles for rising percents; an empty tuple if there are no values."""
        return tuple(percentiles_of(self.histogram, percents))
