#include "service/replay.hpp"

#include <exception>
#include <optional>
#include <string>

#include "wire/entry_reader.hpp"
#include "wire/format.hpp"

namespace router::service {

namespace {

// False if the command was there before, so that it does not get a number again.
bool apply(Engine& engine, const wire::ReadEntry& entry) {
    if (entry.request_id.empty()) {
        engine.apply(entry.command(), entry.time_us);
        return true;
    }
    return !engine
                .apply_request(entry.command(), entry.time_us, std::string(entry.client_id),
                               std::string(entry.request_id), std::string(entry.content))
                .repeated;
}

}  // namespace

bool Replay::read(std::string_view record) {
    next = 0;
    entries_.clear();
    wire::Reader reader(record);
    while (const std::uint32_t field = reader.next(1)) {
        if (field != 1) reader.refuse();
        entries_.push_back(reader.bytes(true));
    }
    if (!reader.ok()) entries_.clear();
    return reader.ok();
}

void Replay::run(std::size_t end) {
    ROUTER_CHECK(end <= entries_.size());
    while (next < end && carry_out(entries_[next])) ++next;
}

bool Replay::carry_out(std::string_view bytes) {
    const std::optional<wire::ReadEntry> entry = wire::read_entry(bytes);
    if (!entry) return false;
    const std::uint64_t sequence = engine_.sequence();
    try {
        if (!apply(engine_, *entry)) return false;
    } catch (const InvariantViolated&) {
        throw;
    } catch (const std::exception&) {
        if (engine_.sequence() != sequence) throw;
        return false;
    }
    followers_.tell({engine_, entry->client_id, static_cast<std::uint8_t>(entry->command().index())});
    hooks_.learn(hooks_.self);
    return true;
}

}  // namespace router::service
