#include "requests.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace router {

namespace {

constexpr std::size_t CHUNK_BYTES = 64 * 1024;
constexpr std::size_t PLACES_MIN = 16;
constexpr std::size_t REQUESTS_MAX = std::size_t{1} << 30;

std::uint32_t hash_of(std::string_view key) {
    const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(key));
    return hash == 0 ? 1 : hash;
}

}  // namespace

Request RequestMemory::at(std::size_t index) const {
    const Record& record = records_[index];
    std::size_t begin = 0;
    const auto next = [&](std::size_t size) {
        const std::string_view found = text(record, begin, size);
        begin += size;
        return std::string(found);
    };
    Request request;
    request.key = next(record.key_size);
    request.content = next(record.content_size);
    request.result.subject = next(record.subject_size);
    request.result.queue = next(record.queue_size);
    request.result.agent = next(record.agent_size);
    request.result.sequence = record.sequence;
    request.result.time_us = record.time_us;
    request.result.offer = record.offer;
    request.result.rejection = record.rejection;
    request.result.call_state = record.call_state;
    request.result.about_call = record.about_call;
    return request;
}

void RequestMemory::remember(const Request& request) {
    ROUTER_CHECK(records_.size() < REQUESTS_MAX);
    const Result& result = request.result;
    const auto size = [](const std::string& one) {
        ROUTER_CHECK(one.size() <= std::numeric_limits<std::uint32_t>::max());
        return static_cast<std::uint32_t>(one.size());
    };
    Record record{.sequence = result.sequence,
                  .time_us = result.time_us,
                  .offer = result.offer,
                  .key_size = size(request.key),
                  .content_size = size(request.content),
                  .subject_size = size(result.subject),
                  .queue_size = size(result.queue),
                  .agent_size = size(result.agent),
                  .rejection = result.rejection,
                  .call_state = result.call_state,
                  .about_call = result.about_call};
    if ((records_.size() + 1) * 3 > places_.size() * 2) grow();
    std::string& chunk = room_for(request.key.size() + request.content.size() + result.subject.size() + result.queue.size() +
                                  result.agent.size());
    record.chunk = chunks_forgotten_ + static_cast<std::uint32_t>(chunks_.size() - 1);
    record.begin = static_cast<std::uint32_t>(chunk.size());
    for (const std::string* one : {&request.key, &request.content, &result.subject, &result.queue, &result.agent}) chunk += *one;
    insert({hash_of(request.key), forgotten_ + static_cast<std::uint32_t>(records_.size())});
    records_.push_back(record);
}

void RequestMemory::forget_oldest() {
    const Record oldest = records_.front();
    const std::size_t mask = places_.size() - 1;
    std::size_t at = hash_of(key(oldest)) & mask;
    while (places_[at].is_free() || places_[at].number != forgotten_) {
        ROUTER_CHECK(!places_[at].is_free());
        at = (at + 1) & mask;
    }
    erase(at);
    records_.pop_front();
    ++forgotten_;
    const std::uint32_t needed = records_.empty() ? oldest.chunk : records_.front().chunk;
    while (chunks_forgotten_ != needed) {
        chunks_.pop_front();
        ++chunks_forgotten_;
    }
}

std::size_t RequestMemory::find(std::string_view wanted) const {
    if (places_.empty()) return records_.size();
    const std::uint32_t hash = hash_of(wanted);
    const std::size_t mask = places_.size() - 1;
    for (std::size_t at = hash & mask; !places_[at].is_free(); at = (at + 1) & mask) {
        if (places_[at].hash != hash) continue;
        const std::size_t index = places_[at].number - forgotten_;
        if (key(records_[index]) == wanted) return index;
    }
    return records_.size();
}

std::string& RequestMemory::room_for(std::size_t size) {
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < size) {
        chunks_.emplace_back().reserve(std::max(CHUNK_BYTES, size));
    }
    return chunks_.back();
}

void RequestMemory::insert(Place place) {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = place.hash & mask;
    while (!places_[at].is_free()) at = (at + 1) & mask;
    places_[at] = place;
}

// Free a place and move those after it up that would not be found across the gap.
void RequestMemory::erase(std::size_t at) {
    const std::size_t mask = places_.size() - 1;
    std::size_t gap = at;
    for (std::size_t next = (at + 1) & mask; !places_[next].is_free(); next = (next + 1) & mask) {
        const std::size_t home = places_[next].hash & mask;
        if (((next - home) & mask) < ((next - gap) & mask)) continue;
        places_[gap] = places_[next];
        gap = next;
    }
    places_[gap] = Place{};
}

void RequestMemory::grow() {
    std::vector<Place> earlier(std::max(PLACES_MIN, places_.size() * 2));
    earlier.swap(places_);
    for (const Place& place : earlier) {
        if (!place.is_free()) insert(place);
    }
}

}  // namespace router
