#include "service/agent_counts.hpp"

namespace router::service {

AgentCounts::AgentCounts(const Engine& engine)
    : notes_(engine.agents_known()), assigned_(engine.calls_known()), counted_to_us_(engine.time_us()) {
    for (AgentId id = 0; id < notes_.size(); ++id) {
        const Agent& agent = engine.agent(id);
        notes_[id] = {static_cast<std::uint32_t>(agent.engagements.size()), agent.availability, true};
        ++agents_[state_of(notes_[id])];
        for (const Engagement& engagement : agent.engagements) {
            wrap_ups_ += engagement.state == EngagementState::wrap_up;
            if (engagement.state == EngagementState::assigned) assigned_[engagement.call] = true;
        }
    }
}

void AgentCounts::observe(const Done& done) {
    for (const Event& event : done.engine.events()) take(event);
}

void AgentCounts::take(const Event& event) {
    switch (event.kind) {
        case EventKind::agent_signed_in:
        case EventKind::agent_availability_changed: return become(event, static_cast<Availability>(event.code));
        case EventKind::agent_signed_out: return become(event, Availability::signed_out);
        case EventKind::offer_made: return begin(event);
        case EventKind::offer_rejected:
        case EventKind::offer_expired:
        case EventKind::offer_withdrawn: return end(event);
        case EventKind::call_assigned: return take_assigned(event);
        case EventKind::call_completed:
        case EventKind::call_requeued:
        case EventKind::call_transferred: return take_away(event);
        case EventKind::wrap_up_started:
            ++wrap_ups_;
            return begin(event);
        case EventKind::wrap_up_ended:
            --wrap_ups_;
            return end(event);
        case EventKind::restarted:
            count_to(event.time_us - event.value);
            // nobody knows what agents did in the downtime: it is left out
            counted_to_us_ = std::max(counted_to_us_, event.time_us);
            return;
        default: return;
    }
}

void AgentCounts::count_to(TimeUs time_us) {
    const TimeUs passed_us = time_us - counted_to_us_;
    if (passed_us <= 0) return;
    counted_to_us_ = time_us;
    for (std::size_t state = 0; state < AGENT_STATES; ++state) times_us_[state] += static_cast<Wide>(agents_[state]) * passed_us;
}

void AgentCounts::become(const Event& event, Availability availability) {
    if (event.agent >= notes_.size()) notes_.resize(event.agent + 1);
    Note& note = notes_[event.agent];
    if (!note.known) {
        note = {0, availability, true};
        count_to(event.time_us);
        ++agents_[state_of(note)];
        return;
    }
    const AgentState before = state_of(note);
    note.availability = availability;
    change(before, state_of(note), event.time_us);
}

void AgentCounts::begin(const Event& event) {
    Note& note = at(event.agent);
    const AgentState before = state_of(note);
    ++note.engagements;
    change(before, AGENT_BUSY, event.time_us);
}

void AgentCounts::end(const Event& event) {
    Note& note = at(event.agent);
    ROUTER_CHECK(note.engagements > 0);
    --note.engagements;
    change(AGENT_BUSY, state_of(note), event.time_us);
}

// An accepted offer was an engagement already.
void AgentCounts::take_assigned(const Event& event) {
    if (event.call >= assigned_.size()) assigned_.resize(event.call + 1);
    assigned_[event.call] = true;
    if (static_cast<AssignmentCause>(event.code) != AssignmentCause::accepted) begin(event);
}

// A call that was only offered has been withdrawn already.
void AgentCounts::take_away(const Event& event) {
    if (event.call >= assigned_.size() || !assigned_[event.call]) return;
    assigned_[event.call] = false;
    end(event);
}

void AgentCounts::change(AgentState before, AgentState after, TimeUs time_us) {
    if (after == before) return;
    count_to(time_us);
    --agents_[before];
    ++agents_[after];
}

AgentState AgentCounts::state_of(const Note& note) {
    if (note.engagements > 0) return AGENT_BUSY;
    switch (note.availability) {
        case Availability::ready: return AGENT_IDLE;
        case Availability::signed_out: return AGENT_SIGNED_OUT;
        case Availability::not_ready:
        case Availability::closing: break;  // closing for the moment between the last engagement's end and the change
    }
    return AGENT_NOT_READY;
}

AgentCounts::Note& AgentCounts::at(AgentId id) {
    ROUTER_CHECK(id < notes_.size() && notes_[id].known);
    return notes_[id];
}

}  // namespace router::service
