// Many ordered sets that share one pool of nodes: treaps with subtree sizes and, where asked for, subtree masks.
//
// A set is its root; a member is its node number, stable until erased. All operations are O(log n) expected.
// The shape depends on pseudo-random priorities, the order only on the keys, which must be distinct within a set.
#pragma once

#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router {

// Smaller comes first.
struct OrderKey {
    Wide major = 0;
    std::int64_t middle = 0;
    std::uint64_t minor = 0;

    friend bool operator<(const OrderKey& a, const OrderKey& b) {
        if (a.major != b.major) return a.major < b.major;
        if (a.middle != b.middle) return a.middle < b.middle;
        return a.minor < b.minor;
    }
};

class OrderForest {
public:
    using Node = Id;
    using Root = Id;  // NONE is the empty set

    // Forget everything; members from now on carry masks of `mask_bits` bits.
    void reset(std::size_t mask_bits = 0);

    Node insert(Root& root, const OrderKey& key, Id item);
    // The same, with a mask of bits; `mask` has mask_words() words.
    Node insert(Root& root, const OrderKey& key, Id item, const std::uint64_t* mask);
    void erase(Root& root, Node node);

    Node first(Root root) const;
    Node next(Node node) const;
    // First member (after `node`) whose mask lacks `bit`.
    Node first_without(Root root, std::size_t bit) const;
    Node next_without(Node node, std::size_t bit) const;

    Id item(Node node) const { return nodes_[node].item; }
    const OrderKey& key(Node node) const { return nodes_[node].key; }
    std::size_t size(Root root) const { return root == NONE ? 0 : nodes_[root].size; }
    // How many members of its set come before the node.
    std::size_t rank(Node node) const;
    std::size_t mask_words() const { return words_; }

private:
    struct Entry {
        OrderKey key;
        Id item;
        Node left, right, parent;
        std::uint32_t size;
        std::uint32_t priority;
    };

    Node allocate(const OrderKey& key, Id item, const std::uint64_t* mask);
    void attach(Root& root, Node node);
    void rotate_up(Root& root, Node node);
    void recompute(Node node);
    Node first_in_subtree_without(Node node, std::size_t bit) const;
    bool all_have(Node node, std::size_t bit) const {
        return all_masks_[node * words_ + bit / 64] >> (bit % 64) & 1;
    }
    bool has(Node node, std::size_t bit) const { return masks_[node * words_ + bit / 64] >> (bit % 64) & 1; }

    std::vector<Entry> nodes_;
    std::vector<std::uint64_t> masks_;      // own bits of each node
    std::vector<std::uint64_t> all_masks_;  // bits that its whole subtree has
    std::vector<Node> free_;
    std::size_t words_ = 0;
    std::uint64_t random_ = 0x9E3779B97F4A7C15u;
};

}  // namespace router
