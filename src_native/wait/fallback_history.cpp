#include "fallback_history.hpp"

#include <algorithm>

#include "name_table.hpp"

namespace router::wait {

void FadingMean::add(std::int64_t value_us) {
    ++count;
    sum_us += value_us;
    if (count >= FADING_MAX) {
        count /= 2;
        sum_us /= 2;
    }
}

void QueueHistory::add_wait(TimeUs wait_us, bool gave_up) {
    ++waits;
    abandoned += gave_up;
    exposed_us += wait_us;
    if (waits >= FADING_MAX) {
        waits /= 2;
        abandoned /= 2;
        exposed_us /= 2;
    }
}

const QueueHistory& FallbackHistory::queue(QueueId queue) const {
    static const QueueHistory nothing;
    return queue < queues_.size() ? queues_[queue] : nothing;
}

QueueHistory& FallbackHistory::known(QueueId queue) {
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    return queues_[queue];
}

// ---- learning ----

void FallbackHistory::observe(const Engine& engine) {
    for (const Event& event : engine.events()) learn(engine, event);
}

void FallbackHistory::learn(const Engine& engine, const Event& event) {
    switch (event.kind) {
        case EventKind::call_enqueued: return start_wait(event.call, event.queue, event.time_us);
        case EventKind::call_overflowed:
        case EventKind::call_moved:
            if (end_wait(event.call, event.time_us)) start_wait(event.call, event.queue, event.time_us);
            return;
        case EventKind::call_transferred:
            end_wait(event.call, event.time_us);
            return start_wait(event.call, event.queue, event.time_us);
        case EventKind::call_requeued:
            // it may come from an offer, with its wait still running, or from an agent
            if (event.call >= waiting_.size() || waiting_[event.call].queue == NONE) {
                start_wait(event.call, event.queue, event.time_us);
            }
            return;
        case EventKind::call_turned_into_callback:
        case EventKind::call_refused: end_wait(event.call, event.time_us); return;
        case EventKind::call_abandoned: end_wait(event.call, event.time_us, true); return;
        case EventKind::offer_made:
            // nobody is on the line who could give up
            if (event.flag && event.call < waiting_.size()) waiting_[event.call].queue = NONE;
            return;
        case EventKind::call_assigned: return learn_answer(event);
        case EventKind::call_completed: return learn_talk(event);
        case EventKind::wrap_up_started: return start_wrap_up(event);
        case EventKind::wrap_up_ended: return end_wrap_up(event);
        case EventKind::restarted:
            downtimes_.add(event.time_us, event.value);
            return;
        case EventKind::configured: return forget_removed(engine);
        default: return;
    }
}

void FallbackHistory::start_wait(CallId call, QueueId queue, TimeUs time_us) {
    if (call >= waiting_.size()) waiting_.resize(call + 1);
    waiting_[call] = Wait{queue, time_us};
}

bool FallbackHistory::end_wait(CallId call, TimeUs time_us, bool gave_up) {
    if (call >= waiting_.size() || waiting_[call].queue == NONE) return false;
    const Wait wait = std::exchange(waiting_[call], Wait{});
    known(wait.queue).add_wait(time_us - wait.since_us, gave_up);
    return true;
}

void FallbackHistory::learn_answer(const Event& event) {
    end_wait(event.call, event.time_us);
    if (static_cast<AssignmentCause>(event.code) == AssignmentCause::forced && !shadow_) return;
    QueueHistory& history = known(event.queue);
    ++history.served;
    history.last_wait_us = event.value - downtime_since(event.time_us - event.value);
}

void FallbackHistory::learn_talk(const Event& event) {
    if (downtime_since(event.time_us - event.value) > 0) return;
    known(event.queue).service.add(event.value);
    completed_ = {event.offer, event.queue};
}

// Where the talk is no sample (a transfer has no CallCompleted), neither is the wrap-up.
void FallbackHistory::start_wrap_up(const Event& event) {
    if (completed_.first != event.offer) return;
    wrap_ups_[event.offer] = {completed_.second, event.time_us};
    ++known(completed_.second).wrapping_up;
}

void FallbackHistory::end_wrap_up(const Event& event) {
    const auto found = wrap_ups_.find(event.offer);
    if (found == wrap_ups_.end()) return;
    const auto [queue, started_us] = found->second;
    wrap_ups_.erase(found);
    QueueHistory& history = known(queue);
    if (history.wrapping_up == 0) return;  // the queue was removed meanwhile
    history.service.extend(event.time_us - started_us - downtime_since(started_us));
    --history.wrapping_up;
}

void FallbackHistory::forget_removed(const Engine& engine) {
    for (QueueId queue = 0; queue < queues_.size(); ++queue) {
        if (!engine.queue(queue).configured) queues_[queue] = QueueHistory{};
    }
}

// ---- what lasts ----

namespace {

void describe_history(auto& archive, auto& history) {
    archive(history.service.count);
    archive(history.service.sum_us);
    archive(history.served);
    archive(history.last_wait_us);
    archive(history.waits);
    archive(history.abandoned);
    archive(history.exposed_us);
}

// An engine that is restored numbers its calls anew; their orders are the same.
class CallsByOrder {
public:
    explicit CallsByOrder(const Engine& engine) : engine_(engine), calls_(engine.calls_by_order()) {}
    // NONE: there is no such call any more.
    CallId find(std::uint64_t order) const {
        const auto found = std::lower_bound(calls_.begin(), calls_.end(), order, [this](CallId id, std::uint64_t wanted) {
            return engine_.call(id).order < wanted;
        });
        return found != calls_.end() && engine_.call(*found).order == order ? *found : NONE;
    }

private:
    const Engine& engine_;
    std::vector<CallId> calls_;
};

bool sound(const QueueHistory& history) {
    return history.service.count >= 0 && history.service.sum_us >= 0 && history.served >= 0 && history.waits >= 0 &&
           history.last_wait_us >= 0 && history.abandoned >= 0 && history.exposed_us >= 0;
}

}  // namespace

void FallbackHistory::save(ArchiveWriter& archive, const Engine& engine) const {
    const NameTable names(engine);
    names.each_queue(archive, [&](QueueId id) { describe_history(archive, queue(id)); });
    std::vector<CallId> calls = engine.calls_by_order();
    std::erase_if(calls, [&](CallId id) { return id >= waiting_.size() || waiting_[id].queue == NONE; });
    archive.number(calls.size());
    for (const CallId id : calls) {
        archive.number(engine.call(id).order);
        names.queue(archive, waiting_[id].queue);
        archive(waiting_[id].since_us);
    }
    archive.number(wrap_ups_.size());
    for (const auto& [offer, entry] : wrap_ups_) {
        archive.number(offer);
        names.queue(archive, entry.first);
        archive(entry.second);
    }
    Downtimes(downtimes_).archive(archive);
}

void FallbackHistory::restore(ArchiveReader& archive, const Engine& engine) {
    const NameTable names(engine);
    FallbackHistory made(shadow_);
    names.each_queue(archive, [&](QueueId id) {
        QueueHistory history;
        describe_history(archive, history);
        if (!sound(history)) throw CorruptSnapshot("the snapshot has a value out of range");
        if (id != NONE) made.known(id) = history;
    });
    const CallsByOrder calls(engine);
    QueueId queue = NONE;
    TimeUs since_us = 0;
    for (std::size_t left = archive.count(); left > 0; --left) {
        const CallId call = calls.find(archive.number());
        names.queue(archive, queue);
        archive(since_us);
        if (call != NONE && queue != NONE) made.start_wait(call, queue, since_us);
    }
    for (std::size_t left = archive.count(); left > 0; --left) {
        const std::uint64_t offer = archive.number();
        names.queue(archive, queue);
        archive(since_us);
        if (queue == NONE) continue;
        made.wrap_ups_[offer] = {queue, since_us};
        ++made.known(queue).wrapping_up;
    }
    made.downtimes_.archive(archive);
    *this = std::move(made);
}

}  // namespace router::wait
