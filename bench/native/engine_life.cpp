// What a customer's life costs the engine alone. Each workload is simulated once, to learn its commands; then the same
// commands, by number and at the same times, are put to fresh engines with nothing else around them.
//
// usage: engine_life CUSTOMERS [ROUNDS [WORKLOAD]]. One line per workload: its name, nanoseconds per customer (the best
// round), and the number of events, by which a run proves that it did the work.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "engine.hpp"

namespace {

using namespace router;

constexpr TimeUs START_US = 1'700'000'000'000'000;
constexpr TimeUs SERVICE_US = 100'000'000;
constexpr double LOAD = 0.8;

struct Workload {
    const char* name;
    int agents;
    int queues;          // each with a skill of its own, which every agent has
    bool balanced;       // the weights of the preset of that name, else none
    bool automatic;
    TimeUs wrap_up_us;
};

constexpr Workload WORKLOADS[] = {
    {"one_agent", 1, 1, false, true, 0},
    {"hundred_agents", 100, 1, false, true, 0},
    {"hundred_agents_offers_wrap_up", 100, 1, false, false, 20'000'000},
    {"balanced_four_queues_offers_wrap_up", 100, 4, true, false, 20'000'000},
};

struct Caller {
    TimeUs arrival_us;
    TimeUs service_us;
};

enum class StepKind : std::uint8_t { enqueue, accept, complete, advance };

struct Step {
    TimeUs time_us;
    std::uint64_t number;  // queue, offer or call
    StepKind kind;
};

std::vector<Caller> draw_callers(const Workload& workload, std::size_t number) {
    std::mt19937_64 random(1);
    const double held_us = static_cast<double>(SERVICE_US + workload.wrap_up_us);
    std::exponential_distribution<double> gap(LOAD * workload.agents / held_us);
    std::exponential_distribution<double> service(1.0 / static_cast<double>(SERVICE_US));
    std::vector<Caller> callers(number);
    double now_us = START_US;
    for (Caller& caller : callers) {
        now_us += gap(random);
        caller = {static_cast<TimeUs>(now_us), 1 + static_cast<TimeUs>(service(random))};
    }
    return callers;
}

std::string skill_name(int queue) {
    return "skill" + std::to_string(queue);
}

QueueSettings queue_of(const Workload& workload, int number) {
    QueueSettings queue;
    queue.name = "queue" + std::to_string(number);
    queue.requirement.steps[0].terms = {TermSpec{TermKind::skill, {{skill_name(number), 1}}, ""}};
    queue.target_us.fill(20'000'000);
    queue.max_overtake_wait_us.fill(workload.balanced ? 600'000'000 : NEVER);
    queue.automatic = workload.automatic;
    queue.offer_timeout_us = 20'000'000;
    queue.wrap_up_mode = workload.wrap_up_us > 0 ? WrapUpMode::fixed : WrapUpMode::none;
    queue.wrap_up_us = workload.wrap_up_us;
    if (workload.balanced) {
        queue.agent_weights = {1000, 500, 1000, 500, 2000, 1000};
        queue.call_weights = {1000, 1000, 500, 500, 250, 1000};
    }
    return queue;
}

Settings settings_of(const Workload& workload) {
    Settings settings;
    for (int number = 0; number < workload.queues; ++number) settings.queues.push_back(queue_of(workload, number));
    settings.channels = {{"voice", true}};
    settings.idle_scale_us = 60'000'000;
    settings.occupancy_half_life_us = 1'800'000'000;
    settings.efficiency = {10, 1000, 1000, 1000};
    settings.finished_retention_us = 1;
    settings.requests_max = settings.customers_max = 1;
    settings.agents_max = settings.calls_max = settings.requirements_max = 1'000'000'000;
    return settings;
}

void open_centre(Engine& engine, const Workload& workload) {
    engine.apply(Configure{settings_of(workload), {}}, START_US);
    Skills skills;
    for (int queue = 0; queue < workload.queues; ++queue) skills.emplace_back(skill_name(queue), 5);
    for (int agent = 0; agent < workload.agents; ++agent) {
        engine.apply(SignIn{"agent" + std::to_string(agent), skills, {}, true}, START_US);
    }
}

// One step after the other, into one engine; the command objects are used again and again.
class Player {
public:
    explicit Player(const Workload& workload) {
        open_centre(engine, workload);
        std::get<Enqueue>(enqueue_).channel.id = engine.find_channel("voice");
    }

    void play(const Step& step) {
        switch (step.kind) {
            case StepKind::enqueue:
                std::get<Enqueue>(enqueue_).queue.id = static_cast<QueueId>(step.number);
                engine.apply(enqueue_, step.time_us);
                break;
            case StepKind::accept:
                std::get<Accept>(accept_).offer = step.number;
                engine.apply(accept_, step.time_us);
                break;
            case StepKind::complete:
                std::get<Complete>(complete_).call.id = static_cast<CallId>(step.number);
                engine.apply(complete_, step.time_us);
                break;
            case StepKind::advance: engine.apply(advance_, step.time_us); break;
        }
        events += engine.events().size();
    }

    Engine engine;
    std::uint64_t events = 0;

private:
    Command enqueue_ = Enqueue{};
    Command accept_ = Accept{};
    Command complete_ = Complete{};
    Command advance_ = Advance{};
};

// Callers and agents as simple as can be: an offer is accepted at once, a call ends when its time is over.
class Rehearsal {
public:
    explicit Rehearsal(const Workload& workload) : workload_(workload), player_(workload) {}

    std::vector<Step> steps_of(const std::vector<Caller>& callers) {
        std::mt19937_64 random(2);
        for (const Caller& caller : callers) {
            run_until(caller.arrival_us);
            service_us_ = caller.service_us;
            take({caller.arrival_us, random() % static_cast<unsigned>(workload_.queues), StepKind::enqueue});
        }
        run_until(TIME_US_MAX);
        player_.engine.audit();
        return std::move(steps_);
    }

private:
    struct Ending {
        TimeUs time_us;
        CallId call;
        bool operator>(const Ending& other) const { return time_us > other.time_us; }
    };

    void run_until(TimeUs time_us) {
        while (true) {
            const TimeUs ending_us = endings_.empty() ? TIME_US_MAX : endings_.top().time_us;
            const TimeUs deadline_us = player_.engine.next_deadline();
            if (deadline_us != NEVER && deadline_us <= ending_us && deadline_us < time_us) {
                take({deadline_us, 0, StepKind::advance});
            } else if (ending_us < time_us) {
                const CallId call = endings_.top().call;
                endings_.pop();
                take({ending_us, call, StepKind::complete});
            } else {
                return;
            }
        }
    }

    void take(const Step& step) {
        steps_.push_back(step);
        player_.play(step);
        std::vector<std::uint64_t> offers;
        for (const Event& event : player_.engine.events()) {
            if (event.kind == EventKind::call_enqueued) service_of(event.call) = service_us_;
            if (event.kind == EventKind::call_assigned) endings_.push({step.time_us + service_of(event.call), event.call});
            if (event.kind == EventKind::offer_made) offers.push_back(event.offer);
        }
        for (const std::uint64_t offer : offers) take({step.time_us, offer, StepKind::accept});
    }

    TimeUs& service_of(CallId call) {
        if (services_us_.size() <= call) services_us_.resize(call + 1);
        return services_us_[call];
    }

    const Workload& workload_;
    Player player_;
    std::vector<Step> steps_;
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;
    std::vector<TimeUs> services_us_;  // by call
    TimeUs service_us_ = 0;            // of the one who comes now
};

}  // namespace

int main(int argc, char** argv) {
    const std::size_t customers = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 10;
    const std::string only = argc > 3 ? argv[3] : "";
    for (const Workload& workload : WORKLOADS) {
        if (!only.empty() && only != workload.name) continue;
        const std::vector<Step> steps = Rehearsal(workload).steps_of(draw_callers(workload, customers));
        double best_ns = 0;
        std::uint64_t events = 0;
        for (int round = 0; round < rounds; ++round) {
            Player player(workload);
            const auto start = std::chrono::steady_clock::now();
            for (const Step& step : steps) player.play(step);
            const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
            events = player.events;
            if (round == 0 || spent.count() < best_ns) best_ns = spent.count();
        }
        std::printf("%s %.1f %llu\n", workload.name, best_ns / static_cast<double>(customers),
                    static_cast<unsigned long long>(events));
    }
}
