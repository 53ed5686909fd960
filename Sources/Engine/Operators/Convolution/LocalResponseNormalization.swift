// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `x / (bias + alpha / size * sum of squares over nearby channels) ^ beta`.
///
/// The channels are `floor((size - 1) / 2)` before to `ceil((size - 1) / 2)` behind.
private struct LocalResponseKernel: SampleKernel {
    let size: Int
    let alpha: Float
    let beta: Float
    let bias: Float

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (before, after) = ((size - 1) / 2, size / 2)
        let (factor, beta, bias) = (T.Sum(alpha) / T.Sum(size), T.Sum(beta), T.Sum(bias))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = Lanes3(frame.inputShape(0), axis: 1)
            for image in 0..<lanes.outer {
                let start = image &* lanes.length &* lanes.inner
                for channel in 0..<lanes.length {
                    let near =
                        max(0, channel &- before)..<min(lanes.length, channel &+ after &+ 1)
                    for pixel in 0..<lanes.inner {
                        var total: T.Sum = 0
                        for c in near {
                            let x = input[start &+ c &* lanes.inner &+ pixel].sum
                            total += x * x
                        }
                        let place = start &+ channel &* lanes.inner &+ pixel
                        let divisor = T.Sum.pow(bias + factor * total, beta)
                        output[place] = T(sum: input[place].sum / divisor)
                    }
                }
            }
        }
    }
}

let localResponseOperator = OperatorDefinition(
    "LRN",
    since: 1,
    inputs: 1...1,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let image = try context.input(0)
        guard image.rank >= 2 else {
            throw context.failure("input 0 is \(image.shape), expected rows and channels")
        }
        let size = try context.integer("size", default: 0)
        guard (1...largestWindowNumber).contains(size) else {
            throw context.failure("attribute 'size' is \(size), expected 1 or more")
        }
        return [Fact(image.type, image.shape)]
    },
    compile: { context throws(EngineError) in
        LocalResponseKernel(
            size: try context.integer("size", default: 1),
            alpha: try context.float("alpha", default: 1e-4),
            beta: try context.float("beta", default: 0.75),
            bias: try context.float("bias", default: 1)
        ).kernel(for: try context.input(0).type)
    }
)
