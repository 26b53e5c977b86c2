// The routing engine: a deterministic state machine. Commands and times go in, events come out.
//
// DESIGN.md states every rule. The members are spread over engine_*.cpp by subject.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "agents.hpp"
#include "calls.hpp"
#include "commands.hpp"
#include "customers.hpp"
#include "events.hpp"
#include "number_table.hpp"
#include "offer_table.hpp"
#include "requests.hpp"
#include "skills.hpp"
#include "timer_queue.hpp"

namespace router {

struct Queue {
    QueueSettings settings;
    bool configured = false;
    bool paused = false;
    bool learns = true;  // false in a fork where no weight asks for what would be learned
    QueueId overflow = NONE;
    RequirementId requirement = NONE;  // while configured
    std::int64_t offered = 0;
    std::int64_t assigned = 0;
    Learned learned;  // the norm: sums over all agents
};

struct Channel {
    std::string name;
    Id index = NONE;  // among the configured channels; NONE when removed
};

struct RequestOutcome {
    Result result;
    bool repeated = false;
};

struct AgentScore;
class AgentScale;
struct AgentSeat;
struct CallScore;
struct CallSeat;
struct Fork;

// How a fork differs from the engine that it is taken of.
struct ForkTerms {
    // Keep the names of calls, agents and requirements, and the settings whole, so that commands may name whatever they
    // like and the fork can be saved. Without, calls go by number, and agents are found by name in O(agents).
    bool names = false;
    bool resume_queues = false;   // no queue is paused; the first command begins with what resuming them does
    bool offer_always = false;    // automatic queues make offers like the others; these wait for 366 days
    bool manual_wrap_up = false;  // after every call, until it is ended by command, whatever the queue says
};

class Engine {
public:
    Engine() = default;

    // Fire what is due, carry out the command. The events are in events() until the next command.
    void apply(const Command& command, TimeUs time_us);
    // The same once per (client, request id); `content` is a digest of what was asked.
    RequestOutcome apply_request(const Command& command, TimeUs time_us, const std::string& client,
                                 const std::string& request_id, const std::string& content);

    const std::vector<Event>& events() const { return events_; }
    const std::string& text(Id index) const { return texts_[index]; }
    Result result() const;
    // The call that the last command was about; NONE if it was about none, or none that is known.
    CallId result_call() const { return result_call_; }
    std::uint64_t sequence() const { return sequence_; }
    TimeUs time_us() const { return time_us_; }
    TimeUs next_deadline() const { return timers_.empty() ? NEVER : timers_.front().time_us; }
    // Time of the deadline that fires as number `limit`, or `time_us` if that is earlier. O(limit log limit).
    TimeUs due_time(TimeUs time_us, std::size_t limit) const;
    const Statistics& statistics() const { return statistics_; }

    // Intern a requirement and keep it for good, so that commands can give it by number (RequirementRef). It counts as
    // one that a queue has, and belongs to this object, not to its state: a snapshot does not hold it.
    RequirementId hold_requirement(const RequirementSpec& spec);
    // See who satisfies what calls of a configured queue require, also while it has none: skills() tells it for a while, in a
    // fork for good.
    void weigh_requirement(QueueId queue) { release_requirement(share(queues_[queue].requirement)); }

    // Reading. Numbers of calls stay valid until the next command, or as long as the call is known; the others for good.
    CallId find_call(std::string_view name) const;
    bool remembers(const std::string& client, const std::string& request_id, TimeUs time_us) const;
    AgentId find_agent(std::string_view name) const;
    QueueId find_queue(std::string_view name) const;
    ChannelId find_channel(std::string_view name) const;
    const Call& call(CallId id) const { return calls_[id]; }
    const Agent& agent(AgentId id) const { return agents_[id]; }
    const Queue& queue(QueueId id) const { return queues_[id]; }
    const Channel& channel(ChannelId id) const { return channels_[id]; }
    const Settings& settings() const { return settings_; }
    const SkillMatrix& skills() const { return skills_; }
    const AgentIndex& agent_index() const { return agent_index_; }
    // Numbers are below these; of calls some may be free: see Call::known().
    std::size_t agents_known() const { return agents_.size(); }
    std::size_t queues_known() const { return queues_.size(); }
    std::size_t calls_known() const { return calls_.size(); }
    // Who completed the customer's last call, if that is remembered; else NONE.
    AgentId last_agent(const std::string& customer) const {
        const Customer* found = customers_.find(customer);
        return found == nullptr ? NONE : found->agent;
    }
    std::vector<Customer> customers() const { return customers_.all(); }
    std::vector<CallId> calls_by_order() const;
    std::vector<AgentId> agents_by_name() const;
    std::vector<QueueId> queues_by_name() const;
    std::vector<CallId> waiting(QueueId queue, std::size_t limit);
    std::size_t waiting_count(QueueId queue) const { return call_index_.waiting(queue); }
    // 0 when it does not wait. O(log n), besides putting the newcomers into the lines.
    std::int64_t position(CallId id);
    std::int64_t count_agents(const RequirementSpec& requirement, std::size_t step, ChannelId channel);
    // Those for what a call demands now. O(profiles).
    std::int64_t count_agents(const Call& call) const { return count_agents(stage_of(call), call.channel); }
    std::uint16_t agent_capacity(AgentId agent, ChannelId channel) const;
    // Name of the call that an engagement is about; in wrap-up the call itself may be forgotten.
    const std::string& call_name(const Engagement& engagement) const {
        return engagement.call == NONE ? wrapped_up_.text(engagement.call_text) : calls_[engagement.call].name;
    }

    // Explaining.
    bool tracing = false;
    const std::vector<Decision>& last_decisions() const { return last_decisions_; }
    std::vector<Obstacle> obstacles(CallId call, AgentId agent) const;
    // How many signed-in agents each obstacle keeps from the call. O(agents).
    std::vector<std::pair<Obstacle, std::int64_t>> count_obstacles(CallId call) const;
    std::int64_t signed_in_agents() const { return skills_.signed_in(); }

    // What the engine would choose if no queue were paused: for an agent, taken as free if it is not, and for a waiting call.
    // NONE: nobody, nothing. O(classes), like a decision.
    CallId would_take(AgentId agent) const;
    AgentId would_get(CallId call) const;

    std::string snapshot() const;
    void restore(const std::string& bytes);
    void audit() const;

    // An engine to run ahead: it decides as this one would, and knows nothing that is only remembered: no finished calls, requests,
    // customers, attributes or explanations, and of what was learned only what weighs in decisions. It forgets at once what is
    // finished. O(agents + live calls + queues), whatever is remembered. Its decisions differ where a command brings in a
    // customer who was remembered, or the name of a finished call.
    Fork fork(const ForkTerms& terms = {}) const;
    // Become equal to `start`. Where this is a copy of it that has run on without a Configure, only what commands about calls and
    // agents change is copied, into memory that is there: O(agents + live calls + queues). The counters of work go on.
    void rewind(const Engine& start);

private:
    friend class SnapshotWriter;
    friend class SnapshotReader;
    friend class ForkMaker;

    // engine.cpp: the order of things
    void begin(TimeUs time_us);
    void fire(TimeUs until_us) {
        if (!timers_.empty() && timers_.front().time_us <= until_us) fire_due(until_us);
    }
    void fire_due(TimeUs until_us);
    void forget();
    void forget_surplus();
    void forget_surplus_calls() {
        while (static_cast<std::int64_t>(finished_.size()) > settings_.calls_max) forget_oldest_call();
    }
    void forget_surplus_customers() {
        while (static_cast<std::int64_t>(customers_.size()) > settings_.customers_max) customers_.forget_oldest();
    }
    void forget_surplus_requests() {
        while (static_cast<std::int64_t>(requests_.size()) > settings_.requests_max) requests_.forget_oldest();
    }
    void forget_oldest_call();
    // Place of a request that would be answered from memory, or how many are remembered.
    std::size_t find_request(const std::string& key, NumberTable::Hash hash, TimeUs time_us) const;
    void free_forgotten();
    Event& emit(EventKind kind) {
        Event& event = events_.emplace_back();
        event.kind = kind;
        event.time_us = now_us_;
        event.sequence = sequence_;
        return event;
    }
    CallId find_call(std::string_view name, NumberTable::Hash hash) const;
    AgentId find_agent(std::string_view name, NumberTable::Hash hash) const;
    std::int64_t count_agents(StageId stage, ChannelId channel) const;
    Id add_text(std::string text);
    void reject(RejectReason reason, std::string subject);
    template <class Kind>
    void reject(RejectReason reason, const Ref<Kind>& ref) {
        reject(reason, name_of(ref));
    }
    CallId resolve(const CallRef& ref) const {
        if (ref.id == NONE) return find_call(ref.name);
        ROUTER_CHECK(ref.id < calls_.size());
        return calls_[ref.id].known() ? ref.id : NONE;
    }
    AgentId resolve(const AgentRef& ref) const {
        if (ref.id == NONE) return find_agent(ref.name);
        ROUTER_CHECK(ref.id < agents_.size());
        return ref.id;
    }
    QueueId resolve(const QueueRef& ref) const {
        if (ref.id == NONE) return find_queue(ref.name);
        ROUTER_CHECK(ref.id < queues_.size());
        return queues_[ref.id].configured ? ref.id : NONE;
    }
    ChannelId resolve(const ChannelRef& ref) const {
        if (ref.id == NONE) return find_channel(ref.name);
        ROUTER_CHECK(ref.id < channels_.size());
        return channels_[ref.id].index == NONE ? NONE : ref.id;
    }
    const std::string& name_of(const CallRef& ref) const { return ref.id == NONE ? ref.name : calls_[ref.id].name; }
    const std::string& name_of(const AgentRef& ref) const { return ref.id == NONE ? ref.name : agents_[ref.id].name; }
    const std::string& name_of(const QueueRef& ref) const { return ref.id == NONE ? ref.name : queues_[ref.id].settings.name; }
    const std::string& name_of(const ChannelRef& ref) const { return ref.id == NONE ? ref.name : channels_[ref.id].name; }
    void apply_renames() {
        if (skills_.has_renamed()) take_renamed_agents();
    }
    void take_renamed_agents();
    RequirementId intern(const RequirementSpec& spec);
    RequirementId intern(const RequirementRef& given) { return given.id == NONE ? intern(*given.spec) : share(given.id); }
    RequirementId share(RequirementId requirement);
    bool has_room_for(const RequirementRef& given) const;
    void release_requirement(RequirementId requirement);

    // engine_deadlines.cpp
    void expire_offer(CallId id);
    void end_hold(CallId id);
    void reach_step(CallId id);
    void end_bar(CallId id, std::uint64_t offer);
    void become_overdue(CallId id);
    void meet_wait_limit(CallId id);

    // engine_agents.cpp
    void handle(const SignIn& command);
    void handle(const SignOut& command);
    void handle(const SetAvailability& command);
    void handle(const UpdateAgent& command);
    void make_ready(AgentId id, const SetAvailability& command);
    void make_not_ready(AgentId id, const std::string& reason);
    void sign_out(AgentId id, bool no_answer);
    std::vector<CallId> take_offers_back(AgentId id, WithdrawalCause cause);
    bool resolve_capacity(const Capacities& given, std::array<std::uint16_t, CHANNELS_MAX>& capacity);
    bool capacity_suffices(const Agent& agent, const std::array<std::uint16_t, CHANNELS_MAX>& capacity) const;
    void set_availability(AgentId id, Availability availability);
    void set_profile(AgentId id, ProfileId profile);
    // Bring occupancy up to now, before something that rules it changes.
    void touch(Agent& agent) {
        if (agent.occupancy_at_us != now_us_) bring_occupancy_up(agent);
    }
    void bring_occupancy_up(Agent& agent);
    Engagement& add_engagement(AgentId id, const Call& call, CallId call_id);
    void release(AgentId id, std::uint64_t offer, bool sets_idle);
    void emit_availability(AgentId id);
    void learn_call(AgentId id, QueueId queue, TimeUs handle_us);
    void learn_outcome(AgentId id, QueueId queue, std::optional<bool> resolved, std::optional<std::uint8_t> satisfaction);
    Learned& learned_for(Agent& agent, QueueId queue);
    std::int64_t efficiency(const Learned& agent, const Learned& norm) const;

    // engine_calls.cpp
    void handle(const Enqueue& command);
    void handle(const UpdateCall& command);
    void handle(const Cancel& command);
    void handle(const Requeue& command);
    void handle(const Transfer& command);
    void handle(const TurnIntoCallback& command);
    void handle(const Detach& command);
    void handle(const Attach& command);
    CallId resolve_live_call(const CallRef& ref);
    CallId allocate_call(const std::string& name, NumberTable::Hash hash);
    std::vector<AgentId> known_agents(const Names& names) const;
    void start_hold(Call& call, TimeUs hold_us);
    void admit(CallId id);
    void overflow(CallId id, LimitCause cause);
    void order_lines();
    void enter_waiting(CallId id);
    void leave_waiting(CallId id);
    void leave_agents(CallId id);
    void assess(Call& call);
    void refresh(CallId id);
    void set_timers(CallId id);
    void cancel_timers(Call& call);
    void drop_bars(Call& call);
    void set_detached(CallId id, bool detached);
    void finish(CallId id, CallState state);
    void replace_requirement(Call& call, RequirementId requirement, bool own);
    TimeUs due_us(const Call& call) const;
    StageId stage_of(const Call& call) const { return skills_.requirement(call.requirement).stages[call.step]; }

    // engine_offers.cpp
    void handle(const Accept& command);
    void handle(const Reject& command);
    void handle(const Assign& command);
    void handle(const Complete& command);
    void handle(const EndWrapUp& command);
    void handle(const RecordOutcome& command);
    CallId resolve_offer(std::uint64_t offer);
    void present(CallId call, AgentId agent);
    void assign(CallId call, AssignmentCause cause);
    void withdraw(CallId call, WithdrawalCause cause);
    void close_offer(const Call& call);
    Engagement& engagement_of(const Call& call);
    void end_engagement(CallId call, AgentId agent, std::uint64_t offer, QueueId queue);
    void close_wrap_up(AgentId agent, std::uint64_t offer);
    void end_wrap_up(AgentId agent, std::uint64_t offer);
    void bar(Call& call, AgentId agent);
    void remember_customer(const Call& call);

    // engine_configure.cpp
    void handle(const Configure& command);
    void handle(const PauseQueue& command);
    void handle(const ResumeQueue& command);
    void handle(const Advance&) {}
    bool check_configure(const Configure& command);
    bool channel_in_use(ChannelId channel) const;
    void sample_agents_losing_channels(const Settings& settings);
    void move_call(CallId call, QueueId target);
    void install(const Settings& settings);
    void install_queues();
    void install_channels();
    void rebuild_agent_index();
    std::vector<CallId> waiting_calls_by_rank() const;
    void serve_resumed(QueueId queue);

    // engine_fork.cpp
    void resume_forked();
    void rewind_agents(const Engine& start);

    // engine_restart.cpp
    void handle(const Restart& command);
    std::vector<CallId> take_due_offers_back(TimeUs downtime_us);
    void postpone(Engagement& offer, TimeUs by_us);
    void extend_limits(TimeUs downtime_us);

    // engine_match.cpp
    bool may_take(const Agent& agent, AgentId agent_id, const Call& call, bool heed_pauses) const;
    bool may_have(const Agent& agent, AgentId agent_id, const Call& call, std::uint16_t open, bool heed_pauses) const;
    AgentScale agent_scale(const Call& call) const;
    AgentScore preferred_score(AgentId id, const Call& call) const;
    CallScore call_score(const CallSeat& seat, AgentId agent_id) const;
    AgentId best_agent(const Call& call, Decision* decision) const;
    CallId best_call(AgentId agent, Decision* decision) const;
    template <class Judge>
    void judge_agents(const Call& call, bool heed_pauses, Judge& judge, Statistics& counted) const;
    template <class Judge>
    void judge_calls(AgentId agent, std::uint16_t open, bool heed_pauses, Judge& judge, Statistics& counted) const;
    void seek(CallId call);
    AgentId choose_agent(CallId call);
    void serve(AgentId agent, std::span<const CallId> settling);
    void settle(AgentId agent, std::span<const CallId> calls, bool refreshing = true);
    void close_if_free(AgentId agent);
    std::vector<CallId> return_to_waiting(std::span<const CallId> calls, bool refreshing);
    std::array<std::int64_t, AGENT_TERMS> agent_terms(const Call& call, AgentId agent_id) const;
    std::array<std::int64_t, CALL_TERMS> call_terms(const Call& call, AgentId agent_id) const;
    Wide agent_total(const Call& call, AgentId agent_id) const;
    std::int64_t waiting_total(const Call& call, AgentId agent_id, bool affinity) const;
    std::int64_t age_ppm(const Call& call) const;
    std::int64_t deadline_ppm(const Call& call) const;
    TimeUs target_us(const Call& call) const;

    // engine_explain.cpp
    std::uint32_t obstacle_bits(const Call& call, AgentId agent_id) const;
    void explain(Decision& decision, CallId winner, AgentId winning_agent, CallId runner_up, AgentId runner_up_agent) const;
    Candidate describe_agent(const Call& call, AgentId agent_id) const;
    Candidate describe_call(const Call& call, AgentId agent_id) const;
    std::string agent_difference(const Call& call, AgentId winner, AgentId loser, const Decision& decision) const;
    std::string call_difference(const Call& winner, const Call& loser, const Decision& decision) const;
    void keep(Call& call, Decision decision);

    // engine_audit.cpp
    void audit_call(CallId id) const;
    void audit_agent(AgentId id) const;
    void audit_counts() const;
    void audit_requirements() const;
    void audit_at_rest() const;

    Settings settings_;
    SkillMatrix skills_;
    std::vector<RequirementId> held_requirements_;
    std::vector<Queue> queues_;
    NameMap<QueueId> queue_ids_;
    std::vector<Channel> channels_;
    NameMap<ChannelId> channel_ids_;
    std::vector<Agent> agents_;
    NumberTable agent_ids_;  // by name
    AgentIndex agent_index_;
    std::vector<Call> calls_;
    std::vector<CallId> free_calls_;
    NumberTable call_ids_;  // by name, of those that have one
    CallIndex call_index_;
    TextPool wrapped_up_;  // names of calls in wrap-up
    std::int64_t live_calls_ = 0;
    Mark settings_mark_;
    std::vector<QueueId> resuming_;    // in a fork before its first command: what it has resumed
    std::deque<CallId> finished_;     // oldest first
    std::vector<CallId> forgotten_;   // nameless already, freed at the next command
    TimerQueue timers_;
    std::uint64_t next_offer_ = 1;
    OfferTable offers_;
    Customers customers_;
    RequestMemory requests_;
    Request request_;  // scratch: the one in hand

    std::uint64_t sequence_ = 0;
    TimeUs time_us_ = 0;  // of the last command
    TimeUs restarted_us_ = 0;  // end of the last downtime
    TimeUs now_us_ = 0;   // of the deadline or command in hand
    bool broken_ = false;

    // Of the last command only.
    std::vector<Event> events_;
    std::vector<std::string> texts_;
    TimeUs downtime_us_ = 0;  // since the one before
    RejectReason rejection_ = RejectReason::none;
    std::string rejected_subject_;
    CallId result_call_ = NONE;
    std::vector<Decision> last_decisions_;
    mutable Statistics statistics_;  // counting is no change of state
};

// A copy is an engine of its own, with the same state and the same numbers for everything.
static_assert(std::is_copy_constructible_v<Engine> && std::is_copy_assignable_v<Engine>);

// Agents, queues and channels keep their numbers; calls get new ones: 0, 1, …, first those that wait.
struct Fork {
    Engine engine;
    std::vector<CallId> live;              // by the fork's number: the one in the engine that it is taken of
    std::vector<std::int64_t> positions;   // by the fork's number; of those that wait, as position() has them
};

}  // namespace router
