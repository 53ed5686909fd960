// SPDX-License-Identifier: Apache-2.0
import Tensors

extension NodeContext {
    /// Reads the columns of TreeEnsemble (ai.onnx.ml 5), where inner nodes and leaves have lists of
    /// their own: leaf `k` stands behind all inner nodes.
    func treeTable(targetCount: Int) throws(EngineError) -> TreeTable {
        var table = TreeTable()
        table.features = try integers("nodes_featureids") ?? []
        let inner = table.count
        guard let splits = try tensor("nodes_splits") else {
            throw wrong("nodes_splits", "is missing")
        }
        (table.thresholds, table.isDouble) = try reals(of: splits, attribute: "nodes_splits")
        try require("nodes_splits", count: table.thresholds.count, expected: inner)
        table.tests = try branchTests(inner)
        let targets = try integers("leaf_targetids") ?? []
        guard let leafWeights = try tensor("leaf_weights") else {
            throw wrong("leaf_weights", "is missing")
        }
        let (weights, _) = try reals(of: leafWeights, attribute: "leaf_weights")
        try require("leaf_weights", count: weights.count, expected: targets.count)
        for (leaf, target) in targets.enumerated() where target < 0 || target >= targetCount {
            throw wrong("leaf_targetids", "is \(target) at \(leaf), expected 0..<\(targetCount)")
        }
        let missing = try integers("nodes_missing_value_tracks_true") ?? []
        if !missing.isEmpty {
            try require("nodes_missing_value_tracks_true", count: missing.count, expected: inner)
        }
        table.missingIsTrue = (0..<inner).map { !missing.isEmpty && missing[$0] != 0 }
        table.trueChildren = try children("true", inner: inner, leaves: targets.count)
        table.falseChildren = try children("false", inner: inner, leaves: targets.count)
        table.members = try memberSets(table.tests)
        table.roots = try integers("tree_roots") ?? []
        for root in table.roots where root < 0 || root >= inner {
            throw wrong("tree_roots", "is \(root), expected 0..<\(inner)")
        }

        table.features += repeatElement(0, count: targets.count)
        table.tests += repeatElement(nil, count: targets.count)
        table.thresholds += repeatElement(0, count: targets.count)
        table.missingIsTrue += repeatElement(false, count: targets.count)
        table.trueChildren += repeatElement(-1, count: targets.count)
        table.falseChildren += repeatElement(-1, count: targets.count)
        if !table.members.isEmpty {
            table.members += repeatElement([], count: targets.count)
        }
        table.attach(nodes: Array(inner..<table.count), targets: targets, weights: weights)
        return table
    }

    private func branchTests(_ count: Int) throws(EngineError) -> [BranchTest?] {
        guard let modes = try tensor("nodes_modes"), modes.type == .uint8 else {
            throw wrong("nodes_modes", "is missing or no tensor of uint8")
        }
        try require("nodes_modes", count: modes.elementCount, expected: count)
        var tests: [BranchTest?] = []
        for (node, mode) in modes.elements(as: UInt8.self).enumerated() {
            guard let test = BranchTest(rawValue: mode) else {
                throw wrong("nodes_modes", "is \(mode) at \(node), expected 0 to 6")
            }
            tests.append(test)
        }
        return tests
    }

    private func children(
        _ side: String,
        inner: Int,
        leaves: Int
    ) throws(EngineError) -> [Int] {
        let ids = try integers("nodes_\(side)nodeids") ?? []
        let areLeaves = try integers("nodes_\(side)leafs") ?? []
        try require("nodes_\(side)nodeids", count: ids.count, expected: inner)
        try require("nodes_\(side)leafs", count: areLeaves.count, expected: inner)
        var children: [Int] = []
        children.reserveCapacity(inner)
        for node in 0..<inner {
            let limit = areLeaves[node] == 0 ? inner : leaves
            guard ids[node] >= 0, ids[node] < limit else {
                throw wrong(
                    "nodes_\(side)nodeids",
                    "is \(ids[node]) at \(node), expected 0..<\(limit)"
                )
            }
            children.append(areLeaves[node] == 0 ? ids[node] : inner + ids[node])
        }
        return children
    }

    /// One sorted set for each node that tests membership, in the order of the nodes.
    private func memberSets(_ tests: [BranchTest?]) throws(EngineError) -> [[Double]] {
        let expected = tests.count { $0 == .member }
        guard expected > 0 else { return [] }
        guard let tensor = try tensor("membership_values") else {
            throw wrong("membership_values", "is missing")
        }
        let (values, _) = try reals(of: tensor, attribute: "membership_values")
        var sets = values.split(omittingEmptySubsequences: false, whereSeparator: \.isNaN)
        if values.last?.isNaN == true { sets.removeLast() }
        try require("membership_values", count: sets.count, expected: expected)
        var next = sets.makeIterator()
        return tests.map { $0 == .member ? (next.next() ?? []).sorted() : [] }
    }
}
