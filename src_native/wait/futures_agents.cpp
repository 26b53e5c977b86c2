// What agents do in a future.
#include <algorithm>

#include "futures_future.hpp"

namespace router::wait {

namespace {

constexpr std::uint64_t WRAP_UP_KEY = std::uint64_t{1} << 62;  // of those whose call may be forgotten: with the offer's number

double age_of(const AgentModel& agent, TimeUs now_us) {
    return agent.since_us == NEVER ? 0 : static_cast<double>(std::max<TimeUs>(now_us - agent.since_us, 0)) * 1e-6;
}

}  // namespace

void Future::plan_under_way() {
    for (const UnderWay& talk : beginning_.talks) plan_talk(talk.call, talk.key, talk.offer, talk.agent, talk.queue, talk.age_s);
    for (const UnderWay& wrap_up : beginning_.wrap_ups) {
        const std::uint64_t key = WRAP_UP_KEY | wrap_up.offer;
        perhaps_take_break(wrap_up.agent, key);
        plan_wrap_up(wrap_up.agent, key, wrap_up.offer, wrap_up.queue, wrap_up.age_s);
    }
    for (const AgentId agent : beginning_.not_ready) plan_return(agent, age_of(beginning_.agent(agent), now_us_), false);
    for (const AgentId agent : beginning_.away) plan_return(agent, age_of(beginning_.agent(agent), now_us_), true);
    for (const UnderWay& offer : beginning_.offers) present(offer.call, offer.agent, offer.offer, offer.until_us, offer.age_s);
}

void Future::plan_days() {
    const auto pick = [&](const DayTimes& days, Purpose purpose) {
        const double chance = draw(purpose, days.agent);
        if (chance < days.none_chance) return days.times_us.size();
        const double share = (chance - days.none_chance) / (1 - days.none_chance);
        return std::min(days.times_us.size() - 1, static_cast<std::size_t>(share * static_cast<double>(days.times_us.size())));
    };
    for (const DayTimes& days : beginning_.coming) {
        const std::size_t day = pick(days, Purpose::comes);
        if (day == days.times_us.size() || days.times_us[day] == NEVER) continue;
        plan(days.times_us[day], What::agent_comes, days.agent, 0);
        if (days.then_us[day] != NEVER) plan_leaving(days.agent, days.then_us[day]);
    }
    for (const DayTimes& days : beginning_.leaving) {
        const std::size_t day = pick(days, Purpose::leaves);
        if (day < days.times_us.size() && days.times_us[day] != NEVER) plan_leaving(days.agent, days.times_us[day]);
    }
}

void Future::plan_leaving(AgentId agent, TimeUs time_us) {
    agents_[agent].leaves_us = time_us;
    plan(time_us, What::agent_leaves, agent, 0);
}

void Future::plan_wrap_up(AgentId agent, std::uint64_t key, std::uint64_t offer, QueueId queue, double age_s) {
    const AgentModel& known = beginning_.agent(agent);
    const double uniform = draw(model_.shadow ? Purpose::lag : Purpose::wrap_up, key);
    const double left_s = model_.shadow ? model_.return_lag.residual_s(age_s, uniform, 1, known.return_rate)
                                        : beginning_.queue(queue).wrap_up.residual_s(age_s, uniform, known.handle_factor);
    plan(after(left_s), What::wrap_up_ends, agent, offer);
}

// If the engine has not ended it by then.
void Future::end_wrap_up(AgentId agent, std::uint64_t offer) {
    if (engine_.agent(agent).find_engagement(offer) == nullptr) return;
    EndWrapUp& command = std::get<EndWrapUp>(end_wrap_up_);
    command.agent.id = agent;
    command.offer = offer;
    apply(end_wrap_up_, now_us_);
}

// An agent who is about to finish a call or its wrap-up may go not ready then.
void Future::perhaps_take_break(AgentId agent, std::uint64_t key) {
    if (!(model_.break_chance > 0) || engine_.agent(agent).availability != Availability::ready) return;
    if (draw(Purpose::pause, key) >= model_.break_chance) return;
    SetAvailability& command = std::get<SetAvailability>(availability_);
    command.agent.id = agent;
    command.ready = false;
    command.after_call = true;
    apply(availability_, now_us_);
}

// `lag`: of one who is away in shadow mode; else of one who is not ready.
void Future::plan_return(AgentId agent, double age_s, bool lag) {
    const std::uint32_t attempt = ++agents_[agent].returns;
    const Lifetime& away = lag ? model_.return_lag : model_.not_ready;
    if (away.endless()) return;
    const double uniform = draw(lag ? Purpose::lag : Purpose::not_ready, agent, attempt);
    const double rate = lag ? beginning_.agent(agent).return_rate : 1;
    plan(after(away.residual_s(age_s, uniform, 1, rate)), What::agent_returns, agent, attempt);
}

void Future::come_back(AgentId agent) {
    SetAvailability& command = std::get<SetAvailability>(availability_);
    command.agent.id = agent;
    command.ready = true;
    command.after_call = false;
    apply(availability_, now_us_);
}

void Future::come(AgentId agent) {
    if (engine_.agent(agent).signed_in()) return;
    SignIn& command = std::get<SignIn>(sign_in_);
    command.agent.id = agent;
    command.as_before = true;
    apply(sign_in_, now_us_);
}

void Future::leave(AgentId agent) {
    if (!engine_.agent(agent).signed_in()) return;
    std::get<SignOut>(sign_out_).agent.id = agent;
    apply(sign_out_, now_us_);
}

}  // namespace router::wait
