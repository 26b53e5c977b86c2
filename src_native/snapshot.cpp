// The whole state in canonical form: everything sorted by name or by its number in the order of events.
//
// Orders, classes, timers and counts follow from it and are built anew.
#include <algorithm>
#include <unordered_map>

#include "archive.hpp"
#include "engine.hpp"
#include "snapshot_records.hpp"

namespace router {

// ---- records that refer to others, by name ----

class SnapshotWriter {
public:
    explicit SnapshotWriter(const Engine& engine) : engine_(engine) {}

    std::string write() {
        archive_(engine_.sequence_);
        archive_(engine_.time_us_);
        archive_(engine_.restarted_us_);
        archive_(engine_.next_offer_);
        archive_(engine_.settings_);
        for (const QueueId id : engine_.queues_by_name()) {
            archive_(engine_.queues_[id].paused);
            archive_(engine_.queues_[id].learned);
        }
        write_agents();
        write_calls();
        archive_.number(engine_.customers_.size());
        for (const Customer& customer : engine_.customers_.all()) {
            archive_(customer.name);
            archive_(engine_.agents_[customer.agent].name);
            archive_(customer.served_us);
        }
        archive_.number(engine_.requests_.size());
        for (std::size_t index = 0; index < engine_.requests_.size(); ++index) {
            const Request request = engine_.requests_.at(index);
            archive_(request);
        }
        return archive_.seal();
    }

private:
    void write_queue(QueueId id) { archive_(engine_.queues_[id].settings.name); }
    void write_channel(ChannelId id) { archive_(engine_.channels_[id].name); }
    void write_agent(AgentId id) { archive_(id == NONE ? std::string() : engine_.agents_[id].name); }

    void write_agents() {
        const std::vector<AgentId> ids = engine_.agents_by_name();
        archive_.number(ids.size());
        for (const AgentId id : ids) archive_(engine_.agents_[id].name);
        for (const AgentId id : ids) write_agent_state(engine_.agents_[id]);
    }

    void write_agent_state(const Agent& agent) {
        archive_(agent.availability);
        archive_(agent.reason);
        archive_(named_skills(agent));
        archive_(agent.capacity);
        archive_(agent.sign_in_order);
        archive_(agent.idle_since_us);
        archive_(agent.occupancy_q32);
        archive_(agent.occupancy_at_us);
        archive_.number(agent.engagements.size());
        for (const Engagement& engagement : agent.engagements) {
            archive_(engagement.offer);
            archive_(engine_.call_name(engagement));
            write_queue(engagement.queue);
            write_channel(engagement.channel);
            archive_(engagement.state);
            archive_(engagement.started_us);
            archive_(engagement.until_us);
        }
        std::vector<const Learned*> learned;
        for (const Learned& entry : agent.learned) learned.push_back(&entry);
        std::sort(learned.begin(), learned.end(), [this](const Learned* a, const Learned* b) {
            return engine_.queues_[a->queue].settings.name < engine_.queues_[b->queue].settings.name;
        });
        archive_.number(learned.size());
        for (const Learned* entry : learned) {
            write_queue(entry->queue);
            archive_(*entry);
        }
    }

    Skills named_skills(const Agent& agent) const {
        Skills skills;
        for (const auto& [skill, level] : engine_.skills_.profile(agent.profile).skills) {
            skills.emplace_back(engine_.skills_.skill_name(skill), level);
        }
        std::sort(skills.begin(), skills.end());
        return skills;
    }

    void write_calls() {
        const std::vector<CallId> ids = engine_.calls_by_order();
        archive_.number(ids.size());
        for (const CallId id : ids) write_call(engine_.calls_[id]);
        archive_.number(engine_.finished_.size());
        for (const CallId id : engine_.finished_) write_finished(engine_.calls_[id]);
    }

    // A call without a name goes by its order.
    void write_finished(const Call& call) {
        archive_(call.name);
        if (call.name.empty()) archive_.number(call.order);
    }

    // A requirement is written where it first occurs and by number after that.
    void write_requirement(RequirementId id) {
        const auto [entry, added] = requirements_.try_emplace(id, requirements_.size() + 1);
        archive_.number(added ? 0 : entry->second);
        if (added) archive_(engine_.skills_.requirement(id).spec);
    }

    void write_call(const Call& call) {
        archive_(call.name);
        archive_(call.state);
        write_queue(call.queue);
        write_channel(call.channel);
        write_requirement(call.requirement);
        archive_(call.own_requirement);
        archive_(call.urgency);
        archive_(call.priority);
        archive_.number(call.preferred.size());
        for (const AgentId agent : call.preferred) write_agent(agent);
        archive_(call.hold_until_us);
        archive_(call.effective_arrival_us);
        archive_(call.wait_started_us);
        archive_(call.queue_entered_us);
        archive_(call.order);
        archive_(call.step);
        archive_(call.overdue);
        archive_(call.detached);
        archive_(call.callback);
        archive_(call.explain);
        archive_(call.customer);
        archive_(call.attributes);
        archive_.number(call.bars.size());
        for (const Bar& bar : call.bars) {
            write_agent(bar.agent);
            archive_(bar.until_us);
            archive_(bar.offer);
        }
        const std::vector<QueueId> tried = call.queues_tried();
        archive_.number(tried.size());
        for (const QueueId queue : tried) write_queue(queue);
        archive_(call.offer);
        write_agent(call.agent);
        archive_(call.assigned_us);
        archive_(call.finished_us);
        archive_(call.resolved);
        archive_(call.satisfaction);
        archive_(call.decisions);
    }

    const Engine& engine_;
    ArchiveWriter archive_;
    std::unordered_map<RequirementId, std::uint64_t> requirements_;
};

constexpr std::int64_t COUNT_MAX = 4096;  // counts of what was learned are halved at the latest there
constexpr std::uint64_t ALWAYS_BUSY_Q32 = std::uint64_t{1} << 32;

class SnapshotReader {
public:
    SnapshotReader(Engine& engine, const std::string& bytes) : engine_(engine), archive_(bytes) {}

    void read() {
        archive_(engine_.sequence_);
        archive_(engine_.time_us_);
        archive_(engine_.restarted_us_);
        archive_(engine_.next_offer_);
        engine_.now_us_ = engine_.time_us_;
        Settings settings;
        archive_(settings);
        const std::string fault = fault_of(settings);
        if (!fault.empty()) throw CorruptSnapshot("the snapshot's settings are unsound: " + fault);
        demand(engine_.time_us_ >= 0 && engine_.time_us_ <= TIME_US_MAX, "a time out of range");
        demand(engine_.restarted_us_ >= 0 && engine_.restarted_us_ <= engine_.time_us_, "a downtime out of range");
        engine_.install(settings);
        for (const QueueId id : engine_.queues_by_name()) {
            archive_(engine_.queues_[id].paused);
            read_learned(engine_.queues_[id].learned);
        }
        read_agents();
        read_calls();
        read_memory();
        archive_.finish();
        rebuild();
    }

private:
    static void demand(bool holds, const char* otherwise) {
        if (!holds) throw CorruptSnapshot(std::string("the snapshot has ") + otherwise);
    }
    // A moment up to the last command, or NEVER.
    void read_past(TimeUs& time_us) {
        archive_(time_us);
        demand_time(time_us, engine_.time_us_);
    }
    // A moment that may be to come, or NEVER.
    void read_time(TimeUs& time_us) {
        archive_(time_us);
        demand_time(time_us, engine_.time_us_ + DURATION_US_MAX);
    }
    static void demand_time(TimeUs time_us, TimeUs latest_us) {
        demand(time_us >= NEVER && time_us <= latest_us, "a time out of range");
    }
    // Sums of what was counted, so that nothing made of them overflows.
    void read_learned(Learned& learned) {
        archive_(learned);
        const auto sound = [](std::int64_t count, std::int64_t sum, std::int64_t most) {
            return count >= 0 && count <= COUNT_MAX && sum >= 0 && sum <= count * most;
        };
        demand(learned.efficiency_ppm >= 0 && learned.efficiency_ppm <= PPM &&
                   sound(learned.calls, learned.handle_sum_us, DURATION_US_MAX) &&
                   sound(learned.resolutions, learned.resolved, 1) &&
                   sound(learned.satisfactions, learned.satisfaction_sum, SATISFACTION_MAX),
               "learned sums that cannot be");
    }
    std::string read_text() {
        std::string text;
        archive_(text);
        return text;
    }
    // Queues and channels that were removed live on as names.
    QueueId read_queue() {
        const std::string name = read_text();
        const auto [entry, added] = engine_.queue_ids_.try_emplace(name, static_cast<QueueId>(engine_.queues_.size()));
        if (added) engine_.queues_.emplace_back().settings.name = name;
        return entry->second;
    }
    ChannelId read_channel() {
        const std::string name = read_text();
        const auto [entry, added] = engine_.channel_ids_.try_emplace(name, static_cast<ChannelId>(engine_.channels_.size()));
        if (added) engine_.channels_.push_back(Channel{name, NONE});
        return entry->second;
    }
    AgentId read_agent() {
        const AgentId id = read_agent_or_none();
        demand(id != NONE, "a reference to an agent whom it does not hold");
        return id;
    }
    AgentId read_agent_or_none() {
        const std::string name = read_text();
        const AgentId id = engine_.find_agent(name);
        demand(name.empty() || id != NONE, "a reference to an agent whom it does not hold");
        return id;
    }

    void read_agents() {
        const std::size_t count = archive_.count();
        engine_.agents_.reserve(count);
        for (AgentId id = 0; id < count; ++id) {
            const std::string name = read_text();
            const NumberTable::Hash hash = NumberTable::hash_of(name);
            demand(!name.empty() && engine_.find_agent(name, hash) == NONE, "an agent twice or without a name");
            engine_.agents_.emplace_back().name = name;
            engine_.agent_ids_.insert(hash, id);
        }
        for (Agent& agent : engine_.agents_) read_agent_state(agent);
    }

    void read_agent_state(Agent& agent) {
        archive_(agent.availability);
        archive_(agent.reason);
        Skills skills;
        archive_(skills);
        agent.profile = engine_.skills_.acquire_profile(skills, agent.name);
        archive_(agent.capacity);
        archive_(agent.sign_in_order);
        read_past(agent.idle_since_us);
        archive_(agent.occupancy_q32);
        demand(agent.occupancy_q32 <= ALWAYS_BUSY_Q32, "an occupancy out of range");
        read_past(agent.occupancy_at_us);
        agent.engagements.resize(archive_.count());
        for (Engagement& engagement : agent.engagements) {
            archive_(engagement.offer);
            engagement.call_text = engine_.wrapped_up_.keep(read_text());
            engagement.queue = read_queue();
            engagement.channel = read_channel();
            archive_(engagement.state);
            read_past(engagement.started_us);
            read_time(engagement.until_us);
            const Id index = engine_.channels_[engagement.channel].index;
            demand(index != NONE, "an engagement on a removed channel");
            ++agent.used[index];
        }
        agent.learned.resize(archive_.count());
        for (Learned& learned : agent.learned) {
            learned.queue = read_queue();
            read_learned(learned);
        }
        if (agent.signed_in()) engine_.skills_.count_signed_in(agent.profile, 1);
    }

    RequirementId read_requirement() {
        const std::uint64_t reference = archive_.number();
        demand(reference <= requirements_.size(), "a reference to a requirement that it does not hold");
        if (reference > 0) {
            engine_.skills_.acquire_requirement(requirements_[reference - 1]);
            return requirements_[reference - 1];
        }
        RequirementSpec spec;
        archive_(spec);
        demand(is_sound(spec), "an unsound requirement");
        requirements_.push_back(engine_.skills_.acquire_requirement(spec));
        return requirements_.back();
    }

    void read_calls() {
        engine_.calls_.resize(archive_.count());
        for (CallId id = 0; id < engine_.calls_.size(); ++id) {
            read_call(engine_.calls_[id]);
            const Call& call = engine_.calls_[id];
            demand(call.name.empty() ? nameless_.emplace(call.order, id).second : list_name(call.name, id), "a call twice");
            if (call.offer != 0) call_of_offer_[call.offer] = id;
            engine_.live_calls_ += !is_finished(call.state);
        }
        const std::size_t finished = archive_.count();
        for (std::size_t index = 0; index < finished; ++index) {
            const CallId id = read_finished();
            demand(id != NONE && is_finished(engine_.calls_[id].state), "a finished call that is none");
            engine_.finished_.push_back(id);
        }
        engine_.apply_renames();
    }

    // False if another call has that name.
    bool list_name(const std::string& name, CallId id) {
        const NumberTable::Hash hash = NumberTable::hash_of(name);
        if (engine_.find_call(name, hash) != NONE) return false;
        engine_.call_ids_.insert(hash, id);
        return true;
    }

    CallId read_finished() {
        const std::string name = read_text();
        if (!name.empty()) return engine_.find_call(name);
        const auto found = nameless_.find(archive_.number());
        return found == nameless_.end() ? NONE : found->second;
    }

    void read_call(Call& call) {
        archive_(call.name);
        archive_(call.state);
        call.queue = read_queue();
        call.channel = read_channel();
        call.requirement = read_requirement();
        archive_(call.own_requirement);
        archive_(call.urgency);
        archive_(call.priority);
        demand(call.priority <= PRIORITY_MAX, "a priority out of range");
        call.preferred.resize(archive_.count());
        for (AgentId& agent : call.preferred) agent = read_agent();
        read_time(call.hold_until_us);
        read_past(call.effective_arrival_us);
        read_past(call.wait_started_us);
        read_past(call.queue_entered_us);
        archive_(call.order);
        archive_(call.step);
        archive_(call.overdue);
        archive_(call.detached);
        archive_(call.callback);
        archive_(call.explain);
        archive_(call.customer);
        archive_(call.attributes);
        call.bars.resize(archive_.count());
        for (Bar& bar : call.bars) {
            bar.agent = read_agent();
            read_time(bar.until_us);
            archive_(bar.offer);
        }
        std::vector<QueueId> tried(archive_.count());
        for (QueueId& queue : tried) queue = read_queue();
        if (tried != call.queues_tried()) call.more_queues_tried = std::move(tried);
        call.has_rare = true;
        archive_(call.offer);
        call.agent = read_agent_or_none();
        const bool with_agent = call.state != CallState::waiting && call.state <= CallState::completed;
        demand((call.agent != NONE) == with_agent, "a call and an agent that do not belong together");
        read_past(call.assigned_us);
        read_past(call.finished_us);
        archive_(call.resolved);
        archive_(call.satisfaction);
        archive_(call.decisions);
    }

    void read_memory() {
        const std::size_t customers = archive_.count();
        for (std::size_t index = 0; index < customers; ++index) {
            Customer customer;
            archive_(customer.name);
            customer.agent = read_agent();
            read_past(customer.served_us);
            engine_.customers_.remember(customer.name, customer.agent, customer.served_us);
        }
        const std::size_t requests = archive_.count();
        for (std::size_t index = 0; index < requests; ++index) {
            Request request;
            archive_(request);
            demand_time(request.result.time_us, engine_.time_us_);
            engine_.requests_.remember(request);
        }
    }

    // Numbers instead of names, counts, orders and timers.
    void rebuild() {
        engine_.rebuild_agent_index();
        engine_.call_index_.reset(engine_.queues_.size());
        for (AgentId id = 0; id < engine_.agents_.size(); ++id) {
            for (Engagement& engagement : engine_.agents_[id].engagements) rebuild_engagement(id, engagement);
        }
        for (CallId id = 0; id < engine_.calls_.size(); ++id) {
            Call& call = engine_.calls_[id];
            for (Bar& bar : call.bars) {
                bar.timer = engine_.timers_.add(bar.until_us, DeadlineKind::bar_end, id, bar.offer);
            }
            if (call.state != CallState::waiting) continue;
            const bool reached = call.step < engine_.skills_.requirement(call.requirement).stages.size();
            demand(reached && engine_.channels_[call.channel].index != NONE, "a waiting call past its last step or channel");
            engine_.enter_waiting(id);
        }
        engine_.audit();
    }

    void rebuild_engagement(AgentId id, Engagement& engagement) {
        if (engagement.state == EngagementState::wrap_up) {
            engagement.timer = engine_.timers_.add(engagement.until_us, DeadlineKind::wrap_up_end, id, engagement.offer);
            return;
        }
        const auto found = call_of_offer_.find(engagement.offer);
        engagement.call = found == call_of_offer_.end() ? NONE : found->second;
        const bool named = engagement.call != NONE &&
                           engine_.calls_[engagement.call].name == engine_.wrapped_up_.text(engagement.call_text);
        demand(named, "an engagement without its call");
        engine_.wrapped_up_.release(std::exchange(engagement.call_text, NONE));
        Queue& queue = engine_.queues_[engagement.queue];
        if (engagement.state == EngagementState::assigned) {
            ++queue.assigned;
            return;
        }
        ++queue.offered;
        demand(engine_.offers_.find(engagement.offer) == NONE, "an offer twice");
        engine_.offers_.insert(engagement.offer, engagement.call);
        engagement.timer = engine_.timers_.add(engagement.until_us, DeadlineKind::offer_expiry, engagement.call, engagement.offer);
    }

    Engine& engine_;
    ArchiveReader archive_;
    std::vector<RequirementId> requirements_;
    std::unordered_map<std::uint64_t, CallId> nameless_;       // by order
    std::unordered_map<std::uint64_t, CallId> call_of_offer_;  // live calls by their offer
};

std::string Engine::snapshot() const {
    if (broken_) throw InvariantViolated("the engine stopped at an earlier fault");
    if (!resuming_.empty()) throw InvariantViolated("a fork that resumes queues is no state to keep before its first command");
    return SnapshotWriter(*this).write();
}

void Engine::restore(const std::string& bytes) {
    ROUTER_CHECK(sequence_ == 0);
    try {
        SnapshotReader(*this, bytes).read();
    } catch (const std::logic_error& error) {  // a check, or an index, that failed
        broken_ = true;
        throw CorruptSnapshot(std::string("the snapshot contradicts itself: ") + error.what());
    } catch (...) {
        broken_ = true;
        throw;
    }
}

}  // namespace router
