// SPDX-License-Identifier: Apache-2.0

/// A packed forest before it has its place in memory.
struct ForestParts<Value: ForestValue> {
    var nodes: [ForestNode<Value>] = []
    var roots: [UInt32] = []
    var depths: [Int] = []
    var tests: [BranchTest?] = []
    var missingIsTrue: [Bool] = []
    var members: [[Value]] = []
    var entries = LeafEntries<Value>()
    var hasMissingSecond = false
    var featureCount = 0
    var targetCount = 1
    /// Whether weights are only ever added up.
    var isSum = true
    /// The target of each tree, when every leaf has one weight and all leaves of a tree one target.
    var inlineTargets: [Int32] = []
}

/// Packs a `TreeTable`: walks every tree from its root, proving that no path comes back to where it
/// was, that features exist and that paths are not too long.
///
/// Exporters of categorical splits let several nodes share a child, so a "tree" may be a graph; a
/// shared node is copied but what is below it is not, so that packing takes at most two nodes for
/// each inner node of the file.
struct ForestBuilder<Value: ForestValue> {
    /// No tree that a library grows is deeper.
    static var maximumDepth: Int { 4096 }

    private let table: TreeTable
    private let context: NodeContext
    private let isMixed: Bool
    /// Whether leaves so far hold one weight each, for one target a tree.
    private var isInline: Bool
    /// The target of the leaves of the tree being packed, as far as they were seen.
    private var treeTarget: Int?
    private var parts = ForestParts<Value>()
    private var states: [State]
    /// The longest path below each node of the file.
    private var heights: [Int]

    /// What the walk knows of a node of the file.
    private enum State {
        case untouched
        /// The walk is below it.
        case open
        case packed(at: Int)
    }

    /// A node of the file that packed node `index` is to become, or one whose children are done.
    private struct Visit {
        let position: Int
        let index: Int
        var isLeaving = false
    }

    /// Packs `table`.
    ///
    /// - Parameters:
    ///   - table: the trees.
    ///   - featureCount: how many features a row has.
    ///   - targetCount: how many scores a row gets; the targets of the leaves are below it, and are
    ///     all taken for the only one when it is 1.
    ///   - isSum: weights are added up, so that leaves of one weight need no entries.
    ///   - context: the node, for errors.
    /// - Returns: the forest.
    /// - Throws: `EngineError` naming the attribute that breaks the trees.
    static func build(
        _ table: TreeTable,
        featureCount: Int,
        targetCount: Int,
        isSum: Bool,
        context: NodeContext
    ) throws(EngineError) -> PackedForest<Value> {
        guard !table.roots.isEmpty else { throw context.wrong("nodes_treeids", "has no tree") }
        guard table.count < Int(UInt32.max) / 4, featureCount < Int(UInt32.max) / 16 else {
            throw context.wrong("nodes_featureids", "has \(table.count) nodes, too many to pack")
        }
        let mayInline =
            isSum
            && (0..<table.count).allSatisfy {
                table.entryStarts[$0 + 1] - table.entryStarts[$0] <= 1
            }
        var table = table
        let categories = CategoryColumns<Value>(replacing: &table, featureCount: featureCount)
        var builder = ForestBuilder(table, isInline: mayInline, context: context)
        builder.parts.featureCount = categories?.columnCount ?? featureCount
        builder.parts.targetCount = targetCount
        builder.parts.isSum = isSum
        let blank = builder
        try builder.addTrees()
        if mayInline, !builder.isInline {
            builder = blank
            builder.isInline = false
            try builder.addTrees()
        }
        if let categories { return PackedForest(builder.parts, categories) }
        return PackedForest(builder.parts)
    }

    private init(_ table: TreeTable, isInline: Bool, context: NodeContext) {
        (self.table, self.isInline, self.context) = (table, isInline, context)
        states = Array(repeating: .untouched, count: table.count)
        heights = Array(repeating: 0, count: table.count)
        isMixed = (0..<table.count).contains {
            !Self.isUsual(table.tests[$0], table.thresholds[$0])
        }
    }

    private mutating func addTrees() throws(EngineError) {
        parts.nodes.reserveCapacity(table.count + 1)
        parts.depths.reserveCapacity(table.roots.count)
        let mayInline = isInline
        for (tree, root) in table.roots.enumerated() {
            treeTarget = nil
            try add(tree: tree, root: root)
            guard isInline == mayInline else { return }
            if isInline { parts.inlineTargets.append(Int32(treeTarget ?? 0)) }
        }
        addStayingLeaf()
    }

    /// Whether a test can be put as "to the second child iff x > t".
    private static func isUsual(_ test: BranchTest?, _ threshold: Double) -> Bool {
        guard let test else { return true }
        let value = Value(threshold)
        // Infinite features are taken for the largest number where missing ones are infinite.
        guard !value.isNaN, value != Value.greatestFiniteMagnitude else { return false }
        switch test {
        case .equal, .notEqual, .member: return false
        case .less, .greaterOrEqual: return value.isFinite
        case .lessOrEqual, .greater: return true
        }
    }

    private mutating func append(_ node: ForestNode<Value>, test: BranchTest?) {
        parts.nodes.append(node)
        if isMixed {
            parts.tests.append(test)
            parts.missingIsTrue.append(false)
        }
    }

    private mutating func addStayingLeaf() {
        let index = UInt32(parts.nodes.count)
        append(
            ForestNode(threshold: .infinity, value: 0, feature: 0, child: index),
            test: nil
        )
    }

    /// Packs the tree of `root`, depth first.
    private mutating func add(tree: Int, root: Int) throws(EngineError) {
        parts.roots.append(UInt32(parts.nodes.count))
        addStayingLeaf()
        var pending = [Visit(position: root, index: parts.nodes.count - 1)]
        while let visit = pending.popLast() {
            let position = visit.position
            if visit.isLeaving {
                let yes = heights[table.trueChildren[position]]
                let no = heights[table.falseChildren[position]]
                heights[position] = 1 + max(yes, no)
                states[position] = .packed(at: visit.index)
                continue
            }
            guard let test = table.tests[position] else {
                parts.nodes[visit.index].value = try leafValue(position)
                continue
            }
            switch states[position] {
            case .open:
                throw context.wrong(
                    "nodes_truenodeids",
                    "or 'nodes_falsenodeids' leads from node \(position) back to it, in tree \(tree)"
                )
            case .packed(let first):
                copyNode(first, to: visit.index)
                // What is below may have been packed for a tree of another target.
                if parts.targetCount > 1 { isInline = false }
            case .untouched:
                try check(featureOf: position)
                let child = parts.nodes.count
                addStayingLeaf()
                addStayingLeaf()
                let isTrueFirst = set(visit.index, position: position, test: test, child: child)
                let yes = table.trueChildren[position]
                let no = table.falseChildren[position]
                states[position] = .open
                pending.append(Visit(position: position, index: visit.index, isLeaving: true))
                pending.append(Visit(position: isTrueFirst ? no : yes, index: child + 1))
                pending.append(Visit(position: isTrueFirst ? yes : no, index: child))
            }
        }
        guard heights[root] <= Self.maximumDepth else {
            throw context.wrong(
                "nodes_truenodeids",
                "makes tree \(tree) \(heights[root]) nodes deep, more than \(Self.maximumDepth)"
            )
        }
        parts.depths.append(heights[root])
    }

    private func check(featureOf position: Int) throws(EngineError) {
        let feature = table.features[position]
        guard feature >= 0, feature < parts.featureCount else {
            throw context.wrong(
                "nodes_featureids",
                "is \(feature) at \(position), expected 0..<\(parts.featureCount), the number of features of input 0"
            )
        }
    }

    /// A node with several parents has a copy beside each sibling; its children are shared.
    private mutating func copyNode(_ first: Int, to index: Int) {
        parts.nodes[index] = parts.nodes[first]
        guard isMixed else { return }
        parts.tests[index] = parts.tests[first]
        parts.missingIsTrue[index] = parts.missingIsTrue[first]
    }

    /// Makes packed node `index` an inner node; answers whether its first child is the true one.
    private mutating func set(
        _ index: Int,
        position: Int,
        test: BranchTest,
        child: Int
    ) -> Bool {
        parts.nodes[index].child = UInt32(child)
        parts.nodes[index].feature = UInt32(table.features[position])
        let threshold = Value(table.thresholds[position])
        let missingIsTrue = table.missingIsTrue[position]
        guard !isMixed else {
            parts.nodes[index].threshold = threshold
            parts.tests[index] = test
            parts.missingIsTrue[index] = missingIsTrue
            if test == .member {
                parts.nodes[index].value = Value(entry: UInt32(parts.members.count))
                parts.members.append(table.members[position].map { Value($0) })
            }
            return true
        }
        // x < t is x <= (the number below t); x >= t is x > (the number below t).
        var bound = test == .less || test == .greaterOrEqual ? threshold.nextDown : threshold
        let isTrueFirst = test == .lessOrEqual || test == .less
        if missingIsTrue != isTrueFirst {
            // In the second copy of the features a missing value is infinite, and an infinite one
            // the largest finite number, so that even an infinite threshold parts them.
            parts.hasMissingSecond = true
            parts.nodes[index].feature += UInt32(parts.featureCount)
            bound = min(bound, Value.greatestFiniteMagnitude)
        }
        parts.nodes[index].threshold = bound
        return isTrueFirst
    }

    private mutating func leafValue(_ position: Int) throws(EngineError) -> Value {
        let range = table.entryStarts[position]..<table.entryStarts[position + 1]
        if isInline {
            guard parts.targetCount > 1 else {
                return range.isEmpty ? 0 : Value(table.weights[range.lowerBound])
            }
            let target = range.isEmpty ? -1 : table.targets[range.lowerBound]
            if target < 0 || target != treeTarget ?? target {
                isInline = false
                return 0
            }
            treeTarget = target
            return Value(table.weights[range.lowerBound])
        }
        let leaf = parts.entries.starts.count - 1
        guard leaf < Int(UInt32.max) else {
            throw context.wrong("nodes_modes", "has more leaves than can be packed")
        }
        for entry in range {
            parts.entries.targets.append(parts.targetCount == 1 ? 0 : table.targets[entry])
            parts.entries.weights.append(Value(table.weights[entry]))
        }
        parts.entries.starts.append(parts.entries.targets.count)
        return Value(entry: UInt32(leaf))
    }
}
