// SPDX-License-Identifier: Apache-2.0

extension NodeContext {
    /// Brings a possibly negative axis into `0..<rank`.
    package func axis(_ axis: Int, rank: Int) throws(EngineError) -> Int {
        guard axis >= -rank, axis < rank else {
            throw failure("axis \(axis) is outside [\(-rank), \(rank - 1)]")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Several axes brought into `0..<rank`, sorted, each once.
    package func axes(_ axes: [Int], rank: Int) throws(EngineError) -> [Int] {
        var sorted: [Int] = []
        for axis in axes { sorted.append(try self.axis(axis, rank: rank)) }
        sorted.sort()
        guard Set(sorted).count == sorted.count else { throw failure("axes \(axes) repeat") }
        return sorted
    }

    /// The shape of several operands stretched to each other as ONNX (and NumPy) broadcasts.
    package func broadcast(_ shapes: [[Dimension]]) throws(EngineError) -> [Dimension] {
        var result: [Dimension] = []
        for shape in shapes {
            if shape.count > result.count {
                result.insert(
                    contentsOf: repeatElement(1, count: shape.count - result.count),
                    at: 0
                )
            }
            let start = result.count - shape.count
            for (index, length) in shape.enumerated() where length != result[start + index] {
                if result[start + index] == 1 {
                    result[start + index] = length
                } else if length != 1 {
                    throw failure(
                        "shapes \(shapes.map { "\($0)" }.joined(separator: " and ")) do not broadcast"
                    )
                }
            }
        }
        return result
    }

    /// The product of some lengths, or an error when it cannot be planned.
    package func product(_ shape: some Sequence<Dimension>) throws(EngineError) -> Dimension {
        guard let product = Array(shape).elementCount else {
            throw failure(
                "the size of \(Array(shape)) overflows or is not linear in the number of rows"
            )
        }
        return product
    }

    /// A sum, or an error when it overflows.
    package func sum(_ terms: some Sequence<Dimension>) throws(EngineError) -> Dimension {
        var total = Dimension(0)
        for term in terms {
            guard let next = total.adding(term) else { throw failure("a length overflows") }
            total = next
        }
        return total
    }

    /// The shape of a value whose last axis is `width` for each row: `[N, width]`, the N being
    /// the first axis of input 0 (a vector counts as one row, as ai.onnx.ml has it).
    package func rowsOfInput() throws(EngineError) -> (rows: Dimension, width: Dimension) {
        let shape = try input(0).shape
        switch shape.count {
        case 0: throw failure("input 0 is a scalar, expected [rows, features]")
        case 1: return (1, shape[0])
        case 2: return (shape[0], shape[1])
        default: return (shape[0], try product(shape.dropFirst()))
        }
    }
}
