// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import HTTP

/// What became of a packed body: the body, the byte at which it was refused, or that it is not whole.
enum Inflated: Equatable {
    case whole([UInt8])
    case cut
    case refused(Refusal, at: Int)

    /// Unpacks parts of at most `step` bytes, the first of `first`.
    init(
        _ packed: [UInt8],
        _ encoding: ContentEncoding,
        _ limits: Inflater.Limits = .init(byteCount: 1 << 20, ratio: .max),
        first: Int = .max,
        step: Int = .max,
        with inflater: Inflater
    ) {
        guard inflater.begin(encoding, limits) else { preconditionFailure("zlib cannot begin") }
        var body: [UInt8] = []
        var start = 0
        var length = first
        while start < packed.count {
            // Each part lies at the start, as in the loop's buffer.
            let part = Array(packed[start..<(start + min(length, packed.count - start))])
            length = step
            var offset = 0
            do throws(Refusal) {
                while !part.isEmpty {
                    guard try inflater.step(part.span, from: &offset, into: &body) else { break }
                }
            } catch {
                self = .refused(error, at: start + offset)
                return
            }
            start += part.count
        }
        self = inflater.isWhole ? .whole(body) : .cut
    }

    /// The verdict without the byte, which is only exact where each comes by itself.
    var withoutPlace: Inflated {
        if case .refused(let refusal, _) = self { .refused(refusal, at: 0) } else { self }
    }
}

@Suite struct InflaterTests {
    private struct Recorded {
        var name: String
        var encoding: ContentEncoding
        var verdict: String
        var packed: [UInt8]
        var body: [UInt8]
    }

    private static func bytes(_ digits: Substring) -> [UInt8] {
        guard digits != "-" else { return [] }
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { index in
            (digits[index].hexadecimalValue ?? 0) << 4 | (digits[index + 1].hexadecimalValue ?? 0)
        }
    }

    /// What `Tests/oracles/inflate.py` recorded.
    private static func recorded() throws -> [Recorded] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let file = try readFile(path: "/\(folder)/Fixtures/inflate.txt", limit: 1 << 22)
        return String(decoding: file, as: UTF8.self).split(separator: "\n").map { line in
            let fields = line.split(separator: " ")
            return Recorded(
                name: "\(fields[0]) \(fields[1])",
                encoding: fields[1] == "gzip" ? .gzip : .deflate,
                verdict: String(fields[2]),
                packed: bytes(fields[3]),
                body: bytes(fields[4])
            )
        }
    }

    @Test func `bodies are what Python's zlib makes of them, and are refused at the same byte`()
        throws
    {
        let recorded = try Self.recorded()
        #expect(recorded.count > 150)
        let inflater = try #require(Inflater())
        for one in recorded {
            let expected: Inflated =
                switch one.verdict {
                case "whole": .whole(one.body)
                case "cut": .cut
                default: .refused(.badCompression(), at: Int(one.verdict.dropFirst(4)) ?? -1)
                }
            var found = Inflated(one.packed, one.encoding, first: 1, step: 1, with: inflater)
            // zlib has used the byte that it refuses; what is behind the end it has not.
            if case .refused(let refusal, let end) = found, end > 0,
                case .refused(_, let place) = expected, end == place + 1
            {
                found = .refused(refusal, at: place)
            }
            #expect(found == expected, "\(one.name)")
        }
    }

    @Test func `a body cut in two anywhere is what it is whole`() throws {
        let inflater = try #require(Inflater())
        for one in try Self.recorded() {
            let whole = Inflated(one.packed, one.encoding, with: inflater).withoutPlace
            for cut in one.packed.indices {
                let parted = Inflated(one.packed, one.encoding, first: cut, with: inflater)
                #expect(parted.withoutPlace == whole, "\(one.name) cut at \(cut)")
            }
        }
    }

    /// Text of which about a tenth is left, so that it has blocks and their borders.
    private func packedText(_ count: Int) throws -> (text: [UInt8], packed: [UInt8]) {
        var random = SplitMix(state: 7)
        var text: [UInt8] = []
        while text.count < count {
            text += Array("0.\(random.next() % 1000),0.125,0.125,0.125,0.125,0.125,".utf8)
        }
        text.removeLast(text.count - count)
        return (text, try gzipped(text))
    }

    @Test func `a body of exactly the limit passes and one byte more does not`() throws {
        let inflater = try #require(Inflater())
        for count in [1, 1000, 16_383, 16_384, 16_385, 65_536, 100_001] {
            let (text, packed) = try packedText(max(count, 100))
            for (limit, fits) in [(text.count, true), (text.count - 1, false)] {
                for step in [1, 7, 4096, .max] {
                    let found = Inflated(
                        packed,
                        .gzip,
                        .init(byteCount: limit, ratio: .max),
                        step: step,
                        with: inflater
                    )
                    let expected: Inflated =
                        fits ? .whole(text) : .refused(.bodyTooLong(limit: limit), at: 0)
                    #expect(found.withoutPlace == expected, "\(count) in steps of \(step)")
                }
            }
        }
    }

    @Test func `what is beyond the limit is refused before the rest has come`() throws {
        let (_, packed) = try packedText(4 << 20)
        let inflater = try #require(Inflater())
        let limits = Inflater.Limits(byteCount: 1 << 20, ratio: .max)
        let found = Inflated(packed, .gzip, limits, step: 1, with: inflater)
        guard case .refused(.bodyTooLong(limit: 1 << 20), let place) = found else {
            Issue.record("\(found)")
            return
        }
        #expect(place < packed.count * 3 / 10)
    }

    @Test func `the ratio counts beyond the first MiB only`() throws {
        let zeros = [UInt8](repeating: 0x30, count: 4 << 20)
        let inflater = try #require(Inflater())
        let few = try gzipped(Array(zeros[..<(1 << 20)]))
        let many = try gzipped(zeros)
        for step in [1, 100, .max] {
            func found(_ packed: [UInt8], ratio: Int) -> Inflated {
                let limits = Inflater.Limits(byteCount: 8 << 20, ratio: ratio)
                return Inflated(packed, .gzip, limits, step: step, with: inflater)
            }
            #expect(found(few, ratio: 2) == .whole(Array(zeros[..<(1 << 20)])))
            #expect(found(many, ratio: 1032) == .whole(zeros))
            guard case .refused(.unpackedRatio(limit: 50), let place) = found(many, ratio: 50)
            else {
                Issue.record("ratio 50 let it through")
                return
            }
            #expect(step > 100 || place < many.count / 3)
        }
    }

    @Test func `one inflater takes body after body, whatever became of the last`() throws {
        let inflater = try #require(Inflater())
        let recorded = try Self.recorded()
        let alone = try recorded.map { one in
            Inflated(one.packed, one.encoding, with: try #require(Inflater()))
        }
        for (one, expected) in zip(recorded, alone).reversed() {
            #expect(Inflated(one.packed, one.encoding, with: inflater) == expected, "\(one.name)")
        }
    }
}
