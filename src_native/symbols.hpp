// Names <-> small numbers, counted by use: a name that nobody refers to any more is forgotten.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base.hpp"
#include "keyed_hash.hpp"

namespace router {

// Another in each process: names come from outside, and nobody shall choose some that collide.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return process_hash(text); }
};

// For look-up only: nothing iterates over it, so its order cannot matter.
template <class Value>
using NameMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// Texts by number, each kept until it is released; the empty one is NONE.
class TextPool {
public:
    Id keep(const std::string& text);
    void release(Id id);
    const std::string& text(Id id) const { return id == NONE ? empty_ : texts_[id]; }

private:
    std::string empty_;
    std::vector<std::string> texts_;
    std::vector<Id> free_;
};

class SymbolTable {
public:
    // Number of the name, one use more. New names get a free number.
    Id acquire(std::string_view name);
    // One use less; returns whether that was the last one.
    bool release(Id symbol);
    // Number of the name, NONE if nobody uses it.
    Id find(std::string_view name) const;
    const std::string& name(Id symbol) const { return names_[symbol]; }
    // Those of the symbols that have uses, by the same numbers.
    SymbolTable fork(const std::vector<std::uint32_t>& uses) const;
    std::size_t numbers() const { return names_.size(); }

private:
    NameMap<Id> ids_;
    std::vector<std::string> names_;
    std::vector<std::uint32_t> uses_;
    std::vector<Id> free_;
};

}  // namespace router
