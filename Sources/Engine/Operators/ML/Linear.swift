// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Weighted sums of a row's features, taken in double precision.
struct LinearScores: Sendable {
    let outputCount: Int
    let featureCount: Int
    /// `[outputs, features]`, row-major.
    let weights: [Double]
    let intercepts: [Double]

    /// The sum for output `index`.
    @inline(__always)
    func score<T: Number>(_ index: Int, row: View<T>) -> Double {
        var sum = 0.0
        let start = index * featureCount
        for feature in 0..<featureCount {
            sum += row[feature].asDouble * weights[start + feature]
        }
        return sum + intercepts[index]
    }
}

/// LinearRegressor: one sum a target.
struct LinearRegression: NumberOperator {
    let sums: LinearScores
    let post: PostTransform

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(0)
        let (rows, width) = frame.table
        let count = sums.outputCount
        for row in 0..<rows {
            let features = x.part((row * width)..<((row + 1) * width))
            for index in 0..<count {
                y[row * count + index] = Float(sums.score(index, row: features))
            }
            let scores = y.part((row * count)..<((row + 1) * count))
            if count > 1 || post == .logistic || post == .probit { post.apply(to: scores) }
        }
    }
}

/// LinearClassifier: one sum a class, or a single one that speaks for the second of two classes.
struct LinearClassification: NumberOperator {
    let sums: LinearScores
    let labels: ClassLabels
    let post: PostTransform

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(1)
        let (rows, width) = frame.table
        let count = labels.count
        for row in 0..<rows {
            let features = x.part((row * width)..<((row + 1) * width))
            let scores = y.part((row * count)..<((row + 1) * count))
            if sums.outputCount == 1, count == 2 {
                let score = Float(sums.score(0, row: features))
                labels.write(score > 0 ? 1 : 0, row: row, in: frame)
                writeBoth(score, to: scores)
                continue
            }
            var best = 0
            for index in 0..<count {
                scores[index] = Float(sums.score(index, row: features))
                if scores[index] > scores[best] { best = index }
            }
            labels.write(best, row: row, in: frame)
            if count > 1 || post == .logistic || post == .probit { post.apply(to: scores) }
        }
    }

    private func writeBoth(_ score: Float, to scores: MutableView<Float>) {
        switch post {
        case .logistic:
            scores[1] = sigmoid(score)
            scores[0] = sigmoid(-score)
        case .probit:
            scores[1] = inverseNormal(score)
            scores[0] = -scores[1]
        case .none, .softmax, .softmaxZero:
            scores[1] = score
            scores[0] = 1 - score
        }
    }
}

extension NodeContext {
    fileprivate func linearScores(outputs: Int) throws(EngineError) -> LinearScores {
        let (_, features) = try rowsAndFeatures()
        let weights = try floats("coefficients") ?? []
        let (expected, overflow) = outputs.multipliedReportingOverflow(by: features)
        guard !overflow, weights.count == expected else {
            throw wrong(
                "coefficients",
                "has \(weights.count) values, expected \(outputs) x \(features) (scores x features)"
            )
        }
        let intercepts = try floats("intercepts") ?? []
        if !intercepts.isEmpty {
            try require("intercepts", count: intercepts.count, expected: outputs)
        }
        return LinearScores(
            outputCount: outputs,
            featureCount: features,
            weights: weights.map { Double($0) },
            intercepts: intercepts.isEmpty
                ? Array(repeating: 0, count: outputs) : intercepts.map { Double($0) }
        )
    }

    fileprivate func linearTargets() throws(EngineError) -> Int {
        let targets = try integer("targets", default: 1)
        guard targets > 0, targets <= 1 << 20 else {
            throw wrong("targets", "is \(targets), expected 1 to \(1 << 20)")
        }
        return targets
    }

    fileprivate func linearLabels() throws(EngineError) -> ClassLabels {
        try classLabels(integers: "classlabels_ints", strings: "classlabels_strings")
    }
}

let linearOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "LinearRegressor",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let (rows, _) = try context.rowsAndFeatures()
            return [Fact(.float, [rows, Dimension(try context.linearTargets())])]
        },
        compile: { context throws(EngineError) in
            LinearRegression(
                sums: try context.linearScores(outputs: try context.linearTargets()),
                post: try context.choice("post_transform", default: .none)
            ).kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "LinearClassifier",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        outputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let (rows, _) = try context.rowsAndFeatures()
            let labels = try context.linearLabels()
            return [
                Fact(labels.type, [rows]), Fact(.float, [rows, Dimension(labels.count)]),
            ]
        },
        compile: { context throws(EngineError) in
            let labels = try context.linearLabels()
            let (_, features) = try context.rowsAndFeatures()
            let weights = try context.floats("coefficients") ?? []
            let isSingle = labels.count == 2 && weights.count == features
            return LinearClassification(
                sums: try context.linearScores(outputs: isSingle ? 1 : labels.count),
                labels: labels,
                post: try context.choice("post_transform", default: .none)
            ).kernel(for: try context.input(0).type)
        }
    ),
]
