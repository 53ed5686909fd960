// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Float16: Number {
    @inline(__always) var asFloat: Float { Float(self) }
    @inline(__always) var asDouble: Double { Double(self) }
    @inline(__always) var isMissing: Bool { isNaN }
    var truncated: Int64? { Int64(exactly: rounded(.towardZero)) }
}

/// A forest that gives each row one score a target.
///
/// Sums start from the base value, as boosting libraries do it. ONNX Runtime leaves a single
/// target untransformed but by PROBIT; the specification has no such exception for LOGISTIC, so
/// it is applied here; a softmax over one score says nothing and is left out.
struct TreeRegression<Value: ForestValue>: Sendable {
    let forest: PackedForest<Value>
    let aggregate: Aggregate
    let post: PostTransform
    /// One a target.
    let base: [Value]

    /// The kernel for rows of `T` and scores written as `Output`.
    func kernel<T: Number, Output: BinaryFloatingPoint & Scalar>(
        _: T.Type,
        _: Output.Type
    ) -> Kernel {
        { frame in run(frame, T.self, Output.self) }
    }

    private func run<T: Number, Output: BinaryFloatingPoint & Scalar>(
        _ frame: Frame,
        _: T.Type,
        _: Output.Type
    ) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Output> = frame.output(0)
        let (rows, width) = frame.table
        precondition(width == forest.featureCount, "the width is known since inference")
        let scratch = ForestScratch(frame.scratch(), forest)
        let count = forest.targetCount
        var start = 0
        while start < rows {
            let block = min(forest.blockRows, rows - start)
            for row in 0..<block {
                for target in 0..<count {
                    scratch.scores[row * count + target] = aggregate == .sum ? base[target] : 0
                    scratch.seen[row * count + target] = 0
                }
            }
            let part = x.part((start * width)..<((start + block) * width))
            forest.score(part, rows: block, as: aggregate, in: scratch)
            for row in 0..<block {
                let scores = scratch.scores.part((row * count)..<((row + 1) * count))
                finish(scores)
                for target in 0..<count {
                    y[(start + row) * count + target] = Output(scores[target])
                }
            }
            start += block
        }
    }

    @inline(__always)
    private func finish(_ scores: MutableView<Value>) {
        for target in scores.indices {
            switch aggregate {
            case .sum: break
            case .average: scores[target] = scores[target] / Value(forest.treeCount) + base[target]
            case .minimum, .maximum: scores[target] += base[target]
            }
        }
        if scores.count == 1 {
            scores[0] = transformSingle(scores[0])
        } else {
            post.apply(to: scores)
        }
    }

    @inline(__always)
    private func transformSingle(_ score: Value) -> Value {
        switch post {
        case .none, .softmax, .softmaxZero: score
        case .logistic: sigmoid(score)
        case .probit: inverseNormal(score)
        }
    }
}

extension NodeContext {
    /// The regression that the node's trees make, in the precision of `Value`.
    mutating func treeRegression<Value: ForestValue>(
        _ table: TreeTable,
        targetCount: Int,
        aggregate: Aggregate,
        post: PostTransform,
        base: [Double],
        in _: Value.Type
    ) throws(EngineError) -> TreeRegression<Value> {
        let (_, features) = try rowsAndFeatures()
        if !base.isEmpty { try require("base_values", count: base.count, expected: targetCount) }
        let forest = try ForestBuilder<Value>.build(
            table,
            featureCount: features,
            targetCount: targetCount,
            isSum: aggregate == .sum || aggregate == .average,
            context: self
        )
        keep(byteCount: forest.byteCount)
        reserveScratch(
            bytes: Dimension(forest.scratchByteCount(for: try input(0).type))
        )
        return TreeRegression(
            forest: forest,
            aggregate: aggregate,
            post: post,
            base: base.isEmpty ? Array(repeating: 0, count: targetCount) : base.map { Value($0) }
        )
    }

    /// The number of targets, bounded so that a hostile file cannot ask for all memory.
    func targetCount(default value: Int) throws(EngineError) -> Int {
        let count = try integer("n_targets", default: value)
        guard count > 0, count <= 1 << 20 else {
            throw wrong("n_targets", "is \(count), expected 1 to \(1 << 20)")
        }
        return count
    }
}

let treeRegressorOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "TreeEnsembleRegressor",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let (rows, _) = try context.rowsAndFeatures()
            return [Fact(.float, [rows, Dimension(try context.targetCount(default: 1))])]
        },
        compile: { context throws(EngineError) in
            let targets = try context.targetCount(default: 1)
            let table = try context.treeTable(prefix: "target", outputCount: targets)
            let aggregate: Aggregate = try context.choice("aggregate_function", default: .sum)
            let post: PostTransform = try context.choice("post_transform", default: .none)
            let base = try context.reals("base_values")?.values ?? []
            let type = try context.input(0).type
            if type == .double || table.isDouble {
                let trees = try context.treeRegression(
                    table,
                    targetCount: targets,
                    aggregate: aggregate,
                    post: post,
                    base: base,
                    in: Double.self
                )
                switch type {
                case .double: return trees.kernel(Double.self, Float.self)
                case .int64: return trees.kernel(Int64.self, Float.self)
                case .int32: return trees.kernel(Int32.self, Float.self)
                default: return trees.kernel(Float.self, Float.self)
                }
            }
            let trees = try context.treeRegression(
                table,
                targetCount: targets,
                aggregate: aggregate,
                post: post,
                base: base,
                in: Float.self
            )
            switch type {
            case .int64: return trees.kernel(Int64.self, Float.self)
            case .int32: return trees.kernel(Int32.self, Float.self)
            default: return trees.kernel(Float.self, Float.self)
            }
        }
    ),
    OperatorDefinition(
        "TreeEnsemble",
        domain: "ai.onnx.ml",
        since: 5,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float, .double, .float16])
            let (rows, _) = try context.rowsAndFeatures()
            let type = try context.input(0).type
            return [Fact(type, [rows, Dimension(try context.targetCount(default: 1))])]
        },
        compile: { context throws(EngineError) in
            let targets = try context.targetCount(default: 1)
            let table = try context.treeTable(targetCount: targets)
            let aggregates: [Aggregate] = [.average, .sum, .minimum, .maximum]
            let number = try context.integer("aggregate_function", default: 1)
            guard aggregates.indices.contains(number) else {
                throw context.wrong("aggregate_function", "is \(number), expected 0 to 3")
            }
            let transforms: [PostTransform] = [.none, .softmax, .logistic, .softmaxZero, .probit]
            let transform = try context.integer("post_transform", default: 0)
            guard transforms.indices.contains(transform) else {
                throw context.wrong("post_transform", "is \(transform), expected 0 to 4")
            }
            let type = try context.input(0).type
            if type == .double || table.isDouble {
                let trees = try context.treeRegression(
                    table,
                    targetCount: targets,
                    aggregate: aggregates[number],
                    post: transforms[transform],
                    base: [],
                    in: Double.self
                )
                return type == .double
                    ? trees.kernel(Double.self, Double.self) : trees.kernel(Float.self, Float.self)
            }
            let trees = try context.treeRegression(
                table,
                targetCount: targets,
                aggregate: aggregates[number],
                post: transforms[transform],
                base: [],
                in: Float.self
            )
            return type == .float16
                ? trees.kernel(Float16.self, Float16.self) : trees.kernel(Float.self, Float.self)
        }
    ),
]
