// The order of things within one command, time, memory and names.
#include "engine.hpp"

#include <algorithm>

namespace router {

namespace {

constexpr std::size_t CHANNELS_COMPARED_MAX = 4;  // so few names are compared sooner than one is hashed

void put_request_key(std::string& key, const std::string& client, const std::string& request_id) {
    key = std::to_string(client.size());
    key += ':';
    key += client;
    key += request_id;
}

}  // namespace

inline void Engine::begin(TimeUs time_us) {
    ++sequence_;
    ++statistics_.commands;
    downtime_us_ = time_us - time_us_;
    time_us_ = time_us;
    events_.clear();
    texts_.clear();
    last_decisions_.clear();
    rejection_ = RejectReason::none;
    rejected_subject_.clear();
    result_call_ = NONE;
    if (!forgotten_.empty()) free_forgotten();
}

inline void Engine::forget() {
    const auto expired = [this](TimeUs since_us, TimeUs retention_us) { return since_us + retention_us <= now_us_; };
    while (!finished_.empty() && expired(calls_[finished_.front()].finished_us, settings_.finished_retention_us)) {
        forget_oldest_call();
    }
    while (!customers_.empty() && expired(customers_.oldest().served_us, settings_.customer_retention_us)) {
        customers_.forget_oldest();
    }
    while (!requests_.empty() && expired(requests_.oldest_time_us(), settings_.request_retention_us)) requests_.forget_oldest();
}

void Engine::apply(const Command& command, TimeUs time_us) {
    if (broken_) throw InvariantViolated("the engine stopped at an earlier fault");
    if (time_us < time_us_) {
        throw TimeWentBackwards("time " + std::to_string(time_us) + " is before the last command's " + std::to_string(time_us_));
    }
    try {
        begin(time_us);
        if (!std::holds_alternative<Restart>(command)) fire(time_us);
        now_us_ = time_us;
        forget();
        if (!resuming_.empty()) resume_forked();
        std::visit([this](const auto& one) { handle(one); }, command);
        fire(time_us);
        agent_index_.settle(agents_);
    } catch (...) {
        broken_ = true;
        throw;
    }
}

bool Engine::remembers(const std::string& client, const std::string& request_id, TimeUs time_us) const {
    std::string key;
    put_request_key(key, client, request_id);
    return find_request(key, NumberTable::hash_of(key), time_us) != requests_.size();
}

std::size_t Engine::find_request(const std::string& key, NumberTable::Hash hash, TimeUs time_us) const {
    const std::size_t found = requests_.find(key, hash);
    const bool remembered = found != requests_.size() && time_us < requests_.time_us(found) + settings_.request_retention_us;
    return remembered ? found : requests_.size();
}

RequestOutcome Engine::apply_request(const Command& command, TimeUs time_us, const std::string& client,
                                     const std::string& request_id, const std::string& content) {
    put_request_key(request_.key, client, request_id);
    const NumberTable::Hash hash = NumberTable::hash_of(request_.key);
    const std::size_t found = find_request(request_.key, hash, time_us);
    if (found != requests_.size()) {
        if (requests_.content(found) != content) {
            throw RequestIdReused("request id " + request_id + " came before with other content");
        }
        return {requests_.at(found).result, true};
    }
    apply(command, time_us);
    request_.content = content;
    request_.result = result();
    requests_.remember(request_, hash);
    forget_surplus_requests();
    return {request_.result, false};
}

void Engine::fire_due(TimeUs until_us) {
    while (!timers_.empty() && timers_.front().time_us <= until_us) {
        const Deadline due = timers_.front();
        now_us_ = std::max(now_us_, due.time_us);
        switch (due.kind) {
            case DeadlineKind::offer_expiry: expire_offer(due.subject); break;
            case DeadlineKind::wrap_up_end: end_wrap_up(due.subject, due.number); break;
            case DeadlineKind::hold_end: end_hold(due.subject); break;
            case DeadlineKind::step: reach_step(due.subject); break;
            case DeadlineKind::bar_end: end_bar(due.subject, due.number); break;
            case DeadlineKind::overdue: become_overdue(due.subject); break;
            case DeadlineKind::wait_limit: meet_wait_limit(due.subject); break;
        }
    }
}

void Engine::forget_surplus() {
    forget_surplus_calls();
    forget_surplus_customers();
    forget_surplus_requests();
}

// Its number stays valid for the events of this command.
void Engine::forget_oldest_call() {
    const CallId id = finished_.front();
    finished_.pop_front();
    if (!calls_[id].name.empty()) call_ids_.erase(NumberTable::hash_of(calls_[id].name), id);
    forgotten_.push_back(id);
    release_requirement(std::exchange(calls_[id].requirement, NONE));
}

void Engine::free_forgotten() {
    for (const CallId id : forgotten_) {
        calls_[id].clear();
        free_calls_.push_back(id);
    }
    forgotten_.clear();
}

Id Engine::add_text(std::string text) {
    texts_.push_back(std::move(text));
    return static_cast<Id>(texts_.size() - 1);
}

void Engine::reject(RejectReason reason, std::string subject) {
    rejection_ = reason;
    rejected_subject_ = subject;
    Event& event = emit(EventKind::command_rejected);
    event.code = static_cast<std::uint8_t>(reason);
    event.text = add_text(std::move(subject));
}

Result Engine::result() const {
    Result result;
    result.sequence = sequence_;
    result.time_us = time_us_;
    result.rejection = rejection_;
    result.subject = rejected_subject_;
    if (result_call_ != NONE) {
        const Call& call = calls_[result_call_];
        result.about_call = true;
        result.call_state = call.state;
        result.queue = queues_[call.queue].settings.name;
        if (call.agent != NONE) result.agent = agents_[call.agent].name;
        result.offer = call.offer;
    }
    return result;
}

RequirementId Engine::intern(const RequirementSpec& spec) {
    const RequirementId requirement = skills_.acquire_requirement(spec);
    apply_renames();
    return requirement;
}

RequirementId Engine::share(RequirementId requirement) {
    skills_.acquire_requirement(requirement);
    apply_renames();
    return requirement;
}

RequirementId Engine::hold_requirement(const RequirementSpec& spec) {
    held_requirements_.push_back(skills_.list_requirement(spec));
    return held_requirements_.back();
}

// Whether a requirement that a command gives may be kept besides those that queues and remembered calls have.
bool Engine::has_room_for(const RequirementRef& given) const {
    if (given.id != NONE) {
        ROUTER_CHECK(std::find(held_requirements_.begin(), held_requirements_.end(), given.id) != held_requirements_.end());
        return true;
    }
    const auto kept = static_cast<std::int64_t>(skills_.requirements());
    return !given.spec || kept < settings_.requirements_max || skills_.knows_requirement(*given.spec);
}

void Engine::release_requirement(RequirementId requirement) {
    skills_.release_requirement(requirement);
    apply_renames();
}

// An agent whom a requirement names stands in a profile of its own; when that changes, so does its profile.
void Engine::take_renamed_agents() {
    for (const std::string& name : skills_.take_renamed()) {
        const AgentId id = find_agent(name);
        if (id == NONE) continue;
        set_profile(id, skills_.acquire_profile(skills_.profile(agents_[id].profile).skills, name));
    }
    agent_index_.settle(agents_);
}

TimeUs Engine::due_time(TimeUs time_us, std::size_t limit) const {
    return timers_.size() < limit ? time_us : std::min(time_us, timers_.time_of(limit));
}

CallId Engine::find_call(std::string_view name) const { return find_call(name, NumberTable::hash_of(name)); }

CallId Engine::find_call(std::string_view name, NumberTable::Hash hash) const {
    const std::uint32_t* found = call_ids_.find(hash, [&](CallId id) { return calls_[id].name == name; });
    return found == nullptr ? NONE : *found;
}

AgentId Engine::find_agent(std::string_view name) const { return find_agent(name, NumberTable::hash_of(name)); }

AgentId Engine::find_agent(std::string_view name, NumberTable::Hash hash) const {
    if (const std::uint32_t* found = agent_ids_.find(hash, [&](AgentId id) { return agents_[id].name == name; })) return *found;
    if (agent_ids_.size() == agents_.size()) return NONE;
    // a fork without names
    const auto named = std::find_if(agents_.begin(), agents_.end(), [&](const Agent& agent) { return agent.name == name; });
    return named == agents_.end() ? NONE : static_cast<AgentId>(named - agents_.begin());
}

QueueId Engine::find_queue(std::string_view name) const {
    const auto found = queue_ids_.find(name);
    return found == queue_ids_.end() || !queues_[found->second].configured ? NONE : found->second;
}

ChannelId Engine::find_channel(std::string_view name) const {
    if (channels_.size() <= CHANNELS_COMPARED_MAX) {
        for (ChannelId id = 0; id < channels_.size(); ++id) {
            if (channels_[id].name == name) return channels_[id].index == NONE ? NONE : id;
        }
        return NONE;
    }
    const auto found = channel_ids_.find(name);
    return found == channel_ids_.end() || channels_[found->second].index == NONE ? NONE : found->second;
}

std::vector<CallId> Engine::calls_by_order() const {
    std::vector<CallId> ids;
    for (CallId id = 0; id < calls_.size(); ++id) {
        if (calls_[id].known()) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end(), [this](CallId a, CallId b) { return calls_[a].order < calls_[b].order; });
    return ids;
}

std::vector<AgentId> Engine::agents_by_name() const {
    std::vector<AgentId> ids(agents_.size());
    for (AgentId id = 0; id < ids.size(); ++id) ids[id] = id;
    std::sort(ids.begin(), ids.end(), [this](AgentId a, AgentId b) { return agents_[a].name < agents_[b].name; });
    return ids;
}

std::vector<QueueId> Engine::queues_by_name() const {
    std::vector<QueueId> ids;
    for (QueueId id = 0; id < queues_.size(); ++id) {
        if (queues_[id].configured) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end(),
              [this](QueueId a, QueueId b) { return queues_[a].settings.name < queues_[b].settings.name; });
    return ids;
}

std::vector<CallId> Engine::waiting(QueueId queue, std::size_t limit) {
    order_lines();
    std::vector<CallId> ids;
    const OrderForest& orders = call_index_.line_orders();
    for (auto node = call_index_.line(queue).first; node != NONE && ids.size() < limit; node = orders.next(node)) {
        ids.push_back(orders.item(node));
    }
    return ids;
}

std::int64_t Engine::position(CallId id) {
    if (calls_[id].state != CallState::waiting) return 0;
    order_lines();
    return 1 + static_cast<std::int64_t>(call_index_.line_orders().rank(calls_[id].line_node));
}

void Engine::order_lines() {
    call_index_.order_lines(calls_, [this](const Call& call) { return rank_key(call, due_us(call)); });
}

std::int64_t Engine::count_agents(const RequirementSpec& spec, std::size_t step, ChannelId channel) {
    const RequirementId requirement = intern(spec);
    const std::int64_t count = count_agents(skills_.requirement(requirement).stages.at(step), channel);
    release_requirement(requirement);
    return count;
}

std::int64_t Engine::count_agents(StageId stage, ChannelId channel) const {
    std::int64_t count = 0;
    const Bitset& profiles = skills_.stage(stage).profiles;
    Bitset::for_each_common(profiles, profiles, [&](ProfileId profile) {
        count += agent_index_.staffed(profile, channels_[channel].index);
    });
    return count;
}

std::uint16_t Engine::agent_capacity(AgentId agent, ChannelId channel) const {
    return channels_[channel].index == NONE ? 0 : agents_[agent].capacity[channels_[channel].index];
}

}  // namespace router
