// The requests that are remembered, with their answers, oldest first.
//
// A million of them are usual, so each takes little: its texts lie one after the other in large chunks.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "events.hpp"
#include "number_table.hpp"

namespace router {

struct Request {
    std::string key;
    std::string content;  // digest of what was asked
    Result result;
};

class RequestMemory {
public:
    bool empty() const { return records_.empty(); }
    std::size_t size() const { return records_.size(); }
    // By place, from the oldest.
    Request at(std::size_t index) const;
    // Remember one that is not remembered under this key, with the key's hash.
    void remember(const Request& request, NumberTable::Hash hash);
    void remember(const Request& request) { remember(request, NumberTable::hash_of(request.key)); }
    void forget_oldest();
    TimeUs oldest_time_us() const { return records_.front().time_us; }

    // Place of a request, or `size()`.
    std::size_t find(std::string_view key, NumberTable::Hash hash) const;
    TimeUs time_us(std::size_t index) const { return records_[index].time_us; }
    std::string_view content(std::size_t index) const { return text(records_[index], records_[index].key_size, records_[index].content_size); }

private:
    struct Record {
        std::uint64_t sequence = 0;
        TimeUs time_us = 0;
        std::uint64_t offer = 0;
        std::uint32_t chunk = 0;  // number of the chunk, modulo 2^32
        std::uint32_t begin = 0;  // key, content, subject, queue and agent, from here on
        std::uint32_t key_size = 0;
        std::uint32_t content_size = 0;
        std::uint32_t subject_size = 0;
        std::uint32_t queue_size = 0;
        std::uint32_t agent_size = 0;
        RejectReason rejection = RejectReason::none;
        CallState call_state{};
        bool about_call = false;
    };

    std::string_view text(const Record& record, std::size_t begin, std::size_t size) const {
        return std::string_view(chunks_[record.chunk - chunks_forgotten_]).substr(record.begin + begin, size);
    }
    std::string_view key(const Record& record) const { return text(record, 0, record.key_size); }
    std::string& room_for(std::size_t size);

    std::deque<Record> records_;
    std::uint32_t forgotten_ = 0;  // records before the oldest, modulo 2^32
    std::deque<std::string> chunks_;
    std::uint32_t chunks_forgotten_ = 0;
    NumberTable numbers_;  // of requests, modulo 2^32
};

}  // namespace router
