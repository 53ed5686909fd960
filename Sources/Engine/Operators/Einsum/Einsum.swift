// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Any equation, any type: for each element of the output, the sum over all other labels of the
/// product of one element of each operand.
private struct EinsumKernel: ArithmeticKernel {
    let equation: EinsumEquation

    /// Scratch numbers: a stride for each operand and label, and a place for each operand.
    static func scratchCount(_ equation: EinsumEquation) -> Int {
        equation.operands.count * (equation.lengths.count + 1)
    }

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let equation = equation
        let (labels, operands) = (equation.lengths.count, equation.operands.count)
        return { frame in
            let output: MutableView<T> = frame.output(0)
            var cursor = ScratchCursor<Int>(frame.scratch())
            let strides = cursor.take(operands &* labels)
            let places = cursor.take(operands)
            var lengths = InlineArray<24, Int>(repeating: 1)
            for index in strides.indices { strides[index] = 0 }
            for operand in 0..<operands {
                places[operand] = 0
                let shape = frame.inputShape(operand)
                var stride = 1
                for axis in (0..<shape.count).reversed() {
                    let label = equation.operands[operand][axis]
                    let length = shape[axis]
                    if length != 1 {
                        strides[operand &* labels &+ label] &+= stride
                        lengths[label] = length
                    }
                    stride &*= length
                }
            }
            var terms = 1
            for label in equation.outputCount..<max(labels, equation.outputCount) {
                terms &*= lengths[label]
            }
            guard terms > 0 else { return output.fill(output.indices, with: .nought) }
            var position = InlineArray<24, Int>(repeating: 0)
            for index in output.indices {
                var sum = T.nought
                for _ in 0..<terms {
                    var product = frame.input(0, as: T.self)[places[0]]
                    for operand in 1..<max(operands, 1) {
                        product = product.times(
                            frame.input(operand, as: T.self)[places[operand]]
                        )
                    }
                    sum = sum.plus(product)
                    // The next combination of labels, the last label fastest.
                    var label = labels &- 1
                    while label >= 0 {
                        position[label] &+= 1
                        let isDone = position[label] == lengths[label]
                        let step = isDone ? 1 &- lengths[label] : 1
                        for operand in 0..<operands {
                            places[operand] &+= step &* strides[operand &* labels &+ label]
                        }
                        guard isDone else { break }
                        position[label] = 0
                        label &-= 1
                    }
                }
                output[index] = sum
            }
        }
    }
}

/// One operand whose axes are put in another order.
private struct PermutingKernel: MovingKernel {
    /// For each axis of the output, the axis of the input.
    let order: [Int]

    /// Nil when the equation sums, repeats or stretches an axis.
    init?(_ equation: EinsumEquation) {
        guard equation.operands.count == 1, equation.outputCount == equation.lengths.count,
            equation.operands[0].count == equation.outputCount
        else { return nil }
        order = (0..<equation.outputCount).compactMap { equation.operands[0].firstIndex(of: $0) }
    }

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let order = order
        return { frame in
            let shape = frame.inputShape(0)
            var strides = InlineArray<8, Int>(repeating: 0)
            var stride = 1
            for axis in (0..<shape.count).reversed() {
                strides[axis] = stride
                stride &*= shape[axis]
            }
            var walk = Walk()
            for axis in order.reversed() { walk.add(length: shape[axis], a: strides[axis]) }
            copy(frame.input(0, as: T.self), to: frame.output(0), along: walk)
        }
    }
}

let einsumOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Einsum",
        since: 12,
        inputs: 1...64,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let type = try context.input(0).type
            for index in context.inputs.indices {
                let other = try context.input(index).type
                guard other == type else {
                    throw context.failure("input \(index) is \(other), input 0 is \(type)")
                }
            }
            return [Fact(type, try EinsumEquation(context).outputShape)]
        },
        compile: { context throws(EngineError) in
            let equation = try EinsumEquation(context)
            let type = try context.input(0).type
            if let permuting = PermutingKernel(equation) { return permuting.kernel(for: type) }
            let shapes = context.inputs.compactMap { $0?.shape }
            if type == .float, let product = EinsumProduct(equation, shapes) {
                context.reserveScratch(
                    bytes: try context.product([4, product.scratch(context)])
                )
                return product.kernel()
            }
            context.reserveScratch(bytes: Dimension(8 * EinsumKernel.scratchCount(equation)))
            return EinsumKernel(equation: equation).kernel(for: type)
        }
    )
].widened(.bfloat16)
