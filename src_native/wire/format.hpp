// Protocol Buffers' wire format, as far as router.v1 and the journal need it: no library, no reflection.
//
// Reader takes the plain form alone: what serializers write who put fields in the order of their numbers, leave out what
// is at its default, and give each number in as few bytes as can be. Bytes in the plain form are the message's
// deterministic form too, so they can be kept and digested as they are. What else is valid protobuf is refused, not
// misread: whoever refuses hands the bytes to the full reader, which is router/wire.
//
// Where a message is read or written field by field, a field's number stands bare beside what it is; one that is needed in
// several places has a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace router::wire {

inline constexpr std::int64_t MILLION = 1'000'000;
inline constexpr std::int64_t TIMESTAMP_US_MAX = 253'402'300'799'999'999;  // the end of the year 9999

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

// One message, field by field. After a refusal `ok()` is false and nothing more is read.
class Reader {
public:
    explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

    bool ok() const { return ok_; }
    bool at_end() const { return at_ == end_; }
    // Step to the next field and return its number; 0 at the end, or after a refusal. Numbers must rise; one may come
    // again only where the message repeats it: `repeated` names it.
    std::uint32_t next(std::uint32_t repeated = 0) {
        if (!ok_ || at_ == end_) return 0;
        const std::uint64_t key = varint();
        const std::uint64_t number = key >> 3;
        if (!ok_ || number == 0 || number > NUMBER_MAX) return refuse();
        if (number < number_ || (number == number_ && number != repeated)) return refuse();
        number_ = static_cast<std::uint32_t>(number);
        type_ = static_cast<WireType>(key & 7);
        return number_;
    }
    // The value of the field at hand. A plain value is never 0 or empty; `present` ones may be.
    std::uint64_t number(bool present = false) {
        if (type_ != WireType::varint) return refuse();
        const std::uint64_t value = varint();
        return ok_ && (value != 0 || present) ? value : refuse();
    }
    bool flag(bool present = false) {
        const std::uint64_t value = number(present);
        return value <= 1 ? value == 1 : refuse() != 0;
    }
    // Text or a message within the message; text still has to be looked at (see is_name).
    std::string_view bytes(bool present = false) {
        if (type_ != WireType::length) return refuse(), std::string_view();
        const std::uint64_t size = varint();
        if (!ok_ || size > static_cast<std::uint64_t>(end_ - at_) || (size == 0 && !present)) {
            refuse();
            return {};
        }
        const std::string_view found(at_, static_cast<std::size_t>(size));
        at_ += size;
        return found;
    }
    // Refuse the message; returns 0.
    std::uint32_t refuse() {
        ok_ = false;
        return 0;
    }

private:
    static constexpr std::uint64_t NUMBER_MAX = 0xFFFF;  // of a field; none here is as high

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; at_ != end_ && shift < 64; shift += 7) {
            const auto byte = static_cast<std::uint8_t>(*at_++);
            if (shift == 63 && byte > 1) break;
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte & 0x80) continue;
            if (byte == 0 && shift > 0) break;  // one byte more than it takes
            return value;
        }
        return refuse();
    }

    const char* at_;
    const char* end_;
    std::uint32_t number_ = 0;
    WireType type_ = WireType::varint;
    bool ok_ = true;
};

inline std::size_t varint_size(std::uint64_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7) ++size;
    return size;
}

inline constexpr std::size_t VARINT_MAX = 10;

// Returns how many bytes it took.
inline std::size_t write_varint(char* to, std::uint64_t value) {
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7) to[size++] = static_cast<char>((value & 0x7F) | 0x80);
    to[size++] = static_cast<char>(value);
    return size;
}

// Appends to a string. Fields must be written in the order of their numbers; what is at its default is left out, but for
// the `present` ones.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    void number(std::uint32_t field, std::uint64_t value, bool present = false) {
        if (value == 0 && !present) return;
        key(field, WireType::varint);
        varint(value);
    }
    void bytes(std::uint32_t field, std::string_view value, bool present = false) {
        if (value.empty() && !present) return;
        key(field, WireType::length);
        varint(value.size());
        out_.append(value);
    }
    void fixed64(std::uint32_t field, std::uint64_t bits) {
        if (bits == 0) return;
        key(field, WireType::fixed64);
        for (unsigned shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<char>(bits >> shift & 0xFF));
    }
    // Begin a message within the message; `end` must get what this returns. For messages of any size.
    std::size_t begin(std::uint32_t field) {
        key(field, WireType::length);
        out_.push_back('\0');  // the size, if it is below 128
        return out_.size();
    }
    void end(std::size_t begun) {
        const std::size_t size = out_.size() - begun;
        if (size < 0x80) {
            out_[begun - 1] = static_cast<char>(size);
            return;
        }
        char digits[VARINT_MAX];
        const std::size_t count = write_varint(digits, size);
        out_.insert(begun, digits + 1, count - 1);
        out_[begun - 1] = digits[0];
    }
    // A google.protobuf.Timestamp. A time after the year 9999, which protobuf cannot say, becomes the end of that year.
    void timestamp(std::uint32_t field, std::int64_t time_us) {
        if (time_us > TIMESTAMP_US_MAX) time_us = TIMESTAMP_US_MAX;
        std::int64_t seconds = time_us / MILLION, rest_us = time_us % MILLION;
        if (rest_us < 0) --seconds, rest_us += MILLION;  // nanoseconds count forward, before the epoch too
        seconds_and_nanos(field, seconds, rest_us);
    }
    // A google.protobuf.Duration; of a negative one both parts are negative, as protobuf demands.
    void duration(std::uint32_t field, std::int64_t duration_us) {
        seconds_and_nanos(field, duration_us / MILLION, duration_us % MILLION);
    }
    // A router.v1.Header.
    void header(std::uint32_t field, std::uint64_t sequence, std::int64_t time_us) {
        const std::size_t begun = begin(field);
        number(1, sequence);
        timestamp(2, time_us);
        end(begun);
    }

private:
    void seconds_and_nanos(std::uint32_t field, std::int64_t seconds, std::int64_t rest_us) {
        const std::size_t begun = begin(field);
        number(1, static_cast<std::uint64_t>(seconds));
        number(2, static_cast<std::uint64_t>(rest_us * 1'000));
        end(begun);
    }
    void key(std::uint32_t field, WireType type) { varint(field << 3 | static_cast<std::uint32_t>(type)); }
    void varint(std::uint64_t value) {
        if (value < 0x80) {
            out_.push_back(static_cast<char>(value));
            return;
        }
        char digits[VARINT_MAX];
        out_.append(digits, write_varint(digits, value));
    }

    std::string& out_;
};

}  // namespace router::wire
