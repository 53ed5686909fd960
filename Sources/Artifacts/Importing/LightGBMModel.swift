// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Reads the model files of LightGBM, which are text, of format `v2` and later.
///
/// LightGBM works in double precision: a row is compared so, and the trees are added in their order,
/// those of one iteration being one a score.
struct LightGBMModel {
    private static let mostFeatures = 1 << 16
    private static let mostOutputs = 1 << 14

    private let text: LightGBMText
    private let head: LightGBMText.Section
    private let featureCount: Int
    private let outputCount: Int
    private var notes: [String] = []

    /// Reads a file into ONNX.
    static func read(
        _ bytes: [UInt8],
        _ options: ImportOptions
    ) throws(ArtifactError) -> ImportedModel {
        var model = try LightGBMModel(LightGBMText(bytes, fileName: options.fileName))
        return try model.imported(isSingle: options.float32)
    }

    private init(_ text: LightGBMText) throws(ArtifactError) {
        (self.text, head) = (text, text.head)
        let version = try text.text("version", in: head)
        guard ["v2", "v3", "v4"].contains(version) else {
            throw text.wrong("version", in: head, "'\(version)'", "v2, v3 or v4")
        }
        let last = try text.integer("max_feature_idx", in: head)
        guard (0..<Self.mostFeatures).contains(last) else {
            throw text.wrong("max_feature_idx", in: head, "\(last)", "0..<\(Self.mostFeatures)")
        }
        featureCount = last + 1
        let classes = try text.integer("num_class", in: head)
        outputCount = try text.integer("num_tree_per_iteration", in: head, default: classes)
        guard (1...Self.mostOutputs).contains(outputCount) else {
            throw text.wrong(
                "num_tree_per_iteration",
                in: head,
                "\(outputCount)",
                "1 to \(Self.mostOutputs)"
            )
        }
    }

    private mutating func imported(isSingle: Bool) throws(ArtifactError) -> ImportedModel {
        let (name, output) = try objective()
        var forest = BoostedForest(start: Array(repeating: 0, count: outputCount))
        guard text.trees.count % outputCount == 0 else {
            throw text.wrong(
                "num_tree_per_iteration",
                in: head,
                "\(outputCount), which does not divide the \(text.trees.count) trees"
            )
        }
        for (index, section) in text.trees.enumerated() {
            let tree = try LightGBMTree(section, of: text, featureCount: featureCount)
            forest.trees.append(try tree.tree())
            forest.targets.append(index % outputCount)
        }
        let isTested = forest.categoryColumns(featureCount)
        let features = try LightGBMFeatures(text, featureCount, isTested: isTested)
        notes += features.notes
        let type: DataType = isSingle ? .float : .double
        var graph = ScoreGraph(producer: ("lightgbm", ""), inputType: type)
        let rows = graph.input(width: featureCount, categories: isTested, codes: .cut)
        let sums = graph.trees(forest, rows)
        // The rest is done in double precision whatever the trees are in.
        var scores = graph.cast(sums, from: type, to: .double)
        let iterations = text.trees.count / outputCount
        if text.has("average_output", in: head), iterations > 0 {
            scores = graph.divided(scores, by: Double(iterations), .double)
        }
        let answer = graph.output(output, of: scores, width: outputCount, .double)
        return ImportedModel(
            onnx: graph.bytes,
            framework: Manifest.Framework(name: "lightgbm", version: ""),
            features: features.columns(isSingle ? .fp32 : .fp64),
            input: ScoreGraph.inputName,
            outputs: [answer],
            objective: name,
            notes: notes
        )
    }

    // MARK: Objective

    /// The objective's name and what it makes of the sums.
    private func objective() throws(ArtifactError) -> (String, ScoreOutput) {
        guard text.has("objective", in: head) else {
            return ("custom", ScoreOutput(outputCount > 1 ? "scores" : "score", .identity))
        }
        let words = try text.words("objective", in: head)
        let name = words.first ?? ""
        switch name {
        case "regression", "regression_l1", "huber", "fair", "quantile", "mape":
            return (name, ScoreOutput("prediction", words.contains("sqrt") ? .square : .identity))
        case "poisson", "gamma", "tweedie": return (name, ScoreOutput("prediction", .exponential))
        case "binary": return (name, ScoreOutput("probability", try logistic(words)))
        case "cross_entropy": return (name, ScoreOutput("probability", .steepLogistic(1)))
        case "cross_entropy_lambda": return (name, ScoreOutput("prediction", .softplus))
        case "multiclass": return (name, ScoreOutput("probabilities", .softmax))
        case "multiclassova": return (name, ScoreOutput("probabilities", try logistic(words)))
        case "lambdarank", "rank_xendcg": return (name, ScoreOutput("score", .identity))
        case "custom", "none", "null", "na":
            return (name, ScoreOutput(outputCount > 1 ? "scores" : "score", .identity))
        default:
            throw text.wrong(
                "objective",
                in: head,
                "'\(name)', which cannot be read",
                "an objective of LightGBM's documentation",
                remedy: "export the model to ONNX"
            )
        }
    }

    /// As steep as the word `sigmoid:number` says.
    private func logistic(_ words: [String]) throws(ArtifactError) -> ScoreOutput.Link {
        let key = "sigmoid:"
        guard let word = words.first(where: { $0.hasPrefix(key) }) else { return .steepLogistic(1) }
        guard let steepness = Double(word.dropFirst(key.count)), steepness.isFinite, steepness > 0
        else { throw text.wrong("objective", in: head, "'\(word)'", "a number above 0") }
        return .steepLogistic(steepness)
    }
}
