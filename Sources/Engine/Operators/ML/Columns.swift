// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Scaler: `(x - offset) * scale`, for each feature or with one pair for all.
struct ScalerOperator: NumberOperator {
    let offsets: [Float]
    let scales: [Float]

    /// Rounds twice; thresholds of trees behind a Scaler rely on just that.
    static func scaled(_ x: Float, _ offset: Float, _ scale: Float) -> Float {
        (x - offset) * scale
    }

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(0)
        let count = offsets.count
        var column = 0
        for index in x.indices {
            y[index] =
                T.self == Double.self
                ? Float((x[index].asDouble - Double(offsets[column])) * Double(scales[column]))
                : Self.scaled(x[index].asFloat, offsets[column], scales[column])
            column += 1
            if column == count { column = 0 }
        }
    }
}

/// Normalizer: each row divided by its largest value, its sum or its length; a row of zeros stays.
struct NormalizerOperator: NumberOperator {
    enum Norm: String, CaseIterable, Sendable {
        case max = "MAX"
        case l1 = "L1"
        case l2 = "L2"
    }
    let norm: Norm

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(0)
        let (rows, width) = frame.table
        for row in 0..<rows {
            let start = row * width
            var measure: Float = norm == .max ? -.greatestFiniteMagnitude : 0
            for index in start..<(start + width) {
                let value = x[index].asFloat
                switch norm {
                case .max: measure = Swift.max(measure, value)
                case .l1: measure += abs(value)
                case .l2: measure += value * value
                }
            }
            for index in start..<(start + width) {
                let value = x[index].asFloat
                guard measure != 0 else {
                    y[index] = value
                    continue
                }
                if norm == .l2 {
                    let share = (value * value / measure).squareRoot()
                    y[index] = value < 0 ? -share : share
                } else {
                    y[index] = value / measure
                }
            }
        }
    }
}

/// Imputer: one value, or a missing one, replaced by another that may differ between features.
struct ImputerOperator<T: Number & Equatable>: Sendable {
    let replaced: T
    let values: [T]

    func run(_ frame: Frame) {
        let x: View<T> = frame.input(0)
        let y: MutableView<T> = frame.output(0)
        let count = values.count
        var column = 0
        for index in x.indices {
            let value = x[index]
            let isReplaced = value == replaced || (value.isMissing && replaced.isMissing)
            y[index] = isReplaced ? values[column] : value
            column += 1
            if column == count { column = 0 }
        }
    }
}

/// Binarizer: one above the threshold, zero up to it, in the type of the input.
struct BinarizerOperator<T: Number & Numeric>: Sendable {
    let threshold: Float

    func run(_ frame: Frame) {
        let x: View<T> = frame.input(0)
        let y: MutableView<T> = frame.output(0)
        for index in x.indices { y[index] = x[index].asDouble > Double(threshold) ? 1 : 0 }
    }
}

extension NodeContext {
    /// A list with one value for all features or one for each.
    private func perFeature<Value>(
        _ name: String,
        _ values: [Value]
    ) throws(EngineError) -> [Value] {
        guard values.count != 1 else { return values }
        let (_, features) = try rowsAndFeatures()
        guard values.count == features else {
            throw wrong(
                name,
                "has \(values.count) values, expected 1 or \(features), one a feature"
            )
        }
        return values
    }

    fileprivate func imputer<T: Number & Equatable>(
        replaced: T,
        attribute: String,
        values: [T]
    ) throws(EngineError) -> Kernel {
        guard !values.isEmpty else { throw wrong(attribute, "is missing or empty") }
        let imputer = ImputerOperator(
            replaced: replaced,
            values: try perFeature(attribute, values)
        )
        return { frame in imputer.run(frame) }
    }

    fileprivate func scaler() throws(EngineError) -> ScalerOperator {
        let scales = try floats("scale") ?? [1]
        let offsets = try floats("offset") ?? Array(repeating: 0, count: scales.count)
        try require("offset", count: offsets.count, expected: scales.count)
        return ScalerOperator(
            offsets: try perFeature("offset", offsets),
            scales: try perFeature("scale", scales)
        )
    }

    fileprivate func imputerKernel() throws(EngineError) -> Kernel {
        let integers = try integers("imputed_value_int64s") ?? []
        let reals = try floats("imputed_value_floats") ?? []
        let replacedInteger = try integer("replaced_value_int64", default: 0)
        let replacedReal = try float("replaced_value_float", default: 0)
        switch try input(0).type {
        case .int64:
            return try imputer(
                replaced: Int64(replacedInteger),
                attribute: "imputed_value_int64s",
                values: integers.map { Int64($0) }
            )
        case .int32:
            guard let replaced = Int32(exactly: replacedInteger),
                integers.allSatisfy({ Int32(exactly: $0) != nil })
            else { throw wrong("imputed_value_int64s", "does not fit the int32 of the input") }
            return try imputer(
                replaced: replaced,
                attribute: "imputed_value_int64s",
                values: integers.map { Int32(truncatingIfNeeded: $0) }
            )
        case .double:
            return try imputer(
                replaced: Double(replacedReal),
                attribute: "imputed_value_floats",
                values: reals.map { Double($0) }
            )
        default:
            return try imputer(
                replaced: replacedReal,
                attribute: "imputed_value_floats",
                values: reals
            )
        }
    }

    fileprivate func binarizerKernel() throws(EngineError) -> Kernel {
        let threshold = try float("threshold", default: 0)
        switch try input(0).type {
        case .int64:
            let binarizer = BinarizerOperator<Int64>(threshold: threshold)
            return { frame in binarizer.run(frame) }
        case .int32:
            let binarizer = BinarizerOperator<Int32>(threshold: threshold)
            return { frame in binarizer.run(frame) }
        case .double:
            let binarizer = BinarizerOperator<Double>(threshold: threshold)
            return { frame in binarizer.run(frame) }
        default:
            let binarizer = BinarizerOperator<Float>(threshold: threshold)
            return { frame in binarizer.run(frame) }
        }
    }
}

let columnOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Scaler",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            return [Fact(.float, try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            try context.scaler().kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "Normalizer",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            return [Fact(.float, try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            NormalizerOperator(norm: try context.choice("norm", default: .max))
                .kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "Imputer",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in try context.imputerKernel() }
    ),
    OperatorDefinition(
        "Binarizer",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in try context.binarizerKernel() }
    ),
]
