// The loop: what comes next, whose turn it is, and when it is over.
#include "run.hpp"

#include <algorithm>

namespace router::simulation {

namespace {

constexpr std::uint64_t AT_ONE_INSTANT_MAX = 1'000'000;  // besides two for each agent
constexpr TimeUs DAY_US = TimeUs{24} * 3600 * 1'000'000;
constexpr int STEPS_BETWEEN_LOOKS = 1024;

std::string in_words(TimeUs duration_us) { return std::to_string(duration_us / 1'000'000) + " s"; }

RecorderPlan recorder_plan(const Engine& engine, const Scenario& scenario) {
    RecorderPlan plan;
    plan.from_us = scenario.epoch_us + scenario.warm_up_us;
    plan.until_us = scenario.epoch_us + scenario.end_us();
    for (const Callers& callers : scenario.callers) plan.queue_of.push_back(engine.find_queue(callers.queue));
    for (std::uint32_t group = 0; group < scenario.groups.size(); ++group) {
        plan.group_of.insert(plan.group_of.end(), scenario.groups[group].agents.size(), group);
    }
    plan.groups = scenario.groups.size();
    plan.slices = scenario.slices;
    return plan;
}

}  // namespace

Run::Run(Engine& engine, Scenario scenario)
    : engine_(engine), scenario_(std::move(scenario)), configure_(scenario_.configure),
      end_us_(scenario_.epoch_us + scenario_.end_us()), patience_us_(DAY_US), at_one_instant_max_(AT_ONE_INSTANT_MAX) {
    TimeUs cycle_us = 0;
    TimeUs last_shift_us = 0;
    for (const AgentGroup& group : scenario_.groups) {
        cycle_us = std::max(cycle_us, Shifts::cycle_us(group));
        if (!group.shifts.empty()) last_shift_us = std::max(last_shift_us, group.shifts.back().first);
        at_one_instant_max_ += 2 * group.agents.size();
    }
    TimeUs longest_us = 0;
    for (const QueueSettings& queue : scenario_.configure.settings.queues) {
        longest_us = std::max({longest_us, queue.offer_timeout_us, queue.wrap_up_us});
    }
    comes_and_goes_ = cycle_us > 0;
    patience_us_ += cycle_us + longest_us;
    all_came_us_ = std::max(end_us_, scenario_.epoch_us + last_shift_us);
    time_us_ = scenario_.epoch_us;
}

bool Run::step() {
    if (over_ || !choose()) return false;
    engine_.apply(*command_, time_us_);
    follow();
    return true;
}

bool Run::run() {
    while (!cancelled_.load(std::memory_order_relaxed)) {
        for (int count = 0; count < STEPS_BETWEEN_LOOKS; ++count) {
            if (!step()) return true;
        }
        reached_us_.store(time_us_ - scenario_.epoch_us, std::memory_order_relaxed);
    }
    return false;
}

bool Run::choose() {
    if (start()) return true;
    command_ = centre_->follow_up();
    if (command_ == nullptr && hunter_) [[unlikely]] command_ = hunter_->next();
    if (command_ != nullptr) return true;
    const TimeUs next_us = centre_->next_us();
    const TimeUs deadline_us = engine_.next_deadline();
    // A deadline at the same time goes first: it may change what callers and agents do.
    const bool deadline_first = deadline_us != NEVER && (next_us == NEVER || deadline_us <= next_us);
    const TimeUs time_us = deadline_first ? deadline_us : next_us;
    if (time_us == NEVER || (time_us >= end_us_ && is_over(time_us))) [[unlikely]] {
        finish();
        return false;
    }
    if (time_us != time_us_) {
        time_us_ = time_us;
        at_this_instant_ = 0;
    } else if (++at_this_instant_ > at_one_instant_max_) [[unlikely]] {
        fail_for_want_of_progress();
    }
    command_ = deadline_first ? &advance_ : &centre_->take();
    return true;
}

// The first commands: the settings, and with hunting a pause of every queue.
bool Run::start() {
    if (!configured_) [[unlikely]] {
        command_ = &configure_;
        return true;
    }
    if (to_pause_.empty()) [[likely]] return false;
    std::get<PauseQueue>(pause_).queue.id = to_pause_.back();
    to_pause_.pop_back();
    command_ = &pause_;
    return true;
}

bool Run::is_over(TimeUs next_us) const {
    if (scenario_.ending == Ending::cut) return true;
    const bool nobody_left = centre_->live() == 0 && !centre_->in_wrap_up() && engine_.next_deadline() == NEVER;
    return (comes_and_goes_ && nobody_left) || is_stuck(next_us);
}

// Calls are left that nobody takes, though agents come and go, or let them ring.
bool Run::is_stuck(TimeUs next_us) const {
    return centre_->live() > 0 && !centre_->sure_of_more() && next_us > std::max(all_came_us_, centre_->progress_us()) + patience_us_;
}

void Run::follow() {
    if (!configured_) [[unlikely]] {
        fail_on_rejection();
        configured_ = true;
        recorder_.emplace(engine_, recorder_plan(engine_, scenario_));
        centre_.emplace(scenario_, engine_, *recorder_);
        if (scenario_.hunting) {
            hunter_.emplace(*scenario_.hunting, engine_, scenario_.seed, scenario_.replication);
            to_pause_ = engine_.queues_by_name();
            std::reverse(to_pause_.begin(), to_pause_.end());
        }
    }
    const std::vector<Event>& events = engine_.events();
    if (std::holds_alternative<SignIn>(*command_)) centre_->introduce(events);
    if (!events.empty() && events.front().kind == EventKind::command_rejected) [[unlikely]] fail_on_rejection();
    recorder_->follow(events);
    centre_->observe(events);
    if (hunter_) hunter_->observe(events);
}

void Run::fail_on_rejection() const {
    for (const Event& event : engine_.events()) {
        if (event.kind != EventKind::command_rejected) continue;
        const auto reason = static_cast<RejectReason>(event.code);
        const std::string after = "after " + in_words(time_us_ - scenario_.epoch_us);
        if (reason == RejectReason::too_many_calls) {
            throw RunFailed(after + " there are more calls at once than calls_max, " +
                            std::to_string(engine_.settings().calls_max) +
                            "; more agents, patience or a limit of the queue (waiting_max) would keep them fewer");
        }
        if (reason == RejectReason::too_many_requirements) {
            throw RunFailed("there are more different requirements than requirements_max, " +
                            std::to_string(engine_.settings().requirements_max) + "; a higher number is needed");
        }
        if (reason == RejectReason::too_many_agents) {
            throw RunFailed("there are more agents than agents_max, " + std::to_string(engine_.settings().agents_max) +
                            "; a higher number is needed");
        }
        throw RunFailed(after + " the engine rejected a command, with reason number " +
                        std::to_string(static_cast<int>(event.code)) + " about '" + engine_.text(event.text) + "'");
    }
}

void Run::fail_for_want_of_progress() const {
    throw RunFailed("the run does not get on: after " + in_words(time_us_ - scenario_.epoch_us) + " there are more than " +
                    std::to_string(at_one_instant_max_) + " commands at one instant; callers who call again at once, agents who " +
                    "reject every offer at once, or a very high rate may be the reason");
}

void Run::finish() {
    over_ = true;
    recorder_->finish(std::max(time_us_, end_us_));
}

}  // namespace router::simulation
