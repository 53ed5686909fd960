// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// What a quantised whole number may be; nil for a floating-point type.
private func range(of type: DataType) -> ClosedRange<Double>? {
    switch type {
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65535
    case .int16: -32768...32767
    case .uint4: 0...15
    case .int4: -8...7
    case .uint2: 0...3
    case .int2: -2...1
    default: nil
    }
}

private let quantizedTypes: Set<DataType> = [
    .uint8, .int8, .uint16, .int16, .uint4, .int4, .uint2, .int2, .float8e4m3fn, .float8e4m3fnuz,
    .float8e5m2, .float8e5m2fnuz, .float4e2m1,
]

/// `y = x / scale + zero`, rounded to even and held within the type; eight bits from single precision.
private func fastQuantizing(
    _ form: QuantizationForm,
    isSigned: Bool
) -> Kernel {
    { frame in
        let (x, scale): (View<Float>, View<Float>) = (frame.input(0), frame.input(1))
        let (y, signedY): (MutableView<UInt8>, MutableView<Int8>) = (
            frame.output(0), frame.output(0)
        )
        let (zero, signedZero): (View<UInt8>, View<Int8>) =
            frame.hasInput(2) ? (frame.input(2), frame.input(2)) : (frame.none(), frame.none())
        form.forEachRun(frame) { start, count, index in
            let source = x.part(start..<(start &+ count))
            if isSigned {
                let middle = signedZero.count > 0 ? Int32(signedZero[index]) : 0
                let target = signedY.part(start..<(start &+ count))
                unsafe serin_quantize_i8(
                    count,
                    source.pointer,
                    scale[index],
                    middle,
                    target.pointer
                )
            } else {
                let middle = zero.count > 0 ? Int32(zero[index]) : 0
                let target = y.part(start..<(start &+ count))
                unsafe serin_quantize_u8(
                    count,
                    source.pointer,
                    scale[index],
                    middle,
                    target.pointer
                )
            }
        }
    }
}

/// The same for every pair of types, one element at a time.
private func slowQuantizing(
    _ form: QuantizationForm,
    load: @escaping Loader,
    scale: @escaping Loader,
    zero: Loader?,
    to type: DataType,
    store: @escaping Storer
) -> Kernel {
    let ends = range(of: type)
    return { frame in
        form.forEachRun(frame) { start, count, index in
            let step = Float(scale(frame, index)?.double ?? 1)
            let middle = frame.hasInput(2) ? zero?(frame, index)?.double ?? 0 : 0
            for place in start..<(start &+ count) {
                let quotient = Double(Float(load(frame, place)?.double ?? 0) / step)
                guard let ends else {
                    // The 8-bit floating-point types have no zero point but zero.
                    store(frame, place, .real(quotient + middle))
                    continue
                }
                let sum = quotient.rounded(.toNearestOrEven) + middle
                let held = min(max(sum, ends.lowerBound), ends.upperBound)
                store(frame, place, .whole(Int128(held.isNaN ? 0 : held)))
            }
        }
    }
}

extension NodeContext {
    /// The type of a QuantizeLinear node's output.
    fileprivate func quantizedType() throws(EngineError) -> DataType {
        let named = try integer("output_dtype", default: 0)
        let type = optionalInput(2)?.type ?? Int32(exactly: named).flatMap(DataType.init(rawValue:))
        guard named != 0 || optionalInput(2) != nil else { return .uint8 }
        guard let type, quantizedTypes.contains(type) else {
            throw failure("no such type to quantise to", kind: .unsupported)
        }
        return type
    }
}

let quantizeOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "QuantizeLinear",
        since: 10,
        inputs: 2...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float, .double, .float16, .bfloat16, .int32])
            _ = try QuantizationForm(context)
            return [Fact(try context.quantizedType(), try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            let form = try QuantizationForm(context)
            let (input, scale) = (try context.input(0).type, try context.input(1).type)
            let type = try context.quantizedType()
            if input == .float, scale == .float, type == .uint8 || type == .int8 {
                return fastQuantizing(form, isSigned: type == .int8)
            }
            var rules = CastRules()
            rules.saturates = try context.integer("saturate", default: 1) != 0
            guard let load = loader(input, operand: 0), let step = loader(scale, operand: 1),
                let store = storer(type, from: .float, rules)
            else {
                throw context.failure("\(input) with a scale of \(scale)", kind: .unsupported)
            }
            return slowQuantizing(
                form,
                load: load,
                scale: step,
                zero: context.optionalInput(2).flatMap { loader($0.type, operand: 2) },
                to: type,
                store: store
            )
        }
    ),
    dequantizeOperator,
    dynamicQuantizeOperator,
]

extension Frame {
    /// Elements of an operand left out.
    fileprivate func none<Element: BitwiseCopyable>() -> View<Element> {
        input(0, as: Element.self).part(0..<0)
    }
}

/// `y = (x - zero) * scale`.
private func slowDequantizing(
    _ form: QuantizationForm,
    load: @escaping Loader,
    scale: @escaping Loader,
    zero: Loader?,
    store: @escaping Storer
) -> Kernel {
    { frame in
        form.forEachRun(frame) { start, count, index in
            let step = Float(scale(frame, index)?.double ?? 1)
            let middle = frame.hasInput(2) ? zero?(frame, index)?.double ?? 0 : 0
            for place in start..<(start &+ count) {
                let gap = Float((load(frame, place)?.double ?? 0) - middle)
                store(frame, place, .real(Double(gap * step)))
            }
        }
    }
}

private func fastDequantizing(_ form: QuantizationForm, isSigned: Bool) -> Kernel {
    { frame in
        let (x, signedX): (View<UInt8>, View<Int8>) = (frame.input(0), frame.input(0))
        let (scale, y): (View<Float>, MutableView<Float>) = (frame.input(1), frame.output(0))
        let (zero, signedZero): (View<UInt8>, View<Int8>) =
            frame.hasInput(2) ? (frame.input(2), frame.input(2)) : (frame.none(), frame.none())
        form.forEachRun(frame) { start, count, index in
            let target = y.part(start..<(start &+ count))
            if isSigned {
                let middle = signedZero.count > 0 ? Int32(signedZero[index]) : 0
                let source = signedX.part(start..<(start &+ count))
                unsafe serin_dequantize_i8(
                    count,
                    source.pointer,
                    scale[index],
                    middle,
                    target.pointer
                )
            } else {
                let middle = zero.count > 0 ? Int32(zero[index]) : 0
                let source = x.part(start..<(start &+ count))
                unsafe serin_dequantize_u8(
                    count,
                    source.pointer,
                    scale[index],
                    middle,
                    target.pointer
                )
            }
        }
    }
}

private let dequantizeOperator = OperatorDefinition(
    "DequantizeLinear",
    since: 10,
    inputs: 2...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: quantizedTypes.union([.int32]))
        _ = try QuantizationForm(context)
        let (input, scale) = (try context.input(0).type, try context.input(1).type)
        if let zero = context.optionalInput(2), zero.type != input {
            throw context.failure("the zero point is \(zero.type), expected \(input) as input 0")
        }
        let named = try context.integer("output_dtype", default: 0)
        let type = named == 0 ? scale : Int32(exactly: named).flatMap(DataType.init(rawValue:))
        guard let type, [.float, .double, .float16, .bfloat16].contains(type) else {
            throw context.failure("no such type to give", kind: .unsupported)
        }
        return [Fact(type, try context.input(0).shape)]
    },
    compile: { context throws(EngineError) in
        let form = try QuantizationForm(context)
        let (input, scale) = (try context.input(0).type, try context.input(1).type)
        let output = context.outputs[0].type
        if scale == .float, output == .float, input == .uint8 || input == .int8 {
            return fastDequantizing(form, isSigned: input == .int8)
        }
        guard let load = loader(input, operand: 0), let step = loader(scale, operand: 1),
            let store = storer(output, from: .float)
        else { throw context.failure("\(input) with a scale of \(scale)", kind: .unsupported) }
        return slowDequantizing(
            form,
            load: load,
            scale: step,
            zero: context.optionalInput(2).flatMap { loader($0.type, operand: 2) },
            store: store
        )
    }
)

/// Scale and zero point follow from the range of the data, which is made to hold zero.
private let dynamicQuantizeOperator = OperatorDefinition(
    "DynamicQuantizeLinear",
    since: 11,
    inputs: 1...1,
    outputs: 3...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: [.float])
        return [Fact(.uint8, try context.input(0).shape), Fact(.float, []), Fact(.uint8, [])]
    },
    compile: { _ in
        { frame in
            let x: View<Float> = frame.input(0)
            let (y, zero): (MutableView<UInt8>, MutableView<UInt8>) = (
                frame.output(0), frame.output(2)
            )
            let scale: MutableView<Float> = frame.output(1)
            var (least, greatest): (Float, Float) = (0, 0)
            unsafe serin_range_f32(x.count, x.pointer, &least, &greatest)
            let step = greatest > least ? (greatest - least) / 255 : 1
            let middle = min(max((-least / step).rounded(.toNearestOrEven), 0), 255)
            scale[0] = step
            zero[0] = UInt8(middle.isNaN ? 0 : middle)
            precondition(y.count == x.count, "another size")
            unsafe serin_quantize_u8(x.count, x.pointer, step, Int32(zero[0]), y.pointer)
        }
    }
)
