// What a customer's life costs the engine alone: commands by number, with times drawn beforehand, and nothing else around it.
//
// usage: engine_life CUSTOMERS. One line per workload: its name, nanoseconds per customer (the best of some rounds), and a count
// of events by which a run proves that it did the work.
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
constexpr TimeUs SERVICE_US = 100'000'000;

struct Workload {
    const char* name;
    int agents;
    bool automatic;
    TimeUs wrap_up_us;
};

struct Caller {
    TimeUs arrival_us;
    TimeUs service_us;
};

struct Ending {
    TimeUs time_us;
    CallId call;
    std::uint64_t offer;
    bool operator>(const Ending& other) const { return time_us > other.time_us; }
};

std::vector<Caller> draw_callers(const Workload& workload, std::size_t number) {
    std::mt19937_64 random(1);
    const double held_us = static_cast<double>(SERVICE_US + workload.wrap_up_us);
    std::exponential_distribution<double> gap(0.8 * workload.agents / held_us);
    std::exponential_distribution<double> service(1.0 / static_cast<double>(SERVICE_US));
    std::vector<Caller> callers(number);
    double now_us = START_US;
    for (Caller& customer : callers) {
        now_us += gap(random);
        customer = {static_cast<TimeUs>(now_us), 1 + static_cast<TimeUs>(service(random))};
    }
    return callers;
}

Settings settings_of(const Workload& workload) {
    QueueSettings queue;
    queue.name = "queue";
    queue.target_us.fill(20'000'000);
    queue.max_overtake_wait_us.fill(NEVER);
    queue.automatic = workload.automatic;
    queue.offer_timeout_us = 20'000'000;
    queue.wrap_up_mode = workload.wrap_up_us > 0 ? WrapUpMode::fixed : WrapUpMode::none;
    queue.wrap_up_us = workload.wrap_up_us;
    Settings settings;
    settings.queues = {queue};
    settings.channels = {{"voice", true}};
    settings.idle_scale_us = 60'000'000;
    settings.occupancy_half_life_us = 1'800'000'000;
    settings.finished_retention_us = 1;
    settings.requests_max = settings.customers_max = 1;
    settings.agents_max = settings.calls_max = settings.requirements_max = 1'000'000'000;
    return settings;
}

class Driver {
public:
    explicit Driver(const Workload& workload) {
        engine_.apply(Configure{settings_of(workload), {}}, START_US);
        for (int agent = 0; agent < workload.agents; ++agent) {
            engine_.apply(SignIn{"agent" + std::to_string(agent), {}, {}, true}, START_US);
        }
        Enqueue enqueue;
        enqueue.queue.id = engine_.find_queue("queue");
        enqueue.channel.id = engine_.find_channel("voice");
        enqueue_ = enqueue;
    }

    std::uint64_t run(const std::vector<Caller>& callers) {
        service_us_.reserve(1024);
        for (const Caller& customer : callers) {
            complete_until(customer.arrival_us);
            service_now_us_ = customer.service_us;
            apply(enqueue_, customer.arrival_us);
        }
        complete_until(TIME_US_MAX);
        engine_.audit();
        return events_;
    }

private:
    void complete_until(TimeUs time_us) {
        while (true) {
            const TimeUs ending_us = endings_.empty() ? TIME_US_MAX : endings_.top().time_us;
            const TimeUs deadline_us = engine_.next_deadline();
            if (deadline_us != NEVER && deadline_us <= ending_us && deadline_us < time_us) {
                apply(advance_, deadline_us);
            } else if (ending_us < time_us) {
                std::get<Complete>(complete_).call.id = endings_.top().call;
                endings_.pop();
                apply(complete_, ending_us);
            } else {
                return;
            }
        }
    }

    void apply(const Command& command, TimeUs time_us) {
        engine_.apply(command, time_us);
        follow(time_us);
    }

    void follow(TimeUs time_us) {
        std::uint64_t offer = 0;
        events_ += engine_.events().size();
        for (const Event& event : engine_.events()) {
            switch (event.kind) {
                case EventKind::call_enqueued:
                    if (service_us_.size() <= event.call) service_us_.resize(event.call + 1);
                    service_us_[event.call] = service_now_us_;
                    break;
                case EventKind::call_assigned:
                    endings_.push({time_us + service_us_[event.call], event.call, event.offer});
                    break;
                case EventKind::offer_made: offer = event.offer; break;
                default: break;
            }
        }
        if (offer == 0) return;
        std::get<Accept>(accept_).offer = offer;
        apply(accept_, time_us);
    }

    Engine engine_;
    Command enqueue_;
    Command complete_ = Complete{};
    Command accept_ = Accept{};
    Command advance_ = Advance{};
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;
    std::vector<TimeUs> service_us_;  // by call
    TimeUs service_now_us_ = 0;
    std::uint64_t events_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const std::size_t number = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    const std::string only = argc > 2 ? argv[2] : "";
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 20;
    constexpr Workload WORKLOADS[] = {
        {"one_agent", 1, true, 0},
        {"hundred_agents", 100, true, 0},
        {"hundred_agents_offers_wrap_up", 100, false, 20'000'000},
    };
    for (const Workload& workload : WORKLOADS) {
        if (!only.empty() && only != workload.name) continue;
        const std::vector<Caller> callers = draw_callers(workload, number);
        double best_ns = 0;
        std::uint64_t events = 0;
        for (int round = 0; round < rounds; ++round) {
            const auto start = std::chrono::steady_clock::now();
            events = Driver(workload).run(callers);
            const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
            if (round == 0 || spent.count() < best_ns) best_ns = spent.count();
        }
        std::printf("%s %.1f %llu\n", workload.name, best_ns / static_cast<double>(number), static_cast<unsigned long long>(events));
    }
}
