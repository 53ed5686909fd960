// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Reads the model files of XGBoost, `.json` and `.ubj`, of version 1.0 and later.
///
///     version [major, minor, patch]
///     learner
///       attributes, feature_names, feature_types
///       learner_model_param  base_score, num_class, num_feature, num_target
///       objective            name
///       gradient_booster     gbtree: model; dart: gbtree.model, weight_drop
///         model              gbtree_model_param, trees, tree_info, iteration_indptr, cats
///
/// XGBoost works in single precision: the sum of a score starts from `base_score`, and the trees are
/// added in their order.
struct XGBoostModel {
    /// As many as rows of a table have at most.
    private static let mostFeatures = 1 << 16
    private static let mostOutputs = 1 << 14

    private let learner: ModelObject
    private let booster: ModelObject
    private let model: ModelObject
    private let version: [Int]
    private let featureCount: Int
    private let outputCount: Int
    private var notes: [String] = []

    /// Reads `document` into ONNX.
    static func read(
        _ document: ModelDocument
    ) throws(ArtifactError) -> ImportedModel {
        var model = try XGBoostModel(document)
        return try model.imported()
    }

    private init(_ document: ModelDocument) throws(ArtifactError) {
        let root = try document.rootObject()
        learner = try root.object("learner")
        version = root.has("version") ? try root.integers("version") : []
        booster = try learner.object("gradient_booster")
        let kind = try booster.text("name")
        switch kind {
        case "gbtree": model = try booster.object("model")
        case "dart": model = try booster.object("gbtree").object("model")
        case "gblinear":
            throw booster.wrong(
                "name",
                "gblinear, a linear model without trees",
                "gbtree or dart",
                remedy: "train it with booster gbtree, or export a linear model of scikit-learn"
            )
        default: throw booster.wrong("name", "'\(kind)'", "gbtree or dart")
        }
        let parameters = try learner.object("learner_model_param")
        featureCount = try parameters.integer("num_feature")
        guard (1...Self.mostFeatures).contains(featureCount) else {
            throw parameters.wrong("num_feature", "\(featureCount)", "1 to \(Self.mostFeatures)")
        }
        let classes = try parameters.integer("num_class")
        let targets = try parameters.integer("num_target", default: 1)
        outputCount = max(classes, targets, 1)
        guard outputCount <= Self.mostOutputs else {
            let name = classes > targets ? "num_class" : "num_target"
            throw parameters.wrong(name, "\(outputCount)", "at most \(Self.mostOutputs)")
        }
    }

    private mutating func imported() throws(ArtifactError) -> ImportedModel {
        let name = try learner.object("objective").text("name")
        guard
            let objective = XGBoostObjective(
                name,
                outputCount: outputCount,
                isOld: isBefore(1, 4)
            )
        else {
            throw learner.wrong(
                "objective.name",
                "'\(name)', which cannot be read",
                "an objective of XGBoost's documentation",
                remedy: "export the model to ONNX"
            )
        }
        var forest = BoostedForest(start: try startingScores(objective.start))
        try addTrees(to: &forest)
        let features = try features(forest)
        var graph = ScoreGraph(
            producer: ("xgboost", version.map(String.init).joined(separator: ".")),
            inputType: .float
        )
        let rows = graph.input(
            width: featureCount,
            categories: forest.categoryColumns(featureCount),
            codes: .roundedDown
        )
        let sums = graph.trees(forest, rows)
        let output = graph.output(objective.output, of: sums, width: outputCount, .float)
        return ImportedModel(
            onnx: graph.bytes,
            framework: Manifest.Framework(
                name: "xgboost",
                version: version.map(String.init).joined(separator: ".")
            ),
            features: features,
            input: ScoreGraph.inputName,
            outputs: [output],
            objective: name,
            notes: notes
        )
    }

    /// Whether an earlier version of XGBoost wrote the file; one that says nothing is taken for new.
    private func isBefore(_ major: Int, _ minor: Int) -> Bool {
        version.count > 1 && (version[0], version[1]) < (major, minor)
    }

    // MARK: Trees

    /// What each score starts from: one value for all, or one each.
    private func startingScores(
        _ start: (Float) -> Float
    ) throws(ArtifactError) -> [Double] {
        let parameters = try learner.object("learner_model_param")
        var text = Substring(try parameters.text("base_score"))
        if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
        let parts = text.split(separator: ",", maxSplits: Self.mostOutputs)
        var scores: [Double] = []
        for part in parts {
            guard let value = Float(part.filter { $0 != " " }), value.isFinite else {
                throw parameters.wrong("base_score", "'\(part)'", "a number")
            }
            let score = start(value)
            guard score.isFinite else {
                throw parameters.wrong("base_score", "'\(part)'", "a value its objective can give")
            }
            scores.append(Double(score))
        }
        guard scores.count == 1 || scores.count == outputCount else {
            throw parameters.wrong(
                "base_score",
                "has \(scores.count) values",
                "1 or \(outputCount)"
            )
        }
        return scores.count == outputCount
            ? scores : Array(repeating: scores[0], count: outputCount)
    }

    private mutating func addTrees(to forest: inout BoostedForest) throws(ArtifactError) {
        let trees = try model.objects("trees")
        let groups = try model.integers("tree_info", count: trees.count)
        let weights =
            booster.has("weight_drop")
            ? try booster.floats("weight_drop", count: trees.count) : []
        var order = [ModelObject?](repeating: nil, count: trees.count)
        for (index, tree) in trees.enumerated() {
            let id = try tree.integer("id", default: index)
            guard order.indices.contains(id), order[id] == nil else {
                throw tree.wrong("id", "\(id)", "each of 0..<\(trees.count) once")
            }
            order[id] = tree
        }
        let used = try usedTreeCount(of: trees.count)
        for (index, tree) in order.prefix(used).enumerated() {
            guard let tree else { continue }
            let reader = try XGBoostTree(tree, featureCount: featureCount)
            let weight = weights.isEmpty ? 1 : weights[index]
            guard reader.vectorLength > 1 else {
                guard (0..<outputCount).contains(groups[index]) else {
                    throw model.wrong("tree_info", "\(groups[index])", "0..<\(outputCount)")
                }
                forest.trees.append(try reader.tree(weight: weight))
                forest.targets.append(groups[index])
                continue
            }
            guard reader.vectorLength == outputCount else {
                throw tree.wrong(
                    "tree_param.size_leaf_vector",
                    "\(reader.vectorLength)",
                    "\(outputCount), the number of outputs"
                )
            }
            forest.trees += try reader.trees(weight: weight)
            forest.targets += 0..<outputCount
        }
    }

    /// How many trees `predict` uses.
    ///
    /// scikit-learn's interface stops at the best iteration of early stopping, and leaves its mark in
    /// the file; `Booster.predict` uses all trees.
    private mutating func usedTreeCount(of count: Int) throws(ArtifactError) -> Int {
        guard let attributes = try learner.optionalObject("attributes"),
            attributes.has("best_iteration")
        else { return count }
        let best = try attributes.integer("best_iteration")
        guard best >= 0 else { throw attributes.wrong("best_iteration", "\(best)", "0 or more") }
        guard attributes.has("scikit_learn") else {
            notes.append(
                """
                early stopping found iteration \(best) the best; all trees are used, as Booster.predict \
                does
                """
            )
            return count
        }
        let ends: [Int]
        if model.has("iteration_indptr") {
            ends = try model.integers("iteration_indptr")
        } else {
            let parallel = try model.object("gbtree_model_param")
                .integer("num_parallel_tree", default: 1)
            let (layer, overflow) = parallel.multipliedReportingOverflow(by: outputCount)
            guard layer > 0, !overflow else {
                throw model.wrong(
                    "gbtree_model_param.num_parallel_tree",
                    "\(parallel)",
                    "1 or more"
                )
            }
            ends = Array(stride(from: 0, through: count, by: layer))
        }
        guard best < ends.count - 1 else { return count }
        let used = ends[best + 1]
        guard (0...count).contains(used) else {
            throw model.wrong(
                "iteration_indptr",
                "\(used)",
                "at most \(count), the number of trees"
            )
        }
        if used < count {
            notes.append(
                """
                \(used) of \(count) trees are used, up to the best iteration, as scikit-learn's predict does
                """
            )
        }
        return used
    }

    // MARK: Features

    private mutating func features(
        _ forest: BoostedForest
    ) throws(ArtifactError) -> [ImportedFeature] {
        let names = try learner.texts("feature_names")
        let types = try learner.texts("feature_types")
        for (list, key) in [(names, "feature_names"), (types, "feature_types")]
        where !list.isEmpty && list.count != featureCount {
            throw learner.wrong(key, "has \(list.count) entries", "\(featureCount)")
        }
        let kept = try XGBoostCategories(model, isBefore34: isBefore(3, 4))
        let categories = kept.columns
        guard categories.isEmpty || categories.count == featureCount else {
            throw model.wrong("cats.enc", "has \(categories.count) columns", "\(featureCount)")
        }
        for column in kept.broken {
            let name = names.isEmpty ? "f\(column)" : names[column]
            notes.append(
                """
                the file does not tell the names of the categories of '\(name)': XGBoost before 3.4 does \
                not keep names whole that are not ASCII
                """
            )
        }
        let isTested = forest.categoryColumns(featureCount)
        return (0..<featureCount).map { column in
            let named = categories.isEmpty ? nil : categories[column]
            let isCategory = isTested[column] || (!types.isEmpty && types[column] == "c")
            return ImportedFeature(
                name: names.isEmpty ? "f\(column)" : names[column],
                datatype: .fp32,
                categories: isCategory ? named : nil,
                isCategoryCode: isCategory && named == nil
            )
        }
    }
}
