// SPDX-License-Identifier: Apache-2.0

/// A small tree with its leaves numbered from first children to second ones.
struct TreeOutline<Value: ForestValue> {
    /// As many leaves as a byte can number.
    static var mostLeaves: Int { 256 }

    /// An inner node: `low..<middle` are the leaves below its first child, `middle..<high` those
    /// below its second one, to which x > threshold leads.
    struct Split {
        let feature: Int
        /// Whether a missing value goes to the second child.
        let isMissingSecond: Bool
        let threshold: Value
        let depth: Int
        let low: Int
        let middle: Int
        let high: Int
    }

    var splits: [Split] = []
    /// What each leaf holds: its weight, or the index of its entries.
    var leaves: [Value] = []

    /// The tree at `root`; nil when it has more than `mostLeaves` leaves, children that nodes share
    /// counted once for each.
    init?(of parts: ForestParts<Value>, root: UInt32) {
        guard add(Int(root), parts, depth: 0) else { return nil }
    }

    private mutating func add(_ index: Int, _ parts: ForestParts<Value>, depth: Int) -> Bool {
        guard depth < Self.mostLeaves, leaves.count < Self.mostLeaves else { return false }
        let node = parts.nodes[index]
        guard Int(node.child) != index else {
            leaves.append(node.value)
            return true
        }
        let low = leaves.count
        guard add(Int(node.child), parts, depth: depth + 1) else { return false }
        let middle = leaves.count
        guard add(Int(node.child) + 1, parts, depth: depth + 1) else { return false }
        let isSecond = Int(node.feature) >= parts.featureCount
        splits.append(
            Split(
                feature: Int(node.feature) - (isSecond ? parts.featureCount : 0),
                isMissingSecond: isSecond,
                threshold: node.threshold,
                depth: depth,
                low: low,
                middle: middle,
                high: leaves.count
            )
        )
        return true
    }

    /// The ranges of leaves of the largest subtrees with up to `most` leaves, from the first on.
    func twigs(most: Int) -> [Range<Int>] {
        let cuts = splits.filter { $0.high - $0.low > most }.map(\.middle).sorted()
        let starts = [0] + cuts
        return zip(starts, cuts + [leaves.count]).map { $0..<$1 }
    }

    /// The splits above `twigs`, whose leaves are the twigs.
    func above(_ twigs: [Range<Int>], most: Int) -> [Split] {
        let ends = twigs.map(\.upperBound)
        /// How many twigs end at `leaf` or before it.
        func number(_ leaf: Int) -> Int { ends.count { $0 <= leaf } }
        return splits.filter { $0.high - $0.low > most }.map { split in
            Split(
                feature: split.feature,
                isMissingSecond: split.isMissingSecond,
                threshold: split.threshold,
                depth: split.depth,
                low: number(split.low),
                middle: number(split.middle),
                high: number(split.high)
            )
        }
    }

    /// Whether all nodes of a level have the same test and all leaves are equally deep.
    var isSymmetric: Bool {
        guard leaves.count & (leaves.count - 1) == 0 else { return false }
        var levels: [Int: Split] = [:]
        for split in splits {
            guard split.middle - split.low == leaves.count >> (split.depth + 1),
                split.high - split.middle == split.middle - split.low
            else { return false }
            let first = levels[split.depth] ?? split
            guard first.feature == split.feature, first.threshold == split.threshold,
                first.isMissingSecond == split.isMissingSecond
            else { return false }
            levels[split.depth] = first
        }
        return true
    }

    /// One split of each level of a symmetric tree.
    var levels: [Split] { splits.filter { $0.low == 0 } }
}
