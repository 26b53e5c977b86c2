# Declarations of lifetimes and the learner in src_native/wait/, as far as the binding touches them.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libcpp cimport bool
from libcpp.memory cimport shared_ptr
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

from router.engine._cpp cimport CppEngine, router_raise

cdef extern from *:
    """
    #include <stdexcept>

    #include "wait/learner.hpp"

    // Numbers that no lifetime or offset can have are the caller's mistake.
    static void learner_raise() {
        try {
            throw;
        } catch (const router::TimeWentBackwards&) {
            router_raise();
        } catch (const std::invalid_argument& error) {
            PyErr_SetString(PyExc_ValueError, error.what());
        } catch (...) {
            router_raise();
        }
    }

    static router::wait::Lifetime learned_samples(const std::vector<float>& sorted_s) {
        return router::wait::Lifetime::of_samples(std::make_shared<const std::vector<float>>(sorted_s));
    }

    static router::wait::Lifetime learned_hazard(const std::vector<double>& edges_s, const std::vector<double>& rates_per_s) {
        return router::wait::Lifetime::of_hazard(std::make_shared<const std::vector<double>>(edges_s), rates_per_s);
    }

    static int stream_urgency(const router::wait::ArrivalStream& stream) { return static_cast<int>(stream.urgency); }

    static router::wait::Learner* new_learner(bool shadow, const std::vector<std::pair<std::int64_t, std::int32_t>>& utc_offsets_s) {
        return new router::wait::Learner({shadow, {utc_offsets_s.begin(), utc_offsets_s.end()}});
    }
    """
    void learner_raise()

cdef extern from "wait/lifetime.hpp" namespace "router::wait" nogil:
    const double ENDLESS_S

    cdef cppclass LearnedLifetime "router::wait::Lifetime":
        LearnedLifetime()
        @staticmethod
        LearnedLifetime exponential(double) except +learner_raise
        @staticmethod
        LearnedLifetime fixed(double) except +learner_raise
        LearnedLifetime stretched(double) except +learner_raise
        bool endless()
        double residual_s(double, double, double, double)
        double survival(double, double, double, double)
        double mean_s()
        double hazard_per_s(double)

cdef extern from "wait/model.hpp" namespace "router::wait" nogil:
    cdef cppclass LearnedStream "router::wait::ArrivalStream":
        uint32_t queue
        uint32_t channel
        uint8_t priority
        int64_t period_us
        vector[double] rates_per_s

    cdef cppclass LearnedQueue "router::wait::QueueModel":
        LearnedLifetime handle_time
        LearnedLifetime patience
        LearnedLifetime wrap_up
        int64_t samples

    cdef cppclass LearnedDay "router::wait::AgentModel::Day":
        int32_t in_s
        int32_t out_s

    cdef cppclass LearnedAgent "router::wait::AgentModel":
        double handle_factor
        double return_rate
        int64_t since_us
        bool seen_today
        LearnedDay* days
        uint8_t days_known

    cdef cppclass LearnedModel "router::wait::Model":
        vector[LearnedQueue] queues
        vector[LearnedAgent] agents
        vector[LearnedStream] arrivals
        LearnedLifetime ring
        double reject
        double no_answer
        LearnedLifetime not_ready
        double break_chance
        LearnedLifetime return_lag
        bool shadow
        int64_t day_started_us

cdef extern from "wait/learner.hpp" namespace "router::wait" nogil:
    cdef cppclass CppLearnerSettings "router::wait::LearnerSettings":
        bool shadow
        vector[pair[int64_t, int32_t]] utc_offsets_s

    cdef cppclass QueueFigures:
        int64_t talks
        double handle_mean_s
        double abandoned
        double exposure_s
        double patience_mean_s
        double wrap_up_mean_s
        double arrivals_per_s

    cdef cppclass LearnedFigures:
        double accepted
        double rejected
        double expired
        double ring_mean_s
        double not_ready_mean_s
        double break_chance
        int64_t agents
        int64_t kinds
        double takes
        double return_lag_mean_s

    cdef cppclass CppLearner "router::wait::Learner":
        void observe(const CppEngine&) except +router_raise
        shared_ptr[const LearnedModel] model(const CppEngine&) except +router_raise
        bool day_began()
        int32_t second_of_day(int64_t)
        int weekday(int64_t)
        int64_t downtime_since(int64_t)
        QueueFigures figures(const CppEngine&, uint32_t) except +router_raise
        LearnedFigures figures()
        string save(const CppEngine&) except +router_raise
        void restore(const string&, const CppEngine&) except +router_raise

# of the text above
cdef extern from *:
    LearnedLifetime learned_samples(const vector[float]&) except +learner_raise
    LearnedLifetime learned_hazard(const vector[double]&, const vector[double]&) except +learner_raise
    int stream_urgency(const LearnedStream&)
    CppLearner* new_learner(bool, const vector[pair[int64_t, int32_t]]&) except +learner_raise
