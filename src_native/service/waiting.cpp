#include "service/waiting.hpp"

#include <utility>

namespace router::service {

namespace {

constexpr std::size_t GONE_MAX = 64;

}  // namespace

void Waiting::begin(const Engine& engine) {
    places_.assign(engine.calls_known(), Place{});
    changes_.clear();
    gone_ = waiting_ = 0;
    for (CallId id = 0; id < engine.calls_known(); ++id) {
        const Call& call = engine.call(id);
        if (!call.known() || call.state > CallState::offered) continue;
        places_[id].here = true;
        places_[id].on_offer = call.state == CallState::offered;
    }
    begun_ = true;
}

void Waiting::observe(const Done& done) {
    if (!begun_) return;
    for (const Event& event : done.engine.events()) follow(done.engine, event);
}

bool Waiting::take_news() { return std::exchange(news_, false); }

std::vector<WaitingChange> Waiting::take() {
    compact();
    for (WaitingChange& change : changes_) {
        if (change.kind == WaitingKind::left) continue;
        change.on_offer = places_[change.call].on_offer;
    }
    for (std::size_t index = 0; index < changes_.size(); ++index) {
        Place& its = places_[changes_[index].call];
        if (its.change == index) its.change = NONE;
    }
    waiting_ = 0;
    return std::exchange(changes_, {});
}

Waiting::Place& Waiting::place(CallId call) {
    if (call >= places_.size()) places_.resize(call + std::size_t{1});
    return places_[call];
}

void Waiting::follow(const Engine& engine, const Event& event) {
    switch (event.kind) {
        case EventKind::call_enqueued:
        case EventKind::call_overflowed:
        case EventKind::call_transferred: enter(event); break;
        case EventKind::call_moved: move(event); break;
        case EventKind::call_requeued:
            // it may come from an offer, with its stay going on, or from an agent
            if (!place(event.call).here || !event.flag) enter(event);
            break;
        case EventKind::offer_made: set_offered(event.call, true); break;
        case EventKind::offer_rejected:
        case EventKind::offer_expired:
        case EventKind::offer_withdrawn: set_offered(event.call, false); break;
        case EventKind::call_assigned:
        case EventKind::call_abandoned:
        case EventKind::call_refused:
        case EventKind::call_completed: leave(engine, event); break;
        default: break;
    }
}

void Waiting::enter(const Event& event) {
    Place& its = place(event.call);
    waiting_ -= waits(its);
    if (event.kind == EventKind::call_enqueued) its = Place{};  // the number was another call's
    WaitingChange change;
    change.kind = WaitingKind::entered;
    change.call = event.call;
    change.queue = event.queue;
    change.sequence = event.sequence;
    change.told = change.follows = its.here;
    if (its.change != NONE) {
        const WaitingChange& before = changes_[its.change];
        change.told = before.told;
        change.follows = its.here && (before.kind == WaitingKind::offered || before.follows);
        retract(its);
    }
    its.here = true;
    its.on_offer = false;
    add(std::move(change));
    waiting_ += waits(places_[event.call]);
}

void Waiting::leave(const Engine& engine, const Event& event) {
    Place& its = place(event.call);
    if (!its.here) return;
    news_ = true;
    waiting_ -= waits(its);
    const bool told = its.change == NONE || changes_[its.change].told;
    if (its.change != NONE) retract(its);
    its.here = its.on_offer = false;
    if (!told) return;
    WaitingChange change;
    change.kind = WaitingKind::left;
    change.call = event.call;
    change.name = engine.call(event.call).name;
    change.told = true;
    add(std::move(change));
}

void Waiting::set_offered(CallId call, bool on_offer) {
    Place& its = place(call);
    if (!its.here || its.on_offer == on_offer) return;
    news_ = true;
    waiting_ -= waits(its);
    its.on_offer = on_offer;
    if (its.change == NONE) {
        WaitingChange change;
        change.kind = WaitingKind::offered;
        change.call = call;
        change.told = true;
        add(std::move(change));
    }
    waiting_ += waits(places_[call]);
}

void Waiting::move(const Event& event) {
    const Place before = place(event.call);
    if (!before.here) return;
    enter(event);
    if (before.on_offer) set_offered(event.call, true);
}

void Waiting::add(WaitingChange change) {
    news_ = true;
    if (gone_ > GONE_MAX && gone_ > changes_.size() / 2) compact();
    const CallId call = change.call;
    changes_.push_back(std::move(change));
    places_[call].change = static_cast<Id>(changes_.size() - 1);
}

void Waiting::retract(Place& place) {
    changes_[std::exchange(place.change, NONE)] = WaitingChange{};
    ++gone_;
}

void Waiting::compact() {
    if (gone_ == 0) return;
    std::size_t kept = 0;
    for (std::size_t index = 0; index < changes_.size(); ++index) {
        if (changes_[index].kind == WaitingKind::nothing) continue;
        // that of a call that has left may be about a number that is another call's by now
        Place& its = places_[changes_[index].call];
        if (its.change == index) its.change = static_cast<Id>(kept);
        if (kept != index) changes_[kept] = std::move(changes_[index]);
        ++kept;
    }
    changes_.resize(kept);
    gone_ = 0;
}

}  // namespace router::service
