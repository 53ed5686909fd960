// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A convolution whose taps are moved by offsets from the data.
///
/// Between pixels it reads by bilinear interpolation; a mask may weigh each tap (Dai et al. 2017,
/// Zhu et al. 2019). Images of two axes only.
private struct DeformableKernel: SampleKernel {
    let form: ConvolutionForm
    let offsetGroups: Int
    let hasBias: Bool
    let hasMask: Bool

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (form, offsetGroups, hasBias, hasMask) = (form, offsetGroups, hasBias, hasMask)
        let (y, z) = (form.window.y, form.window.z)
        let (size, pixels) = (form.window.inputCount, form.window.outputCount)
        let tapCount = form.window.tapCount
        let channels = form.groups * form.inputs
        return { frame in
            let (input, weights): (View<T>, View<T>) = (frame.input(0), frame.input(1))
            let offsets: View<T> = frame.input(2)
            let bias: View<T>? = hasBias ? frame.input(3) : nil
            let mask: View<T>? = hasMask ? frame.input(4) : nil
            let output: MutableView<T> = frame.output(0)
            let outputs = form.groups &* form.outputs
            for place in output.indices {
                let (line, pixel) = place.quotientAndRemainder(dividingBy: pixels)
                let (image, channel) = line.quotientAndRemainder(dividingBy: outputs)
                let (j, k) = pixel.quotientAndRemainder(dividingBy: z.output)
                var total: T.Sum = 0
                for c in 0..<form.inputs {
                    let from = channel / form.outputs &* form.inputs &+ c
                    let plane = (image &* channels &+ from) &* size
                    let set = image &* offsetGroups &+ from / (channels / offsetGroups)
                    for tap in 0..<tapCount {
                        let (v, w) = tap.quotientAndRemainder(dividingBy: z.kernel)
                        let entry = set &* tapCount &+ tap
                        let at = entry &* 2 &* pixels &+ pixel
                        let py = T.Sum(y.place(of: j, tap: v)) + offsets[at].sum
                        let pz = T.Sum(z.place(of: k, tap: w)) + offsets[at &+ pixels].sum
                        var x = interpolate(
                            input.part(plane..<(plane &+ size)),
                            y.input,
                            z.input,
                            py,
                            pz
                        )
                        if let mask { x *= mask[entry &* pixels &+ pixel].sum }
                        let weight = (channel &* form.inputs &+ c) &* tapCount &+ tap
                        total += x * weights[weight].sum
                    }
                }
                output[place] = T(sum: total + (bias.map { $0[channel].sum } ?? 0))
            }
        }
    }
}

/// The value of a plane between four pixels; pixels outside are zero.
@inline(__always)
private func interpolate<T: Sample>(
    _ plane: View<T>,
    _ height: Int,
    _ width: Int,
    _ y: T.Sum,
    _ x: T.Sum
) -> T.Sum {
    // Also false for NaN.
    guard y > -1, y < T.Sum(height), x > -1, x < T.Sum(width) else { return 0 }
    let (top, left) = (y.rounded(.down), x.rounded(.down))
    let (down, right) = (y - top, x - left)
    let (row, column) = (Int(top), Int(left))
    func pixel(_ row: Int, _ column: Int) -> T.Sum {
        guard row >= 0, row < height, column >= 0, column < width else { return 0 }
        return plane[row &* width &+ column].sum
    }
    return (1 - down) * ((1 - right) * pixel(row, column) + right * pixel(row, column + 1))
        + down * ((1 - right) * pixel(row + 1, column) + right * pixel(row + 1, column + 1))
}

private func offsetGroups(
    _ context: NodeContext,
    _ form: ConvolutionForm
) throws(EngineError) -> Int {
    let groups = try context.integer("offset_group", default: 1)
    let channels = form.groups * form.inputs
    guard groups > 0, channels % groups == 0, channels > 0 else {
        throw context.failure("\(channels) channels in \(groups) groups of offsets")
    }
    return groups
}

let deformableConvolutionOperator = OperatorDefinition(
    "DeformConv",
    since: 19,
    inputs: 3...5,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let form = try ConvolutionForm(context)
        let type = try context.input(0).type
        guard form.window.axes.count == 2 else {
            throw context.failure("images of \(form.window.axes.count) axes", kind: .unsupported)
        }
        let groups = try offsetGroups(context, form)
        for (index, width) in [(2, 2), (4, 1)] {
            guard let operand = context.optionalInput(index) else { continue }
            let channels = try context.product([
                Dimension(groups), Dimension(form.window.tapCount), Dimension(width),
            ])
            let shape = [form.rows, channels] + form.window.outputLengths
            guard operand.type == type, operand.shape == shape else {
                throw context.failure(
                    "input \(index) is \(operand.type) \(operand.shape), expected \(type) \(shape)"
                )
            }
        }
        _ = try context.input(2)
        guard try context.input(1).type == type else {
            throw context.failure("weights are \(try context.input(1).type), the image is \(type)")
        }
        try context.requireChannels(input: 3, count: form.groups * form.outputs, type: type)
        return [Fact(type, form.outputShape)]
    },
    compile: { context throws(EngineError) in
        let form = try ConvolutionForm(context)
        return DeformableKernel(
            form: form,
            offsetGroups: try offsetGroups(context, form),
            hasBias: context.optionalInput(3) != nil,
            hasMask: context.optionalInput(4) != nil
        ).kernel(for: try context.input(0).type)
    }
)
