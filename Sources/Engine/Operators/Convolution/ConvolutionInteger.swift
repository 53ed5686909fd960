// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `image` over `weights` as `ByteConvolution` sums them, into the output.
private func integerKernel(_ convolution: ByteConvolution) -> Kernel {
    { frame in
        let output: MutableView<Int32> = frame.output(0)
        convolution.run(frame) { sums, _, start in
            for index in sums.indices { output[start &+ index] = sums[index] }
        }
    }
}

/// `saturate(round((sum + bias) * imageScale * weightScale / scale) + zero)`, ties to even.
private func quantizedKernel<Image: FixedWidthInteger & Scalar & SendableMetatype>(
    _ convolution: ByteConvolution,
    _: Image.Type
) -> Kernel {
    { frame in
        let imageScale = frame.input(1, as: Float.self)[0]
        let scales: View<Float> = frame.input(4)
        let scale = frame.input(6, as: Float.self)[0]
        let zero = Float(frame.input(7, as: Image.self)[0])
        let bias: View<Int32>? = frame.hasInput(8) ? frame.input(8) : nil
        let output: MutableView<Image> = frame.output(0)
        convolution.run(frame) { sums, channel, start in
            let factor = imageScale * scales[scales.count == 1 ? 0 : channel] / scale
            let own = bias?[channel] ?? 0
            let least = Float(Image.min)
            for index in sums.indices {
                let value =
                    (Float(sums[index] &+ own) * factor).rounded(.toNearestOrEven) + zero
                output[start &+ index] =
                    value > least ? Image(exactly: min(value, Float(Image.max))) ?? .min : .min
            }
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
            let operands = ByteConvolution.Operands(weights: 1, zeroOfImage: 2, zeroOfWeights: 3)
            return integerKernel(try ByteConvolution(&context, operands))
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
            let operands = ByteConvolution.Operands(weights: 3, zeroOfImage: 2, zeroOfWeights: 5)
            let convolution = try ByteConvolution(&context, operands)
            return try context.input(0).type == .int8
                ? quantizedKernel(convolution, Int8.self)
                : quantizedKernel(convolution, UInt8.self)
        }
    ),
]
