// Forks: lean engines to run ahead, and back to the start.
#include <algorithm>
#include <utility>

#include "engine.hpp"

namespace router {

class ForkMaker {
public:
    ForkMaker(const Engine& from, const ForkTerms& terms) : from_(from), terms_(terms) {}

    Fork make() && {
        number_calls();
        copy_numbers();
        copy_settings();
        copy_skills();
        copy_queues();
        copy_agents();
        copy_calls();
        return std::move(fork_);
    }

private:
    // Those that wait first, by rank within each queue, then those with an agent.
    void number_calls() {
        std::vector<std::pair<OrderKey, CallId>> waiting;
        from_.call_index_.for_each_waiting([&](CallId id) {
            const Call& call = from_.calls_[id];
            waiting.emplace_back(rank_key(call, from_.due_us(call)), id);
        });
        std::sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        std::vector<std::int64_t> before(from_.queues_.size(), 0);
        for (const auto& [key, id] : waiting) {
            fork_.live.push_back(id);
            fork_.positions.push_back(++before[from_.calls_[id].queue]);
        }
        for (const Agent& agent : from_.agents_) {
            for (const Engagement& engagement : agent.engagements) {
                if (engagement.state != EngagementState::wrap_up) fork_.live.push_back(engagement.call);
            }
        }
        fork_.positions.resize(fork_.live.size(), 0);
    }

    void copy_numbers() {
        engine_.sequence_ = from_.sequence_;
        engine_.time_us_ = from_.time_us_;
        engine_.restarted_us_ = from_.restarted_us_;
        engine_.now_us_ = from_.now_us_;
        engine_.next_offer_ = from_.next_offer_;
    }

    void copy_settings() {
        const Settings& settings = from_.settings_;
        Settings& own = engine_.settings_;
        engine_.settings_mark_ = new_mark();
        own.channels = settings.channels;
        own.idle_scale_us = settings.idle_scale_us;
        own.occupancy_half_life_us = settings.occupancy_half_life_us;
        own.efficiency = settings.efficiency;
        own.finished_retention_us = 0;
        own.customer_retention_us = settings.customer_retention_us;
        own.customers_max = settings.customers_max;
        own.request_retention_us = settings.request_retention_us;
        own.requests_max = settings.requests_max;
        own.agents_max = settings.agents_max;
        own.calls_max = settings.calls_max;
        own.requirements_max = settings.requirements_max;
        if (!terms_.names) return;
        own.queues = settings.queues;
        for (QueueSettings& queue : own.queues) change(queue);
    }

    void change(QueueRules& queue) const {
        if (terms_.offer_always && std::exchange(queue.automatic, false)) queue.offer_timeout_us = DURATION_US_MAX;
        if (!terms_.manual_wrap_up) return;
        queue.wrap_up_mode = WrapUpMode::manual;
        queue.wrap_up_us = DURATION_US_MAX;
    }

    void copy_skills() {
        for (const Queue& queue : from_.queues_) {
            if (queue.configured) kept_.push_back(queue.requirement);
        }
        for (const CallId id : fork_.live) kept_.push_back(from_.calls_[id].requirement);
        std::sort(kept_.begin(), kept_.end());
        kept_.erase(std::unique(kept_.begin(), kept_.end()), kept_.end());
        engine_.skills_ = from_.skills_.fork(kept_, terms_.names);
        engine_.held_requirements_.resize(kept_.size());
        for (RequirementId id = 0; id < kept_.size(); ++id) engine_.held_requirements_[id] = id;
    }

    RequirementId own_requirement(RequirementId id) const {
        return static_cast<RequirementId>(std::lower_bound(kept_.begin(), kept_.end(), id) - kept_.begin());
    }

    void copy_queues() {
        engine_.queue_ids_ = from_.queue_ids_;
        engine_.channels_ = from_.channels_;
        engine_.channel_ids_ = from_.channel_ids_;
        engine_.queues_.resize(from_.queues_.size());
        for (QueueId id = 0; id < from_.queues_.size(); ++id) {
            const Queue& queue = from_.queues_[id];
            Queue& own = engine_.queues_[id];
            static_cast<QueueRules&>(own.settings) = queue.settings;
            change(own.settings);
            own.configured = queue.configured;
            own.paused = queue.paused && !terms_.resume_queues;
            if (queue.paused && terms_.resume_queues) engine_.resuming_.push_back(id);
            own.overflow = queue.overflow;
            own.offered = queue.offered;
            own.assigned = queue.assigned;
            const bool weighs = own.settings.agent_weights[AGENT_EFFICIENCY] > 0 || own.settings.call_weights[CALL_EFFICIENCY] > 0;
            own.learns = queue.learns && weighs;
            if (own.learns) own.learned = queue.learned;
            if (!queue.configured) continue;
            own.requirement = own_requirement(queue.requirement);
            engine_.skills_.list_requirement(own.requirement);
            if (terms_.names) own.settings.requirement = queue.settings.requirement;
        }
    }

    void copy_agents() {
        if (terms_.names) {
            engine_.agent_ids_ = from_.agent_ids_;
            engine_.wrapped_up_ = from_.wrapped_up_;
        }
        engine_.agent_index_ = from_.agent_index_;
        engine_.agents_.resize(from_.agents_.size());
        for (AgentId id = 0; id < from_.agents_.size(); ++id) copy_agent(id, from_.agents_[id], engine_.agents_[id]);
    }

    void copy_agent(AgentId id, const Agent& agent, Agent& own) {
        static_cast<AgentNumbers&>(own) = agent;
        own.name = agent.name;
        own.reason = agent.reason;
        own.engagements = agent.engagements;
        for (Engagement& engagement : own.engagements) {
            if (!terms_.names) engagement.call_text = NONE;
            if (engagement.state != EngagementState::wrap_up) continue;
            engagement.timer = engine_.timers_.add(engagement.until_us, DeadlineKind::wrap_up_end, id, engagement.offer);
        }
        for (const Learned& learned : agent.learned) {
            if (engine_.queues_[learned.queue].learns) own.learned.push_back(learned);
        }
    }

    void copy_calls() {
        engine_.call_index_.reset(engine_.queues_.size());
        engine_.live_calls_ = static_cast<std::int64_t>(fork_.live.size());
        engine_.calls_.resize(fork_.live.size());
        for (CallId id = 0; id < fork_.live.size(); ++id) copy_call(id, from_.calls_[fork_.live[id]], engine_.calls_[id]);
    }

    void copy_call(CallId id, const Call& call, Call& own) {
        static_cast<CallNumbers&>(own) = call;
        own.call_class = own.newcomer = own.line_node = own.class_node = NONE;
        own.hold_timer = own.step_timer = own.overdue_timer = own.limit_timer = NONE;
        own.requirement = own_requirement(call.requirement);
        engine_.skills_.acquire_requirement(own.requirement);
        own.explain = false;
        own.preferred = call.preferred;
        own.bars = call.bars;
        for (Bar& bar : own.bars) bar.timer = engine_.timers_.add(bar.until_us, DeadlineKind::bar_end, id, bar.offer);
        own.more_queues_tried = call.more_queues_tried;
        own.has_rare = !own.more_queues_tried.empty();
        if (terms_.names) {
            own.name = call.name;
            own.customer = call.customer;
            if (!own.name.empty()) engine_.call_ids_.insert(NumberTable::hash_of(own.name), id);
        }
        if (call.state == CallState::waiting) return engine_.enter_waiting(id);
        Engagement& engagement = engine_.engagement_of(own);
        engagement.call = id;
        if (call.state != CallState::offered) return;
        engine_.offers_.insert(call.offer, id);
        engagement.timer = engine_.timers_.add(engagement.until_us, DeadlineKind::offer_expiry, id, call.offer);
    }

    const Engine& from_;
    const ForkTerms terms_;
    Fork fork_;
    Engine& engine_ = fork_.engine;
    std::vector<RequirementId> kept_;  // requirements of the engine that it is taken of, rising: by the fork's number
};

Fork Engine::fork(const ForkTerms& terms) const {
    if (broken_) throw InvariantViolated("the engine stopped at an earlier fault");
    return ForkMaker(*this, terms).make();
}

void Engine::resume_forked() {
    for (const QueueId id : std::exchange(resuming_, {})) serve_resumed(id);
}

void Engine::rewind_agents(const Engine& start) {
    agents_.resize(start.agents_.size());
    bool renamed = agent_ids_.size() != start.agent_ids_.size();
    for (AgentId id = 0; id < agents_.size(); ++id) {
        agents_[id].rewind(start.agents_[id]);
        if (agents_[id].name == start.agents_[id].name) continue;
        agents_[id].name = start.agents_[id].name;
        renamed = true;
    }
    if (renamed) agent_ids_ = start.agent_ids_;
    agent_index_ = start.agent_index_;
}

void Engine::rewind(const Engine& start) {
    if (settings_mark_ != start.settings_mark_) {
        const Statistics work = statistics_;
        *this = start;
        statistics_ = work;
        return;
    }
    skills_.rewind(start.skills_);
    if (held_requirements_.size() != start.held_requirements_.size()) held_requirements_ = start.held_requirements_;
    for (QueueId id = 0; id < queues_.size(); ++id) {
        Queue& queue = queues_[id];
        const Queue& before = start.queues_[id];
        queue.paused = before.paused;
        queue.offered = before.offered;
        queue.assigned = before.assigned;
        if (queue.learns) queue.learned = before.learned;
    }
    rewind_agents(start);
    calls_.resize(start.calls_.size());
    for (CallId id = 0; id < calls_.size(); ++id) calls_[id].rewind(start.calls_[id]);
    free_calls_ = start.free_calls_;
    if (!call_ids_.empty() || !start.call_ids_.empty()) call_ids_ = start.call_ids_;
    call_index_ = start.call_index_;
    wrapped_up_ = start.wrapped_up_;
    live_calls_ = start.live_calls_;
    resuming_ = start.resuming_;
    finished_ = start.finished_;
    forgotten_ = start.forgotten_;
    timers_ = start.timers_;
    next_offer_ = start.next_offer_;
    offers_ = start.offers_;
    if (!customers_.empty() || !start.customers_.empty()) customers_ = start.customers_;
    if (!requests_.empty() || !start.requests_.empty()) requests_ = start.requests_;
    sequence_ = start.sequence_;
    time_us_ = start.time_us_;
    restarted_us_ = start.restarted_us_;
    now_us_ = start.now_us_;
    broken_ = start.broken_;
    tracing = start.tracing;
    events_ = start.events_;
    texts_ = start.texts_;
    downtime_us_ = start.downtime_us_;
    rejection_ = start.rejection_;
    rejected_subject_ = start.rejected_subject_;
    result_call_ = start.result_call_;
    last_decisions_ = start.last_decisions_;
}

}  // namespace router
