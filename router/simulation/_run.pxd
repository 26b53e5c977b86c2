# Declarations of the C++ run in src_native/simulation/, as far as the binding touches them.
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.optional cimport optional
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

from router.engine._cpp cimport Capacities, Command, Configure, CppEngine, RequirementSpec, Skills, Urgency
from router.simulation._statistics cimport CppDistribution, Recorder

cdef extern from *:
    """
    #include "simulation/describe.hpp"

    static PyObject* simulation_error_class;

    static void simulation_raise() {
        try {
            throw;
        } catch (const router::simulation::RunFailed& error) {
            PyErr_SetString(simulation_error_class, error.what());
        } catch (...) {
            router_raise();
        }
    }

    static const router::Configure& configure_in(const router::Command& command) { return std::get<router::Configure>(command); }
    """
    PyObject* simulation_error_class
    void simulation_raise()
    const Configure& configure_in(const Command&)

cdef extern from "simulation/scenario.hpp" namespace "router::simulation" nogil:
    const int64_t DRAWN "router::simulation::RecordedCall::DRAWN"

    cdef enum class ArrivalKind(uint8_t):
        poisson
        renewal
        recorded
    cdef enum class CppShiftEnd "router::simulation::ShiftEnd" (uint8_t): pass
    cdef enum class CppEnding "router::simulation::Ending" (uint8_t): pass
    cdef enum class CppLineOrder "router::simulation::LineOrder" (uint8_t): pass
    cdef enum class CppHuntedAgent "router::simulation::HuntedAgent" (uint8_t): pass

    cdef cppclass CppArrivals "router::simulation::Arrivals":
        ArrivalKind kind
        vector[double] rates_per_s
        int64_t period_us
        double day_factor_cv
        int64_t day_us
        CppDistribution interval
    cdef cppclass CppRedial "router::simulation::Redial":
        double chance
        CppDistribution after
        int64_t times_max
    cdef cppclass CppCallers "router::simulation::Callers":
        string name
        string queue
        string channel
        Urgency urgency
        uint8_t priority
        optional[RequirementSpec] requirement
        CppArrivals arrivals
        CppDistribution handle_time
        optional[CppDistribution] patience
        optional[CppDistribution] wrap_up
        string skill
        vector[pair[int, double]] handle_factor_by_level
        vector[pair[int, double]] resolution_by_level
        vector[pair[int64_t, double]] satisfaction_by_wait
        optional[CppRedial] redial_unresolved
        optional[CppRedial] redial_abandoned
        uint64_t customers
        bool known
    cdef cppclass CppAgentGroup "router::simulation::AgentGroup":
        string name
        vector[string] agents
        Skills skills
        Capacities capacity
        optional[CppDistribution] handle_time
        vector[optional[CppDistribution]] handle_times
        double handle_factor
        CppDistribution ring
        double reject
        CppDistribution reject_after
        double no_answer
        CppDistribution return_after
        vector[int64_t] staffing
        int64_t staffing_period_us
        vector[pair[int64_t, int64_t]] shifts
        CppShiftEnd at_shift_end
    cdef cppclass RecordedCall:
        int64_t time_us
        uint32_t callers
        int64_t handle_us
        int64_t patience_us
    cdef cppclass CppHunting "router::simulation::Hunting":
        CppLineOrder order
        CppHuntedAgent agent
    cdef cppclass CppScenario "router::simulation::Scenario":
        Configure configure
        vector[CppCallers] callers
        vector[CppAgentGroup] groups
        vector[RecordedCall] recorded
        vector[string] recorded_names
        int64_t epoch_us
        int64_t warm_up_us
        int64_t length_us
        CppEnding ending
        optional[CppHunting] hunting
        uint64_t seed
        uint64_t replication
        bool named
        bool keep_ends
        size_t slices

cdef extern from "simulation/centre.hpp" namespace "router::simulation" nogil:
    cdef enum class EndKind "router::simulation::RecordedEnd::Kind" (uint8_t): pass
    cdef cppclass RecordedEnd:
        EndKind kind
        int64_t time_us

cdef extern from "simulation/run.hpp" namespace "router::simulation" nogil:
    cdef cppclass CppRun "router::simulation::Run":
        CppRun(CppEngine&, CppScenario) except +
        bool step() except +simulation_raise
        bool run() except +simulation_raise
        void cancel()
        int64_t reached_us()
        int64_t time_us()
        Recorder& recorder()
        const vector[RecordedEnd]& ends()

cdef extern from "simulation/describe.hpp" namespace "router::simulation" nogil:
    cdef cppclass Words:
        int kind
        string call
        string agent
        string queue
        string customer
        uint32_t callers
        uint32_t group
        uint64_t offer
        int resolved
        int satisfaction
    Words describe(const CppRun&) except +
