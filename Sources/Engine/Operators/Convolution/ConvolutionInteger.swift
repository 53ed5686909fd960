// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An eight-bit whole number.
private protocol Byte: FixedWidthInteger, Scalar, SendableMetatype {}
extension Int8: Byte {}
extension UInt8: Byte {}

/// Where the operands of a quantised convolution stand among a node's inputs.
private struct QuantizedOperands {
    let weights: Int
    let zeroOfImage: Int
    let zeroOfWeights: Int
}

/// The sums of a quantised convolution, handed to `finish` with their channel.
///
/// Zero points are taken off before multiplying; padding stands for the image's zero point and
/// so adds nothing. Sums wrap around in 32 bits, which takes 32,768 products of the largest size.
@inline(__always)
private func convolve<Image: Byte, Weight: Byte, Output: BitwiseCopyable>(
    _ form: ConvolutionForm,
    _ operands: QuantizedOperands,
    _ frame: Frame,
    _: Image.Type,
    _: Weight.Type,
    _ output: MutableView<Output>,
    finish: (Int32, Int) -> Output
) {
    let input: View<Image> = frame.input(0)
    let weights: View<Weight> = frame.input(operands.weights)
    let hasZero = frame.hasInput(operands.zeroOfImage)
    let zero = hasZero ? Int32(frame.input(operands.zeroOfImage, as: Image.self)[0]) : 0
    let zeros: View<Weight>? =
        frame.hasInput(operands.zeroOfWeights) ? frame.input(operands.zeroOfWeights) : nil
    convolve(form, images: frame.inputShape(0)[0], output) { (at, channel, weight) -> Wrapping in
        let base = zeros.map { Int32($0[$0.count == 1 ? 0 : channel]) } ?? 0
        return Wrapping((Int32(input[at]) &- zero) &* (Int32(weights[weight]) &- base))
    } finish: { total, channel in
        finish(total.value, channel)
    }
}

/// A 32-bit sum that wraps around.
private struct Wrapping: AdditiveArithmetic {
    let value: Int32
    @inline(__always) init(_ value: Int32) { self.value = value }
    static var zero: Wrapping { Wrapping(0) }
    @inline(__always) static func + (a: Wrapping, b: Wrapping) -> Wrapping {
        Wrapping(a.value &+ b.value)
    }
    @inline(__always) static func - (a: Wrapping, b: Wrapping) -> Wrapping {
        Wrapping(a.value &- b.value)
    }
}

private func integerKernel<Image: Byte, Weight: Byte>(
    _ form: ConvolutionForm,
    _: Image.Type,
    _: Weight.Type
) -> Kernel {
    { frame in
        let operands = QuantizedOperands(weights: 1, zeroOfImage: 2, zeroOfWeights: 3)
        let output: MutableView<Int32> = frame.output(0)
        convolve(form, operands, frame, Image.self, Weight.self, output) { total, _ in total }
    }
}

/// `saturate(round((sum + bias) * imageScale * weightScale / scale) + zero)`, ties to even.
private func quantizedKernel<Image: Byte, Weight: Byte>(
    _ form: ConvolutionForm,
    _: Image.Type,
    _: Weight.Type
) -> Kernel {
    { frame in
        let operands = QuantizedOperands(weights: 3, zeroOfImage: 2, zeroOfWeights: 5)
        let imageScale = frame.input(1, as: Float.self)[0]
        let scales: View<Float> = frame.input(4)
        let scale = frame.input(6, as: Float.self)[0]
        let zero = Float(frame.input(7, as: Image.self)[0])
        let bias: View<Int32>? = frame.hasInput(8) ? frame.input(8) : nil
        let output: MutableView<Image> = frame.output(0)
        convolve(form, operands, frame, Image.self, Weight.self, output) { total, channel in
            let factor = imageScale * scales[scales.count == 1 ? 0 : channel] / scale
            let sum = Float(total &+ (bias?[channel] ?? 0))
            let value = (sum * factor).rounded(.toNearestOrEven) + zero
            let least = Float(Image.min)
            return value > least ? Image(exactly: min(value, Float(Image.max))) ?? .min : .min
        }
    }
}

extension NodeContext {
    /// Checks a zero point or scale: absent, one number, or where allowed one for each channel.
    fileprivate func requireScale(
        input index: Int,
        type: DataType,
        channels: Int?
    ) throws(EngineError) {
        guard let fact = optionalInput(index) else { return }
        let isOne = fact.shape.isEmpty || fact.shape == [1]
        guard fact.type == type, isOne || channels.map({ fact.shape == [Dimension($0)] }) == true
        else {
            throw failure("input \(index) is \(fact.type) \(fact.shape), expected one \(type)")
        }
    }
}

private let bytes: Set<DataType> = [.int8, .uint8]

let integerConvolutionOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "ConvInteger",
        since: 10,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: bytes)
            try context.require(input: 1, oneOf: bytes)
            let form = try ConvolutionForm(context)
            let channels = form.groups * form.outputs
            try context.requireScale(
                input: 2,
                type: try context.input(0).type,
                channels: nil
            )
            try context.requireScale(
                input: 3,
                type: try context.input(1).type,
                channels: channels
            )
            return [Fact(.int32, form.outputShape)]
        },
        compile: { context throws(EngineError) in
            let form = try ConvolutionForm(context)
            let isSigned = try context.input(1).type == .int8
            return if try context.input(0).type == .int8 {
                isSigned
                    ? integerKernel(form, Int8.self, Int8.self)
                    : integerKernel(form, Int8.self, UInt8.self)
            } else {
                isSigned
                    ? integerKernel(form, UInt8.self, Int8.self)
                    : integerKernel(form, UInt8.self, UInt8.self)
            }
        }
    ),
    OperatorDefinition(
        "QLinearConv",
        since: 10,
        inputs: 8...9,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: bytes)
            try context.require(input: 3, oneOf: bytes)
            let form = try ConvolutionForm(context, weights: 3)
            let (image, weights) = (try context.input(0).type, try context.input(3).type)
            let channels = form.groups * form.outputs
            for (index, type, count) in [
                (1, .float, nil), (2, image, nil), (4, .float, channels), (5, weights, channels),
                (6, .float, nil), (7, image, nil),
            ] as [(Int, DataType, Int?)] {
                _ = try context.input(index)
                try context.requireScale(input: index, type: type, channels: count)
            }
            try context.requireChannels(input: 8, count: channels, type: .int32)
            return [Fact(image, form.outputShape)]
        },
        compile: { context throws(EngineError) in
            let form = try ConvolutionForm(context, weights: 3)
            let isSigned = try context.input(3).type == .int8
            return if try context.input(0).type == .int8 {
                isSigned
                    ? quantizedKernel(form, Int8.self, Int8.self)
                    : quantizedKernel(form, Int8.self, UInt8.self)
            } else {
                isSigned
                    ? quantizedKernel(form, UInt8.self, Int8.self)
                    : quantizedKernel(form, UInt8.self, UInt8.self)
            }
        }
    ),
]
