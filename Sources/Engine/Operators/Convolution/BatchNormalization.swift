// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` for each channel (axis 1).
///
/// Before version 9 `spatial = 0` gives every element behind the first axis its own statistics.
private struct BatchNormalizationKernel: SampleKernel {
    let epsilon: Double
    let isSpatial: Bool
    /// The types of scale and bias, and of mean and variance, which version 15 lets differ.
    let scaleType: DataType
    let meanType: DataType

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (epsilon, isSpatial) = (T.Sum(epsilon), isSpatial)
        let (scaleType, meanType) = (scaleType, meanType)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = frame.channels(isSpatial: isSpatial)
            for channel in 0..<lanes.length {
                let scale: T.Sum = frame.real(1, channel, scaleType)
                let bias: T.Sum = frame.real(2, channel, scaleType)
                let mean: T.Sum = frame.real(3, channel, meanType)
                let variance: T.Sum = frame.real(4, channel, meanType)
                let factor = scale / (variance + epsilon).squareRoot()
                for row in 0..<lanes.outer {
                    let start = (row &* lanes.length &+ channel) &* lanes.inner
                    for place in start..<(start &+ lanes.inner) {
                        output[place] = T(sum: (input[place].sum - mean) * factor + bias)
                    }
                }
            }
        }
    }
}

/// The same with the statistics of the data at hand; the running ones move towards them.
private struct TrainingNormalizationKernel: SampleKernel {
    let epsilon: Double
    let momentum: Double
    let scaleType: DataType
    let meanType: DataType
    let outputCount: Int

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (epsilon, momentum) = (epsilon, momentum)
        let (scaleType, meanType, outputCount) = (scaleType, meanType, outputCount)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let lanes = frame.channels(isSpatial: true)
            let count = Double(max(lanes.outer &* lanes.inner, 1))
            for channel in 0..<lanes.length {
                var (total, squares) = (0.0, 0.0)
                for row in 0..<lanes.outer {
                    let start = (row &* lanes.length &+ channel) &* lanes.inner
                    for place in start..<(start &+ lanes.inner) {
                        total += Double(input[place].sum)
                    }
                }
                let mean = total / count
                for row in 0..<lanes.outer {
                    let start = (row &* lanes.length &+ channel) &* lanes.inner
                    for place in start..<(start &+ lanes.inner) {
                        let gap = Double(input[place].sum) - mean
                        squares += gap * gap
                    }
                }
                let variance = squares / count
                let scale: Double = frame.real(1, channel, scaleType)
                let bias: Double = frame.real(2, channel, scaleType)
                let factor = scale / (variance + epsilon).squareRoot()
                for row in 0..<lanes.outer {
                    let start = (row &* lanes.length &+ channel) &* lanes.inner
                    for place in start..<(start &+ lanes.inner) {
                        let gap = Double(input[place].sum) - mean
                        output[place] = T(sum: T.Sum(gap * factor + bias))
                    }
                }
                for (index, fresh) in [(1, mean), (2, variance)] where index < outputCount {
                    let old: Double = frame.real(index + 2, channel, meanType)
                    let moved = old * momentum + fresh * (1 - momentum)
                    frame.setReal(output: index, channel, meanType, moved)
                }
            }
        }
    }
}

extension Frame {
    /// How channels lie in input 0.
    fileprivate func channels(isSpatial: Bool) -> Lanes3 {
        let shape = inputShape(0)
        let axis = min(1, shape.count - 1)
        return isSpatial ? Lanes3(shape, axis: axis) : Lanes3(shape, flattenedFrom: axis)
    }

    /// Element `index` of a floating-point input of any type.
    @inline(__always)
    func real<Sum: BinaryFloatingPoint>(_ input: Int, _ index: Int, _ type: DataType) -> Sum {
        switch type {
        case .double: Sum(self.input(input, as: Double.self)[index])
        case .float16: Sum(self.input(input, as: Float16.self)[index])
        case .bfloat16: Sum(self.input(input, as: BFloat16.self)[index].float)
        default: Sum(self.input(input, as: Float.self)[index])
        }
    }

    fileprivate func setReal(output: Int, _ index: Int, _ type: DataType, _ value: Double) {
        switch type {
        case .double: self.output(output, as: Double.self)[index] = value
        case .float16: self.output(output, as: Float16.self)[index] = Float16(value)
        case .bfloat16: self.output(output, as: BFloat16.self)[index] = BFloat16(Float(value))
        default: self.output(output, as: Float.self)[index] = Float(value)
        }
    }
}

/// A node of an older version trains only where it names more outputs than the first.
private func isTraining(_ context: NodeContext) throws(EngineError) -> Bool {
    try context.opset >= 14
        ? context.integer("training_mode", default: 0) != 0 : context.outputCount > 1
}

let batchNormalizationOperator = OperatorDefinition(
    "BatchNormalization",
    since: 1,
    inputs: 5...5,
    outputs: 1...5,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let input = try context.input(0)
        guard input.rank > 0 else { throw context.failure("input 0 is a scalar") }
        let isSpatial = try context.integer("spatial", default: 1) != 0
        let channels =
            try isSpatial
            ? input.rank > 1 ? input.shape[1] : input.shape.first ?? 1
            : context.product(input.shape.dropFirst(input.rank > 1 ? 1 : 0))
        for index in 1...4 {
            try context.require(input: index, oneOf: .samples)
            let statistic = try context.input(index)
            let partner = try context.input(index < 3 ? 1 : 3)
            guard try context.product(statistic.shape) == channels, statistic.type == partner.type
            else {
                throw context.failure(
                    "input \(index) is \(statistic.type) \(statistic.shape), expected \(partner.type) [\(channels)]"
                )
            }
        }
        guard try isTraining(context) else {
            guard context.outputCount == 1 else {
                throw context.failure("more than one output outside training")
            }
            return [Fact(input.type, input.shape)]
        }
        guard context.opset >= 14 else {
            throw context.failure(
                "training in the form before version 14",
                kind: .unsupported,
                remedy: "export the model for inference"
            )
        }
        let mean = try context.input(3)
        return [
            Fact(input.type, input.shape), Fact(mean.type, mean.shape), Fact(mean.type, mean.shape),
        ]
    },
    compile: { context throws(EngineError) in
        let epsilon = Double(try context.float("epsilon", default: 1e-5))
        let (scale, mean) = (try context.input(1).type, try context.input(3).type)
        let type = try context.input(0).type
        guard try isTraining(context) else {
            context.mayReuse(input: 0)
            return BatchNormalizationKernel(
                epsilon: epsilon,
                isSpatial: try context.integer("spatial", default: 1) != 0,
                scaleType: scale,
                meanType: mean
            ).kernel(for: type)
        }
        return TrainingNormalizationKernel(
            epsilon: epsilon,
            momentum: Double(try context.float("momentum", default: 0.9)),
            scaleType: scale,
            meanType: mean,
            outputCount: context.outputCount
        ).kernel(for: type)
    }
)
