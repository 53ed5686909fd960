// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// An element type that casts to and from numbers.
protocol Castable: Scalar, SendableMetatype {
    static var isFloating: Bool { get }
    var castDouble: Double { get }
    var castInteger: Int64 { get }
    init(cast value: Double)
    init(cast value: Int64)
}

extension Castable where Self: FixedWidthInteger {
    @inline(__always) var castDouble: Double { Double(self) }
    @inline(__always) var castInteger: Int64 { Int64(truncatingIfNeeded: self) }
    @inline(__always) init(cast value: Int64) { self = Self(truncatingIfNeeded: value) }
    /// Towards zero; what no whole number of 64 bits holds becomes the least, as processors do.
    @inline(__always) init(cast value: Double) {
        if Self.self == UInt64.self, let exact = UInt64(exactly: value.rounded(.towardZero)) {
            self = Self(truncatingIfNeeded: exact)
        } else {
            self = Self(truncatingIfNeeded: Int64(exactly: value.rounded(.towardZero)) ?? .min)
        }
    }
}
extension Castable where Self: BinaryFloatingPoint {
    @inline(__always) var castDouble: Double { Double(self) }
    @inline(__always) var castInteger: Int64 { Int64(cast: Double(self)) }
    @inline(__always) init(cast value: Double) { self = Self(value) }
    @inline(__always) init(cast value: Int64) { self = Self(value) }
}
extension Float: Castable {}
extension Double: Castable {}
extension Float16: Castable {}
extension Int8: Castable {}
extension Int16: Castable {}
extension Int32: Castable {}
extension Int64: Castable {}
extension UInt8: Castable {}
extension UInt16: Castable {}
extension UInt32: Castable {}
extension UInt64: Castable {}
extension Truth: Castable {
    static var isFloating: Bool { false }
    @inline(__always) var castDouble: Double { isTrue ? 1 : 0 }
    @inline(__always) var castInteger: Int64 { isTrue ? 1 : 0 }
    // A NaN is not zero and so true.
    @inline(__always) init(cast value: Double) { self.init(value != 0) }
    @inline(__always) init(cast value: Int64) { self.init(value != 0) }
}
extension BFloat16: Castable {
    static var isFloating: Bool { true }
    @inline(__always) var castDouble: Double { Double(float) }
    @inline(__always) var castInteger: Int64 { Int64(cast: Double(float)) }
    @inline(__always) init(cast value: Double) { self.init(Float(value)) }
    @inline(__always) init(cast value: Int64) { self.init(Float(value)) }
}

private func castKernel<From: Castable, To: Castable>(_: From.Type, _: To.Type) -> Kernel {
    { frame in
        let input: View<From> = frame.input(0)
        let output: MutableView<To> = frame.output(0)
        if From.isFloating || To.isFloating {
            for index in input.indices { output[index] = To(cast: input[index].castDouble) }
        } else {
            for index in input.indices { output[index] = To(cast: input[index].castInteger) }
        }
    }
}

private func castKernel<From: Castable>(_: From.Type, to type: DataType) -> Kernel? {
    switch type {
    case .float: castKernel(From.self, Float.self)
    case .double: castKernel(From.self, Double.self)
    case .float16: castKernel(From.self, Float16.self)
    case .bfloat16: castKernel(From.self, BFloat16.self)
    case .int8: castKernel(From.self, Int8.self)
    case .int16: castKernel(From.self, Int16.self)
    case .int32: castKernel(From.self, Int32.self)
    case .int64: castKernel(From.self, Int64.self)
    case .uint8: castKernel(From.self, UInt8.self)
    case .uint16: castKernel(From.self, UInt16.self)
    case .uint32: castKernel(From.self, UInt32.self)
    case .uint64: castKernel(From.self, UInt64.self)
    case .bool: castKernel(From.self, Truth.self)
    default: nil
    }
}

func castKernel(from: DataType, to: DataType, _ rules: CastRules) -> Kernel? {
    if from == to { return CopyKernel().kernel(for: from) }
    return fastCastKernel(from: from, to: to) ?? slowCastKernel(from: from, to: to, rules)
}

/// The types that are whole bytes wide, each pair with a loop of its own.
private func fastCastKernel(from: DataType, to: DataType) -> Kernel? {
    switch (from, to) {
    case (.float, _): castKernel(Float.self, to: to)
    case (.double, _): castKernel(Double.self, to: to)
    case (.float16, _): castKernel(Float16.self, to: to)
    case (.bfloat16, _): castKernel(BFloat16.self, to: to)
    case (.int8, _): castKernel(Int8.self, to: to)
    case (.int16, _): castKernel(Int16.self, to: to)
    case (.int32, _): castKernel(Int32.self, to: to)
    case (.int64, _): castKernel(Int64.self, to: to)
    case (.uint8, _): castKernel(UInt8.self, to: to)
    case (.uint16, _): castKernel(UInt16.self, to: to)
    case (.uint32, _): castKernel(UInt32.self, to: to)
    case (.uint64, _): castKernel(UInt64.self, to: to)
    case (.bool, _): castKernel(Truth.self, to: to)
    default: nil
    }
}

private func cast(
    _ name: String,
    since: Int,
    inputs: ClosedRange<Int>,
    _ target: @escaping @Sendable (NodeContext) throws(EngineError) -> DataType
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: inputs,
        infer: { context throws(EngineError) in
            let (input, type) = (try context.input(0), try target(context))
            _ = try context.castKernel(from: input.type, to: type)
            let keepsIntegers = [.int32, .int64].contains(type)
            return [Fact(type, input.shape, integers: keepsIntegers ? input.integers : nil)]
        },
        compile: { context throws(EngineError) in
            let (from, to) = (try context.input(0).type, try target(context))
            return try context.castKernel(from: from, to: to)
        }
    )
}

let castOperators: [OperatorDefinition] = [
    cast("Cast", since: 1, inputs: 1...1) { context throws(EngineError) in
        try context.elementType("to")
    },
    cast("CastLike", since: 15, inputs: 2...2) { context throws(EngineError) in
        try context.input(1).type
    },
]

extension NodeContext {
    fileprivate func castKernel(from: DataType, to: DataType) throws(EngineError) -> Kernel {
        let mode = try string("round_mode", default: "up")
        guard let rounding = ScaleFloat.Rounding(rawValue: mode) else {
            throw failure("round_mode is '\(mode)', expected up, down or nearest")
        }
        let rules = CastRules(
            saturates: try integer("saturate", default: 1) != 0,
            rounding: rounding
        )
        guard let kernel = Engine.castKernel(from: from, to: to, rules) else {
            throw failure("\(from) to \(to) is not defined", kind: .unsupported)
        }
        return kernel
    }
}
