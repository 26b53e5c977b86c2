#include "service/history.hpp"

#include <algorithm>

#include "wire/event_writer.hpp"
#include "wire/format.hpp"

namespace router::service {
namespace {

constexpr std::uint32_t FIELD_EVENTS = 2;

// The event of a WatchResponse.events field.
std::string_view event_in(std::string_view field) {
    wire::Reader reader(field);
    reader.next();
    return reader.bytes();
}

}  // namespace

History::History(const Engine& engine, std::size_t events_max)
    : engine_(engine),
      events_max_(events_max),
      tracker_(engine),
      observed_sequence_(engine.sequence()),
      sequence_(engine.sequence()),
      time_us_(engine.time_us()),
      forgotten_sequence_(engine.sequence()) {}

void History::observe(const Done& done) {
    const std::uint64_t sequence = done.engine.sequence();
    ROUTER_CHECK(sequence == observed_sequence_ + 1);
    for (const Event& event : done.engine.events()) add(done, event);
    observed_sequence_ = sequence;
    observed_.push_back({sequence, done.engine.time_us(), observed_end_});
}

void History::add(const Done& done, const Event& event) {
    Chunk& chunk = open_chunk();
    scratch_.clear();
    wire::write_event(scratch_, done.engine, event);
    Entry& entry = chunk.entries[observed_end_ % CHUNK_EVENTS];
    entry = {done.engine.sequence(), done.engine.time_us(), chunk.bytes.size(), tracker_.about(event)};
    wire::Writer(chunk.bytes).bytes(FIELD_EVENTS, scratch_);
    ++observed_end_;
}

// The chunk that the next event goes to.
History::Chunk& History::open_chunk() {
    if (observed_end_ - chunks_first_ == chunks_.size() * CHUNK_EVENTS) {
        if (spare_ == nullptr) {
            spare_ = std::make_unique<Chunk>();
            spare_->bytes.reserve(CHUNK_BYTES);
        }
        chunks_.push_back(std::move(spare_));
    }
    return *chunks_.back();
}

void History::publish(std::uint64_t sequence) {
    ROUTER_CHECK(sequence <= observed_sequence_);
    for (; !observed_.empty() && observed_.front().sequence <= sequence; observed_.pop_front()) {
        sequence_ = observed_.front().sequence;
        time_us_ = observed_.front().time_us;
        end_ = observed_.front().end;
    }
    if (end_ - first_ > events_max_) forget();
}

void History::forget() {
    const std::uint64_t first = end_ - events_max_;
    forgotten_sequence_ = entry(first - 1).sequence;
    first_ = first;
    for (; first_ - chunks_first_ >= CHUNK_EVENTS; chunks_first_ += CHUNK_EVENTS) {
        std::unique_ptr<Chunk> chunk = std::move(chunks_.front());
        chunks_.pop_front();
        // one that had to grow very much is not kept
        if (chunk->bytes.capacity() > 4 * CHUNK_BYTES) continue;
        chunk->bytes.clear();
        spare_ = std::move(chunk);
    }
}

std::uint64_t History::number_after(std::uint64_t sequence) const {
    std::uint64_t low = first_;
    std::uint64_t high = end_;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (entry(middle).sequence <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

Taken History::take(std::uint64_t start, EventFilter& filter, std::size_t events_max, std::uint64_t sequence_min) const {
    ROUTER_CHECK(first_ <= start && start <= end_ && events_max > 0);
    const Range range = this->range(start, events_max);
    Taken taken;
    taken.following = range.end;
    taken.sequence = std::max(range.sequence, sequence_min);
    wire::Writer(taken.response).header(1, taken.sequence, range.time_us);
    if (filter.empty()) {
        append_all(taken.response, start, range.end);
        taken.passed = range.end - start;
    } else {
        filter.learn(engine_);
        taken.passed = append_passing(taken.response, start, range.end, filter);
    }
    return taken;
}

// How far to go from an event on, and up to which sequence everything is told then.
History::Range History::range(std::uint64_t start, std::size_t events_max) const {
    const std::uint64_t most = start + std::min<std::uint64_t>(events_max, end_ - start);
    if (most == end_) return {end_, sequence_, time_us_};
    std::uint64_t end = most;
    if (const std::uint64_t unfinished = entry(most).sequence; entry(most - 1).sequence == unfinished) {
        // the last command goes on: leave it for later, or send a part if it is all there is
        while (end > start && entry(end - 1).sequence == unfinished) --end;
        if (end == start) end = most;
    }
    const Entry& last = entry(end - 1);
    const bool goes_on = entry(end).sequence == last.sequence;
    return {end, last.sequence - goes_on, last.command_time_us};
}

std::string_view History::field(std::uint64_t number) const {
    const Chunk& chunk = chunk_of(number);
    const std::size_t begin = chunk.entries[number % CHUNK_EVENTS].offset;
    const bool is_last = (number + 1) % CHUNK_EVENTS == 0 || number + 1 == observed_end_;
    const std::size_t end = is_last ? chunk.bytes.size() : chunk.entries[(number + 1) % CHUNK_EVENTS].offset;
    return std::string_view(chunk.bytes).substr(begin, end - begin);
}

void History::append_all(std::string& out, std::uint64_t start, std::uint64_t end) const {
    while (start < end) {
        const std::uint64_t stop = std::min(end, (start / CHUNK_EVENTS + 1) * CHUNK_EVENTS);
        const char* const begin = field(start).data();
        const std::string_view last = field(stop - 1);
        out.append(begin, last.data() + last.size());
        start = stop;
    }
}

std::size_t History::append_passing(std::string& out, std::uint64_t start, std::uint64_t end,
                                    const EventFilter& filter) const {
    std::size_t passed = 0;
    for (std::uint64_t number = start; number < end; ++number) {
        const std::string_view bytes = field(number);
        if (!filter.passes(entry(number).about, event_in(bytes))) continue;
        out.append(bytes);
        ++passed;
    }
    return passed;
}

}  // namespace router::service
