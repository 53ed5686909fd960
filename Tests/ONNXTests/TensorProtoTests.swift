// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import ONNX

@Suite struct TensorProtoTests {
    private func tensor(_ bytes: [UInt8]) throws -> Tensor {
        try TensorProto(file: bytes.span).tensor(in: bytes.span)
    }

    @Test func `raw, packed and unpacked elements read alike`() throws {
        let head: [UInt8] = [0x08, 0x02, 0x10, 0x07]
        let raw = head + [0x4A, 16, 5, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 8)
        let minusOne = [UInt8](repeating: 0xFF, count: 9) + [0x01]
        let packed = head + [0x3A, 11, 5] + minusOne
        let unpacked = head + [0x38, 5, 0x38] + minusOne
        for bytes in [raw, packed, unpacked] {
            let tensor = try tensor(bytes)
            #expect(tensor.dimensions == [2])
            #expect(tensor.elements(as: Int64.self) == [5, -1])
        }
    }

    @Test func `packed dimensions and floats`() throws {
        let bytes: [UInt8] = [0x0A, 2, 1, 2, 0x10, 1, 0x22, 8, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
        let tensor = try tensor(bytes)
        #expect(tensor.dimensions == [1, 2])
        #expect(tensor.elements(as: Float.self) == [1, -2])
    }

    @Test func `strings, a scalar and nothing at all`() throws {
        let strings = try tensor([0x08, 2, 0x10, 8, 0x32, 1, 0x61, 0x32, 2, 0xC3, 0xBC])
        #expect(strings.texts == ["a", "ü"])
        let scalar = try tensor([0x10, 9, 0x28, 1])
        #expect(scalar.dimensions.isEmpty)
        #expect(scalar.elements(as: Truth.self).map(\.isTrue) == [true])
        let empty = try tensor([0x08, 0, 0x10, 1])
        #expect(empty.elementCount == 0)
    }

    static let refused: [(bytes: [UInt8], sentence: String)] = [
        ([0x08, 2, 0x10, 7, 0x4A, 1, 0], "holds 1 bytes or elements, its dimensions say 16"),
        ([0x08, 2, 0x10, 1, 0x22, 4, 0, 0, 0, 0], "holds 1 bytes or elements"),
        ([0x08, 2, 0x10, 8, 0x32, 0], "holds 1 bytes or elements"),
        ([0x08, 2, 0x10, 99], "element type 99"),
        ([0x08, 2], "element type 0"),
        ([0x08] + [UInt8](repeating: 0xFF, count: 9) + [1, 0x10, 1], "impossible dimensions [-1]"),
        (
            [0x08] + [UInt8](repeating: 0xFF, count: 8) + [0x7F, 0x08, 2, 0x10, 1],
            "impossible dimensions"
        ),
        ([0x10, 1, 0x70, 1], "which names no file"),
        ([0x10, 1, 0x4A, 0, 0x4A, 0], "occurs more than once"),
    ]

    @Test(arguments: refused)
    func `what contradicts itself is refused with a reason`(bytes: [UInt8], sentence: String) {
        do throws(ReadError) {
            _ = try TensorProto(file: bytes.span).tensor(in: bytes.span)
            Issue.record("\(bytes) is read")
        } catch {
            #expect("\(error)".contains(sentence), "\(error)")
        }
    }
}
