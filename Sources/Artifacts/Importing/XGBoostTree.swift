// SPDX-License-Identifier: Apache-2.0

/// One tree of an XGBoost model: columns with an entry a node, inner nodes and leaves alike.
///
///     left_children, right_children  -1 at a leaf, on the left
///     split_indices, split_conditions, default_left
///     split_type                     1 where the node asks for categories
///     categories_nodes               those nodes, and for each of them
///     categories_segments, _sizes    where its categories stand in `categories`
///
/// A row goes to the left if `x < split_conditions`, and at a node of categories if its category is
/// not among them or is none at all. `split_conditions` of a leaf is its value. Where leaves hold a
/// vector, `leaf_weights` has it, at the place that `right_children` tells; before version 3.2 it is
/// in `base_weights`, at the node's own place.
struct XGBoostTree {
    /// Values a leaf holds.
    let vectorLength: Int

    private let object: ModelObject
    private let featureCount: Int
    private let count: Int
    private let left: [Int]
    private let right: [Int]
    private let features: [Int]
    private let conditions: [Float]
    private let missingIsLeft: [Int]
    /// By node, the categories it asks for; nil where it asks for none.
    private var categories: [Int: [Double]] = [:]

    /// From here on a float cannot tell neighbours apart, and a code counts as no category.
    private static let firstInvalidCategory = 1 << 24

    init(_ object: ModelObject, featureCount: Int) throws(ArtifactError) {
        (self.object, self.featureCount) = (object, featureCount)
        let parameters = try object.object("tree_param")
        vectorLength = max(try parameters.integer("size_leaf_vector", default: 1), 1)
        left = try object.integers("left_children")
        count = left.count
        guard count > 0 else { throw object.wrong("left_children", "is empty", "a root") }
        right = try object.integers("right_children", count: count)
        features = try object.integers("split_indices", count: count)
        conditions = try object.floats("split_conditions", count: count)
        missingIsLeft = try object.integers("default_left", count: count)
        if object.has("split_type") { try readCategories() }
    }

    private mutating func readCategories() throws(ArtifactError) {
        let types = try object.integers("split_type", count: count)
        for node in 0..<count where types[node] == 1 && left[node] != -1 { categories[node] = [] }
        guard object.has("categories_nodes") else { return }
        let nodes = try object.integers("categories_nodes")
        let starts = try object.integers("categories_segments", count: nodes.count)
        let sizes = try object.integers("categories_sizes", count: nodes.count)
        let all = try object.integers("categories")
        var left = all.count
        for (index, node) in nodes.enumerated() where categories[node] != nil {
            let (start, size) = (starts[index], sizes[index])
            // No category belongs to two nodes, so a file cannot ask for more than it holds.
            guard start >= 0, size >= 0, start <= all.count, size <= all.count - start, size <= left
            else {
                throw object.wrong(
                    "categories_sizes",
                    "\(size) from \(start) on, for node \(node)",
                    "categories of its own among \(all.count)"
                )
            }
            left -= size
            var codes: Set<Int> = []
            for code in all[start..<(start + size)] {
                guard code >= 0 else {
                    throw object.wrong("categories", "\(code), for node \(node)", "0 or more")
                }
                if code < Self.firstInvalidCategory { codes.insert(code) }
            }
            categories[node] = codes.sorted().map { Double($0) }
        }
    }

    /// The tree, its leaves weighted.
    func tree(weight: Float) throws(ArtifactError) -> BoostedTree {
        try assembled { node throws(ArtifactError) in
            let value = weight == 1 ? conditions[node] : conditions[node] * weight
            guard value.isFinite else { throw wrongValue("split_conditions", node) }
            return Double(value)
        }
    }

    /// A tree for each value of the leaves' vectors.
    func trees(weight: Float) throws(ArtifactError) -> [BoostedTree] {
        let isOwn = !object.has("leaf_weights")
        let name = isOwn ? "base_weights" : "leaf_weights"
        let values = try object.floats(name)
        let vectors = values.count / vectorLength
        // Leaves first hold the number of their vector. No two share one, so that there are no more
        // values in all these trees than in the file.
        var isTaken = [Bool](repeating: false, count: vectors)
        let outline = try assembled { node throws(ArtifactError) in
            let vector = isOwn ? node : right[node]
            guard (0..<vectors).contains(vector), !isTaken[vector] else {
                throw wrongValue(name, node)
            }
            isTaken[vector] = true
            return Double(vector)
        }
        var trees: [BoostedTree] = []
        for target in 0..<vectorLength {
            var tree = outline
            for leaf in tree.leaves.indices {
                let value = values[Int(outline.leaves[leaf]) * vectorLength + target]
                guard value.isFinite else {
                    throw object.wrong(name, "\(value) in a leaf", "a finite number")
                }
                tree.leaves[leaf] = Double(weight == 1 ? value : value * weight)
            }
            trees.append(tree)
        }
        return trees
    }

    private func assembled(
        _ value: (Int) throws(ArtifactError) -> Double
    ) throws(ArtifactError) -> BoostedTree {
        try TreeAssembly.assemble(count: count) { node throws(ArtifactError) in
            guard left[node] != -1 else { return .leaf(try value(node)) }
            guard (0..<featureCount).contains(features[node]) else {
                throw object.wrong(
                    "split_indices",
                    "\(features[node]) at node \(node)",
                    "0..<\(featureCount), the number of features"
                )
            }
            guard categories[node] != nil || !conditions[node].isNaN else {
                throw wrongValue("split_conditions", node)
            }
            return .split(
                StatedSplit(
                    feature: features[node],
                    test: categories[node].map { .notAmong($0) }
                        ?? .less(Double(conditions[node])),
                    left: left[node],
                    right: right[node],
                    missingIsLeft: missingIsLeft[node] != 0
                )
            )
        } wrong: { node, problem in
            object.wrong("left_children", "node \(node) \(problem)", "a tree")
        }
    }

    private func wrongValue(_ name: String, _ node: Int) -> ArtifactError {
        object.wrong(name, "no number at node \(node)", "a finite number")
    }
}
