// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// What a Conv node (or one of its quantised kin) says about itself.
struct ConvolutionForm: Sendable {
    let window: Window
    let groups: Int
    /// Channels of one group.
    let inputs: Int
    let outputs: Int
    let rows: Dimension

    /// Reads the node; input `index` holds the weights, `[outputs, inputs of a group, ...kernel]`,
    /// and `image` is the shape of input 0 as `[rows, channels, ...]` where it is laid out otherwise.
    init(
        _ context: NodeContext,
        weights index: Int = 1,
        image: [Dimension]? = nil
    ) throws(EngineError) {
        let image = if let image { image } else { try context.input(0).shape }
        let weights = try context.input(index)
        let lengths = try context.spatialLengths(of: image)
        guard weights.rank == image.count, let shape = weights.shape.fixed,
            let channels = image[1].fixed
        else {
            throw context.failure("weights \(weights.shape) over an image \(image)")
        }
        groups = try context.integer("group", default: 1)
        guard groups > 0, shape[0] % groups == 0, shape[0] > 0,
            !shape[1].multipliedReportingOverflow(by: groups).overflow,
            shape[1] * groups == channels
        else {
            throw context.failure(
                "weights \(weights.shape) over \(channels) channels in \(groups) groups"
            )
        }
        window = try context.window(over: lengths, kernel: Array(shape[2...]))
        (inputs, outputs, rows) = (shape[1], shape[0] / groups, image[0])
    }

    var outputShape: [Dimension] { [rows, Dimension(groups * outputs)] + window.outputLengths }
}

extension NodeContext {
    /// Checks that an optional input is one number for each of `count` channels, of type `type`.
    func requireChannels(input index: Int, count: Int, type: DataType) throws(EngineError) {
        guard let fact = optionalInput(index) else { return }
        guard fact.type == type, fact.shape == [Dimension(count)] else {
            throw failure(
                "input \(index) is \(fact.type) \(fact.shape), expected \(type) [\(count)]"
            )
        }
    }
}

/// The plain form for any type: each output is summed on its own, channels first, then taps.
private struct PlainConvolution: SampleKernel {
    let form: ConvolutionForm

    func make<T: Sample>(_: T.Type) -> Kernel {
        let form = form
        return { frame in
            let (input, weights): (View<T>, View<T>) = (frame.input(0), frame.input(1))
            let bias: View<T>? = frame.hasInput(2) ? frame.input(2) : nil
            let output: MutableView<T> = frame.output(0)
            convolve(form, images: frame.inputShape(0)[0], output) {
                (at, channel, weight) -> T.Sum in
                input[at].sum * weights[weight].sum
            } finish: { total, channel in
                T(sum: total + (bias.map { $0[channel].sum } ?? 0))
            }
        }
    }
}

/// Calls `multiply` for every product of every output, and `finish` with each sum.
///
/// `multiply` is told the place in the input, the input channel, and the place in the weights;
/// `finish` the sum and the output channel.
@inline(__always)
func convolve<Sum: AdditiveArithmetic, Output: BitwiseCopyable>(
    _ form: ConvolutionForm,
    images: Int,
    _ output: MutableView<Output>,
    _ multiply: (_ input: Int, _ outputChannel: Int, _ weight: Int) -> Sum,
    finish: (Sum, _ outputChannel: Int) -> Output
) {
    let (x, y, z) = (form.window.x, form.window.y, form.window.z)
    let size = form.window.inputCount
    let tapCount = form.window.tapCount
    var place = 0
    for image in 0..<images {
        for channel in 0..<(form.groups &* form.outputs) {
            let first = (image &* form.groups &+ channel / form.outputs) &* form.inputs
            for i in 0..<x.output {
                let tapsX = x.taps(of: i)
                for j in 0..<y.output {
                    let tapsY = y.taps(of: j)
                    for k in 0..<z.output {
                        let tapsZ = z.taps(of: k)
                        var total = Sum.zero
                        for c in 0..<form.inputs {
                            let base = (first &+ c) &* size
                            let weight = (channel &* form.inputs &+ c) &* tapCount
                            for u in tapsX {
                                let px = x.place(of: i, tap: u)
                                for v in tapsY {
                                    let py = px &* y.input &+ y.place(of: j, tap: v)
                                    let w = weight &+ (u &* y.kernel &+ v) &* z.kernel
                                    for t in tapsZ {
                                        let at = base &+ py &* z.input &+ z.place(of: k, tap: t)
                                        total += multiply(at, channel, w &+ t)
                                    }
                                }
                            }
                        }
                        output[place] = finish(total, channel)
                        place &+= 1
                    }
                }
            }
        }
    }
}

let convolutionOperator = OperatorDefinition(
    "Conv",
    since: 1,
    inputs: 2...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let form = try ConvolutionForm(context)
        let type = try context.input(0).type
        guard try context.input(1).type == type else {
            throw context.failure("weights are \(try context.input(1).type), the image is \(type)")
        }
        try context.requireChannels(input: 2, count: form.groups * form.outputs, type: type)
        return [Fact(type, form.outputShape)]
    },
    compile: { context throws(EngineError) in
        let form = try ConvolutionForm(context)
        let type = try context.input(0).type
        guard type == .float else { return PlainConvolution(form: form).kernel(for: type) }
        return try ImageConvolution(form).kernelOfPlanes(&context)
    }
)
