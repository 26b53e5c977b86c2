// What is assumed of callers and agents when futures are run: learnt by the Learner, or given by who embeds the engine.
//
// Immutable once made, and free of references into the engine but for its numbers of queues and agents, so that a thread may
// read it while learning goes on.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lifetime.hpp"
#include "base.hpp"
#include "downtimes.hpp"
#include "vocabulary.hpp"

namespace router::wait {

// New calls of one kind: a Poisson stream of a rate that is constant in periods.
struct ArrivalStream {
    QueueId queue = NONE;
    ChannelId channel = NONE;
    Urgency urgency = Urgency::normal;
    std::uint8_t priority = 0;
    // By time from now: rates_per_s[i] rules from i times the period on, the last one for ever.
    TimeUs period_us = 0;
    std::vector<double> rates_per_s;
};

struct QueueModel {
    Lifetime handle_time;  // of a talk
    Lifetime patience;     // by age of the wait; endless: nobody gives up
    Lifetime wrap_up;      // where the agent ends it, or ends it early; endless: only its timer ends it
    std::int64_t samples = 0;  // talks seen
};

struct AgentModel {
    double handle_factor = 1;   // of talks and wrap-ups
    double return_rate = 1;     // multiplies the hazard of `return_lag`: 0.8 comes back later
    // When what the agent is in now began: free (ready, nothing in hand), not ready, or signed out; NEVER: unknown, taken for now.
    TimeUs since_us = NEVER;
    bool seen_today = false;    // has been signed in (in shadow mode: answered) since `day_started_us`: gone, it does not come again
    // When the agent comes (one who was not seen today) and leaves, as times of a local day: one pair for each of the last days.
    struct Day {
        std::int32_t in_s = -1;   // -1: was not there
        std::int32_t out_s = -1;
    };
    std::array<Day, 16> days{};
    std::uint8_t days_known = 0;
};

struct Model {
    std::vector<QueueModel> queues;  // by the engine's number
    std::vector<AgentModel> agents;  // by the engine's number
    std::vector<ArrivalStream> arrivals;
    Lifetime ring = Lifetime::fixed(0);  // from offer to answer
    double reject = 0;                   // chance that an offer is rejected, after `ring`
    double no_answer = 0;                // chance that it is left to expire
    Lifetime not_ready;                  // how long agents stay not ready; endless: till they say so, as far as a future goes
    double break_chance = 0;             // chance that an agent who becomes free goes not ready instead
    // An outside ACD decides (shadow mode): how long a free agent takes to get a call while one waits. Fixed at 0 where we decide.
    Lifetime return_lag = Lifetime::fixed(0);
    bool shadow = false;
    TimeUs day_started_us = 0;  // local midnight before now, for `days`
    TimeUs stays_on_us = 30'000'000;  // so much later than on the day drawn an agent leaves
    // Downtimes of late, the oldest first: they are no part of a caller's wait.
    std::vector<Downtime> downtimes;
};

}  // namespace router::wait
