// A coverage-guided fuzzer (libFuzzer) of the engine: bytes become commands, times, snapshots and forged snapshots.
//
// Keeps one invariant: whatever comes, the engine audits clean, a restored or copied engine that is told numbers instead of
// names goes on like the original, and a forged snapshot is refused or works. Any other outcome ends the process, and libFuzzer keeps the input.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "source.hpp"

namespace router::fuzz {

namespace {

constexpr int STEPS_MAX = 400;
constexpr int STEPS_PER_AUDIT = 8;
constexpr std::size_t CHECKSUM_BYTES = 8;
constexpr std::size_t MAGIC_BYTES = 4;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "FINDING: %s\n", what);
    std::abort();
}

void expect(bool holds, const char* what) {
    if (!holds) fail(what);
}

// The checksum of the format, so that only the meaning of forged bytes can be wrong.
std::string sealed(std::string content) {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char byte : content) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
    for (std::size_t byte = 0; byte < CHECKSUM_BYTES; ++byte) content.push_back(static_cast<char>(hash >> (8 * byte)));
    return content;
}

std::string name_of(const Engine& engine, const Event& event) {
    std::string text = std::to_string(static_cast<int>(event.kind)) + ' ' + std::to_string(event.code) + ' ' +
                       std::to_string(event.flag) + ' ' + std::to_string(event.time_us) + ' ' +
                       std::to_string(event.sequence) + ' ' + std::to_string(event.offer) + ' ' +
                       std::to_string(event.value) + ' ' + std::to_string(event.hold_until_us);
    if (event.call != NONE) text += " call " + engine.call(event.call).name;
    if (event.agent != NONE) text += " agent " + engine.agent(event.agent).name;
    if (event.queue != NONE) text += " queue " + engine.queue(event.queue).settings.name;
    if (event.from_queue != NONE) text += " from " + engine.queue(event.from_queue).settings.name;
    if (event.text != NONE) text += " text " + engine.text(event.text);
    if (event.call_text != NONE) text += " call " + engine.text(event.call_text);
    return text;
}

bool same(const Result& a, const Result& b) {
    return a.sequence == b.sequence && a.time_us == b.time_us && a.rejection == b.rejection && a.subject == b.subject &&
           a.about_call == b.about_call && a.call_state == b.call_state && a.queue == b.queue && a.agent == b.agent &&
           a.offer == b.offer;
}

// Everything that can be asked, of everything there is.
void read_all(Engine& engine) {
    for (const QueueId queue : engine.queues_by_name()) {
        const std::vector<CallId> line = engine.waiting(queue, 1000);
        expect(line.size() == engine.waiting_count(queue), "a queue's line and its count differ");
        for (std::size_t place = 0; place < line.size(); ++place) {
            expect(engine.position(line[place]) == static_cast<std::int64_t>(place + 1), "a position differs from the line");
        }
    }
    for (const CallId call : engine.calls_by_order()) {
        engine.count_obstacles(call);
        for (const AgentId agent : engine.agents_by_name()) engine.obstacles(call, agent);
    }
    engine.customers();
    TimeUs last_us = 0;
    for (std::size_t limit = 1; limit < 20; ++limit) {
        const TimeUs due_us = engine.due_time(TIME_US_MAX, limit);
        expect(due_us >= last_us, "a later deadline is due earlier");
        last_us = due_us;
    }
    const TimeUs first_us = engine.next_deadline();
    expect(first_us == NEVER || engine.due_time(TIME_US_MAX, 1) == std::min(first_us, TIME_US_MAX), "two first deadlines");
}

class Run {
public:
    explicit Run(Source& source) : source_(source) {}

    void run() {
        engine_ = std::make_unique<Engine>();
        engine_->tracing = source_.chance(30);
        apply(Configure{source_.settings(), {}}, source_.pick<TimeUs>({0, 1'700'000'000'000'000, TIME_US_MAX - 1'000'000}));
        for (int step = 1; step <= STEPS_MAX && !source_.empty(); ++step) {
            take_step();
            if (step % STEPS_PER_AUDIT == 0) check();
        }
        check();
    }

private:
    void take_step() {
        switch (source_.between(0, 19)) {
            case 0: twin_ = source_.chance(50) ? restored(engine_->snapshot()) : std::make_unique<Engine>(*engine_); break;
            case 1: forge(); break;
            case 2: go_back_in_time(); break;
            case 3: repeat_request(); break;
            case 4: count_agents(); break;
            case 5: read_all(*engine_); break;
            default: apply(source_.command(*engine_), source_.time_after(*engine_)); break;
        }
    }

    // Both machines, if there are two; the other one is told numbers instead of names.
    void apply(const Command& command, TimeUs time_us) {
        const std::uint64_t sequence = engine_->sequence();
        engine_->apply(command, time_us);
        expect(engine_->sequence() == sequence + 1, "a command was not numbered");
        expect(engine_->next_deadline() == NEVER || engine_->next_deadline() > time_us, "a deadline that was due has not fired");
        TimeUs last_us = 0;
        for (const Event& event : engine_->events()) {
            expect(event.time_us >= last_us && event.time_us <= time_us, "events go back in time");
            expect(event.sequence == engine_->sequence(), "an event has another sequence");
            last_us = event.time_us;
        }
        if (!twin_) return;
        twin_->apply(by_number(command, *twin_), time_us);
        expect(same(engine_->result(), twin_->result()), "a restored engine or a copy gives another result");
        expect(engine_->events().size() == twin_->events().size(), "a restored engine or a copy gives other events");
        for (std::size_t index = 0; index < engine_->events().size(); ++index) {
            expect(name_of(*engine_, engine_->events()[index]) == name_of(*twin_, twin_->events()[index]),
                   "a restored engine or a copy gives other events");
        }
    }

    void check() {
        engine_->audit();
        if (!twin_) return;
        twin_->audit();
        expect(engine_->snapshot() == twin_->snapshot(), "a restored engine has come into another state");
    }

    static std::unique_ptr<Engine> restored(const std::string& snapshot) {
        auto engine = std::make_unique<Engine>();
        engine->restore(snapshot);
        expect(engine->snapshot() == snapshot, "a restored engine has another snapshot");
        return engine;
    }

    void go_back_in_time() {
        if (engine_->time_us() == 0) return;
        const std::string before = engine_->snapshot();
        try {
            engine_->apply(source_.command(*engine_), engine_->time_us() - 1);
        } catch (const TimeWentBackwards&) {
            expect(engine_->snapshot() == before, "a refused time has changed something");
            return;
        }
        fail("a time below the last one was taken");
    }

    void repeat_request() {
        const Command command = source_.command(*engine_);
        const std::string id = "r" + std::to_string(source_.between(0, 5));
        const TimeUs time_us = source_.time_after(*engine_);
        const std::string content = "digest-" + std::to_string(source_.between(0, 2));
        const bool remembered = engine_->remembers("pbx", id, time_us);
        const std::string before = remembered ? engine_->snapshot() : "";
        try {
            const RequestOutcome outcome = engine_->apply_request(command, time_us, "pbx", id, content);
            expect(outcome.repeated == remembered, "a request was not answered from memory");
            if (twin_) expect(same(twin_->apply_request(command, time_us, "pbx", id, content).result, outcome.result),
                              "a restored engine answers a request in another way");
        } catch (const RequestIdReused&) {
            expect(remembered, "a request was refused that is not remembered");
        }
        if (remembered) expect(engine_->snapshot() == before, "a repeated request has changed something");
    }

    void count_agents() {
        const std::vector<CallId> calls = engine_->calls_by_order();
        if (calls.empty()) return;
        const Call& call = engine_->call(calls[source_.between(0, calls.size() - 1)]);
        if (engine_->channel(call.channel).index == NONE) return;
        const std::string before = engine_->snapshot();
        const RequirementSpec spec = engine_->skills().requirement(call.requirement).spec;
        engine_->count_agents(spec, source_.between(0, spec.steps.size() - 1), call.channel);
        expect(engine_->snapshot() == before, "counting agents has changed something");
    }

    // A snapshot with some bytes changed: damage is always found, and a forged one is refused or works.
    void forge() {
        const std::string whole = engine_->snapshot();
        std::string forged = whole;
        for (auto changes = source_.between(1, 3); changes > 0; --changes) change(forged);
        if (forged != whole) expect(!opens(forged), "a damaged snapshot was taken");
        if (forged.size() < MAGIC_BYTES + CHECKSUM_BYTES) return;
        std::unique_ptr<Engine> other = opens(sealed(forged.substr(0, forged.size() - CHECKSUM_BYTES)));
        if (other) live_on(*other);
    }

    void change(std::string& bytes) {
        if (bytes.empty()) return;
        const std::size_t at = source_.between(std::min(MAGIC_BYTES, bytes.size() - 1), bytes.size() - 1);
        switch (source_.between(0, 5)) {
            case 0: bytes.erase(at, source_.between(1, 8)); break;
            case 1: bytes.insert(at, bytes.substr(source_.between(0, at), source_.between(1, 16))); break;
            case 2: bytes[at] = static_cast<char>(bytes[at] ^ 1 << source_.between(0, 7)); break;
            case 3: bytes.insert(at, std::string(source_.between(1, 9), '\xFF')); break;
            default: bytes[at] = static_cast<char>(source_.between(0, 255)); break;
        }
    }

    static std::unique_ptr<Engine> opens(const std::string& bytes) {
        auto engine = std::make_unique<Engine>();
        try {
            engine->restore(bytes);
        } catch (const CorruptSnapshot&) {
            return nullptr;
        }
        return engine;
    }

    // A forged snapshot may hold what cannot come about, such as an agent idle for ages: it may stop, with words.
    void live_on(Engine& engine) {
        try {
            const std::string snapshot = engine.snapshot();
            expect(restored(snapshot)->snapshot() == snapshot, "a forged snapshot is not stable");
            read_all(engine);
            for (int step = 0; step < 6; ++step) {
                const bool fires = step % 2 == 0 && engine.next_deadline() != NEVER;
                engine.apply(source_.command(engine), fires ? std::max(engine.next_deadline(), engine.time_us()) : engine.time_us());
            }
            engine.audit();
        } catch (const InvariantViolated&) {
        }
    }

    Source& source_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Engine> twin_;
};

}  // namespace

}  // namespace router::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    router::fuzz::Source source(data, size);
    try {
        router::fuzz::Run(source).run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "FINDING: %s\n", error.what());
        std::abort();
    }
    return 0;
}
