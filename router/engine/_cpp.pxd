# Declarations of the C++ engine in src_native/, as far as the binding touches it.
from cpython.ref cimport PyObject
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.optional cimport optional
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef extern from *:
    """
    #include "engine.hpp"

    // Python classes for: TimeWentBackwards, RequestIdReused, CorruptSnapshot, InvariantViolated.
    static PyObject* router_error_classes[4];

    static void router_raise() {
        try {
            throw;
        } catch (const router::TimeWentBackwards& error) {
            PyErr_SetString(router_error_classes[0], error.what());
        } catch (const router::RequestIdReused& error) {
            PyErr_SetString(router_error_classes[1], error.what());
        } catch (const router::CorruptSnapshot& error) {
            PyErr_SetString(router_error_classes[2], error.what());
        } catch (const std::bad_alloc&) {
            PyErr_NoMemory();
        } catch (const std::exception& error) {
            PyErr_SetString(router_error_classes[3], error.what());
        }
    }
    """
    void router_raise()
    PyObject* router_error_classes[4]

cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view()
        string_view(const char*, size_t)
        const char* data()
        size_t size()
        bool empty()

cdef extern from "limits.hpp" namespace "router" nogil:
    const size_t NAME_BYTES_MAX
    const size_t DIGEST_BYTES_MIN
    const size_t DIGEST_BYTES_MAX
    const size_t SKILLS_MAX
    const int64_t LEVEL_MAX
    const int64_t CAPACITY_MAX
    const int64_t PRIORITY_MAX
    const size_t PREFERRED_AGENTS_MAX
    const size_t ATTRIBUTES_MAX
    const size_t ATTRIBUTES_BYTES_MAX
    const int64_t SATISFACTION_MAX
    const int64_t OFFER_MAX
    const size_t STEPS_MAX
    const size_t TERMS_MAX
    const size_t PREFERENCES_MAX
    const size_t QUEUES_MAX
    const int64_t WEIGHT_MAX
    const int64_t PRIOR_CALLS_MAX
    const int64_t NUMBER_MAX

cdef extern from "text.hpp" namespace "router" nogil:
    bool is_plain(string_view)
    bool is_text(string_view)

cdef extern from "engine.hpp" namespace "router" nogil:
    const uint32_t NONE
    const int64_t NEVER
    const int64_t TIME_US_MAX_NATIVE "router::TIME_US_MAX"
    const int64_t DURATION_US_MAX
    const size_t CHANNELS_MAX

    cdef enum class Urgency(uint8_t): pass
    cdef enum class Tier(uint8_t): pass
    cdef enum class CallState(uint8_t): pass
    cdef enum class Availability(uint8_t): pass
    cdef enum class EngagementState(uint8_t): pass
    cdef enum class NoAnswerAction(uint8_t): pass
    cdef enum class WrapUpMode(uint8_t): pass
    cdef enum class RejectReason(uint8_t): pass
    cdef enum class Obstacle(uint8_t): pass
    cdef enum class TermKind(uint8_t):
        skill
        any_of
        agent
    cdef enum class EventKind(uint8_t):
        command_rejected
        agent_signed_in
        agent_signed_out
        agent_availability_changed
        agent_updated
        call_enqueued
        call_updated
        call_abandoned
        call_requeued
        call_transferred
        call_overflowed
        call_refused
        call_step_reached
        call_hold_ended
        call_overdue
        call_turned_into_callback
        offer_made
        offer_accepted
        offer_rejected
        offer_expired
        offer_withdrawn
        call_assigned
        call_completed
        wrap_up_started
        wrap_up_ended
        outcome_recorded
        queue_paused
        queue_resumed
        call_moved
        configured
        call_detached
        call_attached
        restarted

    # settings.hpp
    cdef struct SkillAtLeast:
        string skill
        uint8_t level
    cdef cppclass TermSpec:
        TermKind kind
        vector[SkillAtLeast] alternatives
        string agent
    cdef struct PreferenceSpec:
        string skill
        uint8_t importance
    cdef cppclass StepSpec:
        int64_t after_us
        vector[TermSpec] terms
        vector[PreferenceSpec] preferences
    cdef cppclass RequirementSpec:
        vector[StepSpec] steps
    cdef cppclass QueueSettings:
        string name
        RequirementSpec requirement
        int64_t target_us[3]
        int64_t max_overtake_wait_us[3]
        bool automatic
        int64_t offer_timeout_us
        NoAnswerAction no_answer_action
        int64_t reject_backoff_us
        WrapUpMode wrap_up_mode
        int64_t wrap_up_us
        int64_t preferred_hold_us
        bool last_agent_preferred
        int64_t last_agent_hold_us
        int64_t waiting_max
        int64_t wait_max_us
        string overflow
        int64_t agent_weights[6]
        int64_t call_weights[6]
    cdef cppclass ChannelSettings:
        string name
        bool exclusive
    cdef cppclass EfficiencySettings:
        int64_t prior_calls
        int64_t handle_time
        int64_t resolution
        int64_t satisfaction
    cdef cppclass Settings:
        vector[QueueSettings] queues
        vector[ChannelSettings] channels
        int64_t idle_scale_us
        int64_t occupancy_half_life_us
        EfficiencySettings efficiency
        int64_t finished_retention_us
        int64_t customer_retention_us
        int64_t customers_max
        int64_t request_retention_us
        int64_t requests_max
        int64_t agents_max
        int64_t calls_max
        int64_t requirements_max

    # commands.hpp
    ctypedef vector[pair[string, uint8_t]] Skills
    ctypedef vector[pair[string, uint16_t]] Capacities
    ctypedef vector[pair[string, string]] Attributes
    ctypedef vector[string] Names
    # What is a Ref there (agent, call, queue, channel) is made of its name here, so the name stands for it.
    cdef cppclass RequirementRef:
        RequirementRef()
        RequirementRef(RequirementSpec)
    cdef cppclass SignIn:
        string agent
        Skills skills
        Capacities capacity
        bool ready
    cdef cppclass SignOut:
        string agent
    cdef cppclass SetAvailability:
        string agent
        bool ready
        string reason
        bool after_call
    cdef cppclass UpdateAgent:
        string agent
        optional[Skills] skills
        optional[Capacities] capacity
    cdef cppclass Enqueue:
        string call
        string queue
        string channel
        RequirementRef requirement
        Urgency urgency
        uint8_t priority
        Names preferred_agents
        optional[int64_t] hold_us
        int64_t credited_wait_us
        string customer
        Attributes attributes
        bool callback
        bool explain
    cdef cppclass UpdateCall:
        string call
        optional[Urgency] urgency
        optional[uint8_t] priority
        RequirementRef requirement
        optional[Names] preferred_agents
        optional[Attributes] attributes
    cdef cppclass Cancel:
        string call
        string reason
    cdef cppclass Requeue:
        string call
        bool keep_place
        string reason
    cdef cppclass Transfer:
        string call
        string queue
        bool keep_place
        RequirementRef requirement
        optional[Names] preferred_agents
        optional[int64_t] hold_us
    cdef cppclass Assign:
        string call
        string agent
    cdef cppclass TurnIntoCallback:
        string call
    cdef cppclass Accept:
        uint64_t offer
    cdef cppclass Reject:
        uint64_t offer
        string reason
    cdef cppclass Complete:
        string call
    cdef cppclass EndWrapUp:
        string agent
        string call
    cdef cppclass RecordOutcome:
        string call
        optional[bool] resolved
        optional[uint8_t] satisfaction
        string agent
        string queue
    cdef cppclass Configure:
        Settings settings
        vector[pair[string, string]] moves
    cdef cppclass PauseQueue:
        string queue
    cdef cppclass ResumeQueue:
        string queue
    cdef cppclass Detach:
        string call
    cdef cppclass Attach:
        string call
    cdef cppclass Restart:
        pass
    cdef cppclass Advance:
        pass
    cdef cppclass Command:
        Command()
        Command(SignIn)
        Command(SignOut)
        Command(SetAvailability)
        Command(UpdateAgent)
        Command(Enqueue)
        Command(UpdateCall)
        Command(Cancel)
        Command(Requeue)
        Command(Transfer)
        Command(Assign)
        Command(TurnIntoCallback)
        Command(Accept)
        Command(Reject)
        Command(Complete)
        Command(EndWrapUp)
        Command(RecordOutcome)
        Command(Configure)
        Command(PauseQueue)
        Command(ResumeQueue)
        Command(Detach)
        Command(Attach)
        Command(Restart)
        Command(Advance)

    # events.hpp
    cdef cppclass Event:
        EventKind kind
        uint8_t code
        bool flag
        int64_t time_us
        uint64_t sequence
        uint64_t offer
        uint32_t call
        uint32_t agent
        uint32_t queue
        uint32_t from_queue
        uint32_t text
        uint32_t call_text
        int64_t value
        int64_t hold_until_us
    cdef cppclass Result:
        uint64_t sequence
        int64_t time_us
        RejectReason rejection
        string subject
        bool about_call
        CallState call_state
        string queue
        string agent
        uint64_t offer
    cdef cppclass Statistics:
        uint64_t commands
        uint64_t decisions
        uint64_t candidates
        uint64_t classes
        uint64_t affinity_pairs
        uint64_t barred

    # explanation.hpp
    cdef cppclass TermValue:
        string name
        int64_t value_ppm
        int64_t weight_milli
        int64_t contribution_nano
    cdef cppclass Candidate:
        string call
        string agent
        string queue
        Tier tier
        vector[TermValue] terms
        int64_t total_nano
    cdef cppclass Decision:
        uint64_t offer
        int64_t time_us
        uint64_t sequence
        bool agent_was_chosen
        Candidate winner
        optional[Candidate] runner_up
        string decided_by
        uint64_t candidates

    # skills.hpp, agents.hpp, calls.hpp
    cdef cppclass Profile:
        vector[pair[uint32_t, uint8_t]] skills
    cdef cppclass Requirement:
        RequirementSpec spec
    cdef cppclass SkillMatrix:
        const Profile& profile(uint32_t)
        const Requirement& requirement(uint32_t)
        const string& skill_name(uint32_t)
    cdef cppclass Engagement:
        uint64_t offer
        uint32_t call
        uint32_t queue
        uint32_t channel
        EngagementState state
        int64_t started_us
        int64_t until_us
    cdef cppclass Learned:
        uint32_t queue
        int64_t efficiency_ppm
        int64_t calls
        int64_t handle_sum_us
        int64_t resolutions
        int64_t resolved
        int64_t satisfactions
        int64_t satisfaction_sum
    cdef cppclass Agent:
        string name
        Availability availability
        string reason
        uint32_t profile
        vector[Engagement] engagements
        uint64_t sign_in_order
        int64_t idle_since_us
        uint64_t occupancy_q32
        int64_t occupancy_at_us
        vector[Learned] learned
    cdef cppclass Bar:
        uint32_t agent
        int64_t until_us
    cdef cppclass Call:
        string name
        CallState state
        uint32_t queue
        uint32_t channel
        uint32_t requirement
        bool own_requirement
        Urgency urgency
        uint8_t priority
        vector[uint32_t] preferred
        int64_t hold_until_us
        int64_t effective_arrival_us
        int64_t wait_started_us
        int64_t queue_entered_us
        uint64_t order
        uint16_t step
        bool detached
        bool callback
        bool explain
        string customer
        Attributes attributes
        vector[Bar] bars
        vector[uint32_t] queues_tried()
        uint64_t offer
        uint32_t agent
        int64_t assigned_us
        int64_t finished_us
        int8_t resolved
        int8_t satisfaction
        vector[Decision] decisions
        bool held()
        Tier tier()
    cdef cppclass Queue:
        QueueSettings settings
        bool paused
        int64_t offered
        int64_t assigned
        Learned learned
    cdef cppclass Channel:
        string name
        uint32_t index
    cdef cppclass Customer:
        string name
        uint32_t agent
        int64_t served_us

    # engine.hpp
    cdef cppclass ForkTerms:
        bool names
        bool resume_queues
        bool offer_always
        bool manual_wrap_up
    cdef cppclass RequestOutcome:
        Result result
        bool repeated
    cdef cppclass CppEngine "router::Engine":
        bool tracing
        void apply(const Command&, int64_t) except +router_raise
        RequestOutcome apply_request(const Command&, int64_t, const string&, const string&, const string&) except +router_raise
        const vector[Event]& events()
        const string& text(uint32_t)
        Result result()
        uint64_t sequence()
        int64_t time_us()
        int64_t next_deadline()
        int64_t due_time(int64_t, size_t) except +router_raise
        const Statistics& statistics()
        uint32_t find_call(const string&)
        bool remembers(const string&, const string&, int64_t)
        uint32_t find_agent(const string&)
        uint32_t find_queue(const string&)
        uint32_t find_channel(const string&)
        const Call& call(uint32_t)
        const Agent& agent(uint32_t)
        const Queue& queue(uint32_t)
        const Channel& channel(uint32_t)
        const Settings& settings()
        const SkillMatrix& skills()
        vector[Customer] customers()
        vector[uint32_t] calls_by_order()
        vector[uint32_t] agents_by_name()
        vector[uint32_t] queues_by_name()
        vector[uint32_t] waiting(uint32_t, size_t)
        size_t waiting_count(uint32_t)
        int64_t position(uint32_t)
        int64_t count_agents(const RequirementSpec&, size_t, uint32_t) except +router_raise
        uint16_t agent_capacity(uint32_t, uint32_t)
        const string& call_name(const Engagement&)
        const vector[Decision]& last_decisions()
        vector[Obstacle] obstacles(uint32_t, uint32_t)
        vector[pair[Obstacle, int64_t]] count_obstacles(uint32_t)
        int64_t signed_in_agents()
        string snapshot() except +router_raise
        void restore(const string&) except +router_raise
        void audit() except +router_raise
        CppFork fork(const ForkTerms&) except +router_raise
        void rewind(const CppEngine&) except +router_raise
        uint32_t would_take(uint32_t)
        uint32_t would_get(uint32_t)
    cdef cppclass CppFork "router::Fork":
        CppEngine engine
