#include "return_lag.hpp"

#include <algorithm>

#include "bits.hpp"

namespace router::wait {

namespace {

constexpr double PRIOR_EXPOSURE_S = 20;  // in each bin
constexpr double QUICK_PER_S = 0.1, SLOW_PER_S = 0.003;
constexpr double QUICK_UNTIL_S = 10;
constexpr double AGENT_PRIOR = 15;       // takes that weigh as much as all agents' rate
constexpr double AGENT_EXPECTED_MAX = 60;
constexpr double AGENT_FADE = 0.99;
constexpr double GROWN = 0.1;

Rates prior_rates() {
    Rates rates{};
    for (std::size_t i = 0; i < AGES; ++i) rates[i] = AGE_S[i] < QUICK_UNTIL_S ? QUICK_PER_S : SLOW_PER_S;
    return rates;
}

}  // namespace

ReturnLag::OfAgent& ReturnLag::of(AgentId agent) {
    if (agent >= agents_.size()) agents_.resize(agent + 1);
    return agents_[agent];
}

double ReturnLag::rate(AgentId agent) const {
    if (agent >= agents_.size()) return 1;
    return (agents_[agent].takes + AGENT_PRIOR) / (agents_[agent].expected + AGENT_PRIOR);
}

TimeUs ReturnLag::free_since_us(AgentId agent) const {
    return agent < agents_.size() && agents_[agent].free ? agents_[agent].since_us : NEVER;
}

void ReturnLag::refresh_rates() {
    rates_ = counts_.rates(prior_rates(), PRIOR_EXPOSURE_S);
    lifetime_ = lifetime_of(rates_);
    refreshed_takes_ = counts_.ends();
}

void ReturnLag::fade(double by) {
    counts_.fade(by);
    refresh_rates();
}

// ---- time ----

void ReturnLag::account(OfAgent& agent, TimeUs until_us) {
    if (agent.exposed_us == NEVER || until_us <= agent.exposed_us) return;
    HazardCounts more;
    more.add_exposure(agent.exposed_us - agent.since_us, until_us - agent.since_us);
    agent.expected += more.expected_ends(rates_);
    counts_.add_exposure(agent.exposed_us - agent.since_us, until_us - agent.since_us);
    agent.exposed_us = until_us;
}

void ReturnLag::advance(TimeUs time_us) {
    while (!coming_.empty() && coming_.front().time_us <= time_us) {
        const Coming come = coming_.front();
        coming_.pop_front();
        const auto found = waiting_.find(come.call);
        if (found == waiting_.end() || found->second.order != come.order || found->second.counts) continue;
        count_call(found->second);
        if (changed_) expose(come.time_us);
    }
}

void ReturnLag::count_call(Waiting& waiting) {
    waiting.counts = true;
    changed_ |= demand(waiting.stage).counting++ == 0;
}

bool ReturnLag::wanted(ProfileId profile) const {
    return std::any_of(demands_.begin(), demands_.end(), [profile](const Demand& one) {
        return one.counting > 0 && one.profiles.test(profile);
    });
}

// Begin and end exposures as demand has it now. O(free agents x stages).
void ReturnLag::expose(TimeUs time_us) {
    changed_ = false;
    for (const AgentId id : free_) {
        OfAgent& agent = agents_[id];
        if (wanted(agent.profile)) {
            if (agent.exposed_us == NEVER) agent.exposed_us = std::max(time_us, agent.since_us);
        } else if (agent.exposed_us != NEVER) {
            account(agent, time_us);
            agent.exposed_us = NEVER;
        }
    }
}

void ReturnLag::skip(TimeUs from_us, TimeUs length_us) {
    for (const AgentId id : free_) {
        OfAgent& agent = agents_[id];
        account(agent, from_us);
        agent.since_us += length_us;
        if (agent.exposed_us != NEVER) agent.exposed_us = from_us + length_us;
    }
}

void ReturnLag::took(const Engine& engine, const Event& assigned, TimeUs waited_us) {
    OfAgent& agent = of(assigned.agent);
    if (!agent.free) return;
    account(agent, assigned.time_us);
    // whose first call is the first that is heard of them was not waiting for one
    if (agent.fresh && agent.since_us == assigned.time_us) return;
    const Call& call = engine.call(assigned.call);
    if (waited_us <= DEMAND_US || !call.known()) return;
    const std::vector<StageId>& stages = engine.skills().requirement(call.requirement).stages;
    if (call.step >= stages.size() || !engine.skills().satisfies(engine.agent(assigned.agent).profile, stages[call.step])) return;
    counts_.add_end(std::max<TimeUs>(0, assigned.time_us - agent.since_us));
    ++agent.takes;
    if (agent.expected >= AGENT_EXPECTED_MAX) {
        agent.takes *= AGENT_FADE;
        agent.expected *= AGENT_FADE;
    }
    if (counts_.ends() >= refreshed_takes_ * (1 + GROWN) + 1) refresh_rates();
}

// ---- following the engine ----

void ReturnLag::follow(const Engine& engine) {
    bool again = false, skills = false;
    for (const Event& event : engine.events()) {
        again |= event.kind == EventKind::configured || event.kind == EventKind::restarted;
        skills |= event.kind == EventKind::agent_signed_in || event.kind == EventKind::agent_updated;
    }
    if (again) return look_again(engine);
    const std::size_t stages = demands_.size();
    for (const Event& event : engine.events()) {
        if (event.call != NONE) follow_call(engine, event.call);
        if (event.agent != NONE) follow_agent(engine, event.agent, event.kind == EventKind::agent_signed_in);
    }
    if (skills || demands_.size() > stages) read_profiles(engine);
    if (changed_) expose(engine.time_us());
    std::erase_if(demands_, [](const Demand& one) { return one.calls == 0; });
}

// After what may have changed everything.
void ReturnLag::look_again(const Engine& engine) {
    waiting_.clear();
    demands_.clear();
    coming_.clear();
    for (const CallId id : engine.calls_by_order()) follow_call(engine, id);
    for (const AgentId id : engine.agents_by_name()) follow_agent(engine, id);
    read_profiles(engine);
    expose(engine.time_us());
}

void ReturnLag::read_profiles(const Engine& engine) {
    for (Demand& one : demands_) {
        if (one.calls > 0) one.profiles = engine.skills().stage(one.stage).profiles;
    }
    for (const AgentId id : free_) agents_[id].profile = engine.agent(id).profile;
    changed_ = true;
}

void ReturnLag::follow_agent(const Engine& engine, AgentId id, bool signed_in) {
    const Agent& now = engine.agent(id);
    OfAgent& agent = of(id);
    const bool free = now.availability == Availability::ready && !now.engaged();
    if (agent.free && (!free || now.idle_since_us > agent.since_us)) {
        account(agent, engine.time_us());
        agent.free = false;
        agents_[free_.back()].place = agent.place;
        free_[agent.place] = free_.back();
        free_.pop_back();
    }
    if (!free || agent.free) return;
    agent.free = true;
    agent.fresh = signed_in;
    agent.profile = now.profile;
    agent.since_us = now.idle_since_us;
    agent.exposed_us = wanted(agent.profile) ? engine.time_us() : NEVER;
    agent.place = free_.size();
    free_.push_back(id);
}

void ReturnLag::follow_call(const Engine& engine, CallId id) {
    const Call& call = engine.call(id);
    const bool waits = call.known() && call.state == CallState::waiting && !call.detached;
    const auto found = waiting_.find(id);
    const StageId stage = waits ? engine.skills().requirement(call.requirement).stages[call.step] : NONE;
    if (found != waiting_.end()) {
        if (waits && found->second.order == call.order && found->second.stage == stage) return;
        remove_call(id);
    }
    if (waits) add_call(engine, id, engine.time_us());
}

ReturnLag::Demand& ReturnLag::demand(StageId stage) {
    for (Demand& one : demands_) {
        if (one.stage == stage) return one;
    }
    Demand& added = demands_.emplace_back();
    added.stage = stage;
    return added;
}

void ReturnLag::add_call(const Engine& engine, CallId id, TimeUs now_us) {
    const Call& call = engine.call(id);
    Waiting& waiting = waiting_[id];
    waiting.order = call.order;
    waiting.stage = engine.skills().requirement(call.requirement).stages[call.step];
    ++demand(waiting.stage).calls;
    const Coming come{call.wait_started_us + DEMAND_US, id, call.order};
    if (come.time_us <= now_us) return count_call(waiting);
    auto at = coming_.end();
    while (at != coming_.begin() && std::prev(at)->time_us > come.time_us) --at;
    coming_.insert(at, come);
}

void ReturnLag::remove_call(CallId id) {
    const auto found = waiting_.find(id);
    Demand& one = demand(found->second.stage);
    --one.calls;
    if (found->second.counts) changed_ |= --one.counting == 0;
    waiting_.erase(found);
}

// ---- saving ----

// What is learned, and how far it is accounted for; the rest is read from the engine.
template <class Archive>
void ReturnLag::archive(Archive& archive, const Engine& engine, const NameTable& names) {
    constexpr bool READS = std::is_same_v<Archive, ArchiveReader>;
    counts_.archive(archive);
    archive_reals(archive, rates_);
    archive_count(archive, refreshed_takes_);
    if constexpr (READS) {
        agents_.clear();
        free_.clear();
        lifetime_ = lifetime_of(rates_);
        look_again(engine);
    }
    names.each_agent(archive, [&](AgentId id) {
        OfAgent unknown;
        OfAgent& agent = id == NONE ? unknown : of(id);
        archive_count(archive, agent.takes);
        archive_count(archive, agent.expected);
        TimeUs since_us = agent.free ? agent.since_us : NEVER;
        archive_time(archive, since_us);
        archive_time(archive, agent.exposed_us);
        archive(agent.fresh);
        if (READS && agent.free && since_us != NEVER) agent.since_us = since_us;
        if (agent.exposed_us != NEVER && agent.free && agent.exposed_us < agent.since_us) {
            throw CorruptSnapshot("the snapshot has an agent exposed before it was free");
        }
    });
}
template void ReturnLag::archive(ArchiveWriter&, const Engine&, const NameTable&);
template void ReturnLag::archive(ArchiveReader&, const Engine&, const NameTable&);

}  // namespace router::wait
