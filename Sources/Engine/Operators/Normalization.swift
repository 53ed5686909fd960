// SPDX-License-Identifier: Apache-2.0
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

let normalizationOperators: [OperatorDefinition] = [
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
            let input = try context.input(0)
            return LayerNormalizationKernel(
                axis: try context.axis(context.integer("axis", default: -1), rank: input.rank),
                epsilon: try context.float("epsilon", default: 1e-5),
                outputCount: context.outputCount
            ).kernel(for: input.type)
        }
    )
]
