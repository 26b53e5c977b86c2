// Customers and their last agents, served longest ago first. All operations are O(1) expected.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base.hpp"
#include "number_table.hpp"

namespace router {

struct Customer {
    std::string name;
    AgentId agent = NONE;
    TimeUs served_us = 0;
};

class Customers {
public:
    // The customer of that name; null if nobody remembers one.
    const Customer* find(std::string_view name) const;
    // Whoever is remembered now was served last of all.
    void remember(const std::string& name, AgentId agent, TimeUs served_us);
    bool empty() const { return ids_.empty(); }
    std::size_t size() const { return ids_.size(); }
    const Customer& oldest() const { return places_[oldest_].customer; }
    void forget_oldest() { forget(oldest_); }
    // Oldest first. O(size).
    std::vector<Customer> all() const;

private:
    struct Place {
        Customer customer;
        Id before = NONE;
        Id after = NONE;
    };

    const std::uint32_t* find(std::string_view name, NumberTable::Hash hash) const;
    void forget(Id id);
    void unlink(Id id);
    void link_last(Id id);

    std::vector<Place> places_;
    std::vector<Id> free_;
    NumberTable ids_;  // by name
    Id oldest_ = NONE;
    Id newest_ = NONE;
};

}  // namespace router
