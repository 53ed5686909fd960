// SPDX-License-Identifier: Apache-2.0

/// The trees of a boosted model, in what its library and ONNX have in common.
struct BoostedForest: Sendable {
    var trees: [BoostedTree] = []
    /// The score that each tree adds to.
    var targets: [Int] = []
    /// What each score starts from; one a score.
    var start: [Double]

    var targetCount: Int { start.count }

    /// By column, whether some test asks for a category there.
    func categoryColumns(_ count: Int) -> [Bool] {
        var columns = [Bool](repeating: false, count: count)
        for tree in trees {
            for node in tree.nodes {
                if case .member = node.test { columns[node.feature] = true }
            }
        }
        return columns
    }
}

/// One tree: inner nodes, the root first, and leaves.
///
/// Nodes may share what is below them, but no way leads back to where it came from.
struct BoostedTree: Sendable {
    /// Where a branch leads.
    enum Child: Sendable, Equatable {
        case node(Int)
        case leaf(Int)
    }

    /// What sends a value to the first child.
    enum Test: Sendable, Equatable {
        case less(Double)
        case atMost(Double)
        /// It is in that one of the tree's sets.
        case member(Int)
    }

    struct Node: Sendable {
        var feature: Int
        var test: Test
        /// Whether a missing value goes to the first child.
        var missingIsFirst: Bool
        // Set once the children are known.
        var first = Child.leaf(0)
        var second = Child.leaf(0)
    }

    /// Empty where the tree is its only leaf.
    var nodes: [Node] = []
    var leaves: [Double] = []
    /// Codes of categories, rising.
    var sets: [[Double]] = []

    static func constant(_ value: Double) -> BoostedTree { BoostedTree(leaves: [value]) }
}
