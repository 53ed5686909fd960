// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The determinant of each square matrix: elimination with the largest pivot, in double precision.
private struct DetKernel: RealKernel {
    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            let size = shape[shape.count - 1]
            let matrix: MutableView<Double> = frame.scratch()
            for index in output.indices {
                for place in 0..<(size &* size) {
                    matrix[place] = input[index &* size &* size &+ place].wide
                }
                output[index] = T(determinant(matrix, size))
            }
        }
    }
}

/// Leaves `matrix` (size × size, row-major) in triangular form.
private func determinant(_ matrix: MutableView<Double>, _ size: Int) -> Double {
    var product = 1.0
    for column in 0..<size {
        var pivot = column
        for row in column..<size
        where matrix[row &* size &+ column].magnitude > matrix[pivot &* size &+ column].magnitude {
            pivot = row
        }
        let value = matrix[pivot &* size &+ column]
        guard value != 0 else { return 0 }
        if pivot != column {
            product = -product
            for place in column..<size {
                let other = matrix[pivot &* size &+ place]
                matrix[pivot &* size &+ place] = matrix[column &* size &+ place]
                matrix[column &* size &+ place] = other
            }
        }
        product *= value
        for row in (column + 1)..<max(size, column + 1) {
            let factor = matrix[row &* size &+ column] / value
            for place in column..<size {
                matrix[row &* size &+ place] -= factor * matrix[column &* size &+ place]
            }
        }
    }
    return product
}

let detOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Det",
        since: 11,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let input = try context.input(0)
            guard input.rank >= 2, input.shape[input.rank - 1] == input.shape[input.rank - 2]
            else { throw context.failure("\(input.shape) does not end in a square") }
            return [Fact(input.type, Array(input.shape.dropLast(2)))]
        },
        compile: { context throws(EngineError) in
            let input = try context.input(0)
            context.reserveScratch(bytes: try context.product(input.shape.suffix(2) + [8]))
            return DetKernel().kernel(for: input.type)
        }
    ).widened(.halves)
]
