// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Puts each element where the index beside it says, and zeros everywhere else.
///
/// Indices count in `pooled`, the shape that the window's attributes give; an output that is asked
/// to be larger holds that at its beginning.
private struct MaxUnpoolKernel: SampleKernel {
    /// The spatial lengths of the tensor that was pooled, one to three.
    let pooled: [Int]

    func make<T: Sample>(_: T.Type) -> Kernel {
        let pooled = pooled
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let places: View<Int64> = frame.input(1)
            let shape = frame.outputShape(0)
            output.fill(output.indices, with: T(sum: 0))
            for index in input.indices {
                guard places[index] >= 0, var rest = Int(exactly: places[index]) else {
                    return frame.fault(.indexOutOfRange)
                }
                var (place, stride, isInside) = (0, 1, true)
                for back in 0..<pooled.count {
                    let axis = pooled.count - 1 - back
                    guard pooled[axis] > 0 else { return frame.fault(.indexOutOfRange) }
                    let at = rest % pooled[axis]
                    rest /= pooled[axis]
                    isInside = isInside && at < shape[axis + 2]
                    place &+= at &* stride
                    stride &*= shape[axis + 2]
                }
                // What is left counts the planes.
                guard isInside, rest < output.count, stride > 0 else {
                    return frame.fault(.indexOutOfRange)
                }
                let (start, overflow) = rest.multipliedReportingOverflow(by: stride)
                guard !overflow, start < output.count else {
                    return frame.fault(.indexOutOfRange)
                }
                output[start &+ place] = input[index]
            }
        }
    }
}

let maxUnpoolOperator = OperatorDefinition(
    "MaxUnpool",
    since: 9,
    inputs: 2...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let (image, places) = (try context.input(0), try context.input(1))
        guard places.type == .int64, places.shape == image.shape else {
            throw context.failure(
                "places are \(places.type) \(places.shape), expected int64 \(image.shape)"
            )
        }
        let pooled = try pooledLengths(context)
        guard let shape = try context.integers(ofInput: 2) else {
            return [Fact(image.type, image.shape[..<2] + pooled.map { Dimension($0) })]
        }
        guard shape.count == image.rank else {
            throw context.failure("an output of shape \(shape) from \(image.shape)")
        }
        return [Fact(image.type, shape)]
    },
    compile: { context throws(EngineError) in
        if context.inputs.count > 2 { context.leaveUnread(input: 2) }
        return MaxUnpoolKernel(pooled: try pooledLengths(context))
            .kernel(for: try context.input(0).type)
    }
)

/// The spatial lengths of the tensor that was pooled.
private func pooledLengths(_ context: NodeContext) throws(EngineError) -> [Int] {
    let lengths = try context.spatialLengths(of: try context.input(0).shape)
    guard let kernel = try context.integers("kernel_shape"), kernel.count == lengths.count else {
        throw context.failure("attribute 'kernel_shape' is missing", kind: .invalidGraph)
    }
    let range = 0...largestWindowNumber
    let strides = try context.windowNumbers(
        "strides",
        count: lengths.count,
        default: 1,
        in: 1...(1 << 20)
    )
    let pads = try context.windowNumbers("pads", count: 2 * lengths.count, default: 0, in: range)
    var pooled: [Int] = []
    for index in lengths.indices {
        guard range.contains(kernel[index]) else { throw context.failure("a kernel of \(kernel)") }
        let padding = pads[index] + pads[lengths.count + index]
        let length = (lengths[index] - 1) * strides[index] + kernel[index] - padding
        guard range.contains(length) else {
            throw context.failure("an output of length \(length)")
        }
        pooled.append(length)
    }
    return pooled
}
