// First estimates of calls that still wait, with what they were made from: they teach once the call is answered.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine.hpp"
#include "features.hpp"

namespace router::wait {

struct GivenEstimate {
    TimeUs at_us = 0;
    QueueId queue = NONE;
    Features features;
    double low_s = -1, high_s = -1;  // the interval that was given; -1: none was
};

// By the engine's number of the call. Memory is bounded by the calls that the engine has room for at a time.
class PendingEstimates {
public:
    struct Answered {
        std::optional<GivenEstimate> with_futures;
        std::optional<GivenEstimate> without_futures;
    };

    // The call waits as it does from now on: nothing said before is about this wait.
    void begin(CallId call, TimeUs now_us);
    // Nothing said before is about any wait.
    void begin_all(TimeUs now_us);
    // Whether an estimate made then is about the wait that goes on, and the first of its kind.
    bool wants_with_futures(CallId call, TimeUs at_us) const;
    void keep_with_futures(CallId call, GivenEstimate estimate);
    void keep_without_futures(CallId call, GivenEstimate estimate);
    // The wait is over, one way or another.
    Answered take(CallId call);
    // Numbers of calls that were seen so far lie below it.
    CallId end() const { return static_cast<CallId>(entries_.size()); }
    std::int64_t size() const { return size_; }  // estimates that are kept

private:
    struct Entry {
        TimeUs since_us = 0;
        Id with_futures = NONE;     // among the estimates
        Id without_futures = NONE;
    };

    Entry& entry(CallId call);
    Id keep(GivenEstimate estimate);
    std::optional<GivenEstimate> release(Id& estimate);

    TimeUs all_since_us_ = 0;
    std::vector<Entry> entries_;
    std::vector<GivenEstimate> estimates_;
    std::vector<Id> free_;
    std::int64_t size_ = 0;
};

}  // namespace router::wait
