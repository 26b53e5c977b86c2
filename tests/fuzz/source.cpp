#include "source.hpp"

#include <algorithm>
#include <set>

namespace router::fuzz {

namespace {

constexpr TimeUs SECOND_US = 1'000'000;
constexpr TimeUs HOUR_US = 3600 * SECOND_US;
constexpr TimeUs KEEP_READY_ROUND_US = 60 * SECOND_US;  // the least time between two offers of a call to one agent
constexpr int AGENTS = 6;
constexpr int CALLS = 12;
const Names QUEUES{"cards", "complaints", "loans", "repayment"};
const Names CHANNELS{"chat", "desk", "email", "voice"};
const Names SKILLS{"cards", "chat", "fraud", "german", "loans"};
const Names CUSTOMERS{"carol", "dave", "erin"};

template <class Kind>
void give_number(Ref<Kind>& ref, Id number) {
    if (number != NONE) ref = Ref<Kind>::number(number);
}

}  // namespace

Command by_number(Command command, const Engine& engine) {
    std::visit(
        [&](auto& one) {
            if constexpr (requires { one.agent.id; }) give_number(one.agent, engine.find_agent(one.agent.name));
            if constexpr (requires { one.call.id; }) give_number(one.call, engine.find_call(one.call.name));
            if constexpr (requires { one.queue.id; }) give_number(one.queue, engine.find_queue(one.queue.name));
            if constexpr (requires { one.channel.id; }) give_number(one.channel, engine.find_channel(one.channel.name));
        },
        command);
    return command;
}

// ---- names ----

std::string Source::agent(const Engine& engine) {
    const std::vector<AgentId> known = engine.agents_by_name();
    if (known.empty() || chance(20)) return "a" + std::to_string(between(0, AGENTS - 1));
    return engine.agent(known[between(0, known.size() - 1)]).name;
}

std::string Source::call(const Engine& engine) {
    const std::vector<CallId> known = engine.calls_by_order();
    if (known.empty() || chance(5)) return "c" + std::to_string(between(0, CALLS - 1));
    return engine.call(known[between(0, known.size() - 1)]).name;
}

std::string Source::new_call(const Engine& engine) {
    const std::int64_t first = between(0, CALLS - 1);
    for (int step = 0; step < CALLS; ++step) {
        const std::string name = "c" + std::to_string((first + step) % CALLS);
        if (engine.find_call(name) == NONE) return name;
    }
    return chance(90) ? "new" + std::to_string(engine.sequence()) : "c" + std::to_string(first);
}

std::string Source::queue(const Engine& engine) {
    const std::vector<QueueId> known = engine.queues_by_name();
    if (known.empty() || chance(8)) return QUEUES[between(0, QUEUES.size() - 1)];
    return engine.queue(known[between(0, known.size() - 1)]).settings.name;
}

std::string Source::channel(const Engine& engine) {
    const std::vector<ChannelSettings>& known = engine.settings().channels;
    if (known.empty() || chance(5)) return CHANNELS[between(0, CHANNELS.size() - 1)];
    return known[between(0, known.size() - 1)].name;
}

std::uint64_t Source::offer(const Engine& engine) {
    std::vector<std::uint64_t> pending;
    for (const CallId id : engine.calls_by_order()) {
        if (engine.call(id).state == CallState::offered) pending.push_back(engine.call(id).offer);
    }
    if (pending.empty() || chance(5)) return between(0, 40);
    return pending[between(0, pending.size() - 1)];
}

std::string Source::wrapping_agent(const Engine& engine) {
    for (const AgentId id : engine.agents_by_name()) {
        for (const Engagement& engagement : engine.agent(id).engagements) {
            if (engagement.state == EngagementState::wrap_up && chance(80)) return engine.agent(id).name;
        }
    }
    return agent(engine);
}

Names Source::agents() {
    Names names(pick({0, 0, 1, 1, 2, 3}));
    for (std::string& name : names) name = "a" + std::to_string(between(0, AGENTS));
    return names;
}

// ---- parts ----

TimeUs Source::duration(TimeUs least) {
    return std::max(least, pick<TimeUs>({0, 1, SECOND_US, 2 * SECOND_US, 5 * SECOND_US, 20 * SECOND_US, HOUR_US, DURATION_US_MAX}));
}

Skills Source::skills() {
    Skills skills;
    for (const std::string& skill : SKILLS) {
        if (chance(50)) skills.emplace_back(skill, pick({5, 5, 10, 3, 2, 1}));
    }
    return skills;
}

Capacities Source::capacity() {
    Capacities capacity;
    for (const std::string& channel : CHANNELS) {
        if (chance(25)) capacity.emplace_back(channel, pick({1, 1, 2, 3, 1000}));
    }
    return capacity;
}

SkillAtLeast Source::skill_term() {
    return {SKILLS[between(0, SKILLS.size() - 1)], pick<std::uint8_t>({1, 1, 2, 3, 5, 10})};
}

TermSpec Source::term() {
    TermSpec spec;
    spec.kind = pick({TermKind::skill, TermKind::skill, TermKind::any_of, TermKind::agent});
    if (spec.kind == TermKind::agent) {
        spec.agent = "a" + std::to_string(between(0, AGENTS - 1));
        return spec;
    }
    spec.alternatives.resize(spec.kind == TermKind::skill ? 1 : between(1, 3));
    for (SkillAtLeast& alternative : spec.alternatives) alternative = skill_term();
    return spec;
}

StepSpec Source::step(TimeUs after_us) {
    StepSpec spec;
    spec.after_us = after_us;
    spec.terms.resize(pick({0, 0, 1, 1, 2, 3}));
    for (TermSpec& one : spec.terms) one = term();
    spec.preferences.resize(pick({0, 0, 1, 2}));
    for (PreferenceSpec& one : spec.preferences) one = {SKILLS[between(0, SKILLS.size() - 1)], pick<std::uint8_t>({1, 5, 10})};
    return spec;
}

RequirementSpec Source::requirement() {
    RequirementSpec spec;
    spec.steps.clear();
    TimeUs after_us = 0;
    for (auto steps = pick({1, 1, 1, 2, 3, 4}); steps > 0 && after_us <= DURATION_US_MAX; --steps) {
        spec.steps.push_back(step(after_us));
        after_us += pick<TimeUs>({1, SECOND_US, 5 * SECOND_US, HOUR_US, DURATION_US_MAX});
    }
    return spec;
}

std::int64_t Source::weight() {
    return pick<std::int64_t>({0, 0, 1, 500, 1000, 1000, 3000, 1'000'000});
}

TimeUs Source::bound() {
    return pick<TimeUs>({NEVER, 600 * SECOND_US, 30 * SECOND_US, 3 * SECOND_US, 0, DURATION_US_MAX});
}

// ---- settings ----

QueueSettings Source::queue_settings(const std::string& name, const Names& names) {
    QueueSettings queue;
    queue.name = name;
    if (chance(60)) queue.requirement = requirement();
    for (TimeUs& target : queue.target_us) target = duration(SECOND_US);
    for (TimeUs& most : queue.max_overtake_wait_us) most = bound();
    queue.automatic = chance(25);
    queue.offer_timeout_us = duration(1);
    queue.no_answer_action = pick({NoAnswerAction::not_ready, NoAnswerAction::keep_ready, NoAnswerAction::sign_out});
    queue.reject_backoff_us = duration();
    if (queue.no_answer_action == NoAnswerAction::keep_ready) {
        queue.offer_timeout_us = std::max(queue.offer_timeout_us, KEEP_READY_ROUND_US);
    }
    queue.wrap_up_mode = pick({WrapUpMode::none, WrapUpMode::fixed, WrapUpMode::manual});
    queue.wrap_up_us = duration(queue.wrap_up_mode == WrapUpMode::none ? 0 : 1);
    queue.preferred_hold_us = duration();
    queue.last_agent_preferred = chance(50);
    queue.last_agent_hold_us = duration();
    queue.waiting_max = pick<std::int64_t>({UNLIMITED, UNLIMITED, 0, 1, 2, 4});
    queue.wait_max_us = pick<TimeUs>({NEVER, NEVER, 0, 3 * SECOND_US, 60 * SECOND_US, DURATION_US_MAX});
    const std::string& overflow = names[between(0, names.size() - 1)];
    if (overflow != name) queue.overflow = overflow;
    for (std::int64_t& one : queue.agent_weights) one = weight();
    for (std::int64_t& one : queue.call_weights) one = weight();
    return queue;
}

Settings Source::settings() {
    Settings settings;
    Names names;
    for (const std::string& name : QUEUES) {
        if (chance(60)) names.push_back(name);
    }
    for (const std::string& name : names) settings.queues.push_back(queue_settings(name, names));
    for (const std::string& name : CHANNELS) {
        if (chance(60)) settings.channels.push_back({name, chance(50)});
    }
    if (settings.channels.empty()) settings.channels.push_back({"voice", true});
    settings.idle_scale_us = pick<TimeUs>({60 * SECOND_US, SECOND_US, 7, 1, DURATION_US_MAX});
    settings.occupancy_half_life_us = pick<TimeUs>({1800 * SECOND_US, 10 * SECOND_US, 3'000'017, 1, DURATION_US_MAX});
    settings.efficiency.prior_calls = pick({10, 1, 10'000});
    settings.efficiency.handle_time = weight();
    settings.efficiency.resolution = weight();
    settings.efficiency.satisfaction = weight();
    settings.finished_retention_us = duration(1);
    settings.customer_retention_us = duration();
    settings.customers_max = pick({1000, 2, 1, 0});
    settings.request_retention_us = duration(1);
    settings.requests_max = pick({1000, 3, 1});
    settings.agents_max = pick({1000, 1000, 1000, 3});
    settings.calls_max = pick({1000, 1000, 1000, 12, 2});
    settings.requirements_max = pick({100'000, 100'000, 8, 3, 1});
    return settings;
}

// ---- commands ----

Command Source::command(const Engine& engine) {
    const auto percent = between(0, 99);
    if (percent < 20) return about_agents(engine);
    if (percent < 60) return about_calls(engine);
    if (percent < 90) return about_offers(engine);
    return about_settings(engine);
}

Command Source::about_agents(const Engine& engine) {
    const std::string reason = pick({"", "lunch"});
    switch (between(0, 6)) {
        case 0:
        case 1:
        case 2: return SignIn{"a" + std::to_string(between(0, AGENTS - 1)), skills(), capacity(), !chance(15)};
        case 3: return SignOut{agent(engine)};
        case 4: return SetAvailability{agent(engine), true, reason, chance(50)};
        case 5: return SetAvailability{agent(engine), false, reason, chance(50)};
        default: return UpdateAgent{agent(engine), maybe(60, skills()), maybe(50, capacity())};
    }
}

Enqueue Source::enqueue(const Engine& engine) {
    Enqueue command;
    command.call = new_call(engine);
    command.queue = queue(engine);
    command.channel = channel(engine);
    if (chance(35)) command.requirement = requirement();
    command.urgency = pick({Urgency::normal, Urgency::normal, Urgency::important, Urgency::urgent});
    command.priority = pick({0, 0, 1, 9});
    command.preferred_agents = agents();
    command.hold_us = maybe(40, duration());
    command.credited_wait_us = chance(30) ? duration() : 0;
    if (chance(50)) command.customer = CUSTOMERS[between(0, CUSTOMERS.size() - 1)];
    if (chance(10)) command.attributes = {{"language", "de"}};
    command.callback = chance(10);
    command.explain = chance(20);
    return command;
}

Command Source::about_calls(const Engine& engine) {
    switch (between(0, 11)) {
        case 0:
        case 1:
        case 2:
        case 3: return enqueue(engine);
        case 4: {
            UpdateCall command;
            command.call = call(engine);
            command.urgency = maybe(40, pick({Urgency::normal, Urgency::important, Urgency::urgent}));
            command.priority = maybe(40, static_cast<std::uint8_t>(between(0, 9)));
            if (chance(40)) command.requirement = requirement();
            if (chance(40)) command.preferred_agents = agents();
            if (chance(10)) command.attributes = Attributes{{"language", "fr"}};
            return command;
        }
        case 5: return Cancel{call(engine), "gone"};
        case 6: return Requeue{call(engine), chance(60), ""};
        case 7: {
            Transfer command;
            command.call = call(engine);
            command.queue = queue(engine);
            command.keep_place = chance(60);
            if (chance(30)) command.requirement = requirement();
            if (chance(50)) command.preferred_agents = agents();
            command.hold_us = maybe(40, duration());
            return command;
        }
        case 8: return Assign{call(engine), agent(engine)};
        case 9: return TurnIntoCallback{call(engine)};
        case 10: return Detach{call(engine)};
        default: return Attach{call(engine)};
    }
}

Command Source::about_offers(const Engine& engine) {
    switch (between(0, 8)) {
        case 0:
        case 1:
        case 2: return Accept{offer(engine)};
        case 3:
        case 4: return Reject{offer(engine), "busy"};
        case 5:
        case 6: return Complete{call(engine)};
        case 7: return EndWrapUp{wrapping_agent(engine), chance(30) ? call(engine) : ""};
        default: {
            RecordOutcome command;
            command.call = call(engine);
            command.resolved = maybe(60, chance(50));
            if (!command.resolved || chance(50)) command.satisfaction = static_cast<std::uint8_t>(between(1, 5));
            if (chance(40)) command.agent = agent(engine);
            if (chance(40)) command.queue = queue(engine);
            return command;
        }
    }
}

Command Source::about_settings(const Engine& engine) {
    switch (between(0, 7)) {
        case 0:
        case 1: {
            Configure command;
            command.settings = settings();
            for (const std::string& name : QUEUES) {
                if (chance(60)) command.moves.emplace_back(name, queue(engine));
            }
            return command;
        }
        case 2: return PauseQueue{queue(engine)};
        case 3:
        case 4: return ResumeQueue{queue(engine)};
        case 5: return Restart{};
        default: return Advance{};
    }
}

// ---- time ----

TimeUs Source::time_after(const Engine& engine) {
    const TimeUs now_us = engine.time_us();
    const TimeUs deadline_us = std::max(engine.next_deadline(), now_us);
    TimeUs next_us = now_us;
    switch (between(0, 9)) {
        case 0:
        case 1:
        case 2:
        case 3: next_us = now_us + between(0, 3 * SECOND_US); break;
        case 4: next_us = deadline_us; break;
        case 5: next_us = deadline_us + pick<TimeUs>({-1, 1}); break;
        case 6: next_us = now_us + between(0, HOUR_US); break;
        default: break;
    }
    return std::clamp(next_us, now_us, std::min(now_us + 2 * HOUR_US, TIME_US_MAX));
}

}  // namespace router::fuzz
