#include "futures_outset.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "futures_relevance.hpp"

namespace router::wait {

namespace {

constexpr TimeUs SECOND_US = 1'000'000;
constexpr int REDRAWS = 6;            // of days that do not fit
constexpr int DAYS_KNOWN_MIN = 3;     // below that nothing is said of an agent's coming and leaving
constexpr double FREE_S = 60;         // free for longer, and on no day still there so late:
constexpr double GONE_CHANCE = 0.7;   // in shadow mode, where nobody tells us that an agent has left

double seconds(TimeUs us) { return static_cast<double>(std::max<TimeUs>(us, 0)) / SECOND_US; }

bool is_free(const Agent& agent) { return agent.availability == Availability::ready && agent.open_channels != 0; }

// Who is there at midnight goes on: that is no leaving.
constexpr std::int32_t DAY_ENDS_S = 86'399;

double missed_chance(std::size_t unfit, std::size_t days) {
    return std::pow(static_cast<double>(unfit) / static_cast<double>(days), REDRAWS + 1);
}

// In shadow mode an agent who is free while calls wait is away: for how long, each future draws.
void send_away(Outset& outset) {
    for (AgentId agent = 0; agent < outset.start.agents_known(); ++agent) {
        if (!is_free(outset.start.agent(agent))) continue;
        outset.away.push_back(agent);
        outset.start.apply(SetAvailability{AgentRef::number(agent), false, "", false}, outset.start.time_us());
    }
}

Target target_of(const Outset& outset, CallId call, CallId live) {
    Target target;
    target.live = live;
    target.call = call;
    target.queue = outset.start.call(call).queue;
    target.order = outset.start.call(call).order;
    target.waited_us = std::llround(waited_s(outset.start.call(call), *outset.model, outset.now_us) * SECOND_US);
    return target;
}

bool is_served(const Outset& outset, CallId id) {
    const Call& call = outset.start.call(id);
    return call.known() && call.state == CallState::waiting && !call.detached && !outset.start.queue(call.queue).paused;
}

// In shadow mode the live engine's queues are paused. With those who are free away nobody is served yet.
void resume_all(Outset& outset) {
    for (QueueId queue = 0; queue < outset.start.queues_known(); ++queue) {
        if (!outset.start.queue(queue).paused || !outset.start.queue(queue).configured) continue;
        outset.start.apply(ResumeQueue{QueueRef::number(queue)}, outset.start.time_us());
    }
}

}  // namespace

double waited_s(const Call& call, const Model& model, TimeUs now_us) {
    TimeUs waited_us = now_us - call.wait_started_us;
    for (auto downtime = model.downtimes.rbegin(); downtime != model.downtimes.rend(); ++downtime) {
        if (downtime->ended_us <= call.wait_started_us) break;
        waited_us -= downtime->length_us;
    }
    return seconds(waited_us);
}

DayTimes coming_times(const Model& model, AgentId agent, TimeUs now_us) {
    DayTimes found{agent, 1, {}, {}};
    if (agent >= model.agents.size()) return found;
    const AgentModel& known = model.agents[agent];
    if (known.seen_today || known.days_known < DAYS_KNOWN_MIN) return found;
    std::size_t unfit = 0;
    for (std::size_t day = 0; day < known.days_known; ++day) {
        const std::int32_t in_s = known.days[day].in_s;
        const TimeUs comes_us = in_s < 0 ? NEVER : model.day_started_us + in_s * SECOND_US;
        if (comes_us != NEVER && comes_us <= now_us) {
            ++unfit;
        } else {
            const std::int32_t out_s = known.days[day].out_s;
            found.times_us.push_back(comes_us);
            found.then_us.push_back(out_s <= in_s || out_s == DAY_ENDS_S ? NEVER : model.day_started_us + out_s * SECOND_US + model.stays_on_us);
        }
    }
    const bool ever = std::any_of(found.times_us.begin(), found.times_us.end(), [](TimeUs time_us) { return time_us != NEVER; });
    if (!ever) found.times_us.clear();
    found.none_chance = missed_chance(unfit, known.days_known);
    return found;
}

DayTimes leaving_times(const Model& model, AgentId agent, TimeUs now_us) {
    DayTimes found{agent, 1, {}, {}};
    if (agent >= model.agents.size()) return found;
    const AgentModel& known = model.agents[agent];
    if (known.days_known < DAYS_KNOWN_MIN) return found;
    for (std::size_t day = 0; day < known.days_known; ++day) {
        const std::int32_t out_s = known.days[day].out_s;
        const TimeUs leaves_us = model.day_started_us + out_s * SECOND_US;
        if (out_s < 0 || leaves_us <= now_us) continue;
        found.times_us.push_back(out_s == DAY_ENDS_S ? NEVER : leaves_us + model.stays_on_us);
    }
    found.none_chance = missed_chance(known.days_known - found.times_us.size(), known.days_known);
    if (!found.times_us.empty() || !model.shadow) return found;
    const bool free = known.since_us != NEVER && seconds(now_us - known.since_us) > FREE_S;
    if (free) {
        found.none_chance = 1 - GONE_CHANCE;
        found.times_us.push_back(now_us);
    }
    return found;
}

// ---- the beginning ----

Beginning::Beginning(const Outset& from) : outset(from), model(*from.model), start(from.start) {
    Relevance relevance = find_relevance(outset, start);
    arrivals = std::move(relevance.arrivals);
    find_callers(relevance.hopeless);
    find_under_way(relevance.agents);
    find_day_times(relevance.agents);
}

void Beginning::find_callers(const std::vector<bool>& hopeless) {
    callers.resize(start.calls_known());
    for (CallId id = 0; id < start.calls_known(); ++id) {
        const Call& call = start.call(id);
        if (!call.known() || call.state > CallState::offered) continue;
        Caller& caller = callers[id];
        caller.key = call.order;
        if (!call.callback) caller.patience = &queue(call.queue).patience;
        caller.age_s = waited_s(call, model, outset.now_us);
        caller.hopeless = hopeless[id];
        caller.queue = call.queue;
    }
    for (std::size_t i = 0; i < outset.targets.size(); ++i) {
        if (outset.targets[i].call != NONE) callers[outset.targets[i].call].target = static_cast<Id>(i);
    }
}

void Beginning::find_under_way(const std::vector<bool>& matters) {
    for (AgentId id = 0; id < start.agents_known(); ++id) {
        if (!matters[id]) continue;
        const Agent& agent = start.agent(id);
        for (const Engagement& engagement : agent.engagements) {
            const std::uint64_t key = engagement.call == NONE ? engagement.offer : start.call(engagement.call).order;
            const bool assigned = engagement.state == EngagementState::assigned;
            const TimeUs since_us = assigned ? start.call(engagement.call).assigned_us : engagement.started_us;
            const double age_s = seconds(outset.now_us - since_us);
            const UnderWay entry{key, engagement.offer, engagement.call, id, engagement.queue, age_s, engagement.until_us};
            switch (engagement.state) {
                case EngagementState::assigned: talks.push_back(entry); break;
                case EngagementState::offered: offers.push_back(entry); break;
                case EngagementState::wrap_up: wrap_ups.push_back(entry); break;
            }
        }
    }
    for (const AgentId id : outset.away) {
        if (matters[id]) away.push_back(id);
    }
    for (AgentId id = 0; id < start.agents_known(); ++id) {
        const bool is_away = std::binary_search(outset.away.begin(), outset.away.end(), id);
        if (matters[id] && !is_away && start.agent(id).availability == Availability::not_ready) not_ready.push_back(id);
    }
}

void Beginning::find_day_times(const std::vector<bool>& matters) {
    for (AgentId id = 0; id < start.agents_known(); ++id) {
        if (!matters[id]) continue;
        const bool signed_in = start.agent(id).signed_in();
        DayTimes found = signed_in ? leaving_times(model, id, outset.now_us) : coming_times(model, id, outset.now_us);
        if (!found.times_us.empty()) (signed_in ? leaving : coming).push_back(std::move(found));
    }
}

// ---- the situation ----

Situation::Situation(const Engine& engine, std::shared_ptr<const Model> model, CallId only, TimeUs now_us)
    : outset_(std::make_unique<Outset>()) {
    Outset& outset = *outset_;
    outset.model = std::move(model);
    outset.sequence = engine.sequence();
    for (QueueId queue = 0; queue < engine.queues_known(); ++queue) {
        outset.automatic.push_back(engine.queue(queue).settings.automatic);
    }
    const bool shadow = outset.model->shadow;
    Fork fork = engine.fork({.names = false, .resume_queues = false, .offer_always = true, .manual_wrap_up = shadow});
    outset.start = std::move(fork.engine);
    if (shadow) {
        send_away(outset);
        resume_all(outset);
    }
    outset.now_us = std::max(now_us, engine.time_us());
    if (outset.now_us > engine.time_us()) outset.start.apply(Advance{}, outset.now_us);
    for (CallId id = 0; id < fork.live.size(); ++id) {
        const CallId live = fork.live[id];
        if ((only != NONE && only != live) || !is_served(outset, id)) continue;
        outset.targets.push_back(target_of(outset, id, live));
        outset.targets.back().position = fork.positions[id];
    }
    std::sort(outset.targets.begin(), outset.targets.end(), [](const Target& a, const Target& b) { return a.order < b.order; });
}

Situation::Situation(Situation&&) noexcept = default;
Situation& Situation::operator=(Situation&&) noexcept = default;
Situation::~Situation() = default;

RejectReason Situation::suppose(const Engine& live, const Enqueue& call) {
    Outset& outset = *outset_;
    Enqueue coming = call;
    coming.call.clear();
    coming.explain = false;
    const QueueId queue = coming.queue.id == NONE ? outset.start.find_queue(coming.queue.name) : coming.queue.id;
    if (queue != NONE && !coming.customer.empty()) {
        // the fork remembers no customers
        const QueueSettings& settings = live.queue(queue).settings;
        const AgentId last = settings.last_agent_preferred ? live.last_agent(coming.customer) : NONE;
        if (last != NONE) {
            const Names& given = coming.preferred_agents;
            const auto known = [&](const std::string& name) { return live.find_agent(name) != NONE; };
            if (std::none_of(given.begin(), given.end(), known)) coming.hold_us = settings.last_agent_hold_us;
            coming.preferred_agents.push_back(live.agent(last).name);
        }
        coming.customer.clear();
    }
    outset.start.apply(Command{std::move(coming)}, outset.now_us);
    const Result result = outset.start.result();
    if (result.rejection != RejectReason::none) return result.rejection;
    const CallId id = outset.start.result_call();
    const bool refused = is_finished(outset.start.call(id).state);
    Target target = target_of(outset, id, NONE);
    if (refused) target.call = NONE;
    outset.targets.push_back(target);
    // asking puts the engine's lines in order, which it would then go on doing in all futures: so a copy is asked
    if (outset.start.call(id).state == CallState::waiting) outset.targets.back().position = Engine(outset.start).position(id);
    return RejectReason::none;
}

TimeUs Situation::now_us() const { return outset_->now_us; }
const std::vector<Target>& Situation::targets() const { return outset_->targets; }
bool Situation::draws_arrivals() const { return !Beginning(*outset_).arrivals.empty(); }

}  // namespace router::wait
