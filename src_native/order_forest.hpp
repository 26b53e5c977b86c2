// Many ordered sets that share one pool of nodes: treaps, where asked for with subtree sizes and subtree masks.
//
// A member is its node number, stable until erased. All operations are O(log n) expected; at either end of a set without
// sizes and masks they are O(1), amortised. The shape depends on pseudo-random priorities, the order only on the keys,
// which must be distinct within a set.
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

    struct Set {
        Node top = NONE;
        Node first = NONE;
        Node last = NONE;

        bool empty() const { return top == NONE; }
    };

    // Forget everything. From now on members carry masks of `mask_bits` bits; only `sized` sets know their size and ranks.
    void reset(bool sized, std::size_t mask_bits = 0);

    // With a mask of mask_words() words, or without any bit.
    Node insert(Set& set, const OrderKey& key, Id item, const std::uint64_t* mask = nullptr);
    void erase(Set& set, Node node);

    Node next(Node node) const;
    // First member (after `node`) whose mask lacks `bit`.
    Node first_without(const Set& set, std::size_t bit) const;
    Node next_without(Node node, std::size_t bit) const;

    void prefetch(Node node) const { router::prefetch(&nodes_[node]); }
    Id item(Node node) const { return nodes_[node].item; }
    const OrderKey& key(Node node) const { return nodes_[node].key; }
    std::size_t size(const Set& set) const { return set.empty() ? 0 : nodes_[set.top].size; }
    // How many members of its set come before the node.
    std::size_t rank(Node node) const;
    std::size_t mask_words() const { return words_; }

private:
    // One line of memory.
    struct alignas(LINE_BYTES) Entry {
        OrderKey key;
        Id item;
        Node left, right, parent;
        std::uint32_t size = 0;  // of the subtree; 0 when free; 1 where sets have no sizes
        std::uint32_t priority;
    };

    struct MaskWord {
        std::uint64_t own = 0;  // bits of the node
        std::uint64_t all = 0;  // bits that its whole subtree has
    };

    void add_node();
    void set_mask(Node node, const std::uint64_t* mask);
    void attach(Set& set, Node node);
    void count(Node at, std::uint32_t change);
    void narrow_from(Node at, Node leaf);
    void rotate_up(Set& set, Node node);
    void replace_child(Set& set, Node parent, Node old_child, Node new_child);
    bool recompute_mask(Node node);
    std::uint32_t subtree_size(Node node) const { return node == NONE ? 0 : nodes_[node].size; }
    Node leftmost(Node node) const;
    Node previous(Node node) const;
    Node first_in_subtree_without(Node node, std::size_t bit) const;
    bool all_have(Node node, std::size_t bit) const { return masks_[node * words_ + bit / 64].all >> (bit % 64) & 1; }
    bool has(Node node, std::size_t bit) const { return masks_[node * words_ + bit / 64].own >> (bit % 64) & 1; }

    std::vector<Entry> nodes_;
    std::vector<MaskWord> masks_;  // words_ of each node
    std::vector<Node> free_;
    bool sized_ = false;
    std::size_t words_ = 0;
    std::uint64_t random_ = 0x9E3779B97F4A7C15u;
};

// Here, so that a key goes from registers into its node.
inline OrderForest::Node OrderForest::insert(Set& set, const OrderKey& key, Id item, const std::uint64_t* mask) {
    if (free_.empty()) add_node();
    const Node node = free_.back();
    free_.pop_back();
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    Entry& entry = nodes_[node];
    entry.key = key;
    entry.item = item;
    entry.left = entry.right = entry.parent = NONE;
    entry.size = 1;
    entry.priority = static_cast<std::uint32_t>(random_ >> 32);
    if (words_ > 0) set_mask(node, mask);
    attach(set, node);
    return node;
}

}  // namespace router
