// What running an engine ahead costs: taking a fork, and setting it back to its start after a stretch of life, in a busy
// centre that remembers much.
//
// usage: fork_life [REMEMBERED [ROUNDS]]. One line per centre: its name, microseconds per fork, per copy of a fork and per
// rewind (the best of the rounds), nanoseconds per command of the life in between, and the number of events of one such life,
// which is the same after each rewind, or the program fails.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "engine.hpp"

namespace {

using namespace router;

constexpr TimeUs START_US = 1'700'000'000'000'000;
constexpr TimeUs SECOND_US = 1'000'000;
constexpr double TALK_S = 300;
constexpr int LIFE_COMPLETIONS = 100;

struct Centre {
    const char* name;
    std::uint32_t agents;
    std::uint32_t waiting;
    std::uint32_t queues;
    std::uint32_t profiles;
    bool balanced;  // the weights of the preset of that name, with learned efficiency; else oldest call to the longest idle
};

constexpr Centre CENTRES[] = {
    {"100_agents_100_waiting", 100, 100, 27, 60, false},
    {"100_agents_100_waiting_balanced", 100, 100, 27, 60, true},
    {"1000_agents_1000_waiting_balanced", 1000, 1000, 100, 300, true},
};

std::string skill_name(std::uint32_t queue) {
    return "skill" + std::to_string(queue);
}

Settings settings_of(const Centre& centre) {
    Settings settings;
    for (std::uint32_t number = 0; number < centre.queues; ++number) {
        QueueSettings queue;
        queue.name = "queue" + std::to_string(number);
        queue.requirement.steps[0].terms = {TermSpec{TermKind::skill, {{skill_name(number), 3}}, ""}};
        queue.requirement.steps.push_back({60 * SECOND_US, {TermSpec{TermKind::skill, {{skill_name(number), 1}}, ""}}, {}});
        queue.target_us.fill(20 * SECOND_US);
        queue.max_overtake_wait_us.fill(600 * SECOND_US);
        queue.automatic = true;
        queue.offer_timeout_us = 20 * SECOND_US;
        queue.wrap_up_mode = WrapUpMode::fixed;
        queue.wrap_up_us = 20 * SECOND_US;
        queue.agent_weights[AGENT_IDLE] = 1000;
        queue.call_weights[CALL_AGE] = 1000;
        if (centre.balanced) {
            queue.agent_weights = {1000, 500, 1000, 500, 2000, 1000};
            queue.call_weights = {1000, 1000, 500, 500, 250, 1000};
        }
        settings.queues.push_back(queue);
    }
    settings.channels = {{"chat", false}, {"voice", true}};
    settings.idle_scale_us = 60 * SECOND_US;
    settings.occupancy_half_life_us = 1800 * SECOND_US;
    settings.efficiency = {10, 1000, 1000, 1000};
    settings.finished_retention_us = settings.customer_retention_us = DURATION_US_MAX;
    settings.requests_max = settings.customers_max = 1'000'000;
    settings.agents_max = settings.calls_max = settings.requirements_max = 1'000'000;
    return settings;
}

// Callers come and are served until so many are remembered; then they come until so many wait.
class Past {
public:
    Past(const Centre& centre, std::uint32_t remembered) : centre_(centre) {
        engine.apply(Configure{settings_of(centre), {}}, now_us_);
        for (std::uint32_t agent = 0; agent < centre.agents; ++agent) {
            std::mt19937 random(agent % centre.profiles);
            Skills skills;
            for (int count = 0; count < 4; ++count) {
                const std::string skill = skill_name(static_cast<std::uint32_t>(random()) % centre.queues);
                const auto same = [&](const auto& entry) { return entry.first == skill; };
                if (std::none_of(skills.begin(), skills.end(), same)) skills.emplace_back(skill, 1 + random() % 5);
            }
            engine.apply(SignIn{AgentRef("agent" + std::to_string(agent)), skills, {{"voice", 1}}, true}, now_us_);
        }
        for (std::uint32_t call = 0; call < remembered; ++call) live(2.0 / centre.agents);
        while (waiting() < centre.waiting) live(0.5 / centre.agents);
        engine.audit();
    }

    Engine engine;

private:
    struct Talk {
        TimeUs end_us;
        std::string call;
        bool operator>(const Talk& other) const { return end_us > other.end_us; }
    };

    // One more call; then those talks end that end before the next.
    void live(double gap_share) {
        const std::string call = "call" + std::to_string(calls_++);
        Enqueue enqueue;
        enqueue.call = call;
        enqueue.queue = QueueRef("queue" + std::to_string(random_() % centre_.queues));
        enqueue.channel = ChannelRef("voice");
        enqueue.customer = "customer" + std::to_string(calls_ % 200'000);
        take(enqueue, now_us_);
        take_request();
        const TimeUs next_us = now_us_ + static_cast<TimeUs>(TALK_S * 1e6 * gap_share);
        while (!talks_.empty() && talks_.top().end_us <= next_us) {
            const Talk talk = talks_.top();
            talks_.pop();
            take(Complete{CallRef(talk.call)}, talk.end_us);
        }
        take(Advance{}, next_us);
    }

    void take_request() {
        engine.apply_request(Advance{}, now_us_, "pbx", std::to_string(calls_), "contents");
    }

    void take(const Command& command, TimeUs time_us) {
        now_us_ = time_us;
        engine.apply(command, time_us);
        for (const Event& event : engine.events()) {
            if (event.kind != EventKind::call_assigned) continue;
            talks_.push({now_us_ + 1 + static_cast<TimeUs>(talk_(random_) * 1e6), engine.call(event.call).name});
        }
    }

    std::size_t waiting() const {
        std::size_t count = 0;
        for (QueueId queue = 0; queue < centre_.queues; ++queue) count += engine.waiting_count(queue);
        return count;
    }

    const Centre& centre_;
    TimeUs now_us_ = START_US;
    std::uint64_t calls_ = 0;
    std::mt19937_64 random_{1};
    std::exponential_distribution<double> talk_{1 / TALK_S};
    std::priority_queue<Talk, std::vector<Talk>, std::greater<>> talks_;
};

struct Counted {
    std::uint64_t commands = 0;
    std::uint64_t events = 0;
    std::uint64_t digest = 0;
};

// The agents end their talks one after the other, as drawn.
Counted live_on(Engine& engine, int completions, std::uint32_t seed) {
    std::mt19937 random(seed);
    Counted counted;
    Command complete = Complete{};
    for (int count = 0; count < completions; ++count) {
        const auto& agent = engine.agent(static_cast<AgentId>(count) % 100);
        CallId call = NONE;
        for (const Engagement& engagement : agent.engagements) call = engagement.call;
        const TimeUs time_us = engine.time_us() + random() % SECOND_US;
        if (call == NONE) continue;
        std::get<Complete>(complete).call.id = call;
        engine.apply(complete, time_us);
        ++counted.commands;
        counted.events += engine.events().size();
        for (const Event& event : engine.events()) {
            counted.digest = counted.digest * 1099511628211u + event.offer * 31 + event.agent * 7 + static_cast<unsigned>(event.kind);
        }
    }
    return counted;
}

double micros_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

template <class Work>
double best_us(int rounds, Work&& work) {
    double best = 1e18;
    for (int round = 0; round < rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, micros_since(start));
    }
    return best;
}

int measure(const Centre& centre, std::uint32_t remembered, int rounds) {
    Past past(centre, remembered);
    const double fork_us = best_us(rounds, [&] { past.engine.fork({.offer_always = true}); });
    const Fork fork = past.engine.fork();
    Engine engine = fork.engine;
    engine.audit();
    const double copy_us = best_us(rounds, [&] { Engine copied = fork.engine; });
    double rewind_us = 1e18;
    double command_ns = 1e18;
    Counted first = live_on(engine, LIFE_COMPLETIONS, 7);
    for (int round = 0; round < rounds; ++round) {
        auto start = std::chrono::steady_clock::now();
        engine.rewind(fork.engine);
        rewind_us = std::min(rewind_us, micros_since(start));
        start = std::chrono::steady_clock::now();
        const Counted counted = live_on(engine, LIFE_COMPLETIONS, 7);
        command_ns = std::min(command_ns, 1000 * micros_since(start) / static_cast<double>(counted.commands));
        if (counted.digest != first.digest) {
            std::fprintf(stderr, "%s: another life after a rewind\n", centre.name);
            return 1;
        }
    }
    engine.audit();
    std::printf("%s fork %.1f copy %.1f rewind %.2f us, %.0f ns per command, %llu events\n", centre.name, fork_us, copy_us, rewind_us,
                command_ns, static_cast<unsigned long long>(first.events));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto remembered = static_cast<std::uint32_t>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000);
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 200;
    int failed = 0;
    for (const Centre& centre : CENTRES) failed |= measure(centre, remembered, rounds);
    return failed;
}
