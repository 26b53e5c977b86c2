// What each event teaches.
#include "learner.hpp"

#include <algorithm>

namespace router::wait {

namespace {

constexpr double DAY_FADE = 0.96;
constexpr double OFFER_FADE = 0.999, FREED_FADE = 0.998, TALK_FADE = 0.998;
constexpr std::size_t RINGS_KEPT = 1000;
constexpr double TALK_RATIO_MAX = 6;
constexpr double TALK_PRIOR = 25;
constexpr double PATIENCE_PRIOR_PER_S = 0.001, PATIENCE_PRIOR_S = 200;
constexpr double WRAP_UP_PRIOR_PER_S = 1.0 / 30, WRAP_UP_PRIOR_S = 30;
constexpr double NOT_READY_PRIOR_PER_S = 1.0 / 600, NOT_READY_PRIOR_S = 600;
constexpr double OFFERS_PRIOR = 20;  // answered at once
constexpr double FREED_PRIOR = 20;
const Lifetime RING_PRIOR = Lifetime::fixed(4);

double seconds(TimeUs duration_us) { return static_cast<double>(std::max<TimeUs>(0, duration_us)) / 1e6; }

double mean_or_none(const Lifetime& lifetime) { return lifetime.mean_s() >= ENDLESS_S ? -1 : lifetime.mean_s(); }

}  // namespace

Learner::Learner(LearnerSettings settings)
    : shadow_(settings.shadow),
      calendar_(std::move(settings.utc_offsets_s)),
      patience_(PATIENCE_PRIOR_PER_S, PATIENCE_PRIOR_S),
      manual_wrap_up_(WRAP_UP_PRIOR_PER_S, WRAP_UP_PRIOR_S),
      fixed_wrap_up_(0, WRAP_UP_PRIOR_S),
      ring_(RINGS_KEPT) {}

Learner::OfAgent& Learner::of(AgentId agent) {
    if (agent >= agents_.size()) agents_.resize(agent + 1);
    agents_[agent].known = true;
    return agents_[agent];
}

// ---- the order of things ----

void Learner::observe(const Engine& engine) {
    day_began_ = false;
    if (!begun_) adopt(engine);
    if (shadow_) return_lag_.advance(engine.time_us());
    for (const Event& event : engine.events()) {
        if (event.time_us > time_us_) count_freed();
        reach(event.time_us);
        on(engine, event);
    }
    count_freed();
    reach(engine.time_us());
    if (shadow_) return_lag_.follow(engine);
}

// The engine was there before: what it shows is taken as it stands, its past is not known.
void Learner::adopt(const Engine& engine) {
    begun_ = true;
    day_began_ = true;
    time_us_ = engine.time_us();
    day_ = calendar_.day(time_us_);
    arrivals_.begin(calendar_, time_us_);
    for (const AgentId id : engine.agents_by_name()) {
        OfAgent& agent = of(id);
        agent.availability = engine.agent(id).availability;
        agent.since_us = time_us_;
        if (shadow_ || !engine.agent(id).signed_in()) continue;
        agent.presence.came(calendar_.second_of_day(time_us_));
        day_worked_ = true;
    }
    for (const CallId id : engine.calls_by_order()) adopt_call(engine, id);
}

void Learner::adopt_call(const Engine& engine, CallId id) {
    const Call& call = engine.call(id);
    if (is_finished(call.state)) return;
    Following& following = calls_[id];
    following.queue = call.queue;
    if (call.state == CallState::assigned) {
        following.assigned_us = call.assigned_us;
    } else {
        expose(engine, id, following, time_us_);
    }
}

void Learner::reach(TimeUs time_us) {
    const std::int64_t day = calendar_.day(time_us);
    if (day > day_) begin_day(day);
    time_us_ = std::max(time_us_, time_us);
}

void Learner::begin_day(std::int64_t day) {
    const DayKind kind = Calendar::kind_of(Calendar::weekday_of(day_));
    const bool worked = std::exchange(day_worked_, false);
    for (OfAgent& agent : agents_) {
        const bool there = !shadow_ && agent.availability != Availability::signed_out;
        if (there) agent.presence.went(DAY_S - 1);
        agent.presence.end_day(kind, worked);
        if (there) agent.presence.came(0);
        day_worked_ |= there;
    }
    arrivals_.end_day(day_, day - day_ - 1);
    if (worked) fade();
    day_ = day;
    day_began_ = true;
}

void Learner::fade() {
    for (PooledHazard* learned : {&patience_, &manual_wrap_up_, &fixed_wrap_up_}) learned->fade(DAY_FADE);
    not_ready_.fade(DAY_FADE);
    if (shadow_) return_lag_.fade(DAY_FADE);
}

void Learner::on(const Engine& engine, const Event& event) {
    switch (event.kind) {
        case EventKind::agent_signed_in:
        case EventKind::agent_signed_out:
        case EventKind::agent_availability_changed:
            return on_agent(event);
        case EventKind::offer_made:
        case EventKind::offer_accepted:
        case EventKind::offer_rejected:
        case EventKind::offer_expired:
        case EventKind::offer_withdrawn:
            return on_offer(event);
        case EventKind::wrap_up_started: return on_wrap_up_started(engine, event);
        case EventKind::wrap_up_ended: return on_wrap_up_ended(engine, event);
        case EventKind::configured: return on_configured(engine);
        case EventKind::restarted: return on_restarted(engine, event);
        default: return on_call(engine, event);
    }
}

void Learner::on_call(const Engine& engine, const Event& event) {
    if (event.call == NONE) return;
    if (event.kind == EventKind::call_enqueued) return on_enqueued(engine, event);
    const auto found = calls_.find(event.call);
    if (found == calls_.end()) return;
    Following& call = found->second;
    switch (event.kind) {
        case EventKind::call_assigned: return on_assigned(engine, event);
        case EventKind::call_transferred: return on_transferred(engine, event);
        case EventKind::call_requeued:
            // given back: nobody knows how long the talk would have been
            if (std::exchange(call.assigned_us, NEVER) != NEVER) released_.push_back(event.agent);
            return expose(engine, event.call, call, event.time_us);
        case EventKind::call_overflowed:
            account(call, event.time_us);
            call.queue = event.queue;
            return;
        case EventKind::call_moved:  // the queue is no more: the new one takes over the wait so far
            call.queue = event.queue;
            return;
        case EventKind::call_turned_into_callback:
        case EventKind::call_detached:
            return end_wait(call, event.time_us, false);
        case EventKind::call_attached: return expose(engine, event.call, call, event.time_us);
        case EventKind::call_abandoned: end_wait(call, event.time_us, true); break;
        case EventKind::call_refused: end_wait(call, event.time_us, false); break;
        case EventKind::call_completed:
            on_talk_ended(engine, call, event.agent, event.time_us);
            released_.push_back(event.agent);
            break;
        default: return;
    }
    calls_.erase(found);
}

// ---- waits ----

void Learner::on_enqueued(const Engine& engine, const Event& event) {
    const Call& call = engine.call(event.call);
    Following& following = calls_[event.call] = {};
    following.queue = event.queue;
    if (call.known()) arrivals_.count({event.queue, call.channel, call.urgency, call.priority, 0}, event.time_us, calendar_);
    expose(engine, event.call, following, event.time_us);
}

// From here on the caller may give up, and one would know when.
void Learner::expose(const Engine& engine, CallId id, Following& call, TimeUs time_us) {
    const Call& now = engine.call(id);
    if (call.exposed_us != NEVER || now.callback || now.detached) return;
    call.wait_us = std::min(time_us, now.wait_started_us + downtime_since(now.wait_started_us));
    call.exposed_us = time_us;
}

void Learner::account(Following& call, TimeUs time_us) {
    if (call.exposed_us == NEVER) return;
    patience_.add_exposure(call.queue, call.exposed_us - call.wait_us, time_us - call.wait_us);
    call.exposed_us = time_us;
}

void Learner::end_wait(Following& call, TimeUs time_us, bool gave_up) {
    if (call.exposed_us == NEVER) return;
    account(call, time_us);
    if (gave_up) patience_.add_end(call.queue, time_us - call.wait_us);
    call.exposed_us = NEVER;
}

void Learner::on_assigned(const Engine& engine, const Event& event) {
    Following& call = calls_[event.call];
    end_wait(call, event.time_us, false);
    call.queue = event.queue;
    call.assigned_us = event.time_us;
    if (!shadow_) return;
    return_lag_.took(engine, event, event.value - downtime_since(event.time_us - event.value));
    of(event.agent).presence.came(calendar_.second_of_day(event.time_us));
    day_worked_ = true;
}

void Learner::on_transferred(const Engine& engine, const Event& event) {
    Following& call = calls_[event.call];
    end_wait(call, event.time_us, false);
    if (event.agent != NONE) {
        on_talk_ended(engine, call, event.agent, event.time_us);
        released_.push_back(event.agent);
    }
    call.queue = event.queue;
    expose(engine, event.call, call, event.time_us);
}

// ---- talks ----

// A transferred call kept its agent as busy as any other.
void Learner::on_talk_ended(const Engine& engine, Following& call, AgentId agent, TimeUs time_us) {
    if (shadow_) of(agent).presence.went(calendar_.second_of_day(time_us));
    const TimeUs assigned_us = std::exchange(call.assigned_us, NEVER);
    if (assigned_us == NEVER || !engine.queue(call.queue).configured) return;
    const double talk_s = seconds(time_us - assigned_us);
    const double mean_s = talk_times_.mean_s(call.queue);
    OfAgent& known = of(agent);
    known.talk_ratios = known.talk_ratios * TALK_FADE + (mean_s > 0 ? std::min(talk_s / mean_s, TALK_RATIO_MAX) : 1);
    known.talks = known.talks * TALK_FADE + 1;
    talk_times_.add(call.queue, talk_s);
}

void Learner::on_wrap_up_started(const Engine& engine, const Event& event) {
    if (!released_.empty() && released_.back() == event.agent) released_.pop_back();
    const Engagement* engagement = engine.agent(event.agent).find_engagement(event.offer);
    const QueueId queue = engagement != nullptr ? engagement->queue : NONE;
    if (queue == NONE || !engine.queue(queue).configured) return;
    const bool manual = engine.queue(queue).settings.wrap_up_mode == WrapUpMode::manual;
    wrap_ups_[event.offer] = {queue, event.time_us, event.value, manual};
}

// One that its timer ended would have lasted longer, for all one knows; so would one that a sign-out ended.
void Learner::on_wrap_up_ended(const Engine& engine, const Event& event) {
    released_.push_back(event.agent);
    const auto found = wrap_ups_.find(event.offer);
    if (found == wrap_ups_.end()) return;
    const WrapUp wrap_up = found->second;
    wrap_ups_.erase(found);
    PooledHazard& learned = wrap_up.manual ? manual_wrap_up_ : fixed_wrap_up_;
    const TimeUs length_us = event.time_us - wrap_up.since_us;
    learned.add_exposure(wrap_up.queue, 0, length_us);
    if (event.time_us < wrap_up.until_us && engine.agent(event.agent).signed_in()) learned.add_end(wrap_up.queue, length_us);
}

// Of the agents whose work just ended: who does not go on?
void Learner::count_freed() {
    for (const AgentId id : released_) {
        const Availability availability = of(id).availability;
        if (availability == Availability::signed_out) continue;
        freed_ = freed_ * FREED_FADE + 1;
        breaks_ = breaks_ * FREED_FADE + (availability == Availability::not_ready ? 1 : 0);
    }
    released_.clear();
}

// ---- offers ----

void Learner::on_offer(const Event& event) {
    const auto found = calls_.find(event.call);
    if (found == calls_.end()) return;
    Following& call = found->second;
    if (event.kind == EventKind::offer_made) {
        call.offered_us = event.time_us;
        return;
    }
    const TimeUs offered_us = std::exchange(call.offered_us, NEVER);
    if (offered_us == NEVER || event.kind == EventKind::offer_withdrawn) return;
    for (double* count : {&accepted_, &rejected_, &expired_}) *count *= OFFER_FADE;
    if (event.kind == EventKind::offer_accepted) {
        ++accepted_;
        ring_.add(seconds(event.time_us - offered_us));
    } else {
        ++(event.kind == EventKind::offer_rejected ? rejected_ : expired_);
    }
}

// ---- agents ----

void Learner::on_agent(const Event& event) {
    const bool out = event.kind == EventKind::agent_signed_out;
    on_availability(event.agent, out ? Availability::signed_out : static_cast<Availability>(event.code), event.time_us);
    if (shadow_) return;
    const std::int32_t second = calendar_.second_of_day(event.time_us);
    if (event.kind == EventKind::agent_signed_in) {
        of(event.agent).presence.came(second);
        day_worked_ = true;
    } else if (out) {
        of(event.agent).presence.went(second);
    }
}

void Learner::on_availability(AgentId id, Availability availability, TimeUs time_us) {
    OfAgent& agent = of(id);
    if (agent.availability == Availability::not_ready && availability != Availability::not_ready) {
        not_ready_.add_exposure(0, time_us - agent.since_us);
        if (availability != Availability::signed_out) not_ready_.add_end(time_us - agent.since_us);
    }
    if (agent.availability != availability) agent.since_us = time_us;
    agent.availability = availability;
}

// ---- settings and downtimes ----

void Learner::on_configured(const Engine& engine) {
    arrivals_.keep_configured(engine);
    talk_times_.keep_configured(engine);
    for (PooledHazard* learned : {&patience_, &manual_wrap_up_, &fixed_wrap_up_}) learned->keep_configured(engine);
    std::erase_if(wrap_ups_, [&](const auto& entry) { return !engine.queue(entry.second.queue).configured; });
}

void Learner::on_restarted(const Engine& engine, const Event& event) {
    const TimeUs length_us = event.value;
    if (length_us <= 0) return;
    const TimeUs from_us = event.time_us - length_us;
    downtimes_.add(event.time_us, length_us);
    for (const CallId id : engine.calls_by_order()) {
        const auto found = calls_.find(id);
        if (found == calls_.end()) continue;
        end_wait(found->second, std::max(from_us, found->second.exposed_us), false);
        found->second.assigned_us = NEVER;
        found->second.offered_us = NEVER;
    }
    wrap_ups_.clear();
    for (OfAgent& agent : agents_) agent.since_us += length_us;
    arrivals_.resume(calendar_, from_us, event.time_us);
    if (shadow_) return_lag_.skip(from_us, length_us);
}

// ---- telling ----

double Learner::handle_factor(const OfAgent& agent) const {
    return (agent.talk_ratios + TALK_PRIOR) / (agent.talks + TALK_PRIOR);
}

double Learner::break_chance() const { return breaks_ / (freed_ + FREED_PRIOR); }

std::shared_ptr<const Model> Learner::model(const Engine& engine) const {
    auto model = std::make_shared<Model>();
    model->queues.resize(engine.queues_known());
    for (QueueId queue = 0; queue < model->queues.size(); ++queue) {
        if (!engine.queue(queue).configured) continue;
        QueueModel& known = model->queues[queue];
        known.handle_time = talk_times_.lifetime(queue);
        known.patience = patience_.lifetime(queue);
        const WrapUpMode mode = engine.queue(queue).settings.wrap_up_mode;
        if (mode == WrapUpMode::manual) known.wrap_up = manual_wrap_up_.lifetime(queue);
        if (mode == WrapUpMode::fixed) known.wrap_up = fixed_wrap_up_.lifetime(queue);
        known.samples = talk_times_.count(queue);
    }
    model->agents.resize(engine.agents_known());
    for (AgentId id = 0; id < std::min(model->agents.size(), agents_.size()); ++id) fill_agent(model->agents[id], id);
    model->arrivals = arrivals_.streams(time_us_, calendar_);
    model->ring = ring_.empty() ? RING_PRIOR : ring_.lifetime();
    const double offers = accepted_ + rejected_ + expired_ + OFFERS_PRIOR;
    model->reject = rejected_ / offers;
    model->no_answer = expired_ / offers;
    model->not_ready = lifetime_of(not_ready_.smooth_rates(NOT_READY_PRIOR_PER_S, NOT_READY_PRIOR_S));
    model->break_chance = shadow_ ? 0 : break_chance();
    if (shadow_) model->return_lag = return_lag_.lifetime();
    model->shadow = shadow_;
    model->day_started_us = calendar_.day_started_us(time_us_);
    model->downtimes = downtimes_.all();
    return model;
}

void Learner::fill_agent(AgentModel& model, AgentId id) const {
    const OfAgent& agent = agents_[id];
    if (!agent.known) return;
    model.handle_factor = handle_factor(agent);
    if (shadow_) model.return_rate = return_lag_.rate(id);
    const bool ready = agent.availability == Availability::ready || agent.availability == Availability::closing;
    if (!ready) model.since_us = agent.since_us;
    if (ready && shadow_) model.since_us = return_lag_.free_since_us(id);
    agent.presence.tell(Calendar::kind_of(Calendar::weekday_of(day_)), model);
}

QueueFigures Learner::figures(const Engine& engine, QueueId queue) const {
    QueueFigures figures;
    figures.talks = talk_times_.count(queue);
    figures.handle_mean_s = figures.talks > 0 ? talk_times_.lifetime(queue).mean_s() : -1;
    figures.abandoned = patience_.ends(queue);
    figures.exposure_s = patience_.exposure_s(queue);
    figures.patience_mean_s = mean_or_none(patience_.lifetime(queue));
    const WrapUpMode mode = engine.queue(queue).settings.wrap_up_mode;
    if (mode != WrapUpMode::none) {
        figures.wrap_up_mean_s = mean_or_none((mode == WrapUpMode::manual ? manual_wrap_up_ : fixed_wrap_up_).lifetime(queue));
    }
    figures.arrivals_per_s = arrivals_.rate_per_s(queue, time_us_, time_us_, calendar_);
    return figures;
}

LearnedFigures Learner::figures() const {
    LearnedFigures figures;
    figures.accepted = accepted_;
    figures.rejected = rejected_;
    figures.expired = expired_;
    if (!ring_.empty()) figures.ring_mean_s = ring_.lifetime().mean_s();
    if (not_ready_.ends() > 0) {
        figures.not_ready_mean_s = mean_or_none(lifetime_of(not_ready_.smooth_rates(NOT_READY_PRIOR_PER_S, NOT_READY_PRIOR_S)));
    }
    figures.break_chance = break_chance();
    figures.agents = std::count_if(agents_.begin(), agents_.end(), [](const OfAgent& agent) { return agent.known; });
    figures.kinds = static_cast<std::int64_t>(arrivals_.kinds());
    if (shadow_) {
        figures.takes = return_lag_.takes();
        figures.return_lag_mean_s = mean_or_none(return_lag_.lifetime());
    }
    return figures;
}

}  // namespace router::wait
