// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Keeps the upper or lower triangle of the last two axes; the rest is zero in every type.
private struct TriluKernel: MovingKernel {
    let isUpper: Bool
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let isUpper = isUpper
        return { frame in
            let given = frame.hasInput(1) ? Int(frame.input(1, as: Int64.self)[0]) : 0
            let diagonal = min(max(given, -(1 << 40)), 1 << 40)
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
            let zero = unsafe withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { place in
                unsafe UnsafeMutableRawBufferPointer(place).initializeMemory(
                    as: UInt8.self,
                    repeating: 0
                )
                return unsafe place[0]
            }
            for index in input.indices {
                let (row, column) = (index / columns % max(rows, 1), index % columns)
                let isKept =
                    isUpper ? column - row >= diagonal : column - row <= diagonal
                output[index] = isKept ? input[index] : zero
            }
        }
    }
}

let triluOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Trilu",
        since: 14,
        inputs: 1...2,
        infer: { context throws(EngineError) in
            let input = try context.input(0)
            guard input.rank >= 2 else { throw context.failure("input 0 has fewer than two axes") }
            if let diagonal = context.optionalInput(1) {
                try context.require(input: 1, oneOf: [.int64])
                guard try context.product(diagonal.shape) == 1 else {
                    throw context.failure("k is \(diagonal.shape), expected one number")
                }
            }
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            TriluKernel(isUpper: try context.integer("upper", default: 1) != 0)
                .kernel(for: try context.input(0).type)
        }
    ).widened(.packed)
]
