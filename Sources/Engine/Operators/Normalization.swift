// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Brings everything from an axis on to mean 0 and variance 1, then scales it.
private struct LayerNormalizationKernel: RealKernel {
    let axis: Int
    let epsilon: Float
    let outputCount: Int

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (axis, outputCount, epsilon) = (axis, outputCount, Double(epsilon))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let scale: View<T> = frame.input(1)
            let bias: View<T>? = frame.hasInput(2) ? frame.input(2) : nil
            let lanes = Lanes3(frame.inputShape(0), flattenedFrom: axis)
            for row in 0..<lanes.outer {
                let line = input.part((row &* lanes.length)..<((row &+ 1) &* lanes.length))
                let target = output.part((row &* lanes.length)..<((row &+ 1) &* lanes.length))
                var sum = 0.0
                for index in line.indices { sum += line[index].wide }
                let mean = sum / Double(lanes.length)
                var squares = 0.0
                for index in line.indices {
                    let gap = line[index].wide - mean
                    squares += gap * gap
                }
                let inverse = 1 / (squares / Double(lanes.length) + epsilon).squareRoot()
                for index in line.indices {
                    let normal = T((line[index].wide - mean) * inverse)
                    let scaled = normal * scale[scale.count == 1 ? 0 : index]
                    target[index] = scaled + (bias.map { $0[$0.count == 1 ? 0 : index] } ?? 0)
                }
                if outputCount > 1 { frame.output(1, as: Float.self)[row] = Float(mean) }
                if outputCount > 2 { frame.output(2, as: Float.self)[row] = Float(inverse) }
            }
        }
    }
}

/// Lines in single precision, which begin at `axis`, with a scale and perhaps a bias for each element;
/// where they are not centered, this is RMSNormalization.
private func lineKernel(
    axis: Int,
    epsilon: Float,
    isCentered: Bool,
    outputCount: Int
) -> Kernel {
    { frame in
        let (input, output): (View<Float>, MutableView<Float>) = (frame.input(0), frame.output(0))
        let scale: View<Float> = frame.input(1)
        let bias: View<Float>? = frame.hasInput(2) ? frame.input(2) : nil
        let lanes = Lanes3(frame.inputShape(0), flattenedFrom: axis)
        let (count, length) = (lanes.outer, lanes.length)
        let means: MutableView<Float>? = outputCount > 1 ? frame.output(1) : nil
        let inverses: MutableView<Float>? = outputCount > 2 ? frame.output(2) : nil
        precondition(input.count == count &* length && output.count == input.count, "other lines")
        precondition(scale.count == length && bias?.count ?? length == length, "another scale")
        precondition(means?.count ?? count == count && inverses?.count ?? count == count, "lines")
        unsafe serin_normalize_f32(
            count,
            length,
            input.pointer,
            output.pointer,
            scale.pointer,
            bias?.pointer,
            epsilon,
            isCentered ? 1 : 0,
            means?.pointer,
            inverses?.pointer
        )
    }
}

/// `x / sqrt(mean of x² + epsilon) * scale` for the types without a vector form.
private struct RMSNormalizationKernel: RealKernel {
    let axis: Int
    let epsilon: Float

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (axis, epsilon) = (axis, Double(epsilon))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let scale: View<T> = frame.input(1)
            let lanes = Lanes3(frame.inputShape(0), flattenedFrom: axis)
            for row in 0..<lanes.outer {
                let line = input.part((row &* lanes.length)..<((row &+ 1) &* lanes.length))
                let target = output.part((row &* lanes.length)..<((row &+ 1) &* lanes.length))
                var squares = 0.0
                for index in line.indices { squares += line[index].wide * line[index].wide }
                let inverse = 1 / (squares / Double(lanes.length) + epsilon).squareRoot()
                for index in line.indices {
                    let normal = T(line[index].wide * inverse)
                    target[index] = normal * scale[scale.count == 1 ? 0 : index]
                }
            }
        }
    }
}

let normalizationOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "RMSNormalization",
        since: 23,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let (input, scale) = (try context.input(0), try context.input(1))
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let count = try context.product(input.shape[axis...])
            let size = try context.product(scale.shape)
            guard size == count || size == 1, scale.type == input.type else {
                throw context.failure(
                    "input 1 is \(scale.type) \(scale.shape), expected \(input.type) \(Array(input.shape[axis...]))"
                )
            }
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let epsilon = try context.float("epsilon", default: 1e-5)
            if try context.hasLineForm(axis: axis) {
                return lineKernel(axis: axis, epsilon: epsilon, isCentered: false, outputCount: 1)
            }
            return RMSNormalizationKernel(axis: axis, epsilon: epsilon).kernel(for: input.type)
        }
    ).widened(.halves),
    OperatorDefinition(
        "LayerNormalization",
        since: 17,
        inputs: 2...3,
        outputs: 1...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let count = try context.product(input.shape[axis...])
            for index in 1...2 {
                guard let operand = context.optionalInput(index) else { continue }
                let size = try context.product(operand.shape)
                guard size == count || size == 1, operand.type == input.type else {
                    throw context.failure(
                        "input \(index) is \(operand.type) \(operand.shape), expected \(input.type) \(Array(input.shape[axis...]))"
                    )
                }
            }
            let rows = input.shape[..<axis] + Array(repeating: 1, count: input.rank - axis)
            return [
                Fact(input.type, input.shape), Fact(.float, Array(rows)),
                Fact(.float, Array(rows)),
            ]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            let input = try context.input(0)
            let axis = try context.axis(context.integer("axis", default: -1), rank: input.rank)
            let epsilon = try context.float("epsilon", default: 1e-5)
            if try context.hasLineForm(axis: axis) {
                return lineKernel(
                    axis: axis,
                    epsilon: epsilon,
                    isCentered: true,
                    outputCount: context.outputCount
                )
            }
            return LayerNormalizationKernel(
                axis: axis,
                epsilon: epsilon,
                outputCount: context.outputCount
            ).kernel(for: input.type)
        }
    ),
]

extension NodeContext {
    /// Whether scale and bias have a single-precision element for each of a line.
    fileprivate func hasLineForm(axis: Int) throws(EngineError) -> Bool {
        let count = try product(try input(0).shape[axis...])
        guard try input(0).type == .float, try product(try input(1).shape) == count else {
            return false
        }
        guard let bias = optionalInput(2) else { return true }
        return try product(bias.shape) == count
    }
}
