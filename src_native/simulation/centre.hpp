// Callers and agents: what happens outside the engine, as commands to come.
//
// Invariant: what callers and agents do follows from the scenario, the seed and the events of the engine alone. The centre
// never looks into what the engine will do. Times are the engine's.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "arrivals.hpp"
#include "calendar.hpp"
#include "engine.hpp"
#include "scenario.hpp"
#include "shifts.hpp"
#include "statistics.hpp"

namespace router::simulation {

// How a recorded call ended, if that is asked for.
struct RecordedEnd {
    enum class Kind : std::uint8_t { none, answered, abandoned, refused };

    Kind kind = Kind::none;
    TimeUs time_us = 0;
};

class Centre {
public:
    // All must outlive it. The engine is configured, the recorder new.
    Centre(const Scenario& scenario, Engine& engine, Recorder& recorder);

    // Time of what comes next, NEVER if nothing is left to do. O(log n) amortised.
    TimeUs next_us();
    // What comes next, as a command; there is something. Valid until the next call.
    const Command& take();
    // What has to follow at this very instant, before anything else; nullptr if nothing has.
    const Command* follow_up();
    // Learn what came of a command: introduce() before the recorder follows it, observe() after.
    void introduce(const std::vector<Event>& events);
    void observe(const std::vector<Event>& events);

    // Calls that are not finished.
    std::int64_t live() const { return live_; }
    // Whether a call will end, or its caller give up, whatever the engine does.
    bool sure_of_more() const { return expected_ > 0; }
    bool in_wrap_up() const { return open_wrap_ups_ > 0; }
    // When something last changed for a call, offers that nobody takes apart.
    TimeUs progress_us() const { return progress_us_; }
    const std::vector<RecordedEnd>& ends() const { return ends_; }
    // Of the last command: who calls, and the group of the agent who comes.
    std::uint32_t arriving_callers() const { return arriving_.callers; }
    std::uint32_t coming_group() const { return agents_[coming_].group_index; }

private:
    // One who calls: the first time, or again.
    struct Visit {
        std::uint64_t number = 0;   // among the callers of its kind
        std::uint64_t serial = 0;   // of the caller's first call, for names
        std::uint64_t customer = 0;
        std::uint32_t callers = 0;
        std::uint32_t attempt = 0;  // 0: the first call
        std::uint32_t recorded = NONE;
    };

    // A call, by its number in the engine. `give_up` and `due` are numbers of what is planned, 0: nothing.
    struct Contact {
        Visit visit;
        std::uint64_t give_up = 0;
        std::uint64_t due = 0;  // the answer to its offer, or its end
        std::uint64_t offer = 0;
        TimeUs arrived_us = 0;
        TimeUs answered_us = NEVER;
        TimeUs ends_us = 0;         // of the service under way
        TimeUs remaining_us = NEVER;  // of a service that was broken off
        std::uint32_t offers = 0;
        bool accepts = false;
    };

    struct WrapUp {
        std::uint64_t offer = 0;
        std::uint64_t due = 0;
    };

    struct AgentState {
        AgentState(const AgentGroup& of, std::uint32_t number, std::uint32_t at)
            : group(&of), group_index(number), place(at), shifts(of, at) {}

        const AgentGroup* group;
        std::uint32_t group_index;
        std::uint32_t place;  // in the group
        Shifts shifts;
        AgentId id = NONE;
        TimeUs shift_until_us = NEVER;
        bool signed_in = false;
        std::uint32_t absences = 0;
        std::uint64_t return_due = 0;
        std::vector<WrapUp> wrap_ups;  // that the agent ends
    };

    // What depends on callers and group.
    struct Service {
        const Distribution* handle_time = nullptr;  // of the group; nullptr: the callers' own
        double factor = 1;
        double resolution = -1;  // -1: not told
    };

    struct CallersState {
        const Callers* plan = nullptr;
        QueueId queue = NONE;
        Command enqueue{Enqueue{}};
        std::vector<Service> services;  // by group
        std::uint64_t next_number = 0;
        Stream customer, handle_time, patience, resolution, satisfaction, wrap_up, ring, reject, reject_after;
        Stream redial_unresolved, redial_unresolved_after, redial_abandoned, redial_abandoned_after;
    };

    // A source of first calls: a process of one kind of callers, or the recorded list (no process).
    struct Source {
        std::uint32_t callers = 0;
        std::optional<ArrivalProcess> process;
        std::size_t next_recorded = 0;
    };

    struct FollowUp {
        enum class Kind : std::uint8_t { requeue, complete, outcome };

        Kind kind{};
        CallId call = NONE;
        std::int8_t resolved = -1;  // -1: not told
        std::uint8_t satisfaction = 0;  // 0: not told
    };

    // centre.cpp: building and planning
    void prepare_callers();
    void prepare_services();
    void prepare_agents();
    void plan_arrivals();
    TimeUs engine_time(TimeUs run_us) const { return run_us == NEVER ? NEVER : run_us + scenario_.epoch_us; }
    std::uint64_t plan(TimeUs time_us, Rank rank, What what, std::uint32_t subject);
    void cancel(std::uint64_t& number);
    bool stands(const Planned& planned) const;
    void drop_stale();

    // centre_calls.cpp: what callers do
    const Command& enqueue();
    const Command& next_first_call(std::uint32_t source);
    const Command& next_redial(std::uint32_t redial);
    TimeUs next_arrival(Source& source);
    TimeUs patience_us(const Visit& visit) const;
    TimeUs handle_us(const Contact& contact, AgentId agent) const;
    void arrive(const Event& event);
    void serve(const Event& event);
    void go_back(const Event& event);
    void leave(const Event& event, RecordedEnd::Kind kind);
    void complete(const Event& event);
    void call_again(const Visit& visit, TimeUs now_us, const std::optional<Redial>& redial, const Stream& whether, const Stream& after);
    void note_end(const Visit& visit, RecordedEnd::Kind kind, TimeUs time_us);

    // centre_agents.cpp: what agents do
    void plan_shift(std::uint32_t agent, TimeUs after_us);
    const Command& come(std::uint32_t agent);
    const Command& go(std::uint32_t agent);
    void end_shift(AgentState& agent, std::uint32_t index);
    const Command& answer(CallId call);
    const Command& end_wrap_up(std::uint32_t agent, std::uint64_t number);
    void ring(const Event& event);
    void start_wrap_up(const Event& event);
    void close_wrap_up(const Event& event);
    void sign_out(const Event& event);
    void change_availability(const Event& event);
    void plan_return(std::uint32_t agent, TimeUs now_us);

    static Draw draw_of(const Visit& visit) { return {visit.number, visit.attempt}; }
    std::uint32_t agent_of(AgentId id) const { return agent_of_[id]; }

    const Scenario& scenario_;
    Engine& engine_;
    Recorder& recorder_;
    TimeUs end_us_;  // of the measured time, for the engine
    Calendar calendar_;
    std::size_t stale_ = 0;
    std::vector<CallersState> callers_;
    std::vector<Source> sources_;
    std::vector<AgentState> agents_;
    std::vector<std::uint32_t> agent_of_;  // by the engine's number
    std::vector<Stream> returns_;          // by group
    std::vector<Contact> contacts_;        // by the engine's number
    std::vector<Visit> redials_;
    std::vector<std::uint32_t> free_redials_;
    std::vector<RecordedEnd> ends_;
    Visit arriving_;
    std::uint32_t coming_ = 0;
    std::uint64_t serials_ = 0;
    std::deque<FollowUp> follow_ups_;
    std::int64_t live_ = 0;
    std::int64_t expected_ = 0;
    std::int64_t open_wrap_ups_ = 0;
    TimeUs progress_us_ = 0;

    // Commands, made once.
    Command complete_{Complete{}};
    Command cancel_{Cancel{}};
    Command requeue_{Requeue{}};
    Command accept_{Accept{}};
    Command reject_{Reject{}};
    Command end_wrap_up_{EndWrapUp{}};
    Command record_outcome_{RecordOutcome{}};
    Command other_{Advance{}};
};

}  // namespace router::simulation
