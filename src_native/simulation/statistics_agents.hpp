// Agents' times by what they do, from the events about them.
#pragma once

#include <vector>

#include "engine.hpp"
#include "statistics_figures.hpp"
#include "statistics_window.hpp"

namespace router::simulation {

class AgentTimes {
public:
    AgentTimes() = default;
    // `group_of` by agent, in the centre's numbers.
    AgentTimes(Window window, std::vector<std::uint32_t> group_of, std::size_t groups, std::size_t slices);

    void introduce(AgentId id, std::uint32_t agent);
    // Calls at a time on the channels that do not take the agent whole.
    void set_shared_capacity(AgentId id, std::int64_t places, TimeUs time_us) { state_at(id, time_us).shared_capacity = places; }

    void set_availability(AgentId id, Availability availability, TimeUs time_us) {
        state_at(id, time_us).availability = availability;
    }
    // `exclusive`: whether the call's channel takes the agent whole.
    void offer(AgentId id, bool exclusive, TimeUs time_us) {
        State& state = state_at(id, time_us);
        state.exclusive = exclusive;
        ++state.offers;
    }
    void end_offer(AgentId id, TimeUs time_us) { --state_at(id, time_us).offers; }
    void talk(AgentId id, bool exclusive, TimeUs time_us) {
        State& state = state_at(id, time_us);
        state.exclusive = exclusive;
        ++state.talks;
        if (window_.has(time_us)) ++state.figures.answered;
    }
    void end_talk(AgentId id, TimeUs time_us) { --state_at(id, time_us).talks; }
    void wrap_up(AgentId id, TimeUs time_us) { ++state_at(id, time_us).wrap_ups; }
    void end_wrap_up(AgentId id, TimeUs time_us) { --state_at(id, time_us).wrap_ups; }
    void count_rejected(AgentId id, TimeUs time_us) { states_[id].figures.rejected += window_.has(time_us); }
    void count_not_answered(AgentId id, TimeUs time_us) { states_[id].figures.not_answered += window_.has(time_us); }

    // Count everything up to the end of the measured time.
    void finish();
    AgentFigures figures(std::size_t agent) const;
    std::size_t groups() const { return present_.size(); }
    std::vector<double> present_means(std::size_t group) const { return present_[group].means(slices_, 1.0); }
    std::vector<double> busy_means(std::size_t group) const { return busy_[group].means(slices_, static_cast<double>(PPM)); }

private:
    struct State {
        TimeUs since_us = 0;  // what is below has been so since then; within the measured time
        std::uint32_t agent = NONE;
        Availability availability = Availability::signed_out;
        bool exclusive = false;  // the channel of the engagement, if there is one
        std::int32_t offers = 0;
        std::int32_t talks = 0;
        std::int32_t wrap_ups = 0;
        std::int64_t shared_capacity = 0;
        Wide shared_busy_ppm_us = 0;       // busy time with only a part of the capacity in use
        AgentFigures figures;
    };

    // Time passes for the agent.
    State& state_at(AgentId id, TimeUs time_us) {
        State& state = states_[id];
        const TimeUs now_us = window_.clip(time_us);
        if (now_us > state.since_us) pass(state, now_us);
        return state;
    }
    void pass(State& state, TimeUs now_us);

    Window window_;
    std::vector<State> states_;      // by the engine's number
    std::vector<AgentId> ids_;       // by the centre's
    std::vector<std::uint32_t> group_of_;
    Slices slices_;
    std::vector<SliceIntegrals> present_;  // by group
    std::vector<SliceIntegrals> busy_;
};

inline void AgentTimes::pass(State& state, TimeUs now_us) {
    const TimeUs since_us = state.since_us;
    const TimeUs passed_us = now_us - since_us;
    state.since_us = now_us;
    AgentFigures& figures = state.figures;
    const std::int32_t engagements = state.offers + state.talks + state.wrap_ups;
    const bool present = state.availability != Availability::signed_out || engagements > 0;
    if (present) figures.present_us += passed_us;
    if (state.availability >= Availability::ready || engagements > 0) figures.ready_us += passed_us;
    figures.offered_us += passed_us * state.offers;
    figures.talk_us += passed_us * state.talks;
    figures.wrap_up_us += passed_us * state.wrap_ups;
    std::int64_t in_use_ppm = 0;
    if (engagements > 0) {
        const bool whole = state.exclusive || state.shared_capacity == 0;
        in_use_ppm = whole ? PPM : std::min(PPM, engagements * PPM / state.shared_capacity);
    }
    if (in_use_ppm == PPM) {
        figures.busy_us += passed_us;
    } else {
        state.shared_busy_ppm_us += Wide{passed_us} * in_use_ppm;
    }
    if (slices_.count == 0) return;
    present_[group_of_[state.agent]].add(slices_, since_us, now_us, present);
    busy_[group_of_[state.agent]].add(slices_, since_us, now_us, in_use_ppm);
}

}  // namespace router::simulation
