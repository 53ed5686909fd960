// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A whole-number type whose bits are computed with.
protocol BitPattern: FixedWidthInteger, Scalar, SendableMetatype {}
extension Int8: BitPattern {}
extension Int16: BitPattern {}
extension Int32: BitPattern {}
extension Int64: BitPattern {}
extension UInt8: BitPattern {}
extension UInt16: BitPattern {}
extension UInt32: BitPattern {}
extension UInt64: BitPattern {}

/// Two elements in, one out, bit by bit.
private enum BitOperation: Sendable {
    case and, or, xor, shiftLeft, shiftRight

    /// Shifts by a negative number or by the width and more leave what the sign bit fills in: -1 for a
    /// negative number shifted right, else 0 (ONNX 28; before, such shifts were undefined).
    @inline(__always)
    func apply<T: BitPattern>(_ a: T, _ b: T) -> T {
        switch self {
        case .and: a & b
        case .or: a | b
        case .xor: a ^ b
        case .shiftLeft: b < 0 ? 0 : a << b
        case .shiftRight: b < 0 ? (a < 0 ? -1 : 0) : a >> b
        }
    }
}

private func bitKernel<T: BitPattern>(_ operation: BitOperation, _: T.Type) -> Kernel {
    { frame in
        let (a, b): (View<T>, View<T>) = (frame.input(0), frame.input(1))
        let output: MutableView<T> = frame.output(0)
        let walk = Walk(frame.outputShape(0), frame.inputShape(0), frame.inputShape(1))
        let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
        walk.forEachRun { out, startA, startB, _ in
            for index in 0..<run {
                output[out &+ index] = operation.apply(
                    a[startA &+ index &* stepA],
                    b[startB &+ index &* stepB]
                )
            }
        }
    }
}

private func bitKernel(_ operation: BitOperation, _ type: DataType) -> Kernel {
    switch type {
    case .int8: bitKernel(operation, Int8.self)
    case .int16: bitKernel(operation, Int16.self)
    case .int32: bitKernel(operation, Int32.self)
    case .uint8: bitKernel(operation, UInt8.self)
    case .uint16: bitKernel(operation, UInt16.self)
    case .uint32: bitKernel(operation, UInt32.self)
    case .uint64: bitKernel(operation, UInt64.self)
    default: bitKernel(operation, Int64.self)
    }
}

private func bitwise(
    _ name: String,
    since: Int,
    _ operation: @escaping @Sendable (NodeContext) throws(EngineError) -> BitOperation
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .wholeNumbers)
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == b.type else {
                throw context.failure("the inputs are \(a.type) and \(b.type), expected one type")
            }
            return [Fact(a.type, try context.broadcast([a.shape, b.shape]))]
        },
        compile: { context throws(EngineError) in
            bitKernel(try operation(context), try context.input(0).type)
        }
    )
}

/// BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, BitCast.
let bitwiseOperators: [OperatorDefinition] = [
    bitwise("BitwiseAnd", since: 18) { _ in .and },
    bitwise("BitwiseOr", since: 18) { _ in .or },
    bitwise("BitwiseXor", since: 18) { _ in .xor },
    bitwise("BitShift", since: 11) { context throws(EngineError) in
        switch try context.string("direction", default: "") {
        case "LEFT": return .shiftLeft
        case "RIGHT": return .shiftRight
        case let other:
            throw context.failure("direction is '\(other)', expected LEFT or RIGHT")
        }
    },
    OperatorDefinition(
        "BitwiseNot",
        since: 18,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .wholeNumbers)
            let input = try context.input(0)
            return [Fact(input.type, input.shape)]
        },
        // Every whole number is inverted byte by byte.
        compile: { _ in
            { frame in
                let input: View<UInt8> = frame.input(0)
                let output: MutableView<UInt8> = frame.output(0)
                for index in input.indices { output[index] = ~input[index] }
            }
        }
    ),
    OperatorDefinition(
        "BitCast",
        since: 26,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            let (input, type) = (try context.input(0), try context.elementType("to"))
            guard type.bitWidth == input.type.bitWidth, type != .string, input.type != .string
            else {
                throw context.failure("\(input.type) and \(type) differ in width")
            }
            return [Fact(type, input.shape)]
        },
        compile: { _ in
            { frame in frame.output(0, as: UInt8.self).copy(frame.input(0), at: 0) }
        }
    ),
]

extension Set<DataType> {
    static let wholeNumbers: Set = [
        .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
    ]
}

extension NodeContext {
    /// The element type that attribute `name` gives as a number of `TensorProto.DataType`.
    func elementType(_ name: String, default value: DataType? = nil) throws(EngineError) -> DataType
    {
        if let value, !has(name) { return value }
        // The oldest forms wrote the name of the type.
        if case .string(let text) = attributes[name] {
            guard let type = DataType.named(text) else {
                throw failure("attribute '\(name)' is '\(text)', which is no element type")
            }
            return type
        }
        let number = try integer(name, default: 0)
        guard let type = Int32(exactly: number).flatMap(DataType.init(rawValue:)) else {
            throw failure("attribute '\(name)' is \(number), which is no element type")
        }
        return type
    }
}

extension DataType {
    /// The type that ONNX before opset 6 wrote by name, such as "FLOAT".
    fileprivate static func named(_ text: String) -> DataType? {
        allCases.first { $0.description.uppercased() == text.uppercased() }
    }
}
