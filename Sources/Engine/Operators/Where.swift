// SPDX-License-Identifier: Apache-2.0
import Tensors

private struct WhereKernel: MovingKernel {
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        { frame in
            let condition: View<Truth> = frame.input(0)
            let (a, b): (View<T>, View<T>) = (frame.input(1), frame.input(2))
            let output: MutableView<T> = frame.output(0)
            let walk = Walk(
                frame.outputShape(0),
                frame.inputShape(0),
                frame.inputShape(1),
                frame.inputShape(2)
            )
            let run = walk.run
            let (stepA, stepB, stepC) = (walk.strideA[0], walk.strideB[0], walk.strideC[0])
            walk.forEachRun { out, startA, startB, startC in
                for index in 0..<run {
                    output[out &+ index] =
                        condition[startA &+ index &* stepA].isTrue
                        ? a[startB &+ index &* stepB] : b[startC &+ index &* stepC]
                }
            }
        }
    }
}

let whereOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Where",
        since: 9,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.bool])
            let (condition, a, b) = (
                try context.input(0), try context.input(1), try context.input(2)
            )
            guard a.type == b.type else {
                throw context.failure(
                    "inputs 1 and 2 are \(a.type) and \(b.type), expected one type"
                )
            }
            var fact = Fact(
                a.type,
                try context.broadcast([condition.shape, a.shape, b.shape])
            )
            if let truths = condition.constant?.elements(as: Truth.self), fact.shape.count == 1,
                let left = a.integers, let right = b.integers,
                fact.shape[0].fixed == truths.count,
                left.count == truths.count || left.count == 1,
                right.count == truths.count || right.count == 1
            {
                fact.integers = truths.indices.map { index in
                    truths[index].isTrue
                        ? left[left.count == 1 ? 0 : index] : right[right.count == 1 ? 0 : index]
                }
            }
            return [fact]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 1)
            context.mayReuse(input: 2)
            return WhereKernel().kernel(for: try context.input(1).type)
        }
    )
].widened(.packed)
