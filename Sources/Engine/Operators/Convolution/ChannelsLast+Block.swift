// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension ChannelsLast {
    /// Three convolutions of which each reads what the one before it makes, as `serin_conv_block_f32` does them.
    ///
    /// Inputs are the image, weights and bias of each, and a residual of the last; attributes are
    /// those of `ChannelsLast.convolution`, with `BlockPart.prefix` before their names.
    static let block = OperatorDefinition(
        "ConvBlock",
        domain: domain,
        since: 1,
        inputs: 7...8,
        infer: { context throws(EngineError) in
            try parts(context).last?.outputs ?? []
        },
        compile: { context throws(EngineError) in
            try kernel(&context, try ImageBlock(try parts(context)))
        }
    )

    /// The nodes that a block stands for, with what they make.
    static func parts(_ context: NodeContext) throws(EngineError) -> [NodeContext] {
        var image = try context.input(0)
        var parts: [NodeContext] = []
        for part in BlockPart.allCases {
            var inputs = [image] + context.inputs[part.operands]
            if part == .project { inputs.append(context.optionalInput(BlockPart.residual)) }
            var node = NodeContext(
                name: context.name,
                operatorName: convolution.name,
                domain: domain,
                opset: 1,
                attributes: part.attributes(in: context.attributes),
                inputs: inputs,
                outputCount: 1
            )
            node.outputs = try convolution.infer(&node)
            guard let made = node.outputs.first else {
                throw context.failure("a convolution that makes nothing")
            }
            parts.append(node)
            image = made
        }
        return parts
    }

    private static func kernel(
        _ context: inout NodeContext,
        _ block: ImageBlock
    ) throws(EngineError) -> Kernel {
        let (expand, project) = (block.expand, block.project)
        guard let first = try expand.packed(&context, input: BlockPart.expand.operands.lowerBound),
            let middle = block.depthwiseWeights(context),
            let last = try project.packed(&context, input: BlockPart.project.operands.lowerBound)
        else { throw context.failure("weights of a block are constants") }
        context.leaveUnread(input: BlockPart.depthwise.operands.lowerBound)
        context.keep(byteCount: middle.byteCount)
        let scratchBytes = try block.scratchByteCount(context)
        context.reserveScratch(bytes: Dimension(scratchBytes))
        let call = block.call
        let (inputCount, outputCount) = (block.inputCount, project.outputCount)
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            let residual: View<Float>? =
                frame.hasInput(BlockPart.residual) ? frame.input(BlockPart.residual) : nil
            let images = frame.inputShape(0)[0]
            guard output.count > 0 else { return }
            precondition(
                input.count == images &* inputCount && output.count == images &* outputCount
                    && residual.map { $0.count == output.count } ?? true,
                "images of another size"
            )
            func bias(_ part: BlockPart) -> UnsafePointer<Float>? {
                let index = part.operands.upperBound - 1
                guard frame.hasInput(index) else { return nil }
                let bias: View<Float> = frame.input(index)
                return unsafe bias.pointer
            }
            let scratch: MutableView<UInt8> = frame.scratch()
            var call = call
            for image in 0..<images {
                let source = input.part((image &* inputCount)..<((image &+ 1) &* inputCount))
                let place = (image &* outputCount)..<((image &+ 1) &* outputCount)
                var operands = unsafe serin_block_operands(
                    in: source.pointer,
                    weights: (first.floats.pointer, middle.floats.pointer, last.floats.pointer),
                    bias: (bias(.expand), bias(.depthwise), bias(.project)),
                    residual: residual?.part(place).pointer
                )
                unsafe serin_conv_block_f32(
                    &call,
                    &operands,
                    output.part(place).pointer,
                    scratch.pointer
                )
            }
        }
    }
}

/// One of the three convolutions of a block.
enum BlockPart: Int, CaseIterable {
    case expand, depthwise, project

    /// The input behind all weights and biases.
    static let residual = 7

    /// Its weights and its bias among the inputs.
    var operands: Range<Int> { (1 + 2 * rawValue)..<(3 + 2 * rawValue) }

    private var prefix: String { "\(self)." }

    /// Its attributes as the block's node has them.
    func named(_ attributes: [String: Attribute]) -> [String: Attribute] {
        Dictionary(uniqueKeysWithValues: attributes.map { (prefix + $0.key, $0.value) })
    }

    /// Its attributes among those of the block's node.
    func attributes(in all: [String: Attribute]) -> [String: Attribute] {
        let mine = all.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(
            uniqueKeysWithValues: mine.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
        )
    }
}
