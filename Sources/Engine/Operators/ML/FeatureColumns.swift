// SPDX-License-Identifier: Apache-2.0
import Tensors

/// ArrayFeatureExtractor: the columns of the last axis that the second input names.
private func extractionKernel<T: Scalar>(_: T.Type) -> Kernel {
    { frame in
        let x: View<T> = frame.input(0)
        let columns: View<Int64> = frame.input(1)
        let y: MutableView<T> = frame.output(0)
        let shape = frame.inputShape(0)
        let width = shape[shape.count - 1]
        guard width > 0 else { return }
        for column in columns.indices where columns[column] < 0 || columns[column] >= width {
            frame.fault(.indexOutOfRange)
            return
        }
        for row in 0..<(x.count / width) {
            for column in columns.indices {
                y[row * columns.count + column] = x[row * width + Int(columns[column])]
            }
        }
    }
}

/// FeatureVectorizer: the columns of all inputs side by side, as floats.
private struct Vectorizer: Sendable {
    /// How many columns each input gives; more than it has are zeros, fewer cut it.
    let widths: [Int]
    let types: [DataType]

    func run(_ frame: Frame) {
        let total = frame.outputShape(0)[1]
        var start = 0
        for input in widths.indices {
            switch types[input] {
            case .double: copy(frame, input, Double.self, start: start, total: total)
            case .int64: copy(frame, input, Int64.self, start: start, total: total)
            case .int32: copy(frame, input, Int32.self, start: start, total: total)
            default: copy(frame, input, Float.self, start: start, total: total)
            }
            start += widths[input]
        }
    }

    private func copy<T: Number>(
        _ frame: Frame,
        _ input: Int,
        _: T.Type,
        start: Int,
        total: Int
    ) {
        let x: View<T> = frame.input(input)
        let y: MutableView<Float> = frame.output(0)
        let rows = frame.outputShape(0)[0]
        guard rows > 0 else { return }
        let width = x.count / rows
        for row in 0..<rows {
            for column in 0..<widths[input] {
                y[row * total + start + column] =
                    column < width ? x[row * width + column].asFloat : 0
            }
        }
    }
}

extension NodeContext {
    fileprivate func vectorizer() throws(EngineError) -> Vectorizer {
        let widths = try integers("inputdimensions") ?? []
        try require("inputdimensions", count: widths.count, expected: inputs.count)
        var types: [DataType] = []
        for index in inputs.indices {
            try require(input: index, oneOf: Self.numbers)
            guard widths[index] >= 0, widths[index] <= 1 << 24 else {
                throw wrong("inputdimensions", "is \(widths[index]) at \(index)")
            }
            types.append(try input(index).type)
        }
        return Vectorizer(widths: widths, types: types)
    }

    fileprivate func zipMapClasses() throws(EngineError) -> ClassNames {
        if let texts = try strings("classlabels_strings"), !texts.isEmpty { return .strings(texts) }
        if let numbers = try integers("classlabels_int64s"), !numbers.isEmpty {
            return .integers(numbers.map { Int64($0) })
        }
        throw wrong("classlabels_strings", "and 'classlabels_int64s' are both empty")
    }
}

let featureColumnOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "ArrayFeatureExtractor",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers.union([.string]))
            try context.require(input: 1, oneOf: [.int64])
            let input = try context.input(0)
            guard let width = input.shape.last else { throw context.failure("input 0 is a scalar") }
            let count = try context.product(try context.input(1).shape)
            if let columns = try? context.fixedIntegers(ofInput: 1), let limit = width.fixed {
                for column in columns where column < 0 || column >= limit {
                    throw context.failure(
                        "input 1 names column \(column), expected 0..<\(limit)"
                    )
                }
            }
            return [
                Fact(input.type, (input.rank == 1 ? [1] : Array(input.shape.dropLast())) + [count])
            ]
        },
        compile: { context throws(EngineError) in
            switch try context.input(0).type {
            case .string: extractionKernel(TextReference.self)
            case .double: extractionKernel(Double.self)
            case .int64: extractionKernel(Int64.self)
            case .int32: extractionKernel(Int32.self)
            default: extractionKernel(Float.self)
            }
        }
    ),
    OperatorDefinition(
        "FeatureVectorizer",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...Int(Int32.max),
        infer: { context throws(EngineError) in
            let widths = try context.vectorizer().widths
            let (rows, _) = try context.rowsOfInput()
            for index in context.inputs.indices {
                let shape = try context.input(index).shape
                guard shape.count == 1 ? rows == 1 || shape[0] == rows : shape.first == rows else {
                    throw context.failure(
                        "input \(index) has the shape \(shape), expected \(rows) rows"
                    )
                }
            }
            return [Fact(.float, [rows, Dimension(widths.reduce(0, +))])]
        },
        compile: { context throws(EngineError) in
            let vectorizer = try context.vectorizer()
            return { frame in vectorizer.run(frame) }
        }
    ),
    // The columns stay a tensor; what each is called goes with the value, for those who print it.
    OperatorDefinition(
        "ZipMap",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        isReshaping: true,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float])
            let input = try context.input(0)
            let classes = try context.zipMapClasses()
            let (rows, width) = try context.rowsOfInput()
            guard width == Dimension(classes.count) else {
                throw context.failure(
                    "input 0 has \(width) columns, but there are \(classes.count) class labels"
                )
            }
            return [
                Fact(input.type, input.rank == 1 ? [rows, width] : input.shape, classes: classes)
            ]
        },
        compile: { _ throws(EngineError) in
            { frame in
                let x: View<Float> = frame.input(0)
                frame.output(0, as: Float.self).copy(x, at: 0)
            }
        }
    ),
]
