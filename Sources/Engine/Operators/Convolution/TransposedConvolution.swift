// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a ConvTranspose node says about itself.
///
/// Its window is that of the convolution it turns round: the window's output is the node's input.
struct TransposedForm: Sendable {
    let window: Window
    let groups: Int
    /// Channels of one group.
    let inputs: Int
    let outputs: Int
    let rows: Dimension

    /// Reads the node; `image` is the shape of input 0 as `[rows, channels, ...]` where it is laid
    /// out otherwise.
    init(_ context: NodeContext, image: [Dimension]? = nil) throws(EngineError) {
        let image = if let image { image } else { try context.input(0).shape }
        let weights = try context.input(1)
        let lengths = try context.spatialLengths(of: image)
        guard weights.rank == image.count, let shape = weights.shape.fixed,
            let channels = image[1].fixed
        else {
            throw context.failure("weights \(weights.shape) over an image \(image)")
        }
        groups = try context.integer("group", default: 1)
        guard groups > 0, shape[0] == channels, channels % groups == 0, shape[1] > 0,
            !shape[1].multipliedReportingOverflow(by: groups).overflow
        else {
            throw context.failure(
                "weights \(weights.shape) over \(channels) channels in \(groups) groups"
            )
        }
        (inputs, outputs, rows) = (channels / groups, shape[1], image[0])
        window = try context.transposedWindow(over: lengths, kernel: Array(shape[2...]))
    }

    var outputShape: [Dimension] {
        [rows, Dimension(groups * outputs)] + window.axes.map { Dimension($0.input) }
    }
}

extension NodeContext {
    /// The window whose outputs are `lengths` and whose inputs the node makes.
    fileprivate func transposedWindow(
        over lengths: [Int],
        kernel: [Int]
    ) throws(EngineError) -> Window {
        let count = lengths.count
        let named = try integers("kernel_shape")
        try check(kernel: kernel, named: named, count: count)
        let positive = 1...(1 << 20)
        let wide = -largestWindowNumber...largestWindowNumber
        let strides = try windowNumbers("strides", count: count, default: 1, in: positive)
        let dilations = try windowNumbers("dilations", count: count, default: 1, in: positive)
        let pads = try windowNumbers("pads", count: 2 * count, default: 0, in: wide)
        let extra = try windowNumbers("output_padding", count: count, default: 0, in: wide)
        var wanted = try integers("output_shape")
        // Some exporters give the whole shape, rows and channels included.
        if let shape = wanted, shape.count == count + 2 { wanted = Array(shape[2...]) }
        guard wanted == nil || wanted?.isEmpty == true || wanted?.count == count,
            wanted?.allSatisfy({ (0...largestWindowNumber).contains($0) }) != false
        else {
            throw failure(
                "attribute 'output_shape' is \(wanted ?? []), expected \(count) lengths up to \(largestWindowNumber)"
            )
        }
        let mode = try string("auto_pad", default: "NOTSET")
        var axes: [Window.Axis] = []
        for index in 0..<count {
            var axis = Window.Axis(
                output: lengths[index],
                kernel: kernel[index],
                stride: strides[index],
                dilation: dilations[index],
                before: pads[index],
                after: pads[count + index]
            )
            guard axis.extent <= largestWindowNumber else {
                throw failure("a kernel of \(kernel) is beyond reason")
            }
            let reach = max(axis.output - 1, 0) * axis.stride + extra[index] + axis.extent
            let target = wanted.flatMap { $0.isEmpty ? nil : $0[index] }
            if let target {
                try split(&axis, reach - target, mode)
            } else if mode == "SAME_UPPER" || mode == "SAME_LOWER" {
                try split(&axis, reach - axis.output * axis.stride, mode)
            } else if mode == "VALID" {
                (axis.before, axis.after) = (0, 0)
            }
            axis.input = target ?? reach - axis.before - axis.after
            if axis.output == 0 { axis.input = 0 }
            guard axis.input >= 0, axis.input <= largestWindowNumber else {
                throw failure("an output of \(axis.input) on spatial axis \(index)")
            }
            axes.append(axis)
        }
        let phases = axes.reduce(1.0) { $0 * Double(min($1.stride, max($1.input, 1))) }
        // Which taps a phase has is found by trying all of them.
        let tries = axes.reduce(0) { $0 + $1.kernel * min($1.stride, $1.input) }
        guard phases <= 4096, tries <= 1 << 24 else {
            throw failure(
                "strides \(strides) of a kernel \(kernel) are beyond reason",
                kind: .unsupported
            )
        }
        return Window(axes)
    }

    /// Spreads `total` padding over both ends; an output longer than what inputs reach gets none.
    private func split(
        _ axis: inout Window.Axis,
        _ total: Int,
        _ mode: String
    ) throws(EngineError) {
        guard abs(total) <= largestWindowNumber else { throw failure("padding beyond reason") }
        let total = max(total, 0)
        axis.before = mode == "SAME_UPPER" ? total / 2 : total - total / 2
        axis.after = total - axis.before
    }
}

/// The plain form for any type: every output gathers the inputs that reach it.
private struct PlainTransposedConvolution: SampleKernel {
    let form: TransposedForm

    func make<T: Sample>(_: T.Type) -> Kernel {
        let form = form
        return { frame in
            let bias: View<T>? = frame.hasInput(2) ? frame.input(2) : nil
            gather(
                form,
                images: frame.inputShape(0)[0],
                frame.input(0),
                frame.input(1),
                bias,
                frame.output(0)
            )
        }
    }
}

/// The input that reaches `output` through `tap` on an axis of a transposed convolution.
@inline(__always)
private func source(_ axis: Window.Axis, _ output: Int, _ tap: Int) -> Int? {
    let distance = output &+ axis.before &- tap &* axis.dilation
    guard distance >= 0, distance % axis.stride == 0 else { return nil }
    let place = distance / axis.stride
    return place < axis.output ? place : nil
}

@inline(__always)
private func gather<T: Sample>(
    _ form: TransposedForm,
    images: Int,
    _ input: View<T>,
    _ weights: View<T>,
    _ bias: View<T>?,
    _ output: MutableView<T>
) {
    let (x, y, z) = (form.window.x, form.window.y, form.window.z)
    let (pixels, tapCount) = (form.window.outputCount, form.window.tapCount)
    var place = 0
    for image in 0..<images {
        for channel in 0..<(form.groups &* form.outputs) {
            let (group, column) = (channel / form.outputs, channel % form.outputs)
            for i in 0..<x.input {
                for j in 0..<y.input {
                    for k in 0..<z.input {
                        var total = bias.map { $0[channel].sum } ?? 0
                        for u in 0..<x.kernel {
                            guard let px = source(x, i, u) else { continue }
                            for v in 0..<y.kernel {
                                guard let py = source(y, j, v) else { continue }
                                for w in 0..<z.kernel {
                                    guard let pz = source(z, k, w) else { continue }
                                    let pixel = (px &* y.output &+ py) &* z.output &+ pz
                                    let tap = (u &* y.kernel &+ v) &* z.kernel &+ w
                                    for c in 0..<form.inputs {
                                        let from = group &* form.inputs &+ c
                                        let plane = image &* form.groups &* form.inputs &+ from
                                        let weight = from &* form.outputs &+ column
                                        total +=
                                            input[plane &* pixels &+ pixel].sum
                                            * weights[weight &* tapCount &+ tap].sum
                                    }
                                }
                            }
                        }
                        output[place] = T(sum: total)
                        place &+= 1
                    }
                }
            }
        }
    }
}

let transposedConvolutionOperator = OperatorDefinition(
    "ConvTranspose",
    since: 1,
    inputs: 2...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let form = try TransposedForm(context)
        let type = try context.input(0).type
        guard try context.input(1).type == type else {
            throw context.failure("weights are \(try context.input(1).type), the image is \(type)")
        }
        try context.requireChannels(input: 2, count: form.groups * form.outputs, type: type)
        return [Fact(type, form.outputShape)]
    },
    compile: { context throws(EngineError) in
        let form = try TransposedForm(context)
        let type = try context.input(0).type
        guard type == .float else {
            return PlainTransposedConvolution(form: form).kernel(for: type)
        }
        return try ImageConvolution(
            transposed: form.window,
            groups: form.groups,
            inputs: form.inputs,
            outputs: form.outputs
        ).kernelOfPlanes(&context)
    }
)
