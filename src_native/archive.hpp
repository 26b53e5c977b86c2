// Reading and writing of snapshots. A record without references to others is described once for both ways.
//
// Integers are zigzag varints; a text is written in full once and by number after that, in order of first use, so the
// bytes do not depend on how names are numbered inside.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base.hpp"
#include "symbols.hpp"
#include "vocabulary.hpp"

namespace router {

class ArchiveWriter {
public:
    void number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
        out_.push_back(static_cast<char>(value));
    }
    template <class Value>
    void operator()(const Value& value) {
        if constexpr (std::is_same_v<Value, std::string>) {
            text(value);
        } else if constexpr (std::is_enum_v<Value> || std::is_same_v<Value, bool>) {
            number(static_cast<std::uint64_t>(value));
        } else if constexpr (std::is_integral_v<Value>) {
            const auto wide = static_cast<std::int64_t>(value);
            number(static_cast<std::uint64_t>(wide) << 1 ^ static_cast<std::uint64_t>(wide >> 63));
        } else {
            describe(*this, value);
        }
    }
    template <class Value>
    void operator()(const std::vector<Value>& values) {
        number(values.size());
        for (const Value& value : values) (*this)(value);
    }
    template <class Value, std::size_t SIZE>
    void operator()(const std::array<Value, SIZE>& values) {
        for (const Value& value : values) (*this)(value);
    }
    template <class Value>
    void operator()(const std::optional<Value>& value) {
        (*this)(value.has_value());
        if (value) (*this)(*value);
    }
    template <class First, class Second>
    void operator()(const std::pair<First, Second>& value) {
        (*this)(value.first);
        (*this)(value.second);
    }
    // A text that is not expected to come again.
    void once(const std::string& value) {
        number(value.size());
        out_ += value;
    }
    // The bytes so far, sealed with a checksum.
    std::string seal();

private:
    void text(const std::string& value);

    std::string out_;
    NameMap<std::uint64_t> texts_;
};

class ArchiveReader {
public:
    // Checks the seal; throws CorruptSnapshot.
    explicit ArchiveReader(const std::string& bytes);

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) throw CorruptSnapshot("the snapshot ends too early");
            const auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= std::uint64_t{byte & 0x7Fu} << shift;
            if (byte < 0x80) return value;
        }
        throw CorruptSnapshot("a number in the snapshot is too long");
    }
    std::uint64_t ranged(std::uint64_t most) {
        const std::uint64_t value = number();
        if (value > most) throw CorruptSnapshot("the snapshot has a value out of range");
        return value;
    }
    std::size_t count() {
        const std::uint64_t value = number();
        if (value > end_ - at_) throw CorruptSnapshot("the snapshot ends too early");
        return value;
    }
    template <class Value>
    void operator()(Value& value) {
        if constexpr (std::is_same_v<Value, std::string>) {
            text(value);
        } else if constexpr (std::is_same_v<Value, bool>) {
            value = ranged(1) == 1;
        } else if constexpr (std::is_enum_v<Value>) {
            value = static_cast<Value>(ranged(static_cast<std::uint64_t>(last_of(Value{}))));
        } else if constexpr (std::is_integral_v<Value>) {
            const std::uint64_t raw = number();
            value = static_cast<Value>(static_cast<std::int64_t>(raw >> 1 ^ (~(raw & 1) + 1)));
        } else {
            describe(*this, value);
        }
    }
    template <class Value>
    void operator()(std::vector<Value>& values) {
        values.resize(count());
        for (Value& value : values) (*this)(value);
    }
    template <class Value, std::size_t SIZE>
    void operator()(std::array<Value, SIZE>& values) {
        for (Value& value : values) (*this)(value);
    }
    template <class Value>
    void operator()(std::optional<Value>& value) {
        bool present = false;
        (*this)(present);
        value.reset();
        if (present) (*this)(value.emplace());
    }
    template <class First, class Second>
    void operator()(std::pair<First, Second>& value) {
        (*this)(value.first);
        (*this)(value.second);
    }
    void finish() const {
        if (at_ != end_) throw CorruptSnapshot("the snapshot has bytes left over");
    }

    void once(std::string& value) {
        const std::size_t size = count();
        value.assign(bytes_, at_, size);
        at_ += size;
    }

private:
    void text(std::string& value);

    const std::string& bytes_;
    std::size_t at_;
    std::size_t end_;
    std::vector<std::string> texts_;
};

}  // namespace router
