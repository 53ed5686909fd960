// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Three convolutions that are worked on a band of lines at a time: one that makes the image wide, one of
/// each channel by itself, and one of single pixels.
struct ImageBlock: Sendable {
    let expand: ImageConvolution
    let depthwise: ImageConvolution
    let project: ImageConvolution
    /// Where the image comes as ONNX lays it out: the border that the kernel gives its lines.
    private let border: ImageConvolution.Border?
    /// The elements of one image that goes in.
    let inputCount: Int

    /// Reads the nodes of `BlockPart`, in order.
    ///
    /// - Throws: `EngineError` where they are no such block.
    init(_ parts: [NodeContext]) throws(EngineError) {
        var made: [ImageConvolution] = []
        var border: ImageConvolution.Border?
        var inputCount = 0
        for (index, part) in parts.enumerated() {
            let shape = try part.input(0).shape
            let isPlanes = try part.integer("planes", default: 0) != 0
            let form = try ConvolutionForm(
                part,
                image: isPlanes ? shape : ChannelsLast.planes(shape)
            )
            var convolution = ImageConvolution(form)
            if index == 0 { inputCount = convolution.inputCount }
            if isPlanes {
                guard index == 0, let bordered = convolution.bordered else {
                    throw part.failure("a first layer of another form")
                }
                (convolution, border) = (bordered.convolution, bordered.border)
            }
            convolution.activate(try ImageActivation(part))
            convolution.phases[0].call.images = 1
            made.append(convolution)
        }
        (expand, depthwise, project) = (made[0], made[1], made[2])
        (self.border, self.inputCount) = (border, inputCount)
        guard made.allSatisfy({ $0.window.x.isSingle }), expand.groups == 1,
            depthwise.inputs == 1, depthwise.outputs == 1, depthwise.groups == expand.outputs,
            depthwise.groups % Int(SERIN_BLOCK_CHANNELS) == 0, project.groups == 1,
            project.window.y.isSingle(of: project.window.y.input),
            project.window.z.isSingle(of: project.window.z.input)
        else { throw parts[0].failure("three convolutions that are no block") }
    }

    /// The bytes of the wide image, all lines at once.
    var wideByteCount: Int { expand.outputCount * 4 }

    var call: serin_conv_block {
        serin_conv_block(
            expand: expand.phases[0].call,
            depthwise: depthwise.phases[0].call,
            project: project.phases[0].call,
            width: border?.width ?? 0,
            left: border?.left ?? 0
        )
    }

    /// The bytes that a call needs as scratch, a multiple of 64.
    func scratchByteCount(_ context: NodeContext) throws(EngineError) -> Int {
        _ = try expand.scratchByteCount(context)
        var call = call
        return (unsafe serin_conv_block_scratch(&call) + 63) / 64 * 64
    }

    /// The weights of the middle, `[slices, taps, channels of a slice]`; nil where they are not known.
    func depthwiseWeights(_ context: NodeContext) -> Tensor? {
        let index = BlockPart.depthwise.operands.lowerBound
        guard let weights = context.inputs[index]?.constant else { return nil }
        let (taps, width) = (depthwise.window.tapCount, Int(SERIN_BLOCK_CHANNELS))
        let from = weights.elements(as: Float.self)
        var turned = [Float](repeating: 0, count: from.count)
        for channel in 0..<depthwise.groups {
            let first = channel / width * width * taps + channel % width
            for tap in 0..<taps { turned[first + tap * width] = from[channel * taps + tap] }
        }
        return Tensor(turned)
    }
}

extension Window.Axis {
    /// Whether it is not there.
    fileprivate var isSingle: Bool { input == 1 && isSingle(of: 1) }

    /// Whether output `i` of `length` reads input `i` and nothing else.
    fileprivate func isSingle(of length: Int) -> Bool {
        kernel == 1 && stride == 1 && before == 0 && output == length
    }
}
