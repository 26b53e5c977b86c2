#include "fallback_line.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace router::wait {

namespace {

ChannelId channel_of(const Engine& engine, const Enqueue& call) {
    return call.channel.id != NONE ? call.channel.id : engine.find_channel(call.channel.name);
}

const RequirementSpec& requirement_of(const Engine& engine, const Enqueue& call) {
    if (call.requirement.id != NONE) return engine.skills().requirement(call.requirement.id).spec;
    if (call.requirement.spec) return *call.requirement.spec;
    return engine.queue(queue_of(engine, call)).settings.requirement;
}

TimeUs due_of(const Engine& engine, const Call& call) {
    const TimeUs bound = engine.queue(call.queue).settings.max_overtake_wait_us[static_cast<std::size_t>(call.urgency)];
    return bound == NEVER ? NEVER : call.effective_arrival_us + bound;
}

// What decides its rank, as the engine would set it at its enqueueing.
Call supposed_call(const Engine& engine, const Enqueue& command, TimeUs now_us) {
    Call call;
    call.queue = queue_of(engine, command);
    call.urgency = command.urgency;
    call.priority = command.priority;
    call.effective_arrival_us = std::max<TimeUs>(0, now_us - command.credited_wait_us);
    call.order = engine.sequence() + 1;
    const TimeUs due_us = due_of(engine, call);
    call.overdue = due_us != NEVER && now_us >= due_us;
    return call;
}

// 1 + the waiting calls with a better rank, looking at twice as many of the first until one of them ranks lower.
std::int64_t position_of_new(Engine& engine, const Call& call) {
    const OrderKey key = rank_key(call, due_of(engine, call));
    const std::size_t waiting = engine.waiting_count(call.queue);
    if (call.tier() == Tier::normal && call.priority == 0 && call.effective_arrival_us >= engine.time_us()) {
        return static_cast<std::int64_t>(waiting) + 1;
    }
    for (std::size_t limit = 16;; limit *= 4) {
        const std::vector<CallId> first = engine.waiting(call.queue, limit);
        const auto better = [&](CallId id) {
            const Call& other = engine.call(id);
            return rank_key(other, due_of(engine, other)) < key;
        };
        const auto found = std::partition_point(first.begin(), first.end(), better);
        if (found != first.end() || first.size() < limit) return 1 + (found - first.begin());
    }
}

std::uint8_t level_of(const Engine& engine, const Profile& profile, const std::string& skill) {
    for (const auto& [id, level] : profile.skills) {
        if (engine.skills().skill_name(id) == skill) return level;
    }
    return 0;
}

// Every skill term; terms that name an agent are the caller's business.
bool skills_satisfy(const Engine& engine, const Profile& profile, const StepSpec& step) {
    return std::all_of(step.terms.begin(), step.terms.end(), [&](const TermSpec& term) {
        if (term.kind == TermKind::agent) return true;
        return std::any_of(term.alternatives.begin(), term.alternatives.end(), [&](const SkillAtLeast& atom) {
            return level_of(engine, profile, atom.skill) >= atom.level;
        });
    });
}

// The agents whom the step names are at most one, and this one.
bool names_at_most(const StepSpec& step, const std::string& agent) {
    return std::all_of(step.terms.begin(), step.terms.end(),
                       [&](const TermSpec& term) { return term.kind != TermKind::agent || term.agent == agent; });
}

const std::string* named_agent(const StepSpec& step) {
    for (const TermSpec& term : step.terms) {
        if (term.kind == TermKind::agent) return &term.agent;
    }
    return nullptr;
}

bool agent_may_take(const Engine& engine, AgentId id, const StepSpec& step, Id channel) {
    if (id == NONE) return false;
    const Agent& agent = engine.agent(id);
    return agent.availability == Availability::ready && (agent.open_channels >> channel & 1) != 0 &&
           names_at_most(step, agent.name) && skills_satisfy(engine, engine.skills().profile(agent.profile), step);
}

bool anybody_may_take(const Engine& engine, const StepSpec& step, Id channel) {
    if (const std::string* named = named_agent(step)) return agent_may_take(engine, engine.find_agent(*named), step, channel);
    const AgentIndex& index = engine.agent_index();
    bool found = false;
    const Bitset& open = index.profiles_with(channel);
    Bitset::for_each_common(open, open, [&](ProfileId profile) {
        if (found) return;
        const auto& classes = index.classes_of(profile);
        const bool there = std::any_of(classes.begin(), classes.end(), [&](Id id) {
            return index.at(id).size > 0 && (index.at(id).open >> channel & 1) != 0;
        });
        found = there && skills_satisfy(engine, engine.skills().profile(profile), step);
    });
    return found;
}

// The agents for whom the engine would hold the call; empty: it would not.
std::vector<AgentId> held_for(const Engine& engine, const Enqueue& command, const Call& call) {
    const QueueSettings& settings = engine.queue(call.queue).settings;
    std::vector<AgentId> preferred;
    for (const std::string& name : command.preferred_agents) {
        if (const AgentId agent = engine.find_agent(name); agent != NONE) preferred.push_back(agent);
    }
    const TimeUs hold_us = preferred.empty() ? settings.last_agent_hold_us : command.hold_us.value_or(settings.preferred_hold_us);
    if (settings.last_agent_preferred && !command.customer.empty()) {
        if (const AgentId last = engine.last_agent(command.customer); last != NONE) preferred.push_back(last);
    }
    const auto signed_in = [&](AgentId agent) { return engine.agent(agent).signed_in(); };
    if (hold_us <= 0 || call.overdue || std::none_of(preferred.begin(), preferred.end(), signed_in)) preferred.clear();
    return preferred;
}

}  // namespace

QueueId queue_of(const Engine& engine, const Enqueue& call) {
    return call.queue.id != NONE ? call.queue.id : engine.find_queue(call.queue.name);
}

Line line_of(Engine& engine, CallId id, TimeUs now_us, TimeUs downtime_us) {
    const Call& call = engine.call(id);
    const RequirementSpec& requirement = engine.skills().requirement(call.requirement).spec;
    Line line;
    line.queue = call.queue;
    line.channel = call.channel;
    line.step = &requirement.steps[call.step];
    line.position = engine.position(id);
    line.waiting = static_cast<std::int64_t>(engine.waiting_count(call.queue));
    line.waited_us = std::max<TimeUs>(0, now_us - call.wait_started_us - downtime_us);
    line.may_jump = call.urgency != Urgency::normal || call.priority > 0;
    line.servers = engine.count_agents(call);
    return line;
}

Line line_of(Engine& engine, const Enqueue& command, TimeUs now_us) {
    const Call call = supposed_call(engine, command, now_us);
    const RequirementSpec& requirement = requirement_of(engine, command);
    Line line;
    line.queue = call.queue;
    line.channel = channel_of(engine, command);
    line.step = &requirement.steps.front();
    line.position = position_of_new(engine, call);
    line.waiting = static_cast<std::int64_t>(engine.waiting_count(call.queue)) + 1;
    line.may_jump = call.urgency != Urgency::normal || call.priority > 0 || command.credited_wait_us > 0;
    line.servers = engine.count_agents(requirement, 0, line.channel);
    return line;
}

bool may_be_taken(const Engine& engine, const Enqueue& command, TimeUs now_us) {
    const Call call = supposed_call(engine, command, now_us);
    const StepSpec& step = requirement_of(engine, command).steps.front();
    const Id channel = engine.channel(channel_of(engine, command)).index;
    const std::vector<AgentId> preferred = held_for(engine, command, call);
    if (preferred.empty()) return anybody_may_take(engine, step, channel);
    return std::any_of(preferred.begin(), preferred.end(),
                       [&](AgentId agent) { return agent_may_take(engine, agent, step, channel); });
}

}  // namespace router::wait
