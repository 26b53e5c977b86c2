# Declarations of the C++ statistics in src_native/simulation/, as far as the binding touches them.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef extern from "simulation/distributions.hpp" namespace "router::simulation" nogil:
    cdef enum class Purpose(uint32_t):
        handle_time

    cdef struct DrawOf "router::simulation::Draw":
        uint64_t number
        uint32_t attempt

    cdef cppclass Stream:
        Stream() except +
        Stream(uint64_t seed, uint64_t replication, Purpose purpose, const string& name) except +
        double uniform(DrawOf draw)
        double exponential(DrawOf draw)
        double normal(DrawOf draw)

    cdef cppclass Sequence:
        Sequence() except +
        Sequence(Stream stream) except +
        double uniform()

    double normal_quantile(double probability)

cdef extern from *:
    """
    #include "simulation/distributions.hpp"

    // Philox through plain pointers: Cython knows no std::array.
    static void philox_words(const uint32_t* counter, const uint32_t* key, uint32_t* words) {
        const auto block = router::simulation::philox({counter[0], counter[1], counter[2], counter[3]}, {key[0], key[1]});
        for (int index = 0; index < 4; ++index) words[index] = block[index];
    }
    """
    void philox_words(const uint32_t* counter, const uint32_t* key, uint32_t* words) nogil

cdef extern from "simulation/distributions.hpp" namespace "router::simulation" nogil:
    cdef enum class Family(unsigned char):
        pass

    cdef cppclass DistributionSpec:
        DistributionSpec() except +
        Family family
        int64_t mean_us
        double cv
        vector[int64_t] values_us

    cdef cppclass CppDistribution "router::simulation::Distribution":
        CppDistribution() except +
        CppDistribution(const DistributionSpec& spec) except +
        int64_t draw(const Stream& stream, DrawOf draw)
        int64_t draw_scaled(const Stream& stream, DrawOf draw, double factor)
        double mean_us()
        double variance_us2()

cdef extern from "simulation/histogram.hpp" namespace "router::simulation" nogil:
    cdef cppclass CppHistogram "router::simulation::Histogram":
        CppHistogram() except +
        void add(int64_t value_us) except +
        void merge(const CppHistogram& other) except +
        uint64_t count()

cdef extern from *:
    """
    #include "simulation/histogram.hpp"

    static std::vector<double> percentiles_of(const router::simulation::Histogram& histogram, const std::vector<double>& percents) {
        return histogram.percentiles(percents);
    }
    """
    vector[double] percentiles_of(const CppHistogram& histogram, const vector[double]& percents) except +

cdef extern from "simulation/statistics_figures.hpp" namespace "router::simulation" nogil:
    cdef cppclass Wide "router::Wide":
        pass

    int64_t high_of(Wide value)
    uint64_t low_of(Wide value)

    cdef cppclass CppCallFigures "router::simulation::CallFigures":
        int64_t offered, answered, abandoned, blocked, refused, unfinished, delayed, answered_in_target
        Wide wait_all_sum_us, wait_served_sum_us, talk_sum_us
        vector[double] wait_all_percentiles_us, wait_served_percentiles_us
        int64_t redials, resolved, unresolved, first_calls, first_resolved, satisfactions
        double satisfaction_sum
        int64_t slips, skips, overtaken, kin_slips, kin_skips

    cdef cppclass CppQueueFigures "router::simulation::QueueFigures":
        CppCallFigures calls
        Wide length_integral_us
        int64_t length_max

    cdef cppclass CppAgentFigures "router::simulation::AgentFigures":
        int64_t present_us, ready_us, offered_us, talk_us, wrap_up_us, busy_us
        int64_t answered, rejected, not_answered

    cdef cppclass CppBalance "router::simulation::Balance":
        int64_t waiting_at_start, entered, left, waiting_at_end
        Wide length_integral_us, waited_us

    cdef cppclass CppDiscrimination "router::simulation::Discrimination":
        int64_t calls, busy_periods
        double sum_s, square_sum_s2, residue_s

    cdef cppclass CppSeries "router::simulation::Series":
        int64_t slice_us
        vector[int64_t] offered
        vector[vector[double]] waiting, present, busy
        vector[double] wait_mean_us

cdef extern from "simulation/statistics.hpp" namespace "router::simulation" nogil:
    cdef cppclass Recorder:
        CppCallFigures all_figures() except +
        CppCallFigures caller_figures(size_t callers) except +
        CppQueueFigures queue_figures(uint32_t queue) except +
        CppAgentFigures agent_figures(size_t agent) except +
        CppBalance balance() except +
        CppDiscrimination discrimination() except +
        CppSeries series() except +
        uint64_t commands()
        uint64_t events()
        uint64_t customers()
        uint64_t event_hash()
