// Saving and restoring what was learned: by names, and doubles as their bits, so that a restored learner goes on as the saved one.
#include <algorithm>
#include <stdexcept>

#include "learner.hpp"

namespace router::wait {

namespace {

constexpr std::uint64_t VERSION = 1;
constexpr std::int64_t DAYS_MAX = 1'000'000'000;

}  // namespace

std::string Learner::save(const Engine& engine) const {
    ArchiveWriter archive;
    archive.number(VERSION);
    const_cast<Learner*>(this)->archive(archive, engine);  // one description for both ways: writing changes nothing
    return archive.seal();
}

void Learner::restore(const std::string& bytes, const Engine& engine) {
    ArchiveReader archive(bytes);
    if (archive.number() != VERSION) throw CorruptSnapshot("the snapshot of the wait prediction has another format version");
    Learner read;
    read.shadow_ = shadow_;
    read.calendar_ = calendar_;
    try {
        read.archive(archive, engine);
    } catch (const std::invalid_argument& error) {  // hazards that are none
        throw CorruptSnapshot(std::string("the snapshot of the wait prediction is damaged: ") + error.what());
    }
    archive.finish();
    *this = std::move(read);
}

template <class Archive>
void Learner::archive(Archive& archive, const Engine& engine) {
    constexpr bool READS = std::is_same_v<Archive, ArchiveReader>;
    const NameTable names(engine);
    bool shadow = shadow_;
    archive(shadow);
    if (shadow != shadow_) throw CorruptSnapshot(shadow ? "the snapshot was learned in shadow mode" : "the snapshot was not learned in shadow mode");
    archive(begun_);
    archive(day_began_);
    archive(day_worked_);
    archive(day_);
    if (day_ < -DAYS_MAX || day_ > DAYS_MAX) throw CorruptSnapshot("the snapshot has a day out of range");
    archive_time(archive, time_us_);
    downtimes_.archive(archive);
    talk_times_.archive_pool(archive);
    patience_.archive_pool(archive);
    manual_wrap_up_.archive_pool(archive);
    fixed_wrap_up_.archive_pool(archive);
    not_ready_.archive(archive);
    ring_.archive(archive);
    for (double* count : {&accepted_, &rejected_, &expired_, &freed_, &breaks_}) {
        archive_count(archive, *count);
    }
    arrivals_.archive(archive, names);
    // a queue that the engine does not know any more is read into a learner that is thrown away
    Learner unknown;
    names.each_queue(archive, [&](QueueId id) {
        if (id == NONE) {
            unknown.archive_queue(archive, 0);
        } else {
            archive_queue(archive, id);
        }
    });
    names.each_agent(archive, [&](AgentId id) {
        OfAgent stranger;
        bool known = id < agents_.size() && agents_[id].known;
        archive(known);
        if (known) archive_agent(archive, id == NONE ? stranger : of(id));
    });
    if constexpr (READS) {
        read_live(archive, engine);
    } else {
        write_live(archive, engine);
    }
    if (shadow_) return_lag_.archive(archive, engine, names);
}

template <class Archive>
void Learner::archive_queue(Archive& archive, QueueId queue) {
    talk_times_.archive_queue(archive, queue);
    for (PooledHazard* learned : {&patience_, &manual_wrap_up_, &fixed_wrap_up_}) {
        bool known = learned->counts(queue, false) != nullptr;
        archive(known);
        if (known) learned->counts(queue, true)->archive(archive);
    }
}

template <class Archive>
void Learner::archive_agent(Archive& archive, OfAgent& agent) {
    archive(agent.availability);
    archive_time(archive, agent.since_us);
    archive_count(archive, agent.talk_ratios);
    archive_count(archive, agent.talks);
    agent.presence.archive(archive);
}

template <class Archive>
void Learner::archive_call(Archive& archive, const NameTable& names, Following& call) {
    names.queue(archive, call.queue);
    archive_time(archive, call.exposed_us);
    archive_time(archive, call.wait_us);
    archive_time(archive, call.offered_us);
    archive_time(archive, call.assigned_us);
    if (call.exposed_us != NEVER && call.exposed_us < call.wait_us) throw CorruptSnapshot("the snapshot has a wait before its begin");
}

template <class Archive>
void Learner::archive_wrap_up(Archive& archive, const NameTable& names, std::uint64_t& offer, WrapUp& wrap_up) {
    archive(offer);
    names.queue(archive, wrap_up.queue);
    archive_time(archive, wrap_up.since_us);
    archive_time(archive, wrap_up.until_us);
    archive(wrap_up.manual);
}

// Calls are told by their order, which is no other live call's.
void Learner::write_live(ArchiveWriter& archive, const Engine& engine) {
    const NameTable names(engine);
    std::vector<CallId> live;
    for (const CallId id : engine.calls_by_order()) {
        if (calls_.contains(id)) live.push_back(id);
    }
    archive.number(live.size());
    for (const CallId id : live) {
        archive.number(engine.call(id).order);
        archive_call(archive, names, calls_.at(id));
    }
    std::vector<std::uint64_t> offers;
    for (const auto& [offer, wrap_up] : wrap_ups_) offers.push_back(offer);
    std::sort(offers.begin(), offers.end());
    archive.number(offers.size());
    for (std::uint64_t offer : offers) archive_wrap_up(archive, names, offer, wrap_ups_.at(offer));
}

void Learner::read_live(ArchiveReader& archive, const Engine& engine) {
    const NameTable names(engine);
    std::unordered_map<std::uint64_t, CallId> by_order;
    for (const CallId id : engine.calls_by_order()) {
        if (!is_finished(engine.call(id).state)) by_order[engine.call(id).order] = id;
    }
    for (std::size_t left = archive.count(); left > 0; --left) {
        const auto found = by_order.find(archive.number());
        Following call;
        archive_call(archive, names, call);
        if (found != by_order.end() && call.queue != NONE) calls_[found->second] = call;
    }
    for (std::size_t left = archive.count(); left > 0; --left) {
        std::uint64_t offer = 0;
        WrapUp wrap_up;
        archive_wrap_up(archive, names, offer, wrap_up);
        if (wrap_up.queue != NONE) wrap_ups_[offer] = wrap_up;
    }
}

}  // namespace router::wait
