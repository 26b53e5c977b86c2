// What callers do in a future, and what becomes of their calls.
#include <algorithm>
#include <cmath>

#include "futures_future.hpp"

namespace router::wait {

namespace {

constexpr std::uint64_t ARRIVAL_KEY = std::uint64_t{1} << 63;  // no order of a call is so large
constexpr int STREAM_SHIFT = 32;

}  // namespace

Future::Contact& Future::contact(CallId call) {
    if (call >= contacts_.size()) contacts_.resize(call + 1);
    return contacts_[call];
}

// ---- offers and talks ----

void Future::present(CallId call, AgentId agent, std::uint64_t offer, TimeUs until_us, double age_s) {
    Contact& entry = contact(call);
    entry.offer = offer;
    const bool asked = asks_ && !model_.shadow && !beginning_.outset.automatic[entry.caller.queue];
    const std::uint32_t attempt = entry.offers++;
    const double ring_s = asked ? model_.ring.residual_s(age_s, draw(Purpose::ring, entry.caller.key, attempt)) : 0;
    const TimeUs gives_up_us = giving_up(entry);
    if (gives_up_us <= now_us_) {
        // a ghost: its caller hung up long ago
        tell(entry, now_s() + ring_s);
        entry.over = true;
        follow_ups_.push_back({call, offer, false});
        return;
    }
    const TimeUs answer_us = after(ring_s);
    if (asked) {
        // the longer it has been ringing the likelier that nobody answers
        const double ringing = model_.ring.survival(0, age_s);
        const double silent = model_.no_answer + (1 - model_.no_answer) * ringing;
        const double chance = draw(Purpose::answer, entry.caller.key, attempt) * silent;
        if (chance < model_.no_answer || answer_us >= until_us) return;
        if (agents_[agent].leaves_us <= answer_us) return;  // who leaves before the answer gives the offer back
        if (chance < model_.no_answer + model_.reject * ringing) return plan(answer_us, What::rejects, call, offer);
    }
    tell(entry, now_s() + ring_s);
    if (gives_up_us < answer_us) return plan(gives_up_us, What::gives_up, call, entry.caller.key);
    if (answer_us > now_us_) return plan(answer_us, What::accepts, call, offer);
    follow_ups_.push_back({call, offer, true});
}

void Future::accept(CallId call, std::uint64_t offer) {
    if (contact(call).offer != offer) return;
    std::get<Accept>(accept_).offer = offer;
    apply(accept_, now_us_);
}

void Future::reject(CallId call, std::uint64_t offer) {
    if (contact(call).offer != offer) return;
    std::get<Reject>(reject_).offer = offer;
    apply(reject_, now_us_);
}

// The offer has ended without an assignment.
void Future::take_back(Contact& entry) {
    entry.offer = 0;
    if (!entry.told || entry.over || entry.caller.target == NONE) return;
    entry.told = false;
    waits_s_[entry.caller.target] = static_cast<double>(limits_.horizon_us) * 1e-6;
    if (!entry.caller.hopeless) ++left_;
}

void Future::assign(const Event& event) {
    const Contact& entry = contact(event.call);
    plan_talk(event.call, entry.caller.key, event.offer, event.agent, entry.caller.queue, 0);
}

void Future::plan_talk(CallId call, std::uint64_t key, std::uint64_t offer, AgentId agent, QueueId queue, double age_s) {
    Contact& entry = contact(call);
    entry.offer = offer;
    entry.caller.key = key;
    entry.caller.queue = queue;
    const Lifetime& talk = beginning_.queue(queue).handle_time;
    const double left_s = talk.residual_s(age_s, draw(Purpose::talk, key), beginning_.agent(agent).handle_factor);
    plan(after(left_s), What::talk_ends, call, offer);
}

void Future::end_talk(CallId call, std::uint64_t offer) {
    const Contact& entry = contact(call);
    if (entry.offer != offer) return;
    perhaps_take_break(engine_.call(call).agent, entry.caller.key);
    std::get<Complete>(complete_).call.id = call;
    apply(complete_, now_us_);
    contact(call).offer = 0;
}

// ---- waiting ----

// When the caller hangs up if nobody has answered by then. Drawn once, and only for those of whom it is asked.
TimeUs Future::giving_up(Contact& entry) {
    if (entry.drawn) return entry.gives_up_us;
    entry.drawn = true;
    entry.gives_up_us = TIME_US_MAX;
    const Caller& caller = entry.caller;
    if (caller.patience == nullptr || caller.patience->endless()) return entry.gives_up_us;
    const double stays_s = caller.patience->residual_s(caller.age_s, draw(Purpose::patience, caller.key));
    if (stays_s * 1e6 < static_cast<double>(limits_.horizon_us)) {
        entry.gives_up_us = beginning_.outset.now_us + std::llround((stays_s + caller.since_s) * 1e6);
    }
    return entry.gives_up_us;
}

void Future::give_up(CallId call) {
    Contact& entry = contact(call);
    entry.over = true;
    entry.caller.key = 0;
    std::get<Cancel>(cancel_).call.id = call;
    apply(cancel_, now_us_);
}

void Future::tell(Contact& entry, double wait_s) {
    if (entry.told || entry.caller.target == NONE) return;
    entry.told = true;
    waits_s_[entry.caller.target] = std::min(wait_s, static_cast<double>(limits_.horizon_us) * 1e-6);
    if (!entry.caller.hopeless) --left_;
}

void Future::refuse(CallId call) {
    Contact& entry = contact(call);
    tell(entry, -1);
    entry.caller.key = 0;
}

// ---- new calls ----

void Future::plan_arrival(std::size_t index) {
    const ArrivalStream& stream = model_.arrivals[beginning_.arrivals[index]];
    StreamState& state = streams_[index];
    double left = -std::log(draw(Purpose::arrival, beginning_.arrivals[index], state.arrivals));
    const double period_s = static_cast<double>(stream.period_us) * 1e-6;
    const std::size_t last = stream.rates_per_s.size() - 1;
    std::size_t period = period_s > 0 ? std::min(last, static_cast<std::size_t>(state.at_s / period_s)) : last;
    for (; period < last; ++period) {
        const double end_s = static_cast<double>(period + 1) * period_s;
        const double expected = stream.rates_per_s[period] * (end_s - state.at_s);
        if (expected >= left) break;
        left -= std::max(expected, 0.0);
        state.at_s = std::max(state.at_s, end_s);
    }
    if (!(stream.rates_per_s[period] > 0)) return;
    state.at_s += left / stream.rates_per_s[period];
    if (state.at_s * 1e6 > static_cast<double>(limits_.horizon_us)) return;
    plan(beginning_.outset.now_us + std::llround(state.at_s * 1e6), What::arrives, static_cast<Id>(index), 0);
}

void Future::arrive(std::size_t index) {
    const std::uint64_t number = beginning_.arrivals[index];
    const ArrivalStream& stream = model_.arrivals[number];
    const std::uint64_t key = ARRIVAL_KEY | number << STREAM_SHIFT | streams_[index].arrivals++;
    coming_ = {key, &beginning_.queue(stream.queue).patience, 0, NONE, false, stream.queue, now_s()};
    apply(enqueue_[index], now_us_);
    plan_arrival(index);
}

void Future::introduce(CallId call) {
    Contact& entry = contact(call);
    entry = Contact{};
    entry.caller = coming_;
    const TimeUs gives_up_us = giving_up(entry);
    if (gives_up_us < end_us_) plan(gives_up_us, What::gives_up, call, coming_.key);
}

}  // namespace router::wait
