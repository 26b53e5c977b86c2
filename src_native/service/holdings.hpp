// Holdings: which client brought which agents, and which calls, as long as they are there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine.hpp"
#include "service/follower.hpp"

namespace router::service {

// Names of one kind, each with at most one owner. Every operation is O(1) but of() and clients().
class Holdings : public Follower {
public:
    Holdings() = default;
    Holdings(const Holdings&) = delete;
    Holdings& operator=(const Holdings&) = delete;

    // Give it to a client, to nobody if the client id is empty.
    void give(std::string_view name, std::string_view client_id);
    // It is over.
    void drop(std::string_view name);
    void clear();

    std::size_t size() const { return held_.size(); }
    // Empty if nobody brought it who said a client id. Valid until the next change.
    std::string_view owner(std::string_view name) const;
    // What a client brought and still has, in the order in which it came. Valid until the next change.
    std::vector<std::string_view> of(std::string_view client_id) const;
    std::vector<std::string_view> clients() const;

private:
    struct Client;
    // Stands in its owner's list; the keys of both maps stay where they are.
    struct Held {
        Client* owner = nullptr;
        std::string_view name;
        Held* before = nullptr;
        Held* after = nullptr;
    };
    struct Client {
        std::string_view id;
        Held* first = nullptr;
        Held* last = nullptr;
    };

    Client& client_of(std::string_view client_id);
    void forget_if_empty(Client& client);
    void append(Client& client, Held& held);
    void remove(Held& held);

    NameMap<Held> held_;
    NameMap<Client> clients_;
    Client* recent_ = nullptr;  // one of them: who was given something last
};

// Agents belong to the client that signed them in last, until they are signed out.
class AgentHoldings final : public Holdings {
public:
    void observe(const Done& done) override;
};

// Calls belong to the client that enqueued them, until they end.
class CallHoldings final : public Holdings {
public:
    void observe(const Done& done) override;
};

}  // namespace router::service
