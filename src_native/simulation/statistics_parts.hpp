// What becomes of calls: they wait, stand in a line, are presented, answered, and leave. Inline, since every event comes here.
#pragma once

#include "statistics.hpp"

namespace router::simulation {

// The measured time begins or ends: what happens at that very instant comes after it.
inline void Recorder::pass_marks(TimeUs time_us) {
    if (next_mark_us_ == window_.from_us) {
        balance_.waiting_at_start = waiting_;
        next_mark_us_ = window_.until_us;
    }
    if (next_mark_us_ == window_.until_us && time_us >= window_.until_us) {
        balance_.waiting_at_end = waiting_;
        next_mark_us_ = TIME_US_MAX + 1;
    }
}

// ---- waiting, and the length of queues ----

inline void Recorder::start_waiting(FollowedCall& call, TimeUs time_us) {
    call.waiting = true;
    call.since_us = time_us;
    ++waiting_;
    balance_.entered += window_.has(time_us);
    change_length(call.queue, 1, time_us);
}

inline void Recorder::end_waiting(FollowedCall& call, TimeUs time_us) {
    call.waiting = false;
    --waiting_;
    balance_.left += window_.has(time_us);
    balance_.waited_us += window_.clip(time_us) - window_.clip(call.since_us);
    change_length(call.queue, -1, time_us);
}

inline void Recorder::change_length(QueueId queue, int change, TimeUs time_us) {
    QueueLength& length = lengths_[queue];
    const TimeUs now_us = window_.clip(time_us);
    if (now_us > length.since_us) {
        length.integral_us += Wide{now_us - length.since_us} * length.length;
        length.max = std::max(length.max, length.length);
        if (slices_.count > 0) waiting_slices_[queue].add(slices_, length.since_us, now_us, length.length);
        length.since_us = now_us;
    }
    length.length += change;
}

// ---- the line, and who overtakes whom ----

inline void Recorder::enter_line(CallId id) { lines_[calls_[id].queue].insert(calls_, id); }

inline void Recorder::leave_line(CallId id) {
    if (calls_[id].in_line) lines_[calls_[id].queue].erase(calls_, id);
}

// An agent gets the call, to answer it or already in hand.
inline void Recorder::present(CallId id, TimeUs time_us) {
    FollowedCall& call = calls_[id];
    if (!call.in_line) return;
    if (call.ahead != NONE) overtake(id);
    leave_line(id);
    if (!call.presented && call.counted && time_us > call.arrival_us) ++tallies_[call.callers].figures.delayed;
    call.presented = true;
}

inline void Recorder::overtake(CallId id) {
    const FollowedCall& call = calls_[id];
    if (!call.counted) return;
    CallFigures& skipping = tallies_[call.callers].figures;
    for (CallId other_id = call.ahead; other_id != NONE; other_id = calls_[other_id].ahead) {
        FollowedCall& other = calls_[other_id];
        if (!other.counted) continue;
        CallFigures& slipping = tallies_[other.callers].figures;
        ++skipping.skips;
        ++slipping.slips;
        if (!other.overtaken) ++slipping.overtaken;
        other.overtaken = true;
        if (!are_kin(id, other_id)) continue;
        ++skipping.kin_skips;
        ++slipping.kin_slips;
    }
}

inline bool Recorder::are_kin(CallId a, CallId b) const {
    const auto requirement_of = [this](const FollowedCall& call) {
        return call.own_requirement != NONE ? call.own_requirement : engine_.queue(call.queue).requirement;
    };
    return calls_[a].kind == calls_[b].kind && requirement_of(calls_[a]) == requirement_of(calls_[b]) &&
           engine_.call(a).preferred == engine_.call(b).preferred;
}

// ---- the answer, and the end ----

inline void Recorder::answer(FollowedCall& call, TimeUs time_us) {
    call.talking = true;
    call.since_us = time_us;
    meter_.start_service(time_us);
    if (call.answered) return;
    call.answered = true;
    if (!call.counted) return;
    const TimeUs wait_us = time_us - call.arrival_us;
    CallTally& tally = tallies_[call.callers];
    ++tally.figures.answered;
    tally.figures.answered_in_target += wait_us <= call.target_us;
    tally.figures.wait_all_sum_us += wait_us;
    tally.figures.wait_served_sum_us += wait_us;
    tally.served_waits.add(wait_us);
    if (slices_.count > 0) count_slice_wait(call, wait_us);
}

inline void Recorder::end_talk(FollowedCall& call, TimeUs time_us) {
    call.talking = false;
    call.talked_us += time_us - call.since_us;
    meter_.end_service(time_us);
    if (call.counted) tallies_[call.callers].figures.talk_sum_us += time_us - call.since_us;
}

// `end` says what to count for it, unless it was answered before.
inline void Recorder::leave(CallId id, std::int64_t CallFigures::*end, bool blocked_at_once, TimeUs time_us) {
    FollowedCall& call = calls_[id];
    leave_line(id);
    if (call.waiting) end_waiting(call, time_us);
    meter_.leave(call.share_at_arrival_us, call.talked_us, call.counted && !blocked_at_once, time_us);
    if (!call.counted || call.answered) return;
    if (!call.presented && !blocked_at_once) ++tallies_[call.callers].figures.delayed;
    count_other_wait(call, end, time_us);
}

inline void Recorder::count_other_wait(const FollowedCall& call, std::int64_t CallFigures::*end, TimeUs time_us) {
    const TimeUs wait_us = time_us - call.arrival_us;
    CallTally& tally = tallies_[call.callers];
    ++(tally.figures.*end);
    tally.figures.wait_all_sum_us += wait_us;
    tally.other_waits.add(wait_us);
    if (slices_.count > 0) count_slice_wait(call, wait_us);
}

inline void Recorder::count_slice_wait(const FollowedCall& call, TimeUs wait_us) {
    SliceWaits& slice = slice_waits_[slices_.index_of(call.arrival_us)];
    ++slice.ended;
    slice.wait_us += wait_us;
}

}  // namespace router::simulation
