#include "customers.hpp"

namespace router {

const Customer* Customers::find(std::string_view name) const {
    const std::uint32_t* found = find(name, NumberTable::hash_of(name));
    return found == nullptr ? nullptr : &places_[*found].customer;
}

const std::uint32_t* Customers::find(std::string_view name, NumberTable::Hash hash) const {
    return ids_.find(hash, [&](Id id) { return places_[id].customer.name == name; });
}

void Customers::remember(const std::string& name, AgentId agent, TimeUs served_us) {
    Id id;
    const NumberTable::Hash hash = NumberTable::hash_of(name);
    if (const std::uint32_t* found = find(name, hash)) {
        id = *found;
        unlink(id);
    } else {
        if (free_.empty()) {
            free_.push_back(static_cast<Id>(places_.size()));
            places_.emplace_back();
        }
        id = free_.back();
        free_.pop_back();
        ids_.insert(hash, id);
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
    ids_.erase(NumberTable::hash_of(places_[id].customer.name), id);
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
