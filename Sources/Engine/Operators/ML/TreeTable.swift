// SPDX-License-Identifier: Apache-2.0

/// The test of an inner node of a tree, by the number that `TreeEnsemble` gives it.
enum BranchTest: UInt8, Sendable {
    case lessOrEqual = 0
    case less, greaterOrEqual, greater, equal, notEqual, member

    init?(named name: String) {
        switch name {
        case "BRANCH_LEQ": self = .lessOrEqual
        case "BRANCH_LT": self = .less
        case "BRANCH_GTE": self = .greaterOrEqual
        case "BRANCH_GT": self = .greater
        case "BRANCH_EQ": self = .equal
        case "BRANCH_NEQ": self = .notEqual
        default: return nil
        }
    }
}

/// Trees as a model states them, either form of the operator, in flat columns: what `Forest` packs.
///
/// Positions count nodes in the order of the file. Nothing here is proved yet but that the
/// columns are of one length; `Forest` walks them once and finds what is wrong.
struct TreeTable {
    var count: Int { features.count }
    /// Nil is a leaf.
    var tests: [BranchTest?] = []
    var features: [Int] = []
    var thresholds: [Double] = []
    var trueChildren: [Int] = []
    var falseChildren: [Int] = []
    /// Whether a missing value goes the way of the true branch.
    var missingIsTrue: [Bool] = []
    /// The set that a `member` node tests against; empty when no node does.
    var members: [[Double]] = []
    var roots: [Int] = []

    /// What node `n` gives when it is a leaf: `targets` and `weights` in
    /// `entryStarts[n]..<entryStarts[n + 1]`.
    var entryStarts: [Int] = [0]
    var targets: [Int] = []
    var weights: [Double] = []

    /// Whether thresholds or weights were stated in double precision.
    var isDouble = false

    /// Sorts `entries` (node, target, weight) to their nodes, keeping the order within a node.
    mutating func attach(nodes: [Int], targets: [Int], weights: [Double]) {
        var starts = [Int](repeating: 0, count: count + 1)
        for node in nodes { starts[node + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        entryStarts = starts
        self.targets = [Int](repeating: 0, count: nodes.count)
        self.weights = [Double](repeating: 0, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            self.targets[starts[node]] = targets[index]
            self.weights[starts[node]] = weights[index]
            starts[node] += 1
        }
    }
}
