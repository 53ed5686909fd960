// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ONNX

@Suite struct WireReaderRunsTests {
    /// Fields of an attribute as bytes: floats 7, integers 8, strings 9, and others between them.
    private static func attribute(seed: UInt64) -> [UInt8] {
        var state = seed
        func below(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var bytes: [UInt8] = [0x0A, 1, 0x61]
        for _ in 0..<below(6) {
            let kind = below(5)
            for _ in 0..<below(5) {
                switch kind {
                case 0: bytes += [0x3D] + (0..<4).map { _ in UInt8(below(256)) }
                case 1:
                    // One to ten bytes of a number.
                    let count = Int(below(10))
                    bytes += [0x40] + (0..<count).map { _ in 0x80 | UInt8(below(128)) }
                    bytes.append(count == 9 ? 1 : UInt8(below(128)))
                case 2: bytes += [0x4A, 2, 0x62, 0x63]
                case 3: bytes += [0x4A, 0x80, 1] + [UInt8](repeating: 0x64, count: 128)
                default: bytes += [0x42, 3, 1, 0x96, 1, 0x3A, 4, 0, 0, 0x80, 0x3F]
                }
            }
        }
        return bytes
    }

    private struct Lists: Equatable {
        var floats: [UInt32] = []
        var integers: [Int64] = []
        var strings: [Range<Int>] = []
    }

    /// Field by field.
    private func plainly(_ bytes: [UInt8]) throws(ReadError) -> Lists {
        var lists = Lists()
        var floats: [Float] = []
        var reader = WireReader(0..<bytes.count)
        while let field = try reader.next(in: bytes.span) {
            switch field.number {
            case 7: try field.append(to: &floats, of: "M", in: bytes.span)
            case 8: try field.append(to: &lists.integers, of: "M", in: bytes.span)
            case 9: lists.strings.append(try field.range(of: "M"))
            default: break
            }
        }
        lists.floats = floats.map(\.bitPattern)
        return lists
    }

    /// The same with a run behind each field.
    private func inRuns(_ bytes: [UInt8]) throws(ReadError) -> Lists {
        var lists = Lists()
        var floats: [Float] = []
        var reader = WireReader(0..<bytes.count)
        while let field = try reader.next(in: bytes.span) {
            switch field.number {
            case 7: try field.append(to: &floats, of: "M", in: bytes.span)
            case 8: try field.append(to: &lists.integers, of: "M", in: bytes.span)
            case 9: lists.strings.append(try field.range(of: "M"))
            default: break
            }
            reader.takeFloats(key: 0x3D, into: &floats, in: bytes.span)
            reader.takeIntegers(key: 0x40, into: &lists.integers, in: bytes.span)
            reader.takeShortRanges(key: 0x4A, into: &lists.strings, in: bytes.span)
        }
        lists.floats = floats.map(\.bitPattern)
        return lists
    }

    @Test func `runs read as field after field does, also where the bytes are cut`() {
        for seed in 0..<1000 as Range<UInt64> {
            let whole = Self.attribute(seed: seed)
            for end in Set([whole.count, whole.count * 2 / 3, max(whole.count - 1, 0)]) {
                let bytes = Array(whole[..<end])
                let plain = Result { try plainly(bytes) }
                let runs = Result { try inRuns(bytes) }
                switch (plain, runs) {
                case (.success(let one), .success(let other)): #expect(one == other)
                case (.failure(let one), .failure(let other)):
                    #expect(one as? ReadError == other as? ReadError)
                default: Issue.record("\(plain) is not \(runs), seed \(seed), \(end) bytes")
                }
            }
        }
    }

    @Test func `an attribute of long lists reads them all, and a packed one as well`() throws {
        let floats = (0..<5000).flatMap { index in
            [0x3D as UInt8] + (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
        }
        let bytes = [0x0A, 1, 0x61] + floats
        let attribute = try AttributeProto(0..<bytes.count, in: bytes.span, depth: 0)
        guard case .floats(let list) = attribute.value else {
            Issue.record("\(attribute.value)")
            return
        }
        #expect(list.map(\.bitPattern) == (0..<5000).map { UInt32($0) })
        let packed: [UInt8] = [0x0A, 1, 0x61, 0x42, 3, 1, 0x96, 1, 0x40, 5, 0x42, 1, 9]
        let other = try AttributeProto(0..<packed.count, in: packed.span, depth: 0)
        guard case .integers(let integers) = other.value else {
            Issue.record("\(other.value)")
            return
        }
        #expect(integers == [1, 150, 5, 9])
    }

    @Test func `a packed float that is cut names the end`() {
        let bytes: [UInt8] = [0x0A, 1, 0x61, 0x3A, 3, 0, 0, 0]
        #expect(throws: ReadError.truncated(at: 8)) {
            _ = try AttributeProto(0..<bytes.count, in: bytes.span, depth: 0)
        }
    }
}
