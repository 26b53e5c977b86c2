#include "delay_history.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "bits.hpp"

namespace router::wait {

namespace {

constexpr double US = 1e-6;
constexpr double LONG_WAIT_S = 1;

template <class Archive, class Rate>
void describe_rate(Archive& archive, Rate& rate) {
    archive(rate.at_us);
    archive_real(archive, rate.count);
}

}  // namespace

void DelayHistory::Ring::add(double value) {
    values_[next_] = value;
    next_ = static_cast<std::uint8_t>((next_ + 1) % AVERAGED);
    count_ = static_cast<std::uint8_t>(std::min<std::size_t>(count_ + 1u, AVERAGED));
}

double DelayHistory::Ring::mean() const {
    if (count_ == 0) return -1;
    double sum = 0;
    for (std::size_t index = 0; index < count_; ++index) sum += values_[index];
    return sum / count_;
}

void DelayHistory::Rate::add(TimeUs now_us) {
    count = per_s(now_us) * RATE_TIME_S + 1;
    at_us = std::max(at_us, now_us);
}

double DelayHistory::Rate::per_s(TimeUs now_us) const {
    const double age_s = static_cast<double>(std::max<TimeUs>(now_us - at_us, 0)) * US;
    return count * std::exp(-age_s / RATE_TIME_S) / RATE_TIME_S;
}

DelayHistory::History& DelayHistory::history(QueueId queue) {
    if (queue >= histories_.size()) histories_.resize(queue + std::size_t{1});
    return histories_[queue];
}

void DelayHistory::observe(const Engine& engine) {
    for (const Event& event : engine.events()) {
        if (event.kind == EventKind::restarted) {
            downtimes_.add(event.time_us, event.value);
        } else if (event.kind == EventKind::call_assigned) {
            learn(event);
        } else if (event.kind == EventKind::configured) {
            forget_removed(engine);
        }
        if (following_ && event.call != NONE) see(engine, event.call);
    }
    if (!following_) see_all(engine);
}

void DelayHistory::see_all(const Engine& engine) {
    following_ = true;
    for (const CallId id : engine.calls_by_order()) see(engine, id);
}

// Where the call stands now, after the whole command: whatever happened to it on the way.
void DelayHistory::see(const Engine& engine, CallId id) {
    const Call& call = engine.call(id);
    if (id >= calls_.size()) calls_.resize(id + std::size_t{1});
    Seen& seen = calls_[id];
    Seen now{.queue = call.queue, .since_us = call.wait_started_us, .order = call.order, .found = seen.found};
    now.waits = call.known() && call.state == CallState::waiting;
    now.heads = now.waits && !call.detached;
    const bool came = seen.queue != now.queue || seen.order != now.order || seen.since_us != now.since_us;
    if (!came && seen.waits == now.waits && seen.heads == now.heads) return;
    leave(seen);
    if (call.queue >= waiting_.size()) {
        waiting_.resize(call.queue + std::size_t{1});
        lines_.resize(call.queue + std::size_t{1});
    }
    // Who only comes back to the same line keeps what it found at first.
    if (came) now.found = static_cast<std::uint32_t>(std::min<std::int64_t>(waiting_[call.queue], LENGTHS_MAX - 1));
    seen = now;
    enter(seen);
}

void DelayHistory::enter(Seen& call) {
    if (!call.waits) return;
    ++waiting_[call.queue];
    ++waiting_all_;
    if (!call.heads) return;
    lines_[call.queue].emplace(call.since_us, call.order);
    line_of_all_.emplace(call.since_us, call.order);
}

void DelayHistory::leave(Seen& call) {
    if (!call.waits) return;
    --waiting_[call.queue];
    --waiting_all_;
    if (!call.heads) return;
    lines_[call.queue].erase({call.since_us, call.order});
    line_of_all_.erase({call.since_us, call.order});
}

void DelayHistory::learn(const Event& event) {
    const auto cause = static_cast<AssignmentCause>(event.code);
    if (cause == AssignmentCause::forced && !shadow_) return;
    const TimeUs wait_us = event.value - downtime_since(event.time_us - event.value);
    const double wait_s = static_cast<double>(std::max<TimeUs>(wait_us, 0)) * US;
    History& known = history(event.queue);
    ++known.samples;
    known.last_s = wait_s;
    known.waits.add(wait_s);
    known.answers.add(event.time_us);
    answers_.add(event.time_us);
    if (wait_s <= LONG_WAIT_S) return;
    known.long_waits.add(wait_s);
    const std::uint32_t found = event.call < calls_.size() ? calls_[event.call].found : 0;
    if (found >= known.by_length.size()) known.by_length.resize(found + std::size_t{1});
    known.by_length[found].add(wait_s);
}

void DelayHistory::forget_removed(const Engine& engine) {
    for (QueueId queue = 0; queue < histories_.size(); ++queue) {
        if (!engine.queue(queue).configured) histories_[queue] = {};
    }
}

void DelayHistory::forget_day() {
    histories_.clear();
    answers_ = {};
}

double DelayHistory::head_s(const Line& line, const Seen* but, TimeUs now_us) const {
    auto head = line.begin();
    if (but != nullptr && head != line.end() && *head == std::pair{but->since_us, but->order}) ++head;
    if (head == line.end()) return 0;
    const TimeUs age_us = now_us - head->first - downtime_since(head->first);
    return static_cast<double>(std::max<TimeUs>(age_us, 0)) * US;
}

DelayFigures DelayHistory::figures(const Engine& engine, QueueId queue, TimeUs now_us, CallId but) const {
    ROUTER_CHECK(engine.queue(queue).configured);
    const Seen* self = but < calls_.size() && calls_[but].waits ? &calls_[but] : nullptr;
    DelayFigures result;
    result.waiting_all = waiting_all_ - (self != nullptr);
    result.hol_all_s = head_s(line_of_all_, self, now_us);
    result.answers_all_per_s = answers_.per_s(now_us);
    result.hol_s = 0;
    if (queue < waiting_.size()) {
        const Seen* own = self != nullptr && self->queue == queue ? self : nullptr;
        result.waiting = waiting_[queue] - (own != nullptr);
        result.hol_s = head_s(lines_[queue], own, now_us);
    }
    if (queue >= histories_.size()) return result;
    const History& known = histories_[queue];
    result.les_s = known.last_s;
    result.average_s = known.long_waits.mean();
    result.average_all_s = known.waits.mean();
    result.answers_per_s = known.answers.per_s(now_us);
    result.samples = known.samples;
    const std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(result.waiting), LENGTHS_MAX - 1);
    if (length < known.by_length.size()) result.same_length_s = known.by_length[length].mean();
    if (result.same_length_s < 0) result.same_length_s = known.last_s;
    return result;
}

template <class Archive, class Self>
void DelayHistory::Ring::describe(Archive& archive, Self& self) {
    archive(self.count_);
    archive(self.next_);
    archive_reals(archive, self.values_);
}

template <class Archive, class Self>
void DelayHistory::describe(Archive& archive, Self& self) {
    archive_real(archive, self.last_s);
    Ring::describe(archive, self.waits);
    Ring::describe(archive, self.long_waits);
    archive(self.samples);
    describe_rate(archive, self.answers);
}

std::string DelayHistory::save(const Engine& engine) const {
    ArchiveWriter archive;
    archive(shadow_);
    describe_rate(archive, answers_);
    Downtimes(downtimes_).archive(archive);
    std::vector<QueueId> queues = engine.queues_by_name();
    std::erase_if(queues, [this](QueueId queue) { return queue >= histories_.size() || histories_[queue].samples == 0; });
    archive.number(queues.size());
    for (const QueueId queue : queues) {
        archive(engine.queue(queue).settings.name);
        describe(archive, histories_[queue]);
        archive.number(histories_[queue].by_length.size());
        for (const Ring& ring : histories_[queue].by_length) Ring::describe(archive, ring);
    }
    std::vector<CallId> calls = engine.calls_by_order();
    std::erase_if(calls, [&](CallId id) { return is_finished(engine.call(id).state) || id >= calls_.size(); });
    archive.number(calls.size());
    for (const CallId id : calls) {
        archive(calls_[id].order);
        archive(calls_[id].since_us);
        archive(calls_[id].found);
    }
    return archive.seal();
}

void DelayHistory::restore(const std::string& bytes, const Engine& engine) {
    ArchiveReader archive(bytes);
    DelayHistory read(shadow_);
    archive(read.shadow_);
    if (read.shadow_ != shadow_) throw CorruptSnapshot("the snapshot was made in another mode");
    describe_rate(archive, read.answers_);
    read.downtimes_.archive(archive);
    for (std::size_t left = archive.count(); left > 0; --left) {
        std::string name;
        archive(name);
        History known;
        describe(archive, known);
        known.by_length.resize(archive.ranged(LENGTHS_MAX));
        for (Ring& ring : known.by_length) Ring::describe(archive, ring);
        const QueueId queue = engine.find_queue(name);
        if (queue != NONE && engine.queue(queue).configured) read.history(queue) = std::move(known);
    }
    read.see_all(engine);
    std::map<std::uint64_t, Seen*> by_order;
    for (Seen& call : read.calls_) {
        if (call.queue != NONE) by_order[call.order] = &call;
    }
    for (std::size_t left = archive.count(); left > 0; --left) {
        Seen saved;
        archive(saved.order);
        archive(saved.since_us);
        archive(saved.found);
        const auto at = by_order.find(saved.order);
        if (at == by_order.end() || at->second->since_us != saved.since_us) continue;
        at->second->found = std::min<std::uint32_t>(saved.found, LENGTHS_MAX - 1);
    }
    archive.finish();
    *this = std::move(read);
}

}  // namespace router::wait
