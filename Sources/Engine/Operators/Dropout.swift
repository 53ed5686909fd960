// SPDX-License-Identifier: Apache-2.0
import Tensors

/// In training, elements are left out at random and the rest scaled up; otherwise a copy.
private struct DropoutKernel: ArithmeticKernel {
    let seed: UInt32
    let ratio: Loader?
    let hasMask: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (seed, ratio, hasMask) = (seed, ratio, hasMask)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let mask: MutableView<Truth>? = hasMask ? frame.output(1) : nil
            output.copy(input, at: 0)
            if let mask { mask.fill(mask.indices, with: Truth(true)) }
            let share = frame.hasInput(1) ? ratio?(frame, 0)?.double ?? 0.5 : 0.5
            let isTraining = frame.hasInput(2) && frame.input(2, as: Truth.self)[0].isTrue
            guard isTraining, share != 0 else { return }
            var numbers = RandomNumbers(seed: seed, in: frame.scratch())
            let scale = 1 / (1 - share)
            for index in input.indices {
                let isKept = numbers.uniform() >= share
                output[index] = isKept ? T(wide: input[index].wide * scale) : .nought
                mask?[index] = Truth(isKept)
            }
        }
    }
}

/// Training mode is an input since opset 12; before, a node is taken to be meant for inference.
let dropoutOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Dropout",
        since: 1,
        inputs: 1...3,
        outputs: 1...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float, .double, .float16])
            let input = try context.input(0)
            for index in 1...2 {
                guard let number = context.optionalInput(index) else { continue }
                guard try context.product(number.shape) == 1 else {
                    throw context.failure("input \(index) is \(number.shape), expected one value")
                }
            }
            if context.optionalInput(2) != nil { try context.require(input: 2, oneOf: [.bool]) }
            return [Fact(input.type, input.shape), Fact(.bool, input.shape)]
        },
        compile: { context throws(EngineError) in
            if context.optionalInput(2) != nil {
                context.reserveScratch(bytes: Dimension(RandomNumbers.byteCount))
            }
            return DropoutKernel(
                seed: try context.seed(),
                ratio: context.optionalInput(1).flatMap { loader($0.type, operand: 1) },
                hasMask: context.outputCount > 1
            ).kernel(for: try context.input(0).type)
        }
    ).widened(.bfloat16, resultLike: 0)
]
