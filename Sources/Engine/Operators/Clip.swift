// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Bounds come as attributes before opset 11, as inputs since.
private struct ClipKernel: ArithmeticKernel {
    let least: Float?
    let greatest: Float?

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let low = least.map { T(wide: Double($0)) } ?? .least
        let high = greatest.map { T(wide: Double($0)) } ?? .greatest
        return { frame in
            let input: View<T> = frame.input(0)
            let output: MutableView<T> = frame.output(0)
            let from = frame.hasInput(1) ? frame.input(1, as: T.self)[0] : low
            let to = frame.hasInput(2) ? frame.input(2, as: T.self)[0] : high
            for index in input.indices {
                let x = input[index]
                // A NaN compares false with both and passes.
                let raised = x < from ? from : x
                output[index] = raised > to ? to : raised
            }
        }
    }
}

let clipOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Clip",
        since: 1,
        inputs: 1...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let input = try context.input(0)
            for index in 1...2 {
                guard let bound = context.optionalInput(index) else { continue }
                guard bound.type == input.type, bound.shape.fixed?.allSatisfy({ $0 == 1 }) == true
                else { throw context.failure("input \(index) has to be one \(input.type)") }
            }
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            context.mayReuse(input: 0)
            let least = context.has("min") ? try context.float("min", default: 0) : nil
            let greatest = context.has("max") ? try context.float("max", default: 0) : nil
            return ClipKernel(least: least, greatest: greatest)
                .kernel(for: try context.input(0).type)
        }
    )
].widened(.bfloat16)
