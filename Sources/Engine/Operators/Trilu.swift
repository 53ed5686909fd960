// SPDX-License-Identifier: Apache-2.0

/// Keeps the upper or lower triangle of the last two axes; the rest is zero in every type.
private struct TriluKernel: MovingKernel {
    let isUpper: Bool
    let diagonal: Int

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (isUpper, diagonal) = (isUpper, diagonal)
        return { frame in
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
            return [Fact(input.type, input.shape)]
        },
        compile: { context throws(EngineError) in
            let diagonal = try context.fixedIntegers(ofInput: 1)?.first ?? 0
            if context.inputs.count > 1 { context.leaveUnread(input: 1) }
            return TriluKernel(
                isUpper: try context.integer("upper", default: 1) != 0,
                diagonal: min(max(diagonal, -(1 << 40)), 1 << 40)
            ).kernel(for: try context.input(0).type)
        }
    )
]
