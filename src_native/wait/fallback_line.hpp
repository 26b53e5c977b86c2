// A call's place in line, real or only thought of: what is ahead of it, who may serve it, and whether somebody may right now.
#pragma once

#include <cstdint>

#include "engine.hpp"

namespace router::wait {

struct Line {
    QueueId queue = NONE;
    ChannelId channel = NONE;
    const StepSpec* step = nullptr;  // the active one; valid until the next command
    std::int64_t position = 0;       // from 1
    std::int64_t waiting = 0;        // of the queue, the call itself included
    TimeUs waited_us = 0;            // so far, without downtimes
    bool may_jump = false;           // urgent, important, with priority or credit: it need not stand where it came
    std::int64_t servers = 0;        // agents, ready or at work, who satisfy the step and have any capacity on the channel
};

// Of a call that waits. O(log n + profiles), besides putting newcomers into the line.
// `downtime_us`: while it waited.
Line line_of(Engine& engine, CallId call, TimeUs now_us, TimeUs downtime_us);
// Of a call that would be enqueued now; its queue and channel are known, by name or number. O(position + profiles).
Line line_of(Engine& engine, const Enqueue& call, TimeUs now_us);
// An agent may take it at once, if it is enqueued now and its queue is not paused. O(open profiles).
bool may_be_taken(const Engine& engine, const Enqueue& call, TimeUs now_us);

QueueId queue_of(const Engine& engine, const Enqueue& call);

}  // namespace router::wait
