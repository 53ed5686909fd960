// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

/// Against the same said one byte at a time, on random bytes of which many are near the borders.
@Suite struct ByteWordsTests {
    private static let borders: [UInt8] = [
        0, 1, 0x1F, 0x20, 0x21, 0x22, 0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x39, 0x3A, 0x40, 0x41, 0x5A,
        0x5B, 0x5C, 0x60, 0x61, 0x7A, 0x7B, 0x7E, 0x7F, 0x80, 0x81, 0xA0, 0xC1, 0xE1, 0xFE, 0xFF,
    ]

    private static func randomBytes(_ count: Int, _ random: inout some RandomNumberGenerator)
        -> [UInt8]
    {
        (0..<count).map { _ in
            Bool.random(using: &random)
                ? borders.randomElement(using: &random) ?? 0
                : UInt8.random(in: 0...255, using: &random)
        }
    }

    @Test func `the first mark of a word is right`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = Self.randomBytes(8, &random)
            let word = bytes.span.word(at: 0)
            let wanted = Self.borders.randomElement(using: &random) ?? 0
            #expect(
                firstMarked(word.marks(of: wanted)) == bytes.firstIndex(of: wanted),
                "\(wanted) in \(bytes)"
            )
            let limit = UInt8.random(in: 1...128, using: &random)
            #expect(
                firstMarked(word.marks(below: limit)) == bytes.firstIndex { $0 < limit },
                "below \(limit) in \(bytes)"
            )
            #expect(firstMarked(word.marksBeyondASCII) == bytes.firstIndex { $0 > 0x7F })
        }
    }

    private func firstMarked(_ marks: UInt64) -> Int? { marks == 0 ? nil : marks.unmarkedCount }

    @Test func `marks of a range are right for every byte`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = Self.randomBytes(8, &random)
            let word = bytes.span.word(at: 0)
            let first = UInt8.random(in: 0...127, using: &random)
            let last = UInt8.random(in: first...127, using: &random)
            #expect(
                marked(word.marks(from: first, to: last)) == bytes.map { (first...last) ~= $0 },
                "\(first) to \(last) in \(bytes)"
            )
            let plain = bytes.map { byte in
                (0x30...0x39) ~= byte || (0x41...0x5A) ~= byte || (0x61...0x7A) ~= byte
            }
            #expect(marked(word.marksOfLettersAndDigits) == plain, "\(bytes)")
            #expect(word.marksOfLettersAndDigits.isAllMarked == plain.allSatisfy(\.self))
            let small = bytes.map { (0x41...0x5A) ~= $0 ? $0 + 0x20 : $0 }
            let smallWord = small.span.word(at: 0)
            #expect(word.smallLetters == smallWord, "\(bytes)")
        }
    }

    private func marked(_ marks: UInt64) -> [Bool] {
        (0..<8).map { marks >> UInt64(8 * $0 + 7) & 1 == 1 }
    }

    @Test func `short words, comparisons and searches go by every byte`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = Self.randomBytes(Int.random(in: 0...40, using: &random), &random)
            let padded = Array((bytes + [UInt8](repeating: 0, count: 8)).prefix(8))
            let (first, wholeWord) = (bytes.span.firstWord, padded.span.word(at: 0))
            #expect(first == wholeWord, "\(bytes)")
            var other = bytes
            var isSame = bytes.span.isSame(as: other.span)
            #expect(isSame)
            if let place = other.indices.randomElement(using: &random) {
                other[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                isSame = bytes.span.isSame(as: other.span)
                #expect(!isSame, "\(bytes) and \(other)")
            }
            let longer = bytes + [0]
            isSame = bytes.span.isSame(as: longer.span)
            #expect(!isSame)
            let start = Int.random(in: 0...bytes.count, using: &random)
            let wanted = Self.borders.randomElement(using: &random) ?? 0
            let place = bytes.span.place(of: wanted, from: start, to: bytes.count)
            #expect(place == bytes[start...].firstIndex(of: wanted) ?? bytes.count)
            let isFree = bytes.span.allWords(filler: 0x20) { $0.marks(below: 0x20) == 0 }
            #expect(isFree == bytes.allSatisfy { $0 >= 0x20 }, "\(bytes)")
        }
    }

    @Test(arguments: [0, 7, 8, 2039, 2040, 2041, 5000])
    func `bytes are counted`(count: Int) {
        for wanted: UInt8 in [0x7B, 0x20, 0] {
            var random = SystemRandomNumberGenerator()
            var bytes = (0..<count).map { _ in
                Bool.random(using: &random) ? wanted : UInt8.random(in: 0...255, using: &random)
            }
            let start = Int.random(in: 0...count, using: &random)
            var found = bytes.span.count(of: wanted, from: start)
            #expect(found == bytes[start...].count { $0 == wanted })
            bytes = Array(repeating: wanted, count: count)
            found = bytes.span.count(of: wanted, from: 0)
            #expect(found == count)
        }
    }
}
