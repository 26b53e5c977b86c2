// What all futures of a situation have in common: the engine at their beginning, what is under way there, and who and what can
// matter for the targets.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine.hpp"
#include "futures.hpp"
#include "model.hpp"

namespace router::wait {

struct Outset {
    Engine start;  // a fork of the live engine
    std::shared_ptr<const Model> model;
    std::uint64_t sequence = 0;  // of the live engine
    TimeUs now_us = 0;
    std::vector<Target> targets;
    std::vector<bool> automatic;       // by queue: its agents are not asked; the fork asks all of them
    std::vector<AgentId> away;         // who were free in shadow mode, and are not ready in `start` until their return lag is over
};

// A talk, an offer or a wrap-up that is under way at the beginning.
struct UnderWay {
    std::uint64_t key = 0;  // that draws go by
    std::uint64_t offer = 0;
    CallId call = NONE;     // NONE in wrap-up
    AgentId agent = NONE;
    QueueId queue = NONE;
    double age_s = 0;
    TimeUs until_us = NEVER;  // of an offer
};

// Who calls: of calls that wait or are offered at the beginning.
struct Caller {
    std::uint64_t key = 0;
    const Lifetime* patience = nullptr;  // nullptr: stays
    double age_s = 0;
    Id target = NONE;
    bool hopeless = false;  // of a target: no future waits for it
    QueueId queue = NONE;
    double since_s = 0;  // from the beginning on: patience counts from here
};

// A moment of the day, from those of the last days: one of them, equally likely, unless no day fits.
struct DayTimes {
    AgentId agent = NONE;
    double none_chance = 0;  // that none fits
    std::vector<TimeUs> times_us;  // NEVER: does not come that day
    std::vector<TimeUs> then_us;   // of those who come: when they leave that day, or NEVER
};

// The beginning, worked out for running. Holds references into the outset. Queues and agents that the model does not know are
// as a new one is.
struct Beginning {
    explicit Beginning(const Outset& from);
    const QueueModel& queue(QueueId id) const { return id < model.queues.size() ? model.queues[id] : unknown_queue; }
    const AgentModel& agent(AgentId id) const { return id < model.agents.size() ? model.agents[id] : unknown_agent; }

    const Outset& outset;
    const Model& model;
    Engine start;                // whose requirements are ready for the arrivals
    std::vector<Caller> callers;  // by number of the call; key 0: finished, assigned or not there
    std::vector<UnderWay> talks, offers, wrap_ups;
    std::vector<AgentId> not_ready;  // who may come back
    std::vector<AgentId> away;       // as in the outset
    std::vector<DayTimes> coming, leaving;
    std::vector<std::size_t> arrivals;  // streams of the model that are drawn

    QueueModel unknown_queue;
    AgentModel unknown_agent;

private:
    void find_callers(const std::vector<bool>& hopeless);
    void find_under_way(const std::vector<bool>& matters);
    void find_day_times(const std::vector<bool>& matters);
};

// Seconds that a caller has waited at a time, downtimes left out.
double waited_s(const Call& call, const Model& model, TimeUs now_us);

// When the agent may come, or leave. Both empty where nothing is known.
DayTimes coming_times(const Model& model, AgentId agent, TimeUs now_us);
DayTimes leaving_times(const Model& model, AgentId agent, TimeUs now_us);

}  // namespace router::wait
