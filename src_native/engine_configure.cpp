// Settings: replacing them whole, pausing and resuming queues.
#include <algorithm>
#include <queue>

#include "engine.hpp"

namespace router {

namespace {

template <class Named>
const Named* find_named(const std::vector<Named>& all, const std::string& name) {
    for (const Named& one : all) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

const std::string* find_move(const Configure& command, const std::string& queue) {
    for (const auto& [from, to] : command.moves) {
        if (from == queue) return &to;
    }
    return nullptr;
}

}  // namespace

void Engine::handle(const Configure& command) {
    if (!check_configure(command)) return;
    std::vector<CallId> live;
    for (const CallId id : calls_by_order()) {
        if (is_finished(calls_[id].state)) continue;
        live.push_back(id);
        if (calls_[id].state == CallState::waiting) leave_waiting(id);
    }
    sample_agents_losing_channels(command.settings);
    install(command.settings);
    emit(EventKind::configured);
    for (const CallId id : live) {
        Call& call = calls_[id];
        if (!queues_[call.queue].configured) move_call(id, find_queue(*find_move(command, queues_[call.queue].settings.name)));
    }
    forget_surplus();
    for (const CallId id : live) {
        if (calls_[id].state != CallState::waiting) continue;
        assess(calls_[id]);
        enter_waiting(id);
    }
    for (const CallId id : waiting_calls_by_rank()) seek(id);
}

bool Engine::check_configure(const Configure& command) {
    std::vector<bool> occupied(queues_.size(), false);
    for (const Call& call : calls_) {
        if (call.known() && !is_finished(call.state)) occupied[call.queue] = true;
    }
    for (const QueueId id : queues_by_name()) {
        const std::string& name = queues_[id].settings.name;
        if (!occupied[id] || find_named(command.settings.queues, name) != nullptr) continue;
        const std::string* target = find_move(command, name);
        if (target == nullptr) {
            reject(RejectReason::queue_has_calls, name);
            return false;
        }
        if (find_named(command.settings.queues, *target) == nullptr) {
            reject(RejectReason::unknown_queue, *target);
            return false;
        }
    }
    std::vector<ChannelId> channels;
    for (ChannelId id = 0; id < channels_.size(); ++id) {
        if (channels_[id].index != NONE) channels.push_back(id);
    }
    std::sort(channels.begin(), channels.end(), [this](ChannelId a, ChannelId b) { return channels_[a].name < channels_[b].name; });
    for (const ChannelId id : channels) {
        const ChannelSettings* kept = find_named(command.settings.channels, channels_[id].name);
        const bool changes = kept == nullptr || kept->exclusive != agent_index_.exclusive(channels_[id].index);
        if (changes && channel_in_use(id)) {
            reject(RejectReason::channel_in_use, channels_[id].name);
            return false;
        }
    }
    return true;
}

bool Engine::channel_in_use(ChannelId channel) const {
    const bool waits = std::any_of(calls_.begin(), calls_.end(), [&](const Call& call) {
        return call.known() && !is_finished(call.state) && call.channel == channel;
    });
    const Id index = channels_[channel].index;
    return waits || std::any_of(agents_.begin(), agents_.end(), [&](const Agent& agent) { return agent.used[index] > 0; });
}

void Engine::sample_agents_losing_channels(const Settings& settings) {
    for (const Channel& channel : channels_) {
        if (channel.index == NONE || find_named(settings.channels, channel.name) != nullptr) continue;
        for (Agent& agent : agents_) {
            if (agent.capacity[channel.index] > 0) touch(agent);
        }
    }
}

void Engine::move_call(CallId id, QueueId target) {
    Call& call = calls_[id];
    const QueueId source = call.queue;
    Event& event = emit(EventKind::call_moved);
    event.call = id;
    event.from_queue = source;
    event.queue = target;
    call.move_to(target);
    if (!call.own_requirement) replace_requirement(call, share(queues_[target].requirement), false);
    if (call.state == CallState::waiting) return;
    engagement_of(call).queue = target;
    if (call.state == CallState::offered) {
        --queues_[source].offered;
        ++queues_[target].offered;
    } else {
        --queues_[source].assigned;
        ++queues_[target].assigned;
    }
}

void Engine::install(const Settings& settings) {
    settings_mark_ = new_mark();
    settings_ = settings;
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::sort(settings_.queues.begin(), settings_.queues.end(), by_name);
    std::sort(settings_.channels.begin(), settings_.channels.end(), by_name);
    install_queues();
    install_channels();
    rebuild_agent_index();
    call_index_.reset(queues_.size());
    apply_renames();
}

void Engine::install_queues() {
    for (Queue& queue : queues_) queue.configured = false;
    for (const QueueSettings& settings : settings_.queues) {
        auto [entry, added] = queue_ids_.try_emplace(settings.name, static_cast<QueueId>(queues_.size()));
        if (added) queues_.emplace_back();
        Queue& queue = queues_[entry->second];
        queue.settings = settings;
        queue.configured = true;
        const RequirementId old = std::exchange(queue.requirement, skills_.list_requirement(settings.requirement));
        if (old != NONE) skills_.unlist_requirement(old);
    }
    for (QueueId id = 0; id < queues_.size(); ++id) {
        Queue& queue = queues_[id];
        if (queue.configured) {
            queue.overflow = queue.settings.overflow.empty() ? NONE : find_queue(queue.settings.overflow);
        } else {
            if (queue.requirement != NONE) skills_.unlist_requirement(std::exchange(queue.requirement, NONE));
            queue.paused = false;
            queue.learned = Learned{};
        }
    }
    for (Agent& agent : agents_) {
        std::erase_if(agent.learned, [this](const Learned& learned) { return !queues_[learned.queue].configured; });
    }
}

// Channels keep their numbers for good; their places in the agents' arrays are dealt anew.
void Engine::install_channels() {
    std::vector<Id> old_index;
    for (Channel& channel : channels_) old_index.push_back(std::exchange(channel.index, NONE));
    for (Id index = 0; index < settings_.channels.size(); ++index) {
        const std::string& name = settings_.channels[index].name;
        auto [entry, added] = channel_ids_.try_emplace(name, static_cast<ChannelId>(channels_.size()));
        if (added) {
            channels_.push_back(Channel{name, NONE});
            old_index.push_back(NONE);
        }
        channels_[entry->second].index = index;
    }
    for (Agent& agent : agents_) {
        const auto capacity = std::exchange(agent.capacity, {});
        const auto used = std::exchange(agent.used, {});
        for (ChannelId id = 0; id < channels_.size(); ++id) {
            if (channels_[id].index == NONE || old_index[id] == NONE) continue;
            agent.capacity[channels_[id].index] = capacity[old_index[id]];
            agent.used[channels_[id].index] = used[old_index[id]];
        }
    }
}

void Engine::rebuild_agent_index() {
    std::vector<IndexedQueue> queues(queues_.size());
    std::vector<WeightGroup> groups;
    Id efficiency_bits = 0;
    for (QueueId id = 0; id < queues_.size(); ++id) {
        if (!queues_[id].configured) continue;
        const auto& weights = queues_[id].settings.agent_weights;
        const auto same = [&](const WeightGroup& group) {
            return group.idle == weights[AGENT_IDLE] && group.load == weights[AGENT_LOAD];
        };
        const auto found = std::find_if(groups.begin(), groups.end(), same);
        queues[id].group = static_cast<Id>(found - groups.begin());
        if (found == groups.end()) groups.push_back(WeightGroup{weights[AGENT_IDLE], weights[AGENT_LOAD]});
        queues[id].efficiency_weight = weights[AGENT_EFFICIENCY];
        if (weights[AGENT_EFFICIENCY] > 0) queues[id].efficiency_bit = efficiency_bits++;
    }
    std::vector<bool> exclusive;
    for (const ChannelSettings& channel : settings_.channels) exclusive.push_back(channel.exclusive);
    agent_index_.reset(std::move(queues), std::move(groups), settings_.idle_scale_us, exclusive);
    for (AgentId id = 0; id < agents_.size(); ++id) {
        Agent& agent = agents_[id];
        agent.agent_class = NONE;
        agent.staffed_channels = 0;
        for (Learned& learned : agent.learned) learned.node = NONE;
        agent_index_.update(agents_, id);
    }
    agent_index_.settle(agents_);
}

std::vector<CallId> Engine::waiting_calls_by_rank() const {
    std::vector<CallId> ids;
    for (CallId id = 0; id < calls_.size(); ++id) {
        if (call_index_.stands(id, calls_[id])) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end(), [this](CallId a, CallId b) {
        return rank_key(calls_[a], due_us(calls_[a])) < rank_key(calls_[b], due_us(calls_[b]));
    });
    return ids;
}

void Engine::handle(const PauseQueue& command) {
    const QueueId id = resolve(command.queue);
    if (id == NONE) return reject(RejectReason::unknown_queue, command.queue);
    if (queues_[id].paused) return reject(RejectReason::queue_already_paused, command.queue);
    queues_[id].paused = true;
    emit(EventKind::queue_paused).queue = id;
}

void Engine::handle(const ResumeQueue& command) {
    const QueueId id = resolve(command.queue);
    if (id == NONE) return reject(RejectReason::unknown_queue, command.queue);
    if (!queues_[id].paused) return reject(RejectReason::queue_not_paused, command.queue);
    queues_[id].paused = false;
    emit(EventKind::queue_resumed).queue = id;
    serve_resumed(id);
}

// By rank, each waiting call of the queue that some agent may take seeks. Agents only become fewer meanwhile, so a class
// is left at the first call for whom nobody is there; only held and barred calls have to be asked one by one.
void Engine::serve_resumed(QueueId queue) {
    const OrderForest& orders = call_index_.orders();
    const auto later = [&](OrderForest::Node a, OrderForest::Node b) {
        const Call& first = calls_[orders.item(a)];
        const Call& second = calls_[orders.item(b)];
        return rank_key(second, due_us(second)) < rank_key(first, due_us(first));
    };
    std::priority_queue<OrderForest::Node, std::vector<OrderForest::Node>, decltype(later)> heads(later);
    for (const Id id : call_index_.classes_in(queue)) heads.push(call_index_.at(id).calls.first);
    if (!call_index_.held(queue).empty()) heads.push(call_index_.held(queue).first);
    while (!heads.empty()) {
        const OrderForest::Node node = heads.top();
        heads.pop();
        const CallId id = orders.item(node);
        const OrderForest::Node next = orders.next(node);
        const bool stands_for_its_class = !calls_[id].held() && calls_[id].bars.empty();
        seek(id);
        if (calls_[id].state == CallState::waiting && stands_for_its_class) continue;
        if (next != NONE) heads.push(next);
    }
}

}  // namespace router
