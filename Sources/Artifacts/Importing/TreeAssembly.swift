// SPDX-License-Identifier: Apache-2.0

/// A node or a leaf of a tree as its library states it, children by number.
enum StatedNode {
    case leaf(Double)
    case split(StatedSplit)
}

struct StatedSplit {
    enum Test {
        /// To the left below this.
        case less(Double)
        /// To the left up to this.
        case atMost(Double)
        /// As `atMost`, but what counts as zero goes to the other side.
        case atMostZeroAside(Double)
        /// To the left if it is one of these codes.
        case among([Double])
        /// To the right if it is one of these codes.
        case notAmong([Double])
    }
    var feature: Int
    var test: Test
    var left: Int
    var right: Int
    var missingIsLeft: Bool
}

/// Puts a tree together from its root on.
///
/// Only what the root leads to is taken along, and nothing twice, so that a file can neither ask for
/// more than it holds nor send a row in a circle.
struct TreeAssembly {
    /// LightGBM takes numbers up to this size for zero.
    static let zero = Double(1e-35 as Float)
    /// No tree that a library grows is deeper; what is too much for an engine is up to twice as deep.
    private static let mostLevels = 2048

    private var tree = BoostedTree()
    private var seen: [Bool]
    private var pending: [Pending]

    /// The branches that lead to a stated node.
    private struct Pending {
        let number: Int
        let level: Int
        let branches: [Branch]
    }

    private struct Branch {
        let node: Int
        let isFirst: Bool
    }

    /// Assembles the tree whose root is number 0.
    ///
    /// - Parameters:
    ///   - count: how many nodes and leaves are numbered.
    ///   - stated: the node or leaf of a number below `count`.
    ///   - wrong: the error about a node.
    /// - Returns: the tree.
    /// - Throws: an error about the node that is no part of a tree.
    static func assemble(
        count: Int,
        stated: (Int) throws(ArtifactError) -> StatedNode,
        wrong: (Int, String) -> ArtifactError
    ) throws(ArtifactError) -> BoostedTree {
        var assembly = TreeAssembly(count: count)
        while let next = assembly.pending.popLast() {
            guard !assembly.seen[next.number] else {
                throw wrong(next.number, "has more than one parent")
            }
            guard next.level < mostLevels else {
                throw wrong(next.number, "is deeper than \(mostLevels) levels")
            }
            assembly.seen[next.number] = true
            switch try stated(next.number) {
            case .leaf(let value):
                assembly.connect(next.branches, to: .leaf(assembly.tree.leaves.count))
                assembly.tree.leaves.append(value)
            case .split(let split):
                for child in [split.left, split.right] where !(0..<count).contains(child) {
                    throw wrong(next.number, "has a child \(child), which is not there")
                }
                assembly.add(split, next)
            }
        }
        return assembly.tree
    }

    private init(count: Int) {
        seen = Array(repeating: false, count: count)
        pending = [Pending(number: 0, level: 0, branches: [])]
    }

    private mutating func connect(_ branches: [Branch], to child: BoostedTree.Child) {
        for branch in branches {
            if branch.isFirst {
                tree.nodes[branch.node].first = child
            } else {
                tree.nodes[branch.node].second = child
            }
        }
    }

    /// Adds a node whose children are still to come; answers its place.
    private mutating func node(
        _ feature: Int,
        _ test: BoostedTree.Test,
        missingIsFirst: Bool
    ) -> Int {
        tree.nodes.append(
            BoostedTree.Node(feature: feature, test: test, missingIsFirst: missingIsFirst)
        )
        return tree.nodes.count - 1
    }

    private mutating func add(_ split: StatedSplit, _ place: Pending) {
        connect(place.branches, to: .node(tree.nodes.count))
        var left: [Branch] = []
        var right: [Branch] = []
        switch split.test {
        case .less(let threshold):
            let own = node(split.feature, .less(threshold), missingIsFirst: split.missingIsLeft)
            left = [Branch(node: own, isFirst: true)]
            right = [Branch(node: own, isFirst: false)]
        case .atMost(let threshold):
            let own = node(split.feature, .atMost(threshold), missingIsFirst: split.missingIsLeft)
            left = [Branch(node: own, isFirst: true)]
            right = [Branch(node: own, isFirst: false)]
        case .among(let codes), .notAmong(let codes):
            var isLeft = false
            if case .among = split.test { isLeft = true }
            tree.sets.append(codes)
            let own = node(
                split.feature,
                .member(tree.sets.count - 1),
                missingIsFirst: split.missingIsLeft == isLeft
            )
            left = [Branch(node: own, isFirst: isLeft)]
            right = [Branch(node: own, isFirst: !isLeft)]
        case .atMostZeroAside(let threshold):
            (left, right) = addZeroAside(split.feature, threshold)
        }
        let level = place.level + 1
        pending.append(Pending(number: split.right, level: level, branches: right))
        pending.append(Pending(number: split.left, level: level, branches: left))
    }

    /// Three nodes that send what is at most `threshold` to the left, except that zeros and missing
    /// values go where they would not by themselves.
    private mutating func addZeroAside(
        _ feature: Int,
        _ threshold: Double
    ) -> (left: [Branch], right: [Branch]) {
        // The first node parts those on the threshold's side of zero from the rest, with which
        // zeros and missing values go.
        let zeroIsLeft = threshold < 0
        let bound = zeroIsLeft ? BoostedTree.Test.less(-Self.zero) : .atMost(Self.zero)
        let outer = node(feature, bound, missingIsFirst: !zeroIsLeft)
        let far = node(feature, .atMost(threshold), missingIsFirst: zeroIsLeft)
        let near = node(
            feature,
            zeroIsLeft ? .atMost(Self.zero) : .less(-Self.zero),
            missingIsFirst: zeroIsLeft
        )
        tree.nodes[outer].first = .node(zeroIsLeft ? far : near)
        tree.nodes[outer].second = .node(zeroIsLeft ? near : far)
        return (
            [Branch(node: far, isFirst: true), Branch(node: near, isFirst: true)],
            [Branch(node: far, isFirst: false), Branch(node: near, isFirst: false)]
        )
    }
}
