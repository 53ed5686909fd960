// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Eight bytes at a time in a register: what the inner loops of parsers and writers are made of.
///
/// The first byte of a word is its lowest. A mark is the highest bit of a byte; of a word's marks the
/// lowest is right, and those above it may be wrong, because a subtraction borrows from them.
extension Span<UInt8> {
    /// The eight bytes from `index` on, all of which must be there.
    @inlinable @inline(__always)
    package func word(at index: Int) -> UInt64 {
        // Safety: the place is checked, and every bit pattern is a number.
        unsafe UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
        )
    }

    /// The first eight bytes or as many as there are, and zeros behind them.
    @inlinable @inline(__always)
    package var firstWord: UInt64 {
        if count >= 8 { return word(at: 0) }
        if count >= 4 {
            let high = UInt64(quarter(at: count - 4)) << UInt64(8 * (count - 4))
            return UInt64(quarter(at: 0)) | high
        }
        guard count > 0 else { return 0 }
        let middle = UInt64(self[count / 2]) << UInt64(8 * (count / 2))
        return UInt64(self[0]) | middle | UInt64(self[count - 1]) << UInt64(8 * (count - 1))
    }

    /// Where the first `byte` stands from `start` on, or `end`.
    @inlinable @inline(__always)
    package func place(of byte: UInt8, from start: Int, to end: Int) -> Int {
        var index = start
        while index + 8 <= end {
            let marks = word(at: index).marks(of: byte)
            if marks != 0 { return index + marks.unmarkedCount }
            index += 8
        }
        while index < end, self[index] != byte { index += 1 }
        return index
    }

    /// How many of the bytes from `start` on are `byte`.
    @inlinable @inline(__always)
    package func count(of byte: UInt8, from start: Int) -> Int {
        var found = 0
        var index = start
        while index + 8 <= count {
            // Each byte of the sum counts its column; 255 words make none of them overflow.
            var sum: UInt64 = 0
            let end = Swift.min(index + 8 * 255, count)
            while index + 8 <= end {
                sum &+= word(at: index).marks(from: byte, to: byte) >> 7
                index += 8
            }
            let pairs = (sum & 0x00FF_00FF_00FF_00FF) &+ (sum >> 8 & 0x00FF_00FF_00FF_00FF)
            found += Int(truncatingIfNeeded: (pairs &* 0x0001_0001_0001_0001) >> 48)
        }
        while index < count {
            if self[index] == byte { found += 1 }
            index += 1
        }
        return found
    }

    /// Whether the bytes are those of `other`.
    @inlinable @inline(__always)
    package func isSame(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard count > 8 else { return firstWord == other.firstWord }
        guard count <= 64 else { return isSameLong(as: other) }
        var index = 0
        while index + 8 < count {
            guard word(at: index) == other.word(at: index) else { return false }
            index += 8
        }
        return word(at: count - 8) == other.word(at: count - 8)
    }

    /// Whether as many bytes are those of `other`.
    @usableFromInline
    func isSameLong(as other: Span<UInt8>) -> Bool {
        // Safety: both have as many bytes as are compared.
        unsafe withUnsafeBufferPointer { own in
            unsafe other.withUnsafeBufferPointer { others in
                guard let first = own.baseAddress, let second = others.baseAddress else {
                    return true
                }
                return unsafe memcmp(first, second, min(own.count, others.count)) == 0
            }
        }
    }

    /// Whether every word of the bytes is such a one.
    ///
    /// - Parameters:
    ///   - filler: a byte that is, for what fills a short word up.
    ///   - condition: says it of a word by each of its bytes.
    /// - Returns: whether it holds for all.
    @inlinable @inline(__always)
    package func allWords(filler: UInt8, _ condition: (UInt64) -> Bool) -> Bool {
        var index = 0
        while index + 8 <= count {
            guard condition(word(at: index)) else { return false }
            index += 8
        }
        guard index < count else { return true }
        guard count < 8 else { return condition(word(at: count - 8)) }
        return condition(firstWord | UInt64(eightTimes: filler) << UInt64(8 * count))
    }

    /// The four bytes at `index`, all of which must be there.
    @inlinable @inline(__always)
    package func quarter(at index: Int) -> UInt32 {
        // Safety: as for `word`.
        unsafe UInt32(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt32.self)
        )
    }
}

extension UInt64 {
    /// A word of eight times the byte.
    @inlinable @inline(__always)
    package init(eightTimes byte: UInt8) { self = UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Marks the bytes that are `byte`.
    @inlinable @inline(__always)
    package func marks(of byte: UInt8) -> UInt64 {
        (self ^ UInt64(eightTimes: byte)).marks(below: 1)
    }

    /// Marks the bytes less than `limit`, which is at most 128.
    @inlinable @inline(__always)
    package func marks(below limit: UInt8) -> UInt64 {
        (self &- UInt64(eightTimes: limit)) & ~self & 0x8080_8080_8080_8080
    }

    /// Marks the bytes that are not ASCII.
    @inlinable @inline(__always)
    package var marksBeyondASCII: UInt64 { self & 0x8080_8080_8080_8080 }

    /// How many bytes lie before the first mark.
    @inlinable @inline(__always)
    package var unmarkedCount: Int { trailingZeroBitCount >> 3 }

    /// Marks the bytes from `first` to `last`, both ASCII and each mark right.
    @inlinable @inline(__always)
    package func marks(from first: UInt8, to last: UInt8) -> UInt64 {
        // Without the highest bits no sum reaches into the next byte.
        let low = self & 0x7F7F_7F7F_7F7F_7F7F
        let reaches = low &+ UInt64(eightTimes: 0x80 - first)
        let exceeds = low &+ UInt64(eightTimes: 0x7F - last)
        return reaches & ~exceeds & ~self & 0x8080_8080_8080_8080
    }

    /// Whether every byte is marked.
    @inlinable @inline(__always)
    package var isAllMarked: Bool { self == 0x8080_8080_8080_8080 }

    /// ASCII's capital letters made small, all other bytes as they are.
    @inlinable @inline(__always)
    package var smallLetters: UInt64 { self | marks(from: 0x41, to: 0x5A) >> 2 }

    /// Marks ASCII's letters and digits.
    @inlinable @inline(__always)
    package var marksOfLettersAndDigits: UInt64 {
        (self | UInt64(eightTimes: 0x20)).marks(from: 0x61, to: 0x7A) | marks(from: 0x30, to: 0x39)
    }
}

extension StaticString {
    /// Lends the bytes of a text that is part of the program.
    @inlinable @inline(__always)
    package func withBytes<Output>(_ body: (Span<UInt8>) -> Output) -> Output {
        // Safety: they are there for ever, and as many as it says.
        let bytes = unsafe UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
        return unsafe body(bytes.span)
    }
}
