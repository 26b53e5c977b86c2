// The recent past: events as bytes, by number and by sequence, bounded in number, each with what it is about.
//
// Keeps one invariant: what is published is a gap-free stretch of the history that ends at `sequence()`; everything after
// `forgotten_sequence()` is in it. What was observed but not published, since it is not durable yet, nobody sees.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "service/event_filter.hpp"
#include "service/follower.hpp"
#include "service/queue_tracker.hpp"

namespace router::service {

// Some events for a watcher.
struct Taken {
    std::string response;        // bytes of router.v1.WatchResponse
    std::size_t passed = 0;      // how many events it has
    std::uint64_t following = 0; // the number of the event to go on with
    std::uint64_t sequence = 0;  // as the response's header says it
};

class History final : public Follower {
public:
    // Begins where the engine stands, which must outlive it; keeps the last `events_max` published events.
    History(const Engine& engine, std::size_t events_max);

    void observe(const Done& done) override;
    // Show what was observed up to a sequence. Amortised O(1) for each command and event.
    void publish(std::uint64_t sequence);

    // Events are numbered from 0 for as long as the process runs: the oldest that is here, and the next that is published.
    std::uint64_t first() const { return first_; }
    std::uint64_t end() const { return end_; }
    // The last sequence that is published, with events or without, and the engine's time of it.
    std::uint64_t sequence() const { return sequence_; }
    TimeUs time_us() const { return time_us_; }
    // The last sequence whose events are not, or not all, here.
    std::uint64_t forgotten_sequence() const { return forgotten_sequence_; }
    // The number of the first published event after a sequence that is not forgotten. O(log n).
    std::uint64_t number_after(std::uint64_t sequence) const;
    // What passes among up to `events_max` published events from number `start` on, which must be here, up to the end of a
    // command where possible. `sequence_min` is what the header says at least.
    Taken take(std::uint64_t start, EventFilter& filter, std::size_t events_max, std::uint64_t sequence_min) const;

private:
    static constexpr std::size_t CHUNK_EVENTS = 512;
    static constexpr std::size_t CHUNK_BYTES = 48 * 1024;  // what 512 events of about 90 bytes take

    struct Entry {
        std::uint64_t sequence = 0;
        TimeUs command_time_us = 0;
        std::size_t offset = 0;  // in the chunk's bytes
        About about;
    };
    // Each event is there as it stands in WatchResponse: key, size, event.
    struct Chunk {
        std::array<Entry, CHUNK_EVENTS> entries;
        std::string bytes;
    };
    // What one command brought, until it is published.
    struct Observed {
        std::uint64_t sequence = 0;
        TimeUs time_us = 0;
        std::uint64_t end = 0;
    };
    struct Range {
        std::uint64_t end = 0;
        std::uint64_t sequence = 0;
        TimeUs time_us = 0;
    };

    const Chunk& chunk_of(std::uint64_t number) const { return *chunks_[(number - chunks_first_) / CHUNK_EVENTS]; }
    const Entry& entry(std::uint64_t number) const { return chunk_of(number).entries[number % CHUNK_EVENTS]; }
    std::string_view field(std::uint64_t number) const;
    Chunk& open_chunk();
    void add(const Done& done, const Event& event);
    void forget();
    Range range(std::uint64_t start, std::size_t events_max) const;
    void append_all(std::string& out, std::uint64_t start, std::uint64_t end) const;
    std::size_t append_passing(std::string& out, std::uint64_t start, std::uint64_t end, const EventFilter& filter) const;

    const Engine& engine_;
    const std::size_t events_max_;
    QueueTracker tracker_;
    std::deque<std::unique_ptr<Chunk>> chunks_;
    std::unique_ptr<Chunk> spare_;
    std::deque<Observed> observed_;  // not yet published
    std::string scratch_;
    std::uint64_t chunks_first_ = 0;  // the number of the first chunk's first event
    std::uint64_t first_ = 0;
    std::uint64_t end_ = 0;           // of the published events
    std::uint64_t observed_end_ = 0;
    std::uint64_t observed_sequence_;
    std::uint64_t sequence_;
    TimeUs time_us_;
    std::uint64_t forgotten_sequence_;
};

}  // namespace router::service
