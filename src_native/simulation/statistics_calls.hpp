// What is known of a call while it is there, who is ahead of it, and what is counted of calls that are alike.
#pragma once

#include <vector>

#include "base.hpp"
#include "histogram.hpp"
#include "statistics_figures.hpp"

namespace router::simulation {

// One for each number that the engine gives to a call, used again with the number.
struct FollowedCall {
    std::uint64_t number = 0;  // of the run's calls, from 1; 0: none yet
    TimeUs arrival_us = 0;
    TimeUs since_us = 0;       // waiting or talking
    TimeUs talked_us = 0;      // before that
    TimeUs target_us = 0;
    TimeUs effective_arrival_us = 0;  // its place in the line, with `order`
    std::uint64_t order = 0;
    double share_at_arrival_us = 0;   // see DiscriminationMeter
    CallId ahead = NONE;       // in the line
    CallId behind = NONE;
    QueueId queue = NONE;
    std::uint32_t callers = 0;
    RequirementId own_requirement = NONE;  // NONE: its queue's
    std::uint32_t kind = 0;    // channel, urgency and priority
    bool counted = false;      // arrived in the measured time
    bool redial = false;
    bool waiting = false;
    bool talking = false;
    bool in_line = false;      // to be presented for the first time since it came to wait
    bool presented = false;
    bool answered = false;
    bool overtaken = false;
    bool exclusive = true;     // its channel takes an agent whole
};

// Calls of one kind of callers.
struct CallTally {
    CallFigures figures;  // but for the percentiles
    Histogram served_waits;
    Histogram other_waits;

    void merge(const CallTally& other);
    CallFigures result() const;
};

// Who waits in a queue, over the measured time.
struct QueueLength {
    std::int64_t length = 0;
    TimeUs since_us = 0;
    Wide integral_us = 0;
    std::int64_t max = 0;  // of those that lasted
};

inline bool is_earlier(const FollowedCall& a, const FollowedCall& b) {
    return a.effective_arrival_us != b.effective_arrival_us ? a.effective_arrival_us < b.effective_arrival_us
                                                            : a.order < b.order;
}

// Calls of one queue that are still to be presented, by effective arrival, then order.
class Line {
public:
    // O(1) at either end, else as many steps as there are later calls.
    void insert(std::vector<FollowedCall>& calls, CallId id);
    void erase(std::vector<FollowedCall>& calls, CallId id);

private:
    CallId first_ = NONE;
    CallId last_ = NONE;
};

inline void Line::insert(std::vector<FollowedCall>& calls, CallId id) {
    FollowedCall& call = calls[id];
    CallId ahead = last_;
    if (first_ != NONE && is_earlier(call, calls[first_])) ahead = NONE;
    while (ahead != NONE && is_earlier(call, calls[ahead])) ahead = calls[ahead].ahead;
    const CallId behind = ahead == NONE ? first_ : calls[ahead].behind;
    call.ahead = ahead;
    call.behind = behind;
    (ahead == NONE ? first_ : calls[ahead].behind) = id;
    (behind == NONE ? last_ : calls[behind].ahead) = id;
    call.in_line = true;
}

inline void Line::erase(std::vector<FollowedCall>& calls, CallId id) {
    FollowedCall& call = calls[id];
    (call.ahead == NONE ? first_ : calls[call.ahead].behind) = call.behind;
    (call.behind == NONE ? last_ : calls[call.behind].ahead) = call.ahead;
    call.ahead = call.behind = NONE;
    call.in_line = false;
}

}  // namespace router::simulation
