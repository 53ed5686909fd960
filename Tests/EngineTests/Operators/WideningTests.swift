// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct WideningTests {
    private func packed(_ bytes: [UInt8], _ type: DataType, _ shape: Shape) throws -> Tensor {
        let tensor = Tensor(type: type, shape: shape) { target in
            for (index, byte) in bytes.enumerated() {
                target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
        }
        return try #require(tensor)
    }

    private func bytes(_ tensor: Tensor) -> [UInt8] {
        tensor.withBytes { span in
            (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
    }

    @Test func `elements that share a byte are moved one by one`() throws {
        // [[1, 2, 3], [4, 5, 6]] becomes [[1, 4], [2, 5], [3, 6]].
        let input = try packed([0x21, 0x43, 0x65], .int4, [2, 3])
        let turned = try #require(
            try evaluate("Transpose", opset: 21, inputs: [input])?.first
        )
        #expect(turned.type == .int4)
        #expect(turned.dimensions == [3, 2])
        #expect(bytes(turned) == [0x41, 0x52, 0x63])
    }

    @Test func `packed parts with an odd number of elements are joined without a gap`() throws {
        let (a, b) = (try packed([0x21, 0x03], .uint4, [3]), try packed([0x04], .uint4, [1]))
        let joined = try #require(
            try evaluate(
                "Concat",
                opset: 13,
                attributes: ["axis": .integer(0)],
                inputs: [a, b]
            )?.first
        )
        #expect(bytes(joined) == [0x21, 0x43])
    }

    @Test func `half precision is computed in single precision and rounded once`() throws {
        let numbers: [Float16] = [0.1, -2, 3.5, 65504]
        let output = try #require(
            try evaluate("Softplus", opset: 22, inputs: [Tensor(numbers)])?.first
        )
        let single = try #require(
            try evaluate("Softplus", opset: 22, inputs: [Tensor(numbers.map { Float($0) })])?.first
        )
        #expect(
            output.elements(as: Float16.self)
                == single.elements(as: Float.self).map { Float16($0) }
        )
    }

    @Test func `bfloat16 operands are stretched to each other`() throws {
        let a = Tensor([Float(1), 2, 3, 4].map { BFloat16($0) }, shape: [2, 2])
        let sum = try #require(
            try evaluate("Add", opset: 14, inputs: [a, Tensor([BFloat16(Float(10))])])?.first
        )
        #expect(sum.elements(as: BFloat16.self).map(\.float) == [11, 12, 13, 14])
    }
}
