// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct QuantizedOperatorTests {
    private func tensor<Element: Scalar>(_ elements: [Element], _ lengths: [Int]) throws -> Tensor {
        Tensor(elements, shape: try #require(Shape(lengths)))
    }

    /// `a` 3 × 2 × 4 against a matrix of 4 × 5, as a constant and as an input of the run.
    @Test(arguments: [false, true])
    func `a matrix packed at load multiplies like one that comes with the run`(isTall: Bool) throws
    {
        let a = (0..<24).map { UInt8($0 * 11 % 256) }
        let b = (0..<20).map { Int8(truncatingIfNeeded: $0 * 37) }
        let zeros: [UInt8] = isTall ? [3] : [3, 200]
        let result = try evaluate(
            "MatMulInteger",
            opset: 10,
            inputs: [
                tensor(a, [3, 2, 4]), tensor(b, [4, 5]), tensor(zeros, [zeros.count]),
                tensor([Int8(-7)], [1]),
            ]
        )
        let sums = try #require(result?.first?.elements(as: Int32.self))
        for place in 0..<30 {
            let (row, column) = (place / 5, place % 5)
            let zero = Int32(zeros[isTall ? 0 : row % 2])
            let expected = (0..<4).reduce(Int32(0)) { sum, k in
                sum + (Int32(a[row * 4 + k]) - zero) * (Int32(b[k * 5 + column]) + 7)
            }
            #expect(sums[place] == expected)
        }
    }

    @Test func `a scale of another shape is named`() throws {
        #expect(throws: EngineError.self) {
            try evaluate(
                "QuantizeLinear",
                opset: 13,
                attributes: ["axis": .integer(1)],
                inputs: [
                    tensor([Float](repeating: 1, count: 6), [2, 3]), tensor([Float(1), 2], [2]),
                ]
            )
        }
    }
}
