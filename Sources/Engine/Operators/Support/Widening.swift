// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How an operator runs on types that it is not built for: on copies of its operands in a working type.
///
/// Results are rounded, or packed, when they are written back, so that a half-precision node computes in
/// single precision and rounds once. The copies lie in the node's scratch memory; constants are
/// converted while the model is loaded.
struct Widening: Sendable {
    /// The types that are converted.
    let types: Set<DataType>
    /// What they become.
    let working: DataType

    /// Half precision, for operators that are built for float and double.
    static let halves = Widening(types: [.float16, .bfloat16], working: .float)
    /// For operators that are built for every type that computes but bfloat16.
    static let bfloat16 = Widening(types: [.bfloat16], working: .float)
    /// Eight-bit floating point, for operators that ask something of each number.
    static let eights = Widening(
        types: [.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz],
        working: .float
    )
    /// Types that share a byte, for operators that only move elements: each gets a byte of its own.
    static let packed = Widening(
        types: [.int4, .uint4, .int2, .uint2, .float4e2m1],
        working: .uint8
    )
}

extension OperatorDefinition {
    /// The same operator for the types of `widening` as well.
    ///
    /// An output that the operator gives in the working type gets the type of input `resultLike`, or of the
    /// first input that is converted when it is nil.
    func widened(_ widening: Widening, resultLike: Int? = nil) -> OperatorDefinition {
        let plain = self
        return OperatorDefinition(
            name,
            domain: domain,
            since: sinceVersion,
            inputs: inputs,
            outputs: outputs,
            isPure: isPure,
            isReshaping: isReshaping,
            infer: { context throws(EngineError) in
                guard let result = widening.resultType(context, like: resultLike) else {
                    return try plain.infer(&context)
                }
                var wide = widening.apply(to: context)
                return try plain.infer(&wide).map { fact in
                    fact.type == widening.working ? Fact(result, fact.shape) : fact
                }
            },
            compile: { context throws(EngineError) in
                guard widening.resultType(context, like: resultLike) != nil else {
                    return try plain.compile(&context)
                }
                return try widening.compile(plain, &context)
            }
        )
    }
}

extension [OperatorDefinition] {
    /// Every operator of the list for the types of `widening` as well.
    func widened(_ widening: Widening) -> [OperatorDefinition] { map { $0.widened(widening) } }
}

extension Widening {
    /// The type of results in the working type; nil when no input is converted.
    fileprivate func resultType(_ context: NodeContext, like index: Int?) -> DataType? {
        let found = context.inputs.compactMap { $0?.type }.filter(types.contains)
        guard let first = found.first else { return nil }
        return index.flatMap { context.optionalInput($0)?.type } ?? first
    }

    /// The node as if its inputs came in the working type.
    fileprivate func apply(to context: NodeContext) -> NodeContext {
        NodeContext(
            name: context.name,
            operatorName: context.operatorName,
            domain: context.domain,
            opset: context.opset,
            attributes: context.attributes,
            inputs: context.inputs.map { fact in
                guard let fact, types.contains(fact.type) else { return fact }
                var wide = Fact(working, fact.shape)
                wide.constant = fact.constant.flatMap(converted)
                return wide
            },
            outputCount: context.outputCount
        )
    }

    /// The kernel of `plain` between conversions.
    fileprivate func compile(
        _ plain: OperatorDefinition,
        _ context: inout NodeContext
    ) throws(EngineError) -> Kernel {
        var wide = apply(to: context)
        let facts = try plain.infer(&wide)
        wide.outputs = Array(facts.prefix(context.outputCount))
        let kernel = try plain.compile(&wide)
        for index in wide.unreadInputs { context.leaveUnread(input: index) }
        context.keep(byteCount: wide.keptByteCount)

        let inputCount = context.inputs.count
        var substitutes: [Substitute] = []
        var bytes: [Dimension] = [
            try context.room(for: wide.scratch),
            try context.room(
                for: Dimension(
                    unsafe MemoryLayout<OperandRecord>.stride * (inputCount + facts.count + 1)
                )
            ),
        ]
        for (index, fact) in context.inputs.enumerated() {
            guard let fact, types.contains(fact.type), !wide.unreadInputs.contains(index) else {
                continue
            }
            let constant = wide.inputs[index]?.constant
            substitutes.append(Substitute(operand: index, isInput: true, constant: constant))
            if let constant {
                context.keep(byteCount: constant.byteCount)
            } else {
                bytes.append(try context.room(for: fact.shape, of: working))
            }
        }
        for (index, fact) in wide.outputs.enumerated()
        where fact.type == working && index < context.outputs.count
            && context.outputs[index].type != working
        {
            substitutes.append(
                Substitute(operand: inputCount + index, isInput: false, constant: nil)
            )
            bytes.append(try context.room(for: fact.shape, of: working))
        }
        context.reserveScratch(bytes: try context.sum(bytes))
        let (copies, type) = (substitutes, working)
        return { frame in frame.run(kernel, substituting: copies, working: type) }
    }

    /// `tensor` in the working type.
    private func converted(_ tensor: Tensor) -> Tensor? {
        Tensor(type: working, shape: tensor.shape) { bytes in
            unsafe bytes.withUnsafeMutableBytes { target in
                guard let base = target.baseAddress else { return }
                unsafe widen(
                    tensor.address,
                    tensor.type,
                    to: base,
                    count: tensor.elementCount
                )
            }
        }
    }
}

/// An operand that a kernel sees as a copy in another type.
struct Substitute: Sendable {
    let operand: Int
    let isInput: Bool
    /// The copy, when it is the same for every run.
    let constant: Tensor?
}

extension NodeContext {
    /// `bytes` and what brings them to the next 64-byte boundary.
    fileprivate func room(for bytes: Dimension) throws(EngineError) -> Dimension {
        try sum([bytes, 64])
    }

    fileprivate func room(
        for shape: [Dimension],
        of type: DataType
    ) throws(EngineError) -> Dimension {
        try room(for: try product(shape + [Dimension(type.bitWidth / 8)]))
    }
}

/// Converts `count` elements of `type` to the working type: halves to float, packed types to bytes.
///
/// Safety: both places hold `count` elements of their types.
@unsafe
func widen(
    _ source: UnsafeRawPointer,
    _ type: DataType,
    to target: UnsafeMutableRawPointer,
    count: Int
) {
    switch type {
    case .float16:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: Float16.self),
            target.assumingMemoryBound(to: Float.self)
        )
        for index in 0..<count { unsafe to[index] = Float(from[index]) }
    case .bfloat16:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: BFloat16.self),
            target.assumingMemoryBound(to: Float.self)
        )
        for index in 0..<count { unsafe to[index] = from[index].float }
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz:
        guard let format = SmallFloat(type) else { return }
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: UInt8.self),
            target.assumingMemoryBound(to: Float.self)
        )
        for index in 0..<count { unsafe to[index] = Float(format.decode(from[index])) }
    default:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: UInt8.self),
            target.assumingMemoryBound(to: UInt8.self)
        )
        let width = type.bitWidth
        let mask = UInt8(truncatingIfNeeded: (1 << width) - 1)
        for index in 0..<count {
            let bit = index &* width
            unsafe to[index] = from[bit >> 3] >> UInt8(truncatingIfNeeded: bit & 7) & mask
        }
    }
}

/// The way back of `widen`.
///
/// Safety: both places hold `count` elements of their types.
@unsafe
func narrow(
    _ source: UnsafeRawPointer,
    to target: UnsafeMutableRawPointer,
    _ type: DataType,
    count: Int
) {
    switch type {
    case .float16:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: Float.self),
            target.assumingMemoryBound(to: Float16.self)
        )
        for index in 0..<count { unsafe to[index] = Float16(from[index]) }
    case .bfloat16:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: Float.self),
            target.assumingMemoryBound(to: BFloat16.self)
        )
        for index in 0..<count { unsafe to[index] = BFloat16(from[index]) }
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz:
        guard let format = SmallFloat(type) else { return }
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: Float.self),
            target.assumingMemoryBound(to: UInt8.self)
        )
        for index in 0..<count {
            unsafe to[index] = format.encode(Double(from[index]), saturates: true)
        }
    default:
        let (from, to) = unsafe (
            source.assumingMemoryBound(to: UInt8.self),
            target.assumingMemoryBound(to: UInt8.self)
        )
        let width = type.bitWidth
        let mask = UInt8(truncatingIfNeeded: (1 << width) - 1)
        for index in 0..<count {
            let bit = index &* width
            let part = unsafe (from[index] & mask) << UInt8(truncatingIfNeeded: bit & 7)
            // The first element of a byte clears its neighbours.
            unsafe to[bit >> 3] = bit & 7 == 0 ? part : to[bit >> 3] | part
        }
    }
}
