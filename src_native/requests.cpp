#include "requests.hpp"

#include <algorithm>
#include <limits>

namespace router {

namespace {

constexpr std::size_t CHUNK_BYTES = 64 * 1024;
constexpr std::size_t REQUESTS_MAX = std::size_t{1} << 30;

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

void RequestMemory::remember(const Request& request, NumberTable::Hash hash) {
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
    std::string& chunk = room_for(request.key.size() + request.content.size() + result.subject.size() + result.queue.size() +
                                  result.agent.size());
    record.chunk = chunks_forgotten_ + static_cast<std::uint32_t>(chunks_.size() - 1);
    record.begin = static_cast<std::uint32_t>(chunk.size());
    for (const std::string* one : {&request.key, &request.content, &result.subject, &result.queue, &result.agent}) chunk += *one;
    numbers_.insert(hash, forgotten_ + static_cast<std::uint32_t>(records_.size()));
    records_.push_back(record);
}

void RequestMemory::forget_oldest() {
    const Record oldest = records_.front();
    numbers_.erase(NumberTable::hash_of(key(oldest)), forgotten_);
    records_.pop_front();
    ++forgotten_;
    const std::uint32_t needed = records_.empty() ? oldest.chunk : records_.front().chunk;
    while (chunks_forgotten_ != needed) {
        chunks_.pop_front();
        ++chunks_forgotten_;
    }
}

std::size_t RequestMemory::find(std::string_view wanted, NumberTable::Hash hash) const {
    const auto is_wanted = [&](std::uint32_t number) { return key(records_[number - forgotten_]) == wanted; };
    const std::uint32_t* number = numbers_.find(hash, is_wanted);
    return number == nullptr ? records_.size() : *number - forgotten_;
}

std::string& RequestMemory::room_for(std::size_t size) {
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < size) {
        chunks_.emplace_back().reserve(std::max(CHUNK_BYTES, size));
    }
    return chunks_.back();
}

}  // namespace router
