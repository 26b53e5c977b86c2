#include "service/holdings.hpp"

namespace router::service {

void Holdings::give(std::string_view name, std::string_view client_id) {
    if (client_id.empty()) return drop(name);
    Client& client = client_of(client_id);
    const auto [found, is_new] = held_.try_emplace(std::string(name));
    Held& held = found->second;
    if (is_new) {
        held.name = found->first;
    } else {
        remove(held);
        if (held.owner != &client) forget_if_empty(*held.owner);
    }
    append(client, held);
}

void Holdings::drop(std::string_view name) {
    const auto found = held_.find(name);
    if (found == held_.end()) return;
    Client& owner = *found->second.owner;
    remove(found->second);
    held_.erase(found);
    forget_if_empty(owner);
}

void Holdings::clear() {
    held_.clear();
    clients_.clear();
    recent_ = nullptr;
}

std::string_view Holdings::owner(std::string_view name) const {
    const auto found = held_.find(name);
    return found == held_.end() ? std::string_view() : found->second.owner->id;
}

std::vector<std::string_view> Holdings::of(std::string_view client_id) const {
    std::vector<std::string_view> names;
    const auto client = clients_.find(client_id);
    if (client == clients_.end()) return names;
    for (const Held* held = client->second.first; held != nullptr; held = held->after) names.push_back(held->name);
    return names;
}

std::vector<std::string_view> Holdings::clients() const {
    std::vector<std::string_view> ids;
    for (const auto& [id, client] : clients_) {
        // one without anything is there only after memory ran out
        if (client.first != nullptr) ids.push_back(id);
    }
    return ids;
}

Holdings::Client& Holdings::client_of(std::string_view client_id) {
    if (recent_ != nullptr && recent_->id == client_id) return *recent_;
    auto found = clients_.find(client_id);
    if (found == clients_.end()) {
        found = clients_.emplace(client_id, Client{}).first;
        found->second.id = found->first;
    }
    recent_ = &found->second;
    return *recent_;
}

void Holdings::forget_if_empty(Client& client) {
    if (client.first != nullptr) return;
    if (recent_ == &client) recent_ = nullptr;
    clients_.erase(clients_.find(client.id));
}

void Holdings::append(Client& client, Held& held) {
    held.owner = &client;
    held.before = client.last;
    held.after = nullptr;
    (client.last == nullptr ? client.first : client.last->after) = &held;
    client.last = &held;
}

void Holdings::remove(Held& held) {
    (held.before == nullptr ? held.owner->first : held.before->after) = held.after;
    (held.after == nullptr ? held.owner->last : held.after->before) = held.before;
}

void AgentHoldings::observe(const Done& done) {
    for (const Event& event : done.engine.events()) {
        if (event.kind == EventKind::agent_signed_in) {
            give(done.engine.agent(event.agent).name, done.client_id);
        } else if (event.kind == EventKind::agent_signed_out) {
            drop(done.engine.agent(event.agent).name);
        }
    }
}

void CallHoldings::observe(const Done& done) {
    for (const Event& event : done.engine.events()) {
        switch (event.kind) {
            case EventKind::call_enqueued: give(done.engine.call(event.call).name, done.client_id); break;
            case EventKind::call_completed:
            case EventKind::call_abandoned:
            case EventKind::call_refused: drop(done.engine.call(event.call).name); break;
            default: break;
        }
    }
}

}  // namespace router::service
