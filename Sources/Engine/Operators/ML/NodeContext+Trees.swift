// SPDX-License-Identifier: Apache-2.0

extension NodeContext {
    /// Reads the columns of TreeEnsembleRegressor and TreeEnsembleClassifier, whose nodes are named
    /// by tree and node id.
    ///
    /// - Parameters:
    ///   - prefix: "target" or "class", how the leaf columns are called.
    ///   - outputCount: how many targets or classes there are.
    /// - Returns: the trees, whose paths `ForestBuilder` still has to prove.
    /// - Throws: `EngineError` naming the attribute that is wrong.
    func treeTable(prefix: String, outputCount: Int) throws(EngineError) -> TreeTable {
        var table = TreeTable()
        table.features = try integers("nodes_featureids") ?? []
        let count = table.count
        let trees = try column("nodes_treeids", count)
        let ids = try column("nodes_nodeids", count)
        let trueIDs = try column("nodes_truenodeids", count)
        let falseIDs = try column("nodes_falsenodeids", count)
        let modes = try strings("nodes_modes") ?? []
        try require("nodes_modes", count: modes.count, expected: count)
        let (thresholds, isDouble) = try reals("nodes_values") ?? ([], false)
        try require("nodes_values", count: thresholds.count, expected: count)
        let missing = try integers("nodes_missing_value_tracks_true") ?? []
        if !missing.isEmpty {
            try require("nodes_missing_value_tracks_true", count: missing.count, expected: count)
        }
        table.missingIsTrue = (0..<count).map { !missing.isEmpty && missing[$0] != 0 }
        (table.thresholds, table.isDouble) = (thresholds, isDouble)

        let index = try NodeIndex(trees: trees, nodes: ids, context: self)
        var isChild = [Bool](repeating: false, count: count)
        table.tests.reserveCapacity(count)
        for node in 0..<count {
            if modes[node] == "LEAF" {
                table.tests.append(nil)
                table.trueChildren.append(-1)
                table.falseChildren.append(-1)
                continue
            }
            guard let test = BranchTest(named: modes[node]) else {
                throw wrong("nodes_modes", "is '\(modes[node])' at \(node), which is no mode")
            }
            guard let yes = index.position(tree: trees[node], node: trueIDs[node]) else {
                throw wrong(
                    "nodes_truenodeids",
                    "names node \(trueIDs[node]) at \(node), which tree \(trees[node]) has not"
                )
            }
            guard let no = index.position(tree: trees[node], node: falseIDs[node]) else {
                throw wrong(
                    "nodes_falsenodeids",
                    "names node \(falseIDs[node]) at \(node), which tree \(trees[node]) has not"
                )
            }
            table.tests.append(test)
            table.trueChildren.append(yes)
            table.falseChildren.append(no)
            (isChild[yes], isChild[no]) = (true, true)
        }
        table.roots = try roots(trees: trees, tests: table.tests, isChild: isChild)
        try attachLeaves(to: &table, index: index, prefix: prefix, outputCount: outputCount)
        return table
    }

    private func column(_ name: String, _ count: Int) throws(EngineError) -> [Int] {
        let values = try integers(name) ?? []
        try require(name, count: values.count, expected: count)
        return values
    }

    /// The first inner node of each tree that is nobody's child, or its leaf where it has nothing
    /// else; trees in the order they appear in.
    private func roots(
        trees: [Int],
        tests: [BranchTest?],
        isChild: [Bool]
    ) throws(EngineError) -> [Int] {
        struct Found {
            var root: Int?
            var leaf: Int?
            var hasInner = false
        }
        var order: [Int] = []
        var found: [Int: Found] = [:]
        // Exporters write a tree's nodes in one run, which is looked up once.
        var start = 0
        while start < trees.count {
            let tree = trees[start]
            if found[tree] == nil { order.append(tree) }
            var entry = found[tree] ?? Found()
            var node = start
            while node < trees.count, trees[node] == tree {
                if tests[node] == nil {
                    entry.leaf = entry.leaf ?? node
                } else {
                    entry.hasInner = true
                    if !isChild[node] { entry.root = entry.root ?? node }
                }
                node += 1
            }
            found[tree] = entry
            start = node
        }
        var roots: [Int] = []
        for tree in order {
            guard let entry = found[tree], let root = entry.hasInner ? entry.root : entry.leaf
            else {
                throw wrong("nodes_treeids", "has tree \(tree), whose nodes go in a circle")
            }
            roots.append(root)
        }
        return roots
    }

    private func attachLeaves(
        to table: inout TreeTable,
        index: NodeIndex,
        prefix: String,
        outputCount: Int
    ) throws(EngineError) {
        let targets = try integers("\(prefix)_ids") ?? []
        let trees = try column("\(prefix)_treeids", targets.count)
        let ids = try column("\(prefix)_nodeids", targets.count)
        let (weights, isDouble) = try reals("\(prefix)_weights") ?? ([], false)
        try require("\(prefix)_weights", count: weights.count, expected: targets.count)
        table.isDouble = table.isDouble || isDouble
        var nodes: [Int] = []
        nodes.reserveCapacity(targets.count)
        for entry in targets.indices {
            guard let node = index.position(tree: trees[entry], node: ids[entry]) else {
                throw wrong(
                    "\(prefix)_nodeids",
                    "names node \(ids[entry]) of tree \(trees[entry]) at \(entry), which is not there"
                )
            }
            guard targets[entry] >= 0, targets[entry] < outputCount else {
                throw wrong(
                    "\(prefix)_ids",
                    "is \(targets[entry]) at \(entry), expected 0..<\(outputCount)"
                )
            }
            nodes.append(node)
        }
        table.attach(nodes: nodes, targets: targets, weights: weights)
    }
}

/// Where the node of a given tree and id stands in the file.
private struct NodeIndex {
    private struct Key: Hashable {
        let tree: Int
        let node: Int
    }
    /// Where a tree starts whose nodes are numbered 0, 1, 2 … in one run, as exporters write them.
    private var runs: [Int: Range<Int>] = [:]
    private var scattered: [Key: Int] = [:]

    init(trees: [Int], nodes: [Int], context: NodeContext) throws(EngineError) {
        var start = 0
        while start < trees.count {
            var end = start
            while end < trees.count, trees[end] == trees[start], nodes[end] == end - start {
                end += 1
            }
            guard end > start, end == trees.count || trees[end] != trees[start],
                runs[trees[start]] == nil
            else {
                try scatter(trees: trees, nodes: nodes, context: context)
                return
            }
            runs[trees[start]] = start..<end
            start = end
        }
    }

    private mutating func scatter(
        trees: [Int],
        nodes: [Int],
        context: NodeContext
    ) throws(EngineError) {
        runs = [:]
        scattered.reserveCapacity(trees.count)
        for index in trees.indices {
            let key = Key(tree: trees[index], node: nodes[index])
            guard scattered.updateValue(index, forKey: key) == nil else {
                throw context.wrong(
                    "nodes_nodeids",
                    "has node \(key.node) of tree \(key.tree) twice"
                )
            }
        }
    }

    func position(tree: Int, node: Int) -> Int? {
        guard scattered.isEmpty else { return scattered[Key(tree: tree, node: node)] }
        guard let run = runs[tree], node >= 0, node < run.count else { return nil }
        return run.lowerBound + node
    }
}
