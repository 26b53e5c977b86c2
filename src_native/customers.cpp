#include "customers.hpp"

namespace router {

const Customer* Customers::find(std::string_view name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? nullptr : &places_[found->second].customer;
}

void Customers::remember(const std::string& name, AgentId agent, TimeUs served_us) {
    Id id;
    if (const auto found = ids_.find(name); found != ids_.end()) {
        id = found->second;
        unlink(id);
    } else {
        if (free_.empty()) {
            free_.push_back(static_cast<Id>(places_.size()));
            places_.emplace_back();
        }
        id = free_.back();
        free_.pop_back();
        ids_.emplace(name, id);
        places_[id].customer.name = name;
    }
    places_[id].customer.agent = agent;
    places_[id].customer.served_us = served_us;
    link_last(id);
}

std::vector<Customer> Customers::all() const {
    std::vector<Customer> customers;
    for (Id id = oldest_; id != NONE; id = places_[id].after) customers.push_back(places_[id].customer);
    return customers;
}

void Customers::forget(Id id) {
    unlink(id);
    ids_.erase(places_[id].customer.name);
    places_[id].customer.name.clear();
    free_.push_back(id);
}

void Customers::unlink(Id id) {
    const Place& place = places_[id];
    (place.before == NONE ? oldest_ : places_[place.before].after) = place.after;
    (place.after == NONE ? newest_ : places_[place.after].before) = place.before;
}

void Customers::link_last(Id id) {
    places_[id].before = newest_;
    places_[id].after = NONE;
    (newest_ == NONE ? oldest_ : places_[newest_].after) = id;
    newest_ = id;
}

}  // namespace router
