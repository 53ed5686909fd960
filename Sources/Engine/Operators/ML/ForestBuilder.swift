// SPDX-License-Identifier: Apache-2.0

/// What the leaves give when one leaf gives several weights, or weights to several targets.
struct LeafEntries<Value: ForestValue>: Sendable {
    /// Where the entries of a leaf start; one more than there are leaves.
    var starts: [Int] = [0]
    var targets: [Int] = []
    var weights: [Value] = []
}

/// A packed forest before it has its place in memory.
struct ForestParts<Value: ForestValue> {
    var nodes: [ForestNode<Value>] = []
    var roots: [UInt32] = []
    var depths: [Int] = []
    var tests: [BranchTest?] = []
    var members: [[Value]] = []
    var entries = LeafEntries<Value>()
    var hasMissingSecond = false
    var featureCount = 0
}

/// Packs a `TreeTable`: walks every tree from its root, proving that each inner node is reached
/// once (so that there is no circle), that features exist and that paths are not too long.
struct ForestBuilder<Value: ForestValue> {
    /// No tree that a library grows is deeper.
    static var maximumDepth: Int { 4096 }

    private let table: TreeTable
    private let context: NodeContext
    private let inlineTarget: Bool
    private let isMixed: Bool
    private var parts = ForestParts<Value>()
    private var isReached: [Bool]

    /// Packs `table`.
    ///
    /// - Parameters:
    ///   - table: the trees.
    ///   - featureCount: how many features a row has.
    ///   - inlineTarget: every leaf has one entry at most, which is stored in its node.
    ///   - context: the node, for errors.
    /// - Returns: the forest.
    /// - Throws: `EngineError` naming the attribute that breaks the trees.
    static func build(
        _ table: TreeTable,
        featureCount: Int,
        inlineTarget: Bool,
        context: NodeContext
    ) throws(EngineError) -> Forest<Value> {
        guard !table.roots.isEmpty else { throw context.wrong("nodes_treeids", "has no tree") }
        guard table.count < Int(UInt32.max) / 4 else {
            throw context.wrong("nodes_featureids", "has \(table.count) nodes, too many to pack")
        }
        var builder = ForestBuilder(table, inlineTarget: inlineTarget, context: context)
        builder.parts.featureCount = featureCount
        for (tree, root) in table.roots.enumerated() { try builder.add(tree: tree, root: root) }
        builder.addStayingLeaf()
        return Forest(builder.parts)
    }

    private init(_ table: TreeTable, inlineTarget: Bool, context: NodeContext) {
        (self.table, self.inlineTarget, self.context) = (table, inlineTarget, context)
        isReached = Array(repeating: false, count: table.count)
        isMixed = (0..<table.count).contains {
            !Self.isUsual(table.tests[$0], table.thresholds[$0])
        }
        parts.nodes.reserveCapacity(table.count + 1)
        parts.depths.reserveCapacity(table.roots.count)
    }

    /// Whether a test can be put as "to the second child iff x > t".
    private static func isUsual(_ test: BranchTest?, _ threshold: Double) -> Bool {
        switch test {
        case nil: true
        case .equal, .notEqual, .member: false
        case .less, .greaterOrEqual: !threshold.isNaN && Value(threshold) > -Value.infinity
        case .lessOrEqual, .greater: !threshold.isNaN
        }
    }

    private mutating func append(_ node: ForestNode<Value>, test: BranchTest?) {
        parts.nodes.append(node)
        if isMixed { parts.tests.append(test) }
    }

    private mutating func addStayingLeaf() {
        let index = UInt32(parts.nodes.count)
        append(
            ForestNode(threshold: .infinity, value: 0, feature: 0, child: index),
            test: nil
        )
    }

    private mutating func add(tree: Int, root: Int) throws(EngineError) {
        parts.roots.append(UInt32(parts.nodes.count))
        addStayingLeaf()
        var deepest = 0
        var pending = [(position: root, index: parts.nodes.count - 1, depth: 0)]
        while let (position, index, depth) = pending.popLast() {
            deepest = max(deepest, depth)
            guard let test = table.tests[position] else {
                parts.nodes[index].value = try leafValue(position)
                continue
            }
            guard !isReached[position] else {
                throw context.wrong(
                    "nodes_truenodeids",
                    "and 'nodes_falsenodeids' reach node \(position) twice, in tree \(tree)"
                )
            }
            isReached[position] = true
            guard depth < Self.maximumDepth else {
                throw context.wrong(
                    "nodes_truenodeids",
                    "makes tree \(tree) deeper than \(Self.maximumDepth) nodes"
                )
            }
            let feature = table.features[position]
            guard feature >= 0, feature < parts.featureCount else {
                throw context.wrong(
                    "nodes_featureids",
                    "is \(feature) at \(position), expected 0..<\(parts.featureCount), the number of features of input 0"
                )
            }
            let child = parts.nodes.count
            addStayingLeaf()
            addStayingLeaf()
            let isTrueFirst = set(index, position: position, test: test, child: child)
            let yes = table.trueChildren[position]
            let no = table.falseChildren[position]
            pending.append((isTrueFirst ? no : yes, child + 1, depth + 1))
            pending.append((isTrueFirst ? yes : no, child, depth + 1))
        }
        parts.depths.append(deepest)
    }

    /// Makes packed node `index` an inner node; answers whether its first child is the true one.
    private mutating func set(
        _ index: Int,
        position: Int,
        test: BranchTest,
        child: Int
    ) -> Bool {
        let threshold = Value(table.thresholds[position])
        let missingIsTrue = table.missingIsTrue[position]
        var isTrueFirst = true
        var isFlagged = missingIsTrue
        var bound = threshold
        if isMixed {
            parts.tests[index] = test
            if test == .member {
                parts.nodes[index].value = Value(entry: UInt32(parts.members.count))
                parts.members.append(table.members[position].map { Value($0) })
            }
        } else {
            // x < t is x <= (the number below t); x >= t is x > (the number below t).
            if test == .less || test == .greaterOrEqual { bound = threshold.nextDown }
            isTrueFirst = test == .lessOrEqual || test == .less
            // A missing value is not above anything, so it goes to the first child by itself.
            isFlagged = missingIsTrue != isTrueFirst
            parts.hasMissingSecond = parts.hasMissingSecond || isFlagged
        }
        parts.nodes[index].threshold = bound
        parts.nodes[index].feature =
            UInt32(table.features[position]) | (isFlagged ? 0x8000_0000 : 0)
        parts.nodes[index].child = UInt32(child)
        return isTrueFirst
    }

    private mutating func leafValue(_ position: Int) throws(EngineError) -> Value {
        let range = table.entryStarts[position]..<table.entryStarts[position + 1]
        if inlineTarget {
            return range.isEmpty ? 0 : Value(table.weights[range.lowerBound])
        }
        let leaf = parts.entries.starts.count - 1
        guard leaf < Int(UInt32.max) else {
            throw context.wrong("nodes_modes", "has more leaves than can be packed")
        }
        for entry in range {
            parts.entries.targets.append(table.targets[entry])
            parts.entries.weights.append(Value(table.weights[entry]))
        }
        parts.entries.starts.append(parts.entries.targets.count)
        return Value(entry: UInt32(leaf))
    }
}
