// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import ONNX

@Suite struct SparseTensorProtoTests {
    /// A sparse tensor of whole numbers: values, indices (of the given dimensions) and lengths.
    private func bytes(_ values: [UInt8], _ indices: [UInt8], _ at: [UInt8], _ lengths: [UInt8])
        -> [UInt8]
    {
        func message(_ field: UInt8, _ content: [UInt8]) -> [UInt8] {
            [field << 3 | 2, UInt8(content.count)] + content
        }
        func tensor(_ dimensions: [UInt8], _ numbers: [UInt8]) -> [UInt8] {
            dimensions.flatMap { [0x08, $0] } + [0x10, 7] + numbers.flatMap { [0x38, $0] }
        }
        return message(1, tensor([UInt8(values.count)], values)) + message(2, tensor(at, indices))
            + lengths.flatMap { [0x18, $0] }
    }

    private func tensor(_ bytes: [UInt8]) throws(ReadError) -> Tensor {
        try SparseTensorProto(0..<bytes.count, in: bytes.span).tensor(in: bytes.span)
    }

    @Test func `linear and per-axis indices write the same elements`() throws {
        let expected: [Int64] = [0, 5, 0, 0, 0, 7]
        for bytes in [
            bytes([5, 7], [1, 5], [2], [2, 3]), bytes([5, 7], [0, 1, 1, 2], [2, 2], [2, 3]),
        ] {
            let tensor = try tensor(bytes)
            #expect(tensor.dimensions == [2, 3])
            #expect(tensor.elements(as: Int64.self) == expected)
        }
    }

    @Test func `nothing but zeros`() throws {
        let tensor = try tensor(bytes([], [], [0], [4]))
        #expect(tensor.elements(as: Int64.self) == [0, 0, 0, 0])
    }

    static let refused: [(values: [UInt8], indices: [UInt8], at: [UInt8], lengths: [UInt8])] = [
        ([5, 7], [1, 6], [2], [2, 3]), ([5, 7], [1, 1], [2], [2, 3]),
        ([5, 7], [5, 1], [2], [2, 3]),
        ([5, 7], [0, 1, 1, 3], [2, 2], [2, 3]), ([5, 7], [0, 1, 2, 0], [2, 2], [2, 3]),
        ([5, 7], [1], [1], [2, 3]), ([5, 7], [0, 1, 2], [3], [2, 3]),
    ]

    @Test(arguments: refused)
    func `places outside, twice or out of order are refused`(
        values: [UInt8],
        indices: [UInt8],
        at: [UInt8],
        lengths: [UInt8]
    ) {
        #expect(throws: ReadError.self) { try tensor(bytes(values, indices, at, lengths)) }
    }

    @Test func `a tensor too large when written out is refused before it is made`() {
        let lengths = [UInt8](repeating: 127, count: 5)
        do throws(ReadError) {
            _ = try tensor(bytes([1], [0], [1], lengths))
            Issue.record("it is made")
        } catch {
            #expect("\(error)".contains("at most"), "\(error)")
        }
    }
}
