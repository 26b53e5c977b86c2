# Declarations of delay history, features, correction and coverage in src_native/wait/, as far as the binding touches them.
from libc.stdint cimport int32_t, int64_t, uint32_t
from libcpp cimport bool
from libcpp.string cimport string
from libcpp.vector cimport vector

from router.engine._cpp cimport CppEngine, router_raise

cdef extern from "wait/coverage.hpp" namespace "router::wait" nogil:
    cdef cppclass CppCoverage "router::wait::Coverage":
        void count(double, double, double) except +
        double lately()
        int64_t held()
        int64_t counted()
        string save() except +
        void restore(const string&) except +router_raise

    cdef cppclass CppCreep "router::wait::Creep":
        void count(double, double, double) except +
        int64_t updates()
        int64_t rose()
        int64_t moved_later()
        double mean_shift_s()

cdef extern from "wait/correction.hpp" namespace "router::wait" nogil:
    const size_t LEVELS "router::wait::LEVELS"
    const double* LEVEL "router::wait::LEVEL.data()"

    cdef cppclass Base:
        double mean_s
        double* quantile_s "quantile_s.data()"

    cdef cppclass Corrected:
        double mean_s
        double* quantile_s "quantile_s.data()"
        double low_s
        double high_s

    cdef cppclass CppCorrection "router::wait::Correction":
        CppCorrection(size_t) except +
        void forget(size_t) except +
        int64_t answers()
        string save() except +
        void restore(const string&) except +router_raise

cdef extern from "wait/delay_history.hpp" namespace "router::wait" nogil:
    cdef cppclass CppDelayFigures "router::wait::DelayFigures":
        double les_s
        double hol_s
        double hol_all_s
        double average_s
        double average_all_s
        double same_length_s
        int64_t waiting
        int64_t waiting_all
        double answers_per_s
        double answers_all_per_s
        int64_t samples

    cdef cppclass CppDelayHistory "router::wait::DelayHistory":
        CppDelayHistory(bool) except +
        void observe(const CppEngine&) except +router_raise
        void forget_day() except +
        CppDelayFigures figures(const CppEngine&, uint32_t, int64_t, uint32_t) except +router_raise
        int64_t downtime_since(int64_t)
        string save(const CppEngine&) except +router_raise
        void restore(const string&, const CppEngine&) except +router_raise

cdef extern from "wait/features.hpp" namespace "router::wait" nogil:
    const size_t FEATURES "router::wait::FEATURES"
    const size_t SLOTS_AT "router::wait::SLOTS_AT"

    cdef cppclass Features:
        Base base

    cdef cppclass FutureSummary:
        double mean_s
        double sd_s
        double* quantile_s "quantile_s.data()"

    cdef cppclass CppFeatureMaker "router::wait::FeatureMaker":
        Features with_futures(const FutureSummary&, const CppDelayFigures&, uint32_t, int32_t, int64_t) except +
        Features without_futures(double, const CppDelayFigures&, uint32_t, int32_t, int64_t) except +
        void learn(uint32_t, int64_t, const Base&, double) except +
        vector[size_t] forget_removed(const CppEngine&) except +router_raise
        void forget_day()
        string save(const CppEngine&) except +router_raise
        void restore(const string&, const CppEngine&) except +router_raise

cdef extern from *:
    """
    #include <span>

    #include "wait/features.hpp"

    namespace {

    router::wait::Corrected predict_at(const router::wait::Correction& correction, const router::wait::Base& base,
                                       const std::vector<double>& x) {
        return correction.predict(base, x);
    }

    void learn_at(router::wait::Correction& correction, const router::wait::Base& base, const std::vector<double>& x, double wait_s) {
        correction.learn(base, x, wait_s);
    }

    router::wait::FutureSummary base_summary(const std::vector<float>& waits_s, const std::vector<float>& weights) {
        return router::wait::summarise_for_base(waits_s, weights);
    }

    std::vector<double> vector_of(const router::wait::Features& features) {
        return {features.x.begin(), features.x.end()};
    }

    }  // namespace
    """
    Corrected predict_at(const CppCorrection&, const Base&, const vector[double]&) except +
    void learn_at(CppCorrection&, const Base&, const vector[double]&, double) except +
    FutureSummary base_summary(const vector[float]&, const vector[float]&) except +
    vector[double] vector_of(const Features&)
