// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Brings each group of channels of each image to mean 0 and variance 1, then scales and shifts it.
///
/// InstanceNormalization is the form with one channel a group. Mean and variance are summed in
/// double precision.
private struct GroupNormalizationKernel: SampleKernel {
    let epsilon: Double
    /// nil: every channel is a group.
    let groups: Int?
    /// Scale and bias have one element a group rather than one a channel (version 18).
    let scalesGroups: Bool

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (epsilon, groups, scalesGroups) = (epsilon, groups, scalesGroups)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let (scale, bias): (View<T>, View<T>) = (frame.input(1), frame.input(2))
            let lanes = Lanes3(frame.inputShape(0), flattenedFrom: 2)
            let channels = frame.inputShape(0)[1]
            let groups = groups ?? channels
            guard groups > 0 else { return }
            let width = channels / groups
            let count = width &* lanes.length
            for part in 0..<(frame.inputShape(0)[0] &* groups) {
                let start = part &* count
                let line = input.part(start..<(start &+ count))
                var (total, squares) = (0.0, 0.0)
                for index in line.indices { total += Double(line[index].sum) }
                let mean = total / Double(max(count, 1))
                for index in line.indices {
                    let gap = Double(line[index].sum) - mean
                    squares += gap * gap
                }
                let inverse = 1 / (squares / Double(max(count, 1)) + epsilon).squareRoot()
                let group = part % groups
                for c in 0..<width {
                    let channel = scalesGroups ? group : group &* width &+ c
                    let (factor, shift) = (scale[channel].sum, bias[channel].sum)
                    for index in (c &* lanes.length)..<((c &+ 1) &* lanes.length) {
                        let normal = T.Sum((Double(line[index].sum) - mean) * inverse)
                        output[start &+ index] = T(sum: normal * factor + shift)
                    }
                }
            }
        }
    }
}

extension NodeContext {
    /// The fact of the output, once scale and bias are found to have `count` elements.
    fileprivate func normalized(count: Dimension) throws(EngineError) -> [Fact] {
        let image = try input(0)
        for index in 1...2 {
            let operand = try input(index)
            guard operand.type == image.type, operand.shape == [count] else {
                throw failure(
                    "input \(index) is \(operand.type) \(operand.shape), expected \(image.type) [\(count)]"
                )
            }
        }
        return [Fact(image.type, image.shape)]
    }

    fileprivate func channelsOfImage() throws(EngineError) -> Dimension {
        try require(input: 0, oneOf: .samples)
        let shape = try input(0).shape
        guard shape.count >= 2 else {
            throw failure("input 0 is \(shape), expected rows and channels")
        }
        return shape[1]
    }
}

let groupNormalizationOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "InstanceNormalization",
        since: 1,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            try context.normalized(count: context.channelsOfImage())
        },
        compile: { context throws(EngineError) in
            GroupNormalizationKernel(
                epsilon: Double(try context.float("epsilon", default: 1e-5)),
                groups: nil,
                scalesGroups: false
            ).kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "GroupNormalization",
        since: 18,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            let channels = try context.channelsOfImage()
            let groups = try context.integer("num_groups", default: 0)
            guard groups > 0, let fixed = channels.fixed, fixed % groups == 0 else {
                throw context.failure("\(channels) channels in \(groups) groups")
            }
            return try context.normalized(
                count: context.opset < 21 ? Dimension(groups) : channels
            )
        },
        compile: { context throws(EngineError) in
            GroupNormalizationKernel(
                epsilon: Double(try context.float("epsilon", default: 1e-5)),
                groups: try context.integer("num_groups", default: 0),
                scalesGroups: context.opset < 21
            ).kernel(for: try context.input(0).type)
        }
    ),
]
