// SPDX-License-Identifier: Apache-2.0
import ONNX

/// Writes a forest as one `TreeEnsemble` node of ai.onnx.ml 5.
///
/// Scores are added up in the order of the trees, those that a score starts from first, as the
/// libraries do it.
struct TreeEnsembleNode {
    /// In single precision, or else in double precision.
    private let isSingle: Bool
    private let targetCount: Int

    private var features: [Int64] = []
    private var thresholds: [Double] = []
    private var modes: [UInt8] = []
    private var trueIDs: [Int64] = []
    private var trueAreLeaves: [Int64] = []
    private var falseIDs: [Int64] = []
    private var falseAreLeaves: [Int64] = []
    private var missingIsTrue: [Int64] = []
    private var members: [Double] = []
    private var roots: [Int64] = []
    private var leafTargets: [Int64] = []
    private var leafWeights: [Double] = []

    init(_ forest: BoostedForest, isSingle: Bool) {
        (self.isSingle, targetCount) = (isSingle, forest.targetCount)
        for (target, value) in forest.start.enumerated() where value != 0 || forest.trees.isEmpty {
            add(.constant(value), target: target)
        }
        for (tree, target) in zip(forest.trees, forest.targets) { add(tree, target: target) }
    }

    private mutating func add(_ tree: BoostedTree, target: Int) {
        let firstNode = features.count
        let firstLeaf = leafWeights.count
        roots.append(Int64(firstNode))
        leafTargets += repeatElement(Int64(target), count: tree.leaves.count)
        leafWeights += tree.leaves
        guard !tree.nodes.isEmpty else {
            // A root has to be a node: one that both ways lead on from to the leaf.
            let leaf = BoostedTree.Child.leaf(0)
            append(0, .atMost(0), leaf, leaf, missingIsFirst: false, firstNode, firstLeaf, [])
            return
        }
        for node in tree.nodes {
            append(
                node.feature,
                node.test,
                node.first,
                node.second,
                missingIsFirst: node.missingIsFirst,
                firstNode,
                firstLeaf,
                tree.sets
            )
        }
    }

    private mutating func append(
        _ feature: Int,
        _ test: BoostedTree.Test,
        _ first: BoostedTree.Child,
        _ second: BoostedTree.Child,
        missingIsFirst: Bool,
        _ firstNode: Int,
        _ firstLeaf: Int,
        _ sets: [[Double]]
    ) {
        features.append(Int64(feature))
        missingIsTrue.append(missingIsFirst ? 1 : 0)
        switch test {
        case .atMost(let threshold):
            modes.append(0)
            thresholds.append(isSingle ? Double(Self.single(atMost: threshold)) : threshold)
        case .less(let threshold):
            modes.append(1)
            thresholds.append(isSingle ? Double(Self.single(below: threshold)) : threshold)
        case .member(let set):
            modes.append(6)
            thresholds.append(0)
            members += sets[set].filter { !isSingle || Double(Float($0)) == $0 }
            members.append(.nan)
        }
        append(first, firstNode, firstLeaf, to: &trueIDs, &trueAreLeaves)
        append(second, firstNode, firstLeaf, to: &falseIDs, &falseAreLeaves)
    }

    private func append(
        _ child: BoostedTree.Child,
        _ firstNode: Int,
        _ firstLeaf: Int,
        to ids: inout [Int64],
        _ areLeaves: inout [Int64]
    ) {
        switch child {
        case .node(let place):
            ids.append(Int64(firstNode + place))
            areLeaves.append(0)
        case .leaf(let place):
            ids.append(Int64(firstLeaf + place))
            areLeaves.append(1)
        }
    }

    // MARK: Rounding

    /// The float t for which `x <= t` is true of just the floats that are at most `threshold`.
    ///
    /// From the largest finite one on it is infinity: of what may come in that differs for an
    /// infinite x only, which the largest float is then taken for.
    static func single(atMost threshold: Double) -> Float {
        guard threshold < Double(Float.greatestFiniteMagnitude) else { return .infinity }
        let nearest = Float(threshold)
        return Double(nearest) > threshold ? nearest.nextDown : nearest
    }

    /// The float t for which `x < t` is true of just the floats that are below `threshold`.
    static func single(below threshold: Double) -> Float {
        let nearest = Float(threshold)
        return Double(nearest) < threshold ? nearest.nextUp : nearest
    }

    // MARK: Attributes

    private func reals(_ values: [Double]) -> ModelDraft.Attribute {
        .tensor(
            ModelDraft.Constant(
                isSingle ? .floats(values.map { Float($0) }) : .doubles(values),
                shape: [values.count]
            )
        )
    }

    var attributes: [(name: String, value: ModelDraft.Attribute)] {
        var list: [(name: String, value: ModelDraft.Attribute)] = [
            ("aggregate_function", .integer(1)),
            ("leaf_targetids", .integers(leafTargets)),
            ("leaf_weights", reals(leafWeights)),
            ("n_targets", .integer(Int64(targetCount))),
            ("nodes_falseleafs", .integers(falseAreLeaves)),
            ("nodes_falsenodeids", .integers(falseIDs)),
            ("nodes_featureids", .integers(features)),
            ("nodes_missing_value_tracks_true", .integers(missingIsTrue)),
            ("nodes_modes", .tensor(ModelDraft.Constant(.bytes(modes), shape: [modes.count]))),
            ("nodes_splits", reals(thresholds)),
            ("nodes_trueleafs", .integers(trueAreLeaves)),
            ("nodes_truenodeids", .integers(trueIDs)),
            ("post_transform", .integer(0)),
            ("tree_roots", .integers(roots)),
        ]
        if !members.isEmpty { list.insert(("membership_values", reals(members)), at: 3) }
        return list
    }
}
