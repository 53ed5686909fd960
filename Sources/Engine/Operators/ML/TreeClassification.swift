// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A forest that gives each row the name of a class and one score a class.
///
/// Two classes with one column of weights are the special case of ai.onnx.ml that the specification
/// leaves open; it is read as ONNX Runtime reads it: the column is the positive class's score s,
/// which wins above 0.5 when no weight is negative and above 0 otherwise, and the other class's is
/// 1 - s or -s. Where the runtime contradicts itself (both columns there, or base values with
/// the weights in the second column) each score has its own base value and the larger one wins.
struct TreeClassification<Value: ForestValue>: NumberOperator {
    let forest: PackedForest<Value>
    let labels: ClassLabels
    let post: PostTransform
    /// Empty, or one a class; for two classes and one column of weights also a single one.
    let base: [Value]
    /// The class of the only column of weights of a two-class forest.
    let column: Int?
    let hasNegativeWeights: Bool

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let (rows, width) = frame.table
        precondition(width == forest.featureCount, "the width is known since inference")
        let scratch = ForestScratch(frame.scratch(), forest)
        let count = forest.targetCount
        var start = 0
        while start < rows {
            let block = min(forest.blockRows, rows - start)
            for row in 0..<block {
                for target in 0..<count {
                    scratch.scores[row * count + target] = startingScore(target)
                    scratch.seen[row * count + target] = base.isEmpty ? 0 : 1
                }
            }
            let part = x.part((start * width)..<((start + block) * width))
            forest.score(part, rows: block, as: .sum, in: scratch)
            for row in 0..<block {
                let places = (row * count)..<((row + 1) * count)
                if let column {
                    decide(frame, row: start + row, sum: scratch.scores[row], column: column)
                } else {
                    choose(
                        frame,
                        row: start + row,
                        scores: scratch.scores.part(places),
                        seen: scratch.seen.part(places)
                    )
                }
            }
            start += block
        }
    }

    @inline(__always)
    private func startingScore(_ target: Int) -> Value {
        guard let column else { return base.isEmpty ? 0 : base[target] }
        return base.count == 2 ? base[column] : base.first ?? 0
    }

    /// Writes the answer for a row of two classes and one column of weights.
    @inline(__always)
    private func decide(_ frame: Frame, row: Int, sum: Value, column: Int) {
        let isPositive = hasNegativeWeights ? sum > 0 : sum > 0.5
        labels.write(isPositive ? 1 : 0, row: row, in: frame)
        let output: MutableView<Float> = frame.output(1)
        let scores = output.part((2 * row)..<(2 * row + 2))
        if column == 1 || base.count == 2 {
            let other = base.count == 2 ? base[1 - column] : 0
            scores[column] = Float(sum)
            scores[1 - column] = Float(other)
            post.apply(to: scores)
            return
        }
        switch post {
        case .probit:
            scores[1] = Float(inverseNormal(sum))
            scores[0] = -scores[1]
        case .logistic:
            scores[1] = Float(sigmoid(sum))
            scores[0] = Float(sigmoid(-sum))
        case .none, .softmax, .softmaxZero:
            scores[1] = Float(sum)
            scores[0] = Float(hasNegativeWeights ? -sum : 1 - sum)
        }
    }

    /// Writes the answer for a row of one score a class.
    @inline(__always)
    private func choose(
        _ frame: Frame,
        row: Int,
        scores: MutableView<Value>,
        seen: MutableView<Value>
    ) {
        var best = 0
        var isFound = false
        for index in scores.indices where seen[index] != 0 {
            guard !isFound || scores[index] > scores[best] else { continue }
            (best, isFound) = (index, true)
        }
        labels.write(best, row: row, in: frame)
        post.apply(to: scores)
        let output: MutableView<Float> = frame.output(1)
        for index in scores.indices { output[row * scores.count + index] = Float(scores[index]) }
    }
}

extension NodeContext {
    fileprivate func treeLabels() throws(EngineError) -> ClassLabels {
        try classLabels(integers: "classlabels_int64s", strings: "classlabels_strings")
    }

    fileprivate mutating func treeClassification<Value: ForestValue>(
        _ table: TreeTable,
        in _: Value.Type
    ) throws(EngineError) -> TreeClassification<Value> {
        let (_, features) = try rowsAndFeatures()
        let labels = try treeLabels()
        let base = try reals("base_values")?.values ?? []
        let isSingleColumn =
            labels.count == 2 && Set(table.targets).count == 1
            && (0..<table.count).allSatisfy {
                table.entryStarts[$0 + 1] - table.entryStarts[$0] <= 1
            }
        if !base.isEmpty, !(isSingleColumn && base.count == 1) {
            try require("base_values", count: base.count, expected: labels.count)
        }
        let forest = try ForestBuilder<Value>.build(
            table,
            featureCount: features,
            targetCount: isSingleColumn ? 1 : labels.count,
            isSum: true,
            context: self
        )
        keep(byteCount: forest.byteCount)
        reserveScratch(
            bytes: Dimension(forest.scratchByteCount(for: try input(0).type))
        )
        return TreeClassification(
            forest: forest,
            labels: labels,
            post: try choice("post_transform", default: .none),
            base: base.map { Value($0) },
            column: isSingleColumn ? table.targets[0] : nil,
            hasNegativeWeights: table.weights.contains { $0 < 0 }
        )
    }
}

let treeClassifierOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "TreeEnsembleClassifier",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        outputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let (rows, _) = try context.rowsAndFeatures()
            let labels = try context.treeLabels()
            return [
                Fact(labels.type, [rows]), Fact(.float, [rows, Dimension(labels.count)]),
            ]
        },
        compile: { context throws(EngineError) in
            let type = try context.input(0).type
            let table = try context.treeTable(
                prefix: "class",
                outputCount: try context.treeLabels().count
            )
            if type == .double || table.isDouble {
                return try context.treeClassification(table, in: Double.self).kernel(for: type)
            }
            return try context.treeClassification(table, in: Float.self).kernel(for: type)
        }
    )
]
