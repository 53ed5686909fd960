// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An Upsample node, which Resize replaced in version 10: output `o` shows input `o / scale`.
private struct UpsampleForm: Sendable {
    let scales: [Float]
    let isLinear: Bool

    init(_ context: NodeContext) throws(EngineError) {
        let rank = try context.input(0).rank
        if context.opset >= 9 {
            let tensor = try context.contents(ofInput: 1)
            guard tensor.type == .float else { throw context.failure("scales are \(tensor.type)") }
            scales = tensor.elements(as: Float.self)
        } else if let list = try context.floats("scales") {
            scales = list
        } else {
            let (height, width) = (
                try context.float("height_scale", default: 1),
                try context.float("width_scale", default: 1)
            )
            scales = [1, 1, height, width]
        }
        guard scales.count == rank, scales.allSatisfy({ $0 >= 1 && $0 <= 65536 }) else {
            throw context.failure("scales \(scales) for \(rank) axes, expected 1 or more for each")
        }
        let mode = try context.string("mode", default: "nearest")
        guard ["nearest", "linear", "bilinear"].contains(mode) else {
            throw context.failure("attribute 'mode' is '\(mode)'", kind: .invalidGraph)
        }
        isLinear = mode != "nearest"
    }

    /// The inputs that output `place` of an axis lies between, and how far it is from the first.
    @inline(__always)
    func source(_ axis: Int, _ place: Int, length: Int) -> (low: Int, high: Int, part: Float) {
        let at = Float(place) / scales[axis]
        let low = min(Int(at), length &- 1)
        let high = min(low &+ 1, length &- 1)
        return (low, high, min(at - Float(low), 1))
    }
}

private struct NearestKernel: MovingKernel {
    let form: UpsampleForm

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let form = form
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let (shape, result) = (frame.inputShape(0), frame.outputShape(0))
            var position = Walk.Axes(repeating: 0)
            for index in output.indices {
                var place = 0
                for axis in 0..<shape.count {
                    let from = form.source(axis, position[axis], length: shape[axis]).low
                    place = place &* shape[axis] &+ from
                }
                output[index] = input[place]
                step(&position, result)
            }
        }
    }
}

private struct LinearKernel: SampleKernel {
    let form: UpsampleForm

    func make<T: Sample>(_: T.Type) -> Kernel {
        let form = form
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let (shape, result) = (frame.inputShape(0), frame.outputShape(0))
            var position = Walk.Axes(repeating: 0)
            for index in output.indices {
                var total: T.Sum = 0
                // Each corner takes the low or the high neighbour on every axis.
                for corner in 0..<(1 << shape.count) {
                    var (place, weight) = (0, T.Sum(1))
                    for axis in 0..<shape.count {
                        let from = form.source(axis, position[axis], length: shape[axis])
                        let isHigh = corner >> axis & 1 != 0
                        weight *= T.Sum(isHigh ? from.part : 1 - from.part)
                        place = place &* shape[axis] &+ (isHigh ? from.high : from.low)
                    }
                    if weight != 0 { total += weight * input[place].sum }
                }
                output[index] = T(sum: total)
                step(&position, result)
            }
        }
    }
}

/// Moves to the next place of `shape`, the last axis fastest.
@inline(__always)
private func step(_ position: inout Walk.Axes, _ shape: View<Int>) {
    var axis = shape.count - 1
    while axis >= 0 {
        position[axis] &+= 1
        if position[axis] < shape[axis] { return }
        position[axis] = 0
        axis -= 1
    }
}

let upsampleOperator = OperatorDefinition(
    "Upsample",
    since: 1,
    inputs: 1...2,
    infer: { context throws(EngineError) in
        let form = try UpsampleForm(context)
        let image = try context.input(0)
        guard image.type.bitWidth >= 8 else {
            throw context.failure("enlarging \(image.type)", kind: .unsupported)
        }
        if form.isLinear { try context.require(input: 0, oneOf: .samples) }
        var shape: [Dimension] = []
        for (axis, length) in image.shape.enumerated() {
            if form.scales[axis] == 1 {
                shape.append(length)
            } else if let fixed = length.fixed, fixed <= largestWindowNumber {
                shape.append(Dimension(Int(Double(fixed) * Double(form.scales[axis]))))
            } else {
                throw context.failure("axis \(axis) of \(image.shape) grows", kind: .unsupported)
            }
        }
        return [Fact(image.type, shape)]
    },
    compile: { context throws(EngineError) in
        let (form, type) = (try UpsampleForm(context), try context.input(0).type)
        if context.inputs.count > 1 { context.leaveUnread(input: 1) }
        return form.isLinear
            ? LinearKernel(form: form).kernel(for: type)
            : NearestKernel(form: form).kernel(for: type)
    }
)
