// The attributes of a call: a map, whose entries a message may have in any order.
#pragma once

#include <string_view>
#include <vector>

#include "commands.hpp"
#include "wire/format.hpp"

namespace router::wire {

// Which order the deterministic form has is protobuf's business. All its versions agree on the order of keys as bytes, but
// not where one key begins with another: such maps are refused.
class AttributesReader {
public:
    // The entry at hand, of a map whose field has a number below 16.
    void add(Reader& reader);
    // Once all of them are there. False: not within the limits, or no order that is certain.
    bool finish(Attributes& attributes);

    // Of a map that came in another order: where its entries are, and what they are in order. Empty where all is well.
    std::string_view region() const { return region_; }
    const std::vector<std::string_view>& in_order() const { return in_order_; }

private:
    struct Entry {
        std::string_view key;
        std::string_view value;
        std::string_view bytes;  // with its field's key and size
    };
    void put_in_order();

    std::vector<Entry> entries_;
    std::string_view region_;
    std::vector<std::string_view> in_order_;
};

}  // namespace router::wire
