#include "symbols.hpp"

namespace router {

Id TextPool::keep(const std::string& text) {
    if (text.empty()) return NONE;
    if (free_.empty()) {
        texts_.push_back(text);
        return static_cast<Id>(texts_.size() - 1);
    }
    const Id id = free_.back();
    free_.pop_back();
    texts_[id] = text;
    return id;
}

void TextPool::release(Id id) {
    if (id != NONE) free_.push_back(id);
}

Id SymbolTable::acquire(std::string_view name) {
    if (const auto found = ids_.find(name); found != ids_.end()) {
        ++uses_[found->second];
        return found->second;
    }
    Id symbol;
    if (!free_.empty()) {
        symbol = free_.back();
        free_.pop_back();
        names_[symbol] = name;
        uses_[symbol] = 1;
    } else {
        symbol = static_cast<Id>(names_.size());
        names_.emplace_back(name);
        uses_.push_back(1);
    }
    ids_.emplace(name, symbol);
    return symbol;
}

bool SymbolTable::release(Id symbol) {
    ROUTER_CHECK(symbol < uses_.size() && uses_[symbol] > 0);
    if (--uses_[symbol] > 0) return false;
    ids_.erase(names_[symbol]);
    names_[symbol].clear();
    free_.push_back(symbol);
    return true;
}

SymbolTable SymbolTable::fork(const std::vector<std::uint32_t>& uses) const {
    SymbolTable copy;
    copy.uses_ = uses;
    copy.names_.resize(names_.size());
    for (Id symbol = 0; symbol < names_.size(); ++symbol) {
        if (uses[symbol] == 0) {
            copy.free_.push_back(symbol);
            continue;
        }
        copy.names_[symbol] = names_[symbol];
        copy.ids_.emplace(names_[symbol], symbol);
    }
    return copy;
}

Id SymbolTable::find(std::string_view name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? NONE : found->second;
}

}  // namespace router
