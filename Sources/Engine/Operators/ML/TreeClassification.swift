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
    let forest: Forest<Value>
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
        guard let column else {
            scoreClasses(frame, x, rows: rows, width: width)
            return
        }
        let start = base.count == 2 ? base[column] : base.first ?? 0
        let other = base.count == 2 ? base[1 - column] : 0
        precondition(width == forest.featureCount, "the width is known since inference")
        let scratch: MutableView<Value> = frame.scratch()
        let staging = scratch.part((2 * labels.count)..<scratch.count)
        forest.forEachSum(of: x, rows: rows, from: start, staging: staging) { row, sum in
            decide(frame, row: row, sum: sum, column: column, other: other)
        }
    }

    @inline(__always)
    private func decide(_ frame: Frame, row: Int, sum: Value, column: Int, other: Value) {
        let isPositive = hasNegativeWeights ? sum > 0 : sum > 0.5
        labels.write(isPositive ? 1 : 0, row: row, in: frame)
        let scratch: MutableView<Value> = frame.scratch()
        if column == 1 || base.count == 2 {
            scratch[0] = column == 1 ? other : sum
            scratch[1] = column == 1 ? sum : other
            post.apply(to: scratch.part(0..<2))
        } else {
            switch post {
            case .probit:
                scratch[1] = inverseNormal(sum)
                scratch[0] = -scratch[1]
            case .logistic where hasNegativeWeights:
                scratch[1] = sigmoid(sum)
                scratch[0] = sigmoid(-sum)
            case .logistic:
                scratch[1] = sigmoid(sum)
                scratch[0] = 1 - scratch[1]
            default:
                scratch[1] = sum
                scratch[0] = hasNegativeWeights ? -sum : 1 - sum
            }
        }
        let scores: MutableView<Float> = frame.output(1)
        scores[2 * row] = Float(scratch[0])
        scores[2 * row + 1] = Float(scratch[1])
    }

    private func scoreClasses<T: Number>(_ frame: Frame, _ x: View<T>, rows: Int, width: Int) {
        let count = labels.count
        let output: MutableView<Float> = frame.output(1)
        let scratch: MutableView<Value> = frame.scratch()
        let scores = scratch.part(0..<count)
        let seen = scratch.part(count..<(2 * count))
        let staging = scratch.part((2 * count)..<scratch.count)
        for row in 0..<rows {
            for index in 0..<count {
                scores[index] = base.isEmpty ? 0 : base[index]
                seen[index] = base.isEmpty ? 0 : 1
            }
            forest.score(
                row: x.part((row * width)..<((row + 1) * width)),
                as: .sum,
                into: scores,
                seen: seen,
                staging: staging
            )
            var best = 0
            var isFound = false
            for index in 0..<count where seen[index] != 0 {
                guard !isFound || scores[index] > scores[best] else { continue }
                (best, isFound) = (index, true)
            }
            labels.write(best, row: row, in: frame)
            post.apply(to: scores)
            for index in 0..<count { output[row * count + index] = Float(scores[index]) }
        }
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
            inlineTarget: isSingleColumn,
            context: self
        )
        let count = 2 * labels.count + forest.stagingCount
        reserveScratch(bytes: Dimension(count * MemoryLayout<Value>.stride))
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
        outputs: 1...2,
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
