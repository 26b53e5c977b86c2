// The learner: follows the engine's events and keeps what futures need to know of callers and agents, in bounded memory.
//
// Deterministic: the same settings and the same commands give the same state, so it can be rebuilt from the journal; save() and
// restore() only spare that. Nothing here reads a clock. Downtimes are neither waits nor talks: who waited or talked through one
// is known to have lasted until it began, and no more is learned of that wait or talk.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "arrivals.hpp"
#include "calendar.hpp"
#include "engine.hpp"
#include "hazard.hpp"
#include "model.hpp"
#include "presence.hpp"
#include "return_lag.hpp"
#include "talk_times.hpp"

namespace router::wait {

struct LearnerSettings {
    bool shadow = false;
    // Local time less UTC, from a moment on, rising; before the first and without any: 0.
    std::vector<std::pair<TimeUs, std::int32_t>> utc_offsets_s;
};

// What is known of a queue, in figures; times are seconds, and negative where there is nothing to say.
struct QueueFigures {
    std::int64_t talks = 0;
    double handle_mean_s = -1;
    double abandoned = 0;         // of late: old ones fade
    double exposure_s = 0;        // waiting in which they might have given up
    double patience_mean_s = -1;  // by the hazard at each age; -1: endless, as far as is known
    double wrap_up_mean_s = -1;   // of those that agents end; -1: only the timer ends them
    double arrivals_per_s = 0;    // expected now
};

struct LearnedFigures {
    double accepted = 0, rejected = 0, expired = 0;  // offers of late
    double ring_mean_s = -1;
    double not_ready_mean_s = -1;
    double break_chance = 0;
    std::int64_t agents = 0;
    std::int64_t kinds = 0;       // of calls: channel, urgency, priority
    double takes = 0;             // shadow: answers by agents who had been free while a call waited
    double return_lag_mean_s = -1;
};

class Learner {
public:
    // Throws std::invalid_argument for offsets that are none.
    explicit Learner(LearnerSettings settings = {});

    // After each command of the engine, in order. O(events), amortised; in shadow mode also O(free agents x stages that calls wait
    // at) where demand changes. The first time it takes the engine as it is.
    void observe(const Engine& engine);
    // What is known now. Costly parts (sorted samples) are shared between models and made anew only now and then. O(queues + agents).
    std::shared_ptr<const Model> model(const Engine& engine) const;

    // A local day has begun with the last observe() (also told at the first).
    bool day_began() const { return day_began_; }
    // Local time of day, 0 … 86,399, and day of the week, 0 is Monday.
    std::int32_t second_of_day(TimeUs time_us) const { return calendar_.second_of_day(time_us); }
    int weekday(TimeUs time_us) const { return Calendar::weekday_of(calendar_.day(time_us)); }
    // Total downtime after a moment (Restart); of the last few.
    TimeUs downtime_since(TimeUs time_us) const { return downtimes_.since(time_us); }

    // For operators and tests.
    QueueFigures figures(const Engine& engine, QueueId queue) const;
    LearnedFigures figures() const;

    std::string save(const Engine& engine) const;  // names, not numbers
    // Throws CorruptSnapshot, and is then as it was; queues and agents that the engine does not know are left out.
    void restore(const std::string& bytes, const Engine& engine);

private:

    // A live call.
    struct Following {
        QueueId queue = NONE;
        TimeUs exposed_us = NEVER;   // its caller may give up, accounted for until then; NEVER: may not, or nobody would know
        TimeUs wait_us = 0;          // when the wait began, later by the downtimes since
        TimeUs offered_us = NEVER;
        TimeUs assigned_us = NEVER;  // NEVER too where a downtime cut through
    };
    struct WrapUp {
        QueueId queue = NONE;
        TimeUs since_us = 0;
        TimeUs until_us = 0;
        bool manual = false;
    };
    struct OfAgent {
        bool known = false;
        Availability availability = Availability::signed_out;
        TimeUs since_us = 0;       // signed out, not ready, or neither; later by the downtimes since
        double talk_ratios = 0;    // talks by their queues' mean, old ones fading
        double talks = 0;
        Presence presence;
    };

    void adopt(const Engine& engine);
    void adopt_call(const Engine& engine, CallId id);
    void reach(TimeUs time_us);
    void begin_day(std::int64_t day);
    void fade();
    void on(const Engine& engine, const Event& event);
    void on_call(const Engine& engine, const Event& event);
    void on_offer(const Event& event);
    void on_agent(const Event& event);
    void on_configured(const Engine& engine);
    void on_restarted(const Engine& engine, const Event& event);
    void on_enqueued(const Engine& engine, const Event& event);
    void on_assigned(const Engine& engine, const Event& event);
    void on_transferred(const Engine& engine, const Event& event);
    void on_talk_ended(const Engine& engine, Following& call, AgentId agent, TimeUs time_us);
    void on_wrap_up_started(const Engine& engine, const Event& event);
    void on_wrap_up_ended(const Engine& engine, const Event& event);
    void on_availability(AgentId agent, Availability availability, TimeUs time_us);
    void count_freed();

    OfAgent& of(AgentId agent);
    void expose(const Engine& engine, CallId id, Following& call, TimeUs time_us);
    void account(Following& call, TimeUs time_us);
    void end_wait(Following& call, TimeUs time_us, bool gave_up);
    double handle_factor(const OfAgent& agent) const;
    double break_chance() const;
    void fill_agent(AgentModel& model, AgentId id) const;

    template <class Archive>
    void archive(Archive& archive, const Engine& engine);
    template <class Archive>
    void archive_queue(Archive& archive, QueueId queue);
    template <class Archive>
    void archive_agent(Archive& archive, OfAgent& agent);
    template <class Archive>
    void archive_wrap_up(Archive& archive, const NameTable& names, std::uint64_t& offer, WrapUp& wrap_up);
    template <class Archive>
    void archive_call(Archive& archive, const NameTable& names, Following& call);
    void write_live(ArchiveWriter& archive, const Engine& engine);
    void read_live(ArchiveReader& archive, const Engine& engine);

    bool shadow_;
    Calendar calendar_;

    bool begun_ = false;
    bool day_began_ = false;
    bool day_worked_ = false;     // somebody was there today
    std::int64_t day_ = 0;        // local, the present one
    TimeUs time_us_ = 0;          // of the last command
    Downtimes downtimes_;

    TalkTimes talk_times_;
    PooledHazard patience_;
    PooledHazard manual_wrap_up_, fixed_wrap_up_;  // ended by the agent
    HazardCounts not_ready_;
    Samples ring_;
    double accepted_ = 0, rejected_ = 0, expired_ = 0;
    double freed_ = 0, breaks_ = 0;
    Arrivals arrivals_;
    ReturnLag return_lag_;

    // For look-up, or where the order cannot matter.
    std::unordered_map<CallId, Following> calls_;
    std::unordered_map<std::uint64_t, WrapUp> wrap_ups_;  // by offer
    std::vector<OfAgent> agents_;
    std::vector<AgentId> released_;  // from a talk or a wrap-up, at the present moment
};

}  // namespace router::wait
