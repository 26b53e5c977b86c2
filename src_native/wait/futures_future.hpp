// One future after the other: a fork that is set back to the beginning, and what callers and agents do from there on.
#pragma once

#include <cstdint>
#include <vector>

#include "futures_outset.hpp"
#include "simulation/random.hpp"

namespace router::wait {

class Future {
public:
    // `beginning` must outlive it.
    Future(const Beginning& beginning, const FutureLimits& limits);

    // Seconds until each target is taken, in their order; negative: refused. `number` tells the future.
    const std::vector<double>& run(std::uint32_t number);
    // Go on no longer than for the other targets, from the next run on.
    void do_not_wait_for(const std::vector<bool>& targets) { not_waited_for_ = targets; }
    std::uint64_t commands() const { return commands_; }

private:
    // In this order at one instant.
    enum class What : std::uint8_t {
        talk_ends,
        wrap_up_ends,
        agent_leaves,
        agent_comes,
        agent_returns,
        accepts,
        rejects,
        gives_up,
        arrives,
    };
    // Numbers are never reused: with them every result would change.
    enum class Purpose : std::uint8_t { talk = 40, answer, ring, wrap_up, patience, not_ready, pause, comes, leaves, lag, arrival };

    struct Planned {
        TimeUs time_us;
        What what;
        Id subject;            // call, agent or stream
        std::uint64_t number;  // offer, key of the call, or the agent's plan: what it was planned for
        std::uint64_t serial;

        bool operator>(const Planned& other) const {
            if (time_us != other.time_us) return time_us > other.time_us;
            if (what != other.what) return what > other.what;
            return serial > other.serial;
        }
    };

    struct Contact {
        Caller caller;
        std::uint64_t offer = 0;
        AgentId agent = NONE;
        std::uint32_t offers = 0;
        bool drawn = false;     // its patience is
        bool told = false;      // its wait is
        bool over = false;      // we end it
        TimeUs gives_up_us = 0;
    };

    struct AgentState {
        std::uint32_t returns = 0;  // that were planned: the last one stands
        TimeUs leaves_us = TIME_US_MAX;
    };

    struct FollowUp {
        CallId call;
        std::uint64_t offer;
        bool accepts;  // else the call ends
    };

    struct StreamState {
        double at_s = 0;  // of the last arrival
        std::uint32_t arrivals = 0;
    };

    // futures_future.cpp: the loop
    void begin(std::uint32_t number);
    void take(const Planned& planned);
    void apply(Command& command, TimeUs time_us);
    void observe(const Event& event);
    void follow_up();
    void plan(TimeUs time_us, What what, Id subject, std::uint64_t number);
    TimeUs after(double delay_s) const;
    double draw(Purpose purpose, std::uint64_t subject, std::uint32_t attempt = 0) const;

    // futures_callers.cpp
    void plan_talk(CallId call, std::uint64_t key, std::uint64_t offer, AgentId agent, QueueId queue, double age_s);
    void present(CallId call, AgentId agent, std::uint64_t offer, TimeUs until_us, double age_s);
    void take_back(Contact& contact);
    TimeUs giving_up(Contact& contact);
    void tell(Contact& contact, double wait_s);
    void arrive(std::size_t index);
    void plan_arrival(std::size_t index);
    void introduce(CallId call);
    void assign(const Event& event);
    void refuse(CallId call);
    Contact& contact(CallId call);
    void accept(CallId call, std::uint64_t offer);
    void reject(CallId call, std::uint64_t offer);
    void give_up(CallId call);

    // futures_agents.cpp
    void plan_under_way();
    void plan_days();
    void plan_leaving(AgentId agent, TimeUs time_us);
    void plan_wrap_up(AgentId agent, std::uint64_t key, std::uint64_t offer, QueueId queue, double age_s);
    void plan_return(AgentId agent, double age_s, bool lag);
    void end_talk(CallId call, std::uint64_t offer);
    void end_wrap_up(AgentId agent, std::uint64_t offer);
    void come(AgentId agent);
    void leave(AgentId agent);
    void come_back(AgentId agent);
    void perhaps_take_break(AgentId agent, std::uint64_t key);

    double now_s() const { return static_cast<double>(now_us_ - beginning_.outset.now_us) * 1e-6; }

    const Beginning& beginning_;
    const Model& model_;
    const FutureLimits limits_;
    const simulation::Stream stream_;
    Engine engine_;
    std::uint32_t number_ = 0;
    std::uint64_t commands_ = 0;
    std::uint64_t commands_max_ = 0;  // until this future must end
    std::size_t left_ = 0;  // targets whose wait is not told
    std::vector<double> waits_s_;
    std::vector<bool> not_waited_for_;  // by target; empty: none
    std::vector<Planned> planned_;  // a heap, the earliest on top
    std::uint64_t serial_ = 0;
    std::vector<Contact> contacts_;  // by number of the call
    std::vector<AgentState> agents_;
    std::vector<StreamState> streams_;
    std::vector<FollowUp> follow_ups_;
    Caller coming_;  // of the command in hand
    TimeUs now_us_ = 0;
    TimeUs end_us_ = 0;
    bool asks_ = false;       // agents may refuse an offer, or take their time

    // Commands, made once.
    Command advance_{Advance{}};
    Command complete_{Complete{}};
    Command accept_{Accept{}};
    Command reject_{Reject{}};
    Command cancel_{Cancel{}};
    Command end_wrap_up_{EndWrapUp{}};
    Command sign_in_{SignIn{}};
    Command sign_out_{SignOut{}};
    Command availability_{SetAvailability{}};
    std::vector<Command> enqueue_;  // by stream
};

}  // namespace router::wait
