// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Puts each element where the index beside it says, and zeros everywhere else.
private struct MaxUnpoolKernel: SampleKernel {
    func make<T: Sample>(_: T.Type) -> Kernel {
        { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let places: View<Int64> = frame.input(1)
            output.fill(output.indices, with: T(sum: 0))
            for index in input.indices {
                let place = places[index]
                guard place >= 0, place < Int64(output.count) else {
                    return frame.fault(.indexOutOfRange)
                }
                output[Int(place)] = input[index]
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
        if let shape = try context.integers(ofInput: 2) {
            guard shape.count == image.rank else {
                throw context.failure("an output of shape \(shape) from \(image.shape)")
            }
            return [Fact(image.type, shape)]
        }
        let lengths = try context.spatialLengths(of: image.shape)
        guard let kernel = try context.integers("kernel_shape"), kernel.count == lengths.count
        else { throw context.failure("attribute 'kernel_shape' is missing", kind: .invalidGraph) }
        let range = 0...largestWindowNumber
        let strides = try context.windowNumbers(
            "strides",
            count: lengths.count,
            default: 1,
            in: 1...(1 << 20)
        )
        let pads = try context.windowNumbers(
            "pads",
            count: 2 * lengths.count,
            default: 0,
            in: range
        )
        var shape = Array(image.shape[..<2])
        for index in lengths.indices {
            guard range.contains(kernel[index]) else {
                throw context.failure("a kernel of \(kernel)")
            }
            let padding = pads[index] + pads[lengths.count + index]
            let length = (lengths[index] - 1) * strides[index] + kernel[index] - padding
            guard length >= 0 else { throw context.failure("an output of length \(length)") }
            shape.append(Dimension(length))
        }
        return [Fact(image.type, shape)]
    },
    compile: { context throws(EngineError) in
        if context.inputs.count > 2 { context.leaveUnread(input: 2) }
        return MaxUnpoolKernel().kernel(for: try context.input(0).type)
    }
)
