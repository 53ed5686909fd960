// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Copies a tensor made at load time to output 0.
private struct EmitKernel: MovingKernel {
    let tensor: Tensor

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let tensor = tensor
        return { frame in
            let output: MutableView<T> = frame.output(0)
            let source = unsafe View(
                tensor.address.assumingMemoryBound(to: T.self),
                count: output.count
            )
            output.copy(source, at: 0)
        }
    }
}

/// Repeats one element, whatever the size of the output.
private struct FillKernel: MovingKernel {
    let tensor: Tensor

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let tensor = tensor
        return { frame in
            let output: MutableView<T> = frame.output(0)
            let value = unsafe tensor.address.load(as: T.self)
            output.fill(output.indices, with: value)
        }
    }
}

extension Tensor {
    /// An element of a packed type repeated until it fills a byte; any other type as it is.
    fileprivate var fillingByte: Tensor {
        guard type.byteWidth == nil else { return self }
        let element = withBytes { unsafe $0.unsafeLoad(as: UInt8.self) }
        let mask = UInt8(truncatingIfNeeded: 1 << type.bitWidth - 1)
        var byte: UInt8 = 0
        for shift in stride(from: 0, to: 8, by: type.bitWidth) {
            byte |= (element & mask) << UInt8(truncatingIfNeeded: shift)
        }
        return Tensor([byte])
    }
}

extension NodeContext {
    /// The one value a Constant node gives, in whichever attribute.
    fileprivate func constantValue() throws(EngineError) -> Tensor {
        if let value = try tensor("value") { return value }
        if let value = try tensor("sparse_value") { return value }
        if has("value_float") { return Tensor([try float("value_float", default: 0)], shape: []) }
        if has("value_int") {
            return Tensor([Int64(try integer("value_int", default: 0))], shape: [])
        }
        if has("value_string") {
            return Tensor(texts: [try string("value_string", default: "")], shape: [])
        }
        if let list = try floats("value_floats") { return Tensor(list) }
        if let list = try integers("value_ints") { return Tensor(list.map { Int64($0) }) }
        if let list = try strings("value_strings"), let shape = Shape([list.count]) {
            return Tensor(texts: list, shape: shape)
        }
        throw failure("a constant without a value that can be read", kind: .unsupported)
    }
}

/// Constant, ConstantOfShape, Shape, Size, Range.
let constantOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Constant",
        since: 1,
        inputs: 0...0,
        infer: { context throws(EngineError) in [Fact(try context.constantValue())] },
        compile: { context throws(EngineError) in
            let value = try context.constantValue()
            return EmitKernel(tensor: value).kernel(for: value.type)
        }
    ),
    OperatorDefinition(
        "ConstantOfShape",
        since: 9,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            guard let shape = try context.integers(ofInput: 0) else {
                throw context.failure("input 0 is missing")
            }
            let value = try context.tensor("value")
            var fact = Fact(value?.type ?? .float, shape)
            if let value, value.type == .int64, shape.count == 1, let count = shape[0].fixed,
                (0...64).contains(count), let number = value.elements(as: Int64.self).first
            {
                fact.integers = Array(repeating: Dimension(Int(number)), count: count)
            }
            return [fact]
        },
        compile: { context throws(EngineError) in
            let value = try context.tensor("value") ?? Tensor([0 as Float])
            guard value.elementCount == 1 else {
                throw context.failure("attribute 'value' has to hold one element")
            }
            return FillKernel(tensor: value.fillingByte).kernel(for: value.type)
        }
    ),
    OperatorDefinition(
        "Shape",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let range = try context.shapeRange()
            let lengths = Array(try context.input(0).shape[range])
            return [Fact(.int64, [Dimension(lengths.count)], integers: lengths)]
        },
        compile: { context throws(EngineError) in
            let range = try context.shapeRange()
            return { frame in
                let shape = frame.inputShape(0)
                let output: MutableView<Int64> = frame.output(0)
                for axis in range { output[axis - range.lowerBound] = Int64(shape[axis]) }
            }
        }
    ),
    OperatorDefinition(
        "Size",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let count = try context.product(try context.input(0).shape)
            return [Fact(.int64, [], integers: [count])]
        },
        compile: { _ in
            { frame in
                let shape = frame.inputShape(0)
                var count = 1
                for axis in shape.indices { count &*= shape[axis] }
                frame.output(0, as: Int64.self)[0] = Int64(count)
            }
        }
    ),
    range,
]

extension NodeContext {
    /// The axes that Shape reports: all of them, or from `start` to `end` since opset 15.
    fileprivate func shapeRange() throws(EngineError) -> Range<Int> {
        let rank = try input(0).rank
        func clamped(_ axis: Int) -> Int { min(max(axis < 0 ? axis + rank : axis, 0), rank) }
        let start = clamped(try integer("start", default: 0))
        let end = clamped(try integer("end", default: rank))
        return start..<max(start, end)
    }
}

private struct RangeKernel: ArithmeticKernel {
    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        { frame in
            let start = frame.input(0, as: T.self)[0]
            let delta = frame.input(2, as: T.self)[0]
            let output: MutableView<T> = frame.output(0)
            for index in output.indices {
                output[index] = start.plus(delta.times(T(wide: Double(index))))
            }
        }
    }
}

/// Numbers from `start` up to `limit` by `delta`; how many there are has to follow from the shapes.
private let range = OperatorDefinition(
    "Range",
    since: 11,
    inputs: 3...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .arithmetic)
        let (start, limit, delta) = (
            try context.input(0), try context.input(1), try context.input(2)
        )
        for (index, end) in [start, limit, delta].enumerated() {
            guard end.type == start.type, try context.product(end.shape) == 1 else {
                throw context.failure(
                    "input \(index) is \(end.type) \(end.shape), expected one \(start.type)"
                )
            }
        }
        if let first = start.integers?.first, let last = limit.integers?.first,
            let step = delta.integers?.first?.fixed, step != 0
        {
            guard let span = last.subtracting(first) else {
                throw context.failure("a length overflows")
            }
            if step == 1, !span.isConstant { return [Fact(start.type, [span])] }
            if let span = span.fixed, span != .min {
                let (whole, rest) = span.quotientAndRemainder(dividingBy: step)
                let count = whole + (rest == 0 || (rest < 0) != (step < 0) ? 0 : 1)
                return [Fact(start.type, [Dimension(max(count, 0))])]
            }
        }
        let ends = [
            try context.contents(ofInput: 0), try context.contents(ofInput: 1),
            try context.contents(ofInput: 2),
        ].map(\.number)
        guard let first = ends[0], let last = ends[1], let step = ends[2], step != 0,
            let count = Int(exactly: ((last - first) / step).rounded(.up)), count < 1 << 40
        else {
            throw context.failure("start, limit and delta make no run of numbers")
        }
        return [Fact(start.type, [Dimension(max(count, 0))])]
    },
    compile: { context throws(EngineError) in
        RangeKernel().kernel(for: try context.input(0).type)
    }
).widened(.bfloat16)

extension Tensor {
    /// The first element as a number; nil of an empty tensor and of text.
    var number: Double? {
        guard elementCount > 0 else { return nil }
        return switch type {
        case .float: elements(as: Float.self).first.map { Double($0) }
        case .double: elements(as: Double.self).first
        case .float16: elements(as: Float16.self).first.map { Double($0) }
        case .bfloat16: elements(as: BFloat16.self).first.map { Double($0.float) }
        case .uint64: elements(as: UInt64.self).first.map { Double($0) }
        default: type.isInteger ? orderKeys?.first.map { Double($0) } : nil
        }
    }
}
