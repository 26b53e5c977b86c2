#include "order_forest.hpp"

namespace router {

void OrderForest::reset(std::size_t mask_bits) {
    nodes_.clear();
    masks_.clear();
    all_masks_.clear();
    free_.clear();
    words_ = (mask_bits + 63) / 64;
}

OrderForest::Node OrderForest::allocate(const OrderKey& key, Id item, const std::uint64_t* mask) {
    Node node;
    if (!free_.empty()) {
        node = free_.back();
        free_.pop_back();
    } else {
        node = static_cast<Node>(nodes_.size());
        nodes_.emplace_back();
        masks_.resize(masks_.size() + words_);
        all_masks_.resize(all_masks_.size() + words_);
    }
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    nodes_[node] = Entry{key, item, NONE, NONE, NONE, 1, static_cast<std::uint32_t>(random_ >> 32)};
    for (std::size_t word = 0; word < words_; ++word) {
        masks_[node * words_ + word] = all_masks_[node * words_ + word] = mask == nullptr ? 0 : mask[word];
    }
    return node;
}

void OrderForest::recompute(Node node) {
    Entry& entry = nodes_[node];
    entry.size = 1;
    if (entry.left != NONE) entry.size += nodes_[entry.left].size;
    if (entry.right != NONE) entry.size += nodes_[entry.right].size;
    for (std::size_t word = 0; word < words_; ++word) {
        std::uint64_t all = masks_[node * words_ + word];
        if (entry.left != NONE) all &= all_masks_[entry.left * words_ + word];
        if (entry.right != NONE) all &= all_masks_[entry.right * words_ + word];
        all_masks_[node * words_ + word] = all;
    }
}

void OrderForest::rotate_up(Root& root, Node node) {
    const Node parent = nodes_[node].parent;
    const Node grandparent = nodes_[parent].parent;
    Node moved;
    if (nodes_[parent].left == node) {
        moved = nodes_[node].right;
        nodes_[parent].left = moved;
        nodes_[node].right = parent;
    } else {
        moved = nodes_[node].left;
        nodes_[parent].right = moved;
        nodes_[node].left = parent;
    }
    if (moved != NONE) nodes_[moved].parent = parent;
    nodes_[parent].parent = node;
    nodes_[node].parent = grandparent;
    if (grandparent == NONE) {
        root = node;
    } else if (nodes_[grandparent].left == parent) {
        nodes_[grandparent].left = node;
    } else {
        nodes_[grandparent].right = node;
    }
    recompute(parent);
    recompute(node);
}

void OrderForest::attach(Root& root, Node node) {
    if (root == NONE) {
        root = node;
        return;
    }
    Node at = root;
    while (true) {
        Node& child = nodes_[node].key < nodes_[at].key ? nodes_[at].left : nodes_[at].right;
        if (child == NONE) {
            child = node;
            break;
        }
        at = child;
    }
    nodes_[node].parent = at;
    for (; at != NONE; at = nodes_[at].parent) recompute(at);
    while (nodes_[node].parent != NONE && nodes_[nodes_[node].parent].priority < nodes_[node].priority) {
        rotate_up(root, node);
    }
}

OrderForest::Node OrderForest::insert(Root& root, const OrderKey& key, Id item) {
    return insert(root, key, item, nullptr);
}

OrderForest::Node OrderForest::insert(Root& root, const OrderKey& key, Id item, const std::uint64_t* mask) {
    const Node node = allocate(key, item, mask);
    attach(root, node);
    return node;
}

void OrderForest::erase(Root& root, Node node) {
    ROUTER_CHECK(node < nodes_.size() && nodes_[node].size > 0);
    while (nodes_[node].left != NONE && nodes_[node].right != NONE) {
        const Node left = nodes_[node].left;
        const Node right = nodes_[node].right;
        rotate_up(root, nodes_[left].priority > nodes_[right].priority ? left : right);
    }
    const Node child = nodes_[node].left != NONE ? nodes_[node].left : nodes_[node].right;
    const Node parent = nodes_[node].parent;
    if (child != NONE) nodes_[child].parent = parent;
    if (parent == NONE) {
        ROUTER_CHECK(root == node);
        root = child;
    } else if (nodes_[parent].left == node) {
        nodes_[parent].left = child;
    } else {
        nodes_[parent].right = child;
    }
    for (Node at = parent; at != NONE; at = nodes_[at].parent) recompute(at);
    nodes_[node].size = 0;
    free_.push_back(node);
}

OrderForest::Node OrderForest::first(Root root) const {
    if (root == NONE) return NONE;
    while (nodes_[root].left != NONE) root = nodes_[root].left;
    return root;
}

OrderForest::Node OrderForest::next(Node node) const {
    if (nodes_[node].right != NONE) return first(nodes_[node].right);
    Node parent = nodes_[node].parent;
    while (parent != NONE && nodes_[parent].right == node) {
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

OrderForest::Node OrderForest::first_without(Root root, std::size_t bit) const {
    return first_in_subtree_without(root, bit);
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
    std::size_t before = size(nodes_[node].left);
    for (Node at = node; nodes_[at].parent != NONE; at = nodes_[at].parent) {
        const Entry& parent = nodes_[nodes_[at].parent];
        if (parent.right == at) before += 1 + size(parent.left);
    }
    return before;
}

}  // namespace router
