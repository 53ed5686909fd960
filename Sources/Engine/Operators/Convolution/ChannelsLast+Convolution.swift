// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension ChannelsLast {
    /// `activation(conv(image, weights) + bias + residual)`.
    ///
    /// Attributes are those of Conv, those of `ImageActivation`, and `planes` = 1 where the image comes
    /// as ONNX lays it out (NCHW), which pays for the few channels of a net's first layer.
    static let convolution = OperatorDefinition(
        "Conv",
        domain: domain,
        since: 1,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            let form = try form(context)
            return try made(context, form.outputShape, channels: form.groups * form.outputs)
        },
        compile: { context throws(EngineError) in
            let form = try form(context)
            let activation = try ImageActivation(context)
            var convolution = ImageConvolution(form)
            if form.inputs == 1, form.outputs == 1, form.groups > 1,
                let weights = try context.input(1).constant
            {
                context.leaveUnread(input: 1)
                context.keep(byteCount: weights.byteCount)
                return depthwise(convolution, activation, weights, form.groups)
            }
            guard try context.integer("planes", default: 0) != 0 else {
                convolution.activate(activation)
                return try kernel(&context, convolution)
            }
            guard var (convolution, border) = convolution.bordered else {
                throw context.failure("a first layer of another form")
            }
            convolution.activate(activation)
            return try firstLayer(&context, convolution, border)
        }
    )

    /// `activation(convTranspose(image, weights) + bias + residual)`.
    static let transposedConvolution = OperatorDefinition(
        "ConvTranspose",
        domain: domain,
        since: 1,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            let form = try TransposedForm(context, image: planes(try context.input(0).shape))
            return try made(context, form.outputShape, channels: form.groups * form.outputs)
        },
        compile: { context throws(EngineError) in
            let form = try TransposedForm(context, image: planes(try context.input(0).shape))
            var convolution = ImageConvolution(
                transposed: form.window,
                groups: form.groups,
                inputs: form.inputs,
                outputs: form.outputs
            )
            convolution.activate(try ImageActivation(context))
            return try kernel(&context, convolution)
        }
    )

    private static func form(_ context: NodeContext) throws(EngineError) -> ConvolutionForm {
        let shape = try context.input(0).shape
        let isPlanes = try context.integer("planes", default: 0) != 0
        return try ConvolutionForm(context, image: isPlanes ? shape : planes(shape))
    }

    /// The fact of the output, once the operands are found to fit it.
    private static func made(
        _ context: NodeContext,
        _ shape: [Dimension],
        channels: Int
    ) throws(EngineError) -> [Fact] {
        try context.require(input: 0, oneOf: [.float])
        try context.require(input: 1, oneOf: [.float])
        try context.requireChannels(input: 2, count: channels, type: .float)
        let output = Fact(.float, last(shape))
        if let residual = context.optionalInput(3) {
            guard residual.type == .float, residual.shape == output.shape else {
                throw context.failure("a residual \(residual.shape) to \(output.shape)")
            }
        }
        return [output]
    }

    // MARK: Kernels

    /// All images in one call; weights that are not constant are packed into scratch first.
    private static func kernel(
        _ context: inout NodeContext,
        _ convolution: ImageConvolution
    ) throws(EngineError) -> Kernel {
        let packed = try convolution.packed(&context)
        let scratchBytes = try convolution.scratchByteCount(context)
        let packCount = packed == nil ? try convolution.packedByteCount(context) / 4 : 0
        context.reserveScratch(
            bytes: try context.sum([
                Dimension(scratchBytes), try context.product([Dimension(packCount), 4]),
            ])
        )
        let (inputCount, outputCount) = (convolution.inputCount, convolution.outputCount)
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            let images = frame.inputShape(0)[0]
            guard output.count > 0 else { return }
            precondition(
                input.count == images &* inputCount && output.count == images &* outputCount,
                "images of another size"
            )
            let weights: View<Float>
            if let packed {
                weights = packed.floats
            } else {
                let start = scratchBytes / 4
                let room = frame.scratch(as: Float.self).part(start..<(start &+ packCount))
                convolution.pack(frame.input(1), into: room)
                weights = room.reading
            }
            convolution.run(
                images: images,
                input,
                packed: weights,
                bias: frame.hasInput(2) ? frame.input(2) : nil,
                residual: frame.hasInput(3) ? frame.input(3) : nil,
                output,
                scratch: frame.scratch()
            )
        }
    }

    /// An image at a time goes from planes to lines with a border.
    private static func firstLayer(
        _ context: inout NodeContext,
        _ convolution: ImageConvolution,
        _ border: ImageConvolution.Border
    ) throws(EngineError) -> Kernel {
        guard let packed = try convolution.packed(&context) else {
            throw context.failure("weights of a first layer are constants")
        }
        let scratchBytes = try convolution.scratchByteCount(context)
        let channels = convolution.inputs
        let linesCount = try context.product([
            Dimension(border.lines), Dimension(border.padded), Dimension(channels),
        ])
        guard let lineCount = linesCount.fixed else { throw context.failure("an image too large") }
        context.reserveScratch(
            bytes: try context.sum([
                Dimension(scratchBytes), try context.product([linesCount, 4]),
            ])
        )
        let (inputCount, outputCount) = (convolution.inputCount, convolution.outputCount)
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            let residual: View<Float>? = frame.hasInput(3) ? frame.input(3) : nil
            let start = scratchBytes / 4
            let lines = frame.scratch(as: Float.self).part(start..<(start &+ lineCount))
            for image in 0..<frame.inputShape(0)[0] {
                let place = (image &* outputCount)..<((image &+ 1) &* outputCount)
                let source = input.part((image &* inputCount)..<((image &+ 1) &* inputCount))
                border.add(to: source, channels: channels, lines)
                convolution.run(
                    images: 1,
                    lines.reading,
                    packed: packed.floats,
                    bias: frame.hasInput(2) ? frame.input(2) : nil,
                    residual: residual?.part(place),
                    output.part(place),
                    scratch: frame.scratch()
                )
            }
        }
    }

    /// One channel a group: the weights become `[taps, channels]`.
    private static func depthwise(
        _ convolution: ImageConvolution,
        _ activation: ImageActivation,
        _ weights: Tensor,
        _ channels: Int
    ) -> Kernel {
        let taps = convolution.window.tapCount
        let from = weights.elements(as: Float.self)
        var turned = [Float](repeating: 0, count: from.count)
        for channel in 0..<channels {
            for tap in 0..<taps { turned[tap * channels + channel] = from[channel * taps + tap] }
        }
        let packed = Tensor(turned)
        var call = convolution.phases[0].call
        (call.activation, call.a, call.b) = (activation.kind, activation.a, activation.b)
        let (inputCount, outputCount) = (convolution.inputCount, convolution.outputCount)
        let plan = call
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            var call = plan
            call.images = frame.inputShape(0)[0]
            guard output.count > 0 else { return }
            precondition(
                input.count == call.images &* inputCount
                    && output.count == call.images &* outputCount,
                "images of another size"
            )
            let bias: View<Float>? = frame.hasInput(2) ? frame.input(2) : nil
            let residual: View<Float>? = frame.hasInput(3) ? frame.input(3) : nil
            unsafe serin_depthwise_f32(
                &call,
                input.pointer,
                packed.floats.pointer,
                bias?.pointer,
                residual?.pointer,
                output.pointer
            )
        }
    }
}

extension Tensor {
    /// Lends the elements of a single-precision tensor; whoever reads them holds the tensor.
    var floats: View<Float> {
        unsafe View(address.assumingMemoryBound(to: Float.self), count: elementCount)
    }
}
