// Fixed work for the engine, to count its instructions: the same commands in every run, drawn from a seed.
//
// usage: fixed_work decisions | snapshots. Prints the name, a count of events or bytes, and a digest, by which a run
// proves that it did the work. (Offers and wrap-ups are engine_life's.)
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

#include "engine.hpp"

namespace {

using namespace router;

constexpr TimeUs START_US = 1'700'000'000'000'000;
constexpr int SKILLS = 40;
constexpr int QUEUES = 50;
constexpr int PROFILES = 50;

std::string name_of(const char* kind, int number) {
    return kind + std::to_string(number);
}

Settings settings_of() {
    std::mt19937 random(5);
    Settings settings;
    for (int number = 0; number < QUEUES; ++number) {
        QueueSettings queue;
        queue.name = name_of("queue", number);
        const std::string skill = name_of("skill", static_cast<int>(random() % SKILLS));
        queue.requirement.steps[0].terms = {TermSpec{TermKind::skill, {{skill, static_cast<std::uint8_t>(1 + random() % 3)}}, ""}};
        queue.target_us.fill(20'000'000);
        queue.max_overtake_wait_us.fill(600'000'000);
        queue.automatic = true;
        queue.offer_timeout_us = 20'000'000;
        queue.agent_weights = {1000, 500, 1000, 500, 2000, 1000};
        queue.call_weights = {1000, 1000, 500, 500, 250, 1000};
        settings.queues.push_back(queue);
    }
    settings.channels = {{"voice", true}};
    settings.idle_scale_us = 60'000'000;
    settings.occupancy_half_life_us = 1'800'000'000;
    settings.efficiency = {10, 1000, 1000, 1000};
    settings.finished_retention_us = 60'000'000;
    settings.requests_max = settings.customers_max = 1;
    settings.agents_max = settings.calls_max = settings.requirements_max = 1'000'000;
    return settings;
}

// A centre with agents of fifty profiles, and callers of fifty queues; when nobody is free a talk ends.
class Centre {
public:
    explicit Centre(int agents) {
        engine.apply(Configure{settings_of(), {}}, now_us_);
        for (int agent = 0; agent < agents; ++agent) {
            std::mt19937 random(static_cast<unsigned>(agent % PROFILES));
            Skills skills;
            const int first = static_cast<int>(random() % SKILLS);
            for (int more = 0; more < 8; ++more) {
                skills.emplace_back(name_of("skill", (first + more * 5) % SKILLS), static_cast<std::uint8_t>(1 + random() % 9));
            }
            take(SignIn{AgentRef(name_of("agent", agent)), skills, {}, true});
        }
    }

    void enqueue() {
        Enqueue enqueue;
        enqueue.call = name_of("call", calls_);
        enqueue.queue = QueueRef(name_of("queue", calls_++ % QUEUES));
        enqueue.channel = ChannelRef("voice");
        take(enqueue);
    }

    void complete_oldest() { take(Complete{CallRef(name_of("call", first_talk_++))}); }

    Engine engine;
    std::uint64_t events = 0;
    std::uint64_t digest = 0;

private:
    void take(const Command& command) {
        engine.apply(command, now_us_ += 1000);
        events += engine.events().size();
        for (const Event& event : engine.events()) {
            digest = digest * 1099511628211u + static_cast<std::uint64_t>(event.kind) + 31 * event.agent + 7 * event.call;
        }
    }

    TimeUs now_us_ = START_US;
    int calls_ = 0;
    int first_talk_ = 0;
};

void print(const char* what, std::uint64_t count, std::uint64_t digest) {
    std::printf("%s %llu %llu\n", what, static_cast<unsigned long long>(count), static_cast<unsigned long long>(digest));
}

// Idle agents: a call comes and is assigned, the oldest talk ends.
void decisions() {
    Centre centre(1'000);
    for (int call = 0; call < 8'000; ++call) {
        centre.enqueue();
        if (call >= 500) centre.complete_oldest();
    }
    centre.engine.audit();
    print("decisions", centre.events, centre.digest);
}

// More calls than agents, the whole state written and read again.
void snapshots() {
    Centre centre(500);
    for (int call = 0; call < 2'000; ++call) centre.enqueue();
    std::size_t bytes = 0;
    for (int round = 0; round < 4; ++round) {
        const std::string snapshot = centre.engine.snapshot();
        Engine restored;
        restored.restore(snapshot);
        if (restored.snapshot() != snapshot) std::abort();
        bytes += snapshot.size();
    }
    print("snapshots", bytes, centre.digest);
}

}  // namespace

int main(int count, char** words) {
    if (count == 2 && std::strcmp(words[1], "decisions") == 0) {
        decisions();
    } else if (count == 2 && std::strcmp(words[1], "snapshots") == 0) {
        snapshots();
    } else {
        std::fprintf(stderr, "usage: fixed_work decisions | snapshots\n");
        return 2;
    }
    return 0;
}
