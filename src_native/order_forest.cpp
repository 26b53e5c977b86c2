#include "order_forest.hpp"

#include <utility>

namespace router {

void OrderForest::reset(bool sized, std::size_t mask_bits) {
    nodes_.clear();
    masks_.clear();
    free_.clear();
    sized_ = sized;
    words_ = (mask_bits + 63) / 64;
}

void OrderForest::add_node() {
    free_.push_back(static_cast<Node>(nodes_.size()));
    nodes_.emplace_back();
    masks_.resize(masks_.size() + words_);
}

void OrderForest::set_mask(Node node, const std::uint64_t* mask) {
    for (std::size_t word = 0; word < words_; ++word) {
        const std::uint64_t bits = mask == nullptr ? 0 : mask[word];
        masks_[node * words_ + word] = {bits, bits};
    }
}

// As a leaf, then upwards past whatever has a lower priority.
void OrderForest::attach(Set& set, Node node) {
    if (set.empty()) {
        set = Set{node, node, node};
        return;
    }
    Entry& entry = nodes_[node];
    if (nodes_[set.last].key < entry.key) {
        entry.parent = set.last;
        nodes_[set.last].right = node;
        set.last = node;
    } else if (entry.key < nodes_[set.first].key) {
        entry.parent = set.first;
        nodes_[set.first].left = node;
        set.first = node;
    } else {
        Node at = set.top;
        while (true) {
            Node& child = entry.key < nodes_[at].key ? nodes_[at].left : nodes_[at].right;
            if (child == NONE) {
                child = node;
                break;
            }
            at = child;
        }
        entry.parent = at;
    }
    if (sized_) count(entry.parent, 1);
    if (words_ > 0) narrow_from(entry.parent, node);
    while (entry.parent != NONE && nodes_[entry.parent].priority < entry.priority) rotate_up(set, node);
}

// One member more or fewer from this node upwards.
void OrderForest::count(Node at, std::uint32_t change) {
    for (; at != NONE; at = nodes_[at].parent) nodes_[at].size += change;
}

// There is a new leaf below; further up nothing changes once nothing changes here.
void OrderForest::narrow_from(Node at, Node leaf) {
    for (bool changed = true; changed && at != NONE; at = nodes_[at].parent) {
        changed = false;
        for (std::size_t word = 0; word < words_; ++word) {
            std::uint64_t& all = masks_[at * words_ + word].all;
            const std::uint64_t lost = all & ~masks_[leaf * words_ + word].own;
            all ^= lost;
            changed |= lost != 0;
        }
    }
}

// Returns whether it changed.
bool OrderForest::recompute_mask(Node node) {
    const Entry& entry = nodes_[node];
    bool changed = false;
    for (std::size_t word = 0; word < words_; ++word) {
        MaskWord& mask = masks_[node * words_ + word];
        std::uint64_t all = mask.own;
        if (entry.left != NONE) all &= masks_[entry.left * words_ + word].all;
        if (entry.right != NONE) all &= masks_[entry.right * words_ + word].all;
        changed |= all != std::exchange(mask.all, all);
    }
    return changed;
}

void OrderForest::replace_child(Set& set, Node parent, Node old_child, Node new_child) {
    if (parent == NONE) {
        set.top = new_child;
    } else if (nodes_[parent].left == old_child) {
        nodes_[parent].left = new_child;
    } else {
        nodes_[parent].right = new_child;
    }
}

void OrderForest::rotate_up(Set& set, Node node) {
    Entry& entry = nodes_[node];
    const Node parent_node = entry.parent;
    Entry& parent = nodes_[parent_node];
    Node moved;
    if (parent.left == node) {
        moved = entry.right;
        parent.left = moved;
        entry.right = parent_node;
    } else {
        moved = entry.left;
        parent.right = moved;
        entry.left = parent_node;
    }
    if (moved != NONE) nodes_[moved].parent = parent_node;
    entry.parent = parent.parent;
    replace_child(set, parent.parent, parent_node, node);
    parent.parent = node;
    if (sized_) {
        const std::uint32_t whole = parent.size;
        parent.size = whole - entry.size + subtree_size(moved);
        entry.size = whole;
    }
    if (words_ > 0) {
        for (std::size_t word = 0; word < words_; ++word) {
            masks_[node * words_ + word].all = masks_[parent_node * words_ + word].all;
        }
        recompute_mask(parent_node);
    }
}

void OrderForest::erase(Set& set, Node node) {
    ROUTER_CHECK(node < nodes_.size() && nodes_[node].size > 0);
    if (set.first == node) set.first = next(node);
    if (set.last == node) set.last = previous(node);
    Entry& entry = nodes_[node];
    while (entry.left != NONE && entry.right != NONE) {
        rotate_up(set, nodes_[entry.left].priority > nodes_[entry.right].priority ? entry.left : entry.right);
    }
    const Node child = entry.left != NONE ? entry.left : entry.right;
    ROUTER_CHECK(entry.parent != NONE || set.top == node);
    if (child != NONE) nodes_[child].parent = entry.parent;
    replace_child(set, entry.parent, node, child);
    if (sized_) count(entry.parent, ~std::uint32_t{0});
    if (words_ > 0) {
        Node at = entry.parent;
        while (at != NONE && recompute_mask(at)) at = nodes_[at].parent;
    }
    entry.size = 0;
    free_.push_back(node);
}

OrderForest::Node OrderForest::leftmost(Node node) const {
    while (nodes_[node].left != NONE) node = nodes_[node].left;
    return node;
}

OrderForest::Node OrderForest::next(Node node) const {
    if (nodes_[node].right != NONE) return leftmost(nodes_[node].right);
    Node parent = nodes_[node].parent;
    while (parent != NONE && nodes_[parent].right == node) {
        node = parent;
        parent = nodes_[node].parent;
    }
    return parent;
}

OrderForest::Node OrderForest::previous(Node node) const {
    if (nodes_[node].left != NONE) {
        node = nodes_[node].left;
        while (nodes_[node].right != NONE) node = nodes_[node].right;
        return node;
    }
    Node parent = nodes_[node].parent;
    while (parent != NONE && nodes_[parent].left == node) {
        node = parent;
        parent = nodes_[node].parent;
    }
    return parent;
}

OrderForest::Node OrderForest::first_in_subtree_without(Node node, std::size_t bit) const {
    while (node != NONE && !all_have(node, bit)) {
        const Node left = nodes_[node].left;
        if (left != NONE && !all_have(left, bit)) {
            node = left;
        } else if (!has(node, bit)) {
            return node;
        } else {
            node = nodes_[node].right;
        }
    }
    return NONE;
}

OrderForest::Node OrderForest::first_without(const Set& set, std::size_t bit) const {
    if (set.empty() || !has(set.first, bit)) return set.first;  // mostly: few members have it
    return first_in_subtree_without(set.top, bit);
}

OrderForest::Node OrderForest::next_without(Node node, std::size_t bit) const {
    while (true) {
        const Node found = first_in_subtree_without(nodes_[node].right, bit);
        if (found != NONE) return found;
        Node parent = nodes_[node].parent;
        while (parent != NONE && nodes_[parent].right == node) {
            node = parent;
            parent = nodes_[node].parent;
        }
        if (parent == NONE) return NONE;
        if (!has(parent, bit)) return parent;
        node = parent;
    }
}

std::size_t OrderForest::rank(Node node) const {
    std::size_t before = subtree_size(nodes_[node].left);
    for (Node at = node; nodes_[at].parent != NONE; at = nodes_[at].parent) {
        const Entry& parent = nodes_[nodes_[at].parent];
        if (parent.right == at) before += 1 + subtree_size(parent.left);
    }
    return before;
}

}  // namespace router
