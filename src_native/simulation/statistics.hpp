// The recorder: follows what the engine does and counts. Every figure of router/simulation/results.py comes from here.
//
// Invariant: it looks on. Nothing that it counts changes what happens, and each event costs O(1), but for the calls that an
// overtaking one passes, and their places in the line when calls come back to the middle of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine.hpp"
#include "statistics_agents.hpp"
#include "statistics_calls.hpp"
#include "statistics_discrimination.hpp"
#include "statistics_figures.hpp"
#include "statistics_hash.hpp"
#include "statistics_window.hpp"

namespace router::simulation {

struct RecorderPlan {
    TimeUs from_us = 0;                    // the measured time, in engine time: from here …
    TimeUs until_us = 0;                   // … until just before here
    std::vector<QueueId> queue_of;         // by callers: the queue they call
    std::vector<std::uint32_t> group_of;   // by agent, in the centre's numbers: the group
    std::size_t groups = 0;
    std::size_t slices = 0;                // of the series; 0: none
};

// What the centre knows of a call.
struct Caller {
    std::uint32_t callers = 0;
    bool redial = false;
};

class Recorder {
public:
    // The engine is configured already, for good. It must outlive the recorder.
    Recorder(const Engine& engine, RecorderPlan plan);

    // Say that the engine's agent `id` is the centre's `agent`. Before its first sign-in is followed.
    void introduce(AgentId id, std::uint32_t agent) { agents_.introduce(id, agent); }
    // Say who calls in the Enqueue that is followed next.
    void announce(Caller caller) { caller_ = caller; }
    // Follow one command: after each, before the next. All its events must have one time, so deadlines are to be fired
    // one instant after the other.
    void follow(std::span<const Event> events);
    // Say how a call that was completed turned out, before its number is used again. `satisfaction` 0: not told.
    void record_outcome(CallId id, std::optional<bool> resolved, double satisfaction);
    // The run is over, at this time. What is still there is counted as it stands.
    void finish(TimeUs end_us);

    // After finish().
    CallFigures all_figures() const;
    CallFigures caller_figures(std::size_t callers) const { return tallies_[callers].result(); }
    QueueFigures queue_figures(QueueId queue) const;
    AgentFigures agent_figures(std::size_t agent) const { return agents_.figures(agent); }
    Balance balance() const;
    Discrimination discrimination() const { return meter_.result(); }
    Series series() const;  // `waiting` by QueueId, `present` and `busy` by group

    // At any time.
    std::uint64_t commands() const { return commands_; }
    std::uint64_t events() const { return events_; }
    std::uint64_t customers() const { return customers_; }
    std::uint64_t event_hash() const { return hash_.value(); }

private:
    using Targets = std::array<TimeUs, URGENCIES>;
    struct SliceWaits {
        std::int64_t offered = 0;
        std::int64_t ended = 0;
        Wide wait_us = 0;
    };

    // statistics.cpp: what the events say
    void take(const Event& event);
    void take_enqueued(const Event& event);
    void take_availability(const Event& event);
    void take_assigned(const Event& event);
    void take_requeued(const Event& event);
    void take_moved(const Event& event, bool kept_place);
    void take_refused(const Event& event);
    std::int64_t shared_capacity(AgentId id) const;

    // statistics_parts.hpp: what becomes of calls
    void pass_marks(TimeUs time_us);
    void start_waiting(FollowedCall& call, TimeUs time_us);
    void end_waiting(FollowedCall& call, TimeUs time_us);
    void change_length(QueueId queue, int change, TimeUs time_us);
    void enter_line(CallId id);
    void leave_line(CallId id);
    void present(CallId id, TimeUs time_us);
    void overtake(CallId id);
    bool are_kin(CallId a, CallId b) const;
    void answer(FollowedCall& call, TimeUs time_us);
    void end_talk(FollowedCall& call, TimeUs time_us);
    void leave(CallId id, std::int64_t CallFigures::*end, bool blocked_at_once, TimeUs time_us);
    void count_other_wait(const FollowedCall& call, std::int64_t CallFigures::*end, TimeUs time_us);
    void count_slice_wait(const FollowedCall& call, TimeUs wait_us);

    const Engine& engine_;
    Window window_;
    TimeUs next_mark_us_;  // the next end of the measured time to pass
    std::vector<QueueId> queue_of_;
    std::vector<Targets> targets_;   // by queue
    std::vector<char> exclusive_;    // by channel
    Caller caller_;

    std::vector<FollowedCall> calls_;   // by the engine's number
    std::vector<Line> lines_;           // by queue
    std::vector<QueueLength> lengths_;  // by queue
    std::vector<CallTally> tallies_;    // by callers
    AgentTimes agents_;
    DiscriminationMeter meter_;
    Balance balance_;
    std::int64_t waiting_ = 0;

    Slices slices_;
    std::vector<SliceIntegrals> waiting_slices_;  // by queue
    std::vector<SliceWaits> slice_waits_;

    EventHash hash_;
    std::uint64_t commands_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t customers_ = 0;
};

}  // namespace router::simulation
