// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ONNX

@Suite struct WireReaderTests {
    static let written: [(bytes: [UInt8], value: UInt64)] = [
        ([0x00], 0), ([0x7F], 127), ([0xAC, 0x02], 300),
        ([UInt8](repeating: 0xFF, count: 9) + [0x01], .max),
    ]

    @Test(arguments: written)
    func `reads what protoc writes`(bytes: [UInt8], value: UInt64) throws {
        var reader = WireReader(0..<bytes.count)
        #expect(try reader.varint(in: bytes.span) == value)
        #expect(reader.isAtEnd)
    }

    @Test func `a cut number names the end and moves nothing`() {
        let bytes: [UInt8] = [0x80]
        var reader = WireReader(0..<1)
        #expect(throws: ReadError.truncated(at: 1)) { _ = try reader.varint(in: bytes.span) }
        #expect(reader.offset == 0)
    }

    static let overlong: [[UInt8]] = [
        [UInt8](repeating: 0x80, count: 11), [UInt8](repeating: 0xFF, count: 9) + [0x02],
        [UInt8](repeating: 0x80, count: 10),
    ]

    @Test(arguments: overlong)
    func `a number of more than 64 bits is refused`(bytes: [UInt8]) {
        var reader = WireReader(0..<bytes.count)
        #expect(throws: ReadError.overlongNumber(at: 0)) { _ = try reader.varint(in: bytes.span) }
    }

    static let wrong: [(bytes: [UInt8], error: ReadError)] = [
        ([0x00], .invalidField(at: 0)),
        ([0x0B], .invalidField(at: 0)),
        ([0x0C], .invalidField(at: 0)),
        ([0x0E], .invalidField(at: 0)),
        ([0x0A, 0x02, 0x00], .truncated(at: 1)),
        ([0x0A] + [UInt8](repeating: 0xFF, count: 9) + [0x01], .truncated(at: 1)),
        ([0x0D, 1, 2, 3], .truncated(at: 4)),
        ([0x09, 1, 2, 3, 4, 5, 6, 7], .truncated(at: 8)),
        ([0x08], .truncated(at: 1)),
    ]

    @Test(arguments: wrong)
    func `a field that is none is refused with its byte`(bytes: [UInt8], error: ReadError) {
        var reader = WireReader(0..<bytes.count)
        #expect(throws: error) { _ = try reader.next(in: bytes.span) }
    }

    @Test func `a field reads by its wire type`() throws {
        let bytes: [UInt8] = [0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69, 0x1D, 0, 0, 0x80, 0x3F]
        var reader = WireReader(0..<bytes.count)
        let first = try #require(try reader.next(in: bytes.span))
        #expect(try first.integer(of: "M") == 150)
        let second = try #require(try reader.next(in: bytes.span))
        #expect(try second.text(of: "M", in: bytes.span) == "hi")
        #expect(throws: ReadError.wrongWireType(message: "M", field: 2, at: 3)) {
            _ = try second.integer(of: "M")
        }
        let third = try #require(try reader.next(in: bytes.span))
        #expect(try third.float(of: "M") == 1)
        #expect(reader.isAtEnd)
    }

    @Test func `text that is no UTF-8 is refused`() {
        let bytes: [UInt8] = [0xFF, 0xFE]
        #expect(throws: ReadError.notUTF8(at: 0)) { _ = try readText(0..<2, in: bytes.span) }
    }

    @Test func `texts read one by one and together alike`() throws {
        let modes = ["LEAF", "BRANCH_LEQ", "", "ü", "LEAF", "LEAT"]
        let words = modes + ["a", "b", "c", "d", "LEAF", "LEAF"]
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        for word in words {
            let start = bytes.count
            bytes += Array(word.utf8)
            ranges.append(start..<bytes.count)
        }
        #expect(try readTexts(ranges, in: bytes.span) == words)
        let broken: [UInt8] = [0x61, 0xFF]
        #expect(throws: ReadError.notUTF8(at: 1)) {
            _ = try readTexts([0..<1, 1..<2], in: broken.span)
        }
    }
}
