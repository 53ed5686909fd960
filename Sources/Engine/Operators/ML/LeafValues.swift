// SPDX-License-Identifier: Apache-2.0

/// What the leaves of a forest give, numbered through all its trees.
enum LeafValues<Value: ForestValue>: Sendable {
    /// One weight a leaf, for the only target.
    case single(KernelTable<Value>)
    /// One weight a leaf; a tree has one target.
    case byTree(KernelTable<Value>, targets: KernelTable<Int32>)
    /// One weight a leaf and target.
    case dense(KernelTable<Value>)
    /// The number of the leaf's entries.
    case entries([Int], LeafEntries<Value>)

    /// `leaves` are what the nodes of `parts` hold.
    init(of leaves: [Value], _ parts: ForestParts<Value>) {
        if !parts.inlineTargets.isEmpty {
            let weights = KernelTable(leaves)
            self =
                parts.targetCount == 1
                ? .single(weights)
                : .byTree(weights, targets: KernelTable(parts.inlineTargets))
        } else if parts.isSum, parts.entries.isDense(targetCount: parts.targetCount) {
            self = .dense(
                KernelTable(
                    leaves.flatMap { leaf in
                        let first = parts.entries.starts[Int(leaf.entry)]
                        return parts.entries.weights[first..<(first + parts.targetCount)]
                    }
                )
            )
        } else {
            self = .entries(leaves.map { Int($0.entry) }, parts.entries)
        }
    }

    /// What they take in memory.
    var byteCount: Int {
        switch self {
        case .single(let weights), .dense(let weights): weights.byteCount
        case .byTree(let weights, let targets): weights.byteCount + targets.byteCount
        case .entries(let numbers, let entries):
            numbers.count * MemoryLayout<Int>.stride + entries.byteCount
        }
    }
}
