// The first command after the shell was down: nobody is punished for the time in which nothing could reach the engine.
#include <algorithm>

#include "engine.hpp"

namespace router {

void Engine::handle(const Restart&) {
    emit(EventKind::restarted).value = downtime_us_;
    if (downtime_us_ > 0) restarted_us_ = now_us_;
    const std::vector<CallId> returned = take_due_offers_back(downtime_us_);
    std::vector<CallId> waiting = waiting_calls_by_rank();
    for (const CallId id : waiting) leave_waiting(id);
    extend_limits(downtime_us_);
    for (const CallId id : returned) close_if_free(calls_[id].agent);
    waiting.insert(waiting.end(), returned.begin(), returned.end());
    return_to_waiting(waiting, true);
    for (const CallId id : waiting_calls_by_rank()) seek(id);
}

// In the order of their numbers; returns their calls. The other offers get more time.
std::vector<CallId> Engine::take_due_offers_back(TimeUs downtime_us) {
    std::vector<CallId> due;
    for (Agent& agent : agents_) {
        for (Engagement& engagement : agent.engagements) {
            if (engagement.state != EngagementState::offered) continue;
            if (engagement.until_us <= now_us_) {
                due.push_back(engagement.call);
            } else {
                postpone(engagement, downtime_us);
            }
        }
    }
    std::sort(due.begin(), due.end(), [this](CallId a, CallId b) { return calls_[a].offer < calls_[b].offer; });
    for (const CallId id : due) withdraw(id, WithdrawalCause::restarted);
    return due;
}

void Engine::postpone(Engagement& offer, TimeUs by_us) {
    const Deadline expiry = timers_.at(offer.timer);
    offer.until_us += by_us;
    timers_.cancel(offer.timer);
    offer.timer = timers_.add(offer.until_us, expiry.kind, expiry.subject, expiry.number);
}

// Of all live calls, none of which is in its queue's line now: its timers are set when it returns there.
void Engine::extend_limits(TimeUs downtime_us) {
    const TimeUs before_us = now_us_ - downtime_us;
    for (Call& call : calls_) {
        if (!call.known() || is_finished(call.state)) continue;
        call.queue_entered_us = std::min(now_us_, call.queue_entered_us + downtime_us);
        if (call.held() && call.hold_until_us > before_us) call.hold_until_us += downtime_us;
        for (Bar& bar : call.bars) {
            if (bar.until_us <= now_us_) timers_.cancel(bar.timer);
        }
        std::erase_if(call.bars, [](const Bar& bar) { return bar.timer == NONE; });
    }
}

}  // namespace router
