// SPDX-License-Identifier: Apache-2.0

/// Runs of fields with one key, as which ONNX's writers leave the long lists of an attribute: trees have
/// a dozen of them with millions of numbers each.
///
///     key number  key number  key number …
///
/// Each method takes whole, valid fields for as long as they follow one another. Whatever else comes is
/// left for `next`, which reads it or says what is wrong with it, so that no error gets lost here.
///
/// Safety: numbers are loaded from several bytes at once, whose place is held against the span first.
extension WireReader {
    /// The key of a field in one byte: numbers up to 15.
    static func key(_ number: UInt8, _ wireType: UInt8) -> UInt8 { number << 3 | wireType }

    mutating func takeFloats(
        key: UInt8,
        into list: inout [Float],
        in bytes: Span<UInt8>
    ) {
        var count = 0
        while 5 <= end - offset - 5 * count, bytes[offset + 5 * count] == key { count += 1 }
        list.makeRoom(for: count)
        for _ in 0..<count {
            list.append(Float(bitPattern: bytes.word(at: offset + 1)))
            offset += 5
        }
    }

    mutating func takeIntegers(
        key: UInt8,
        into list: inout [Int64],
        in bytes: Span<UInt8>
    ) {
        var (count, place) = (0, offset)
        while place < end, bytes[place] == key {
            guard let next = endOfVarint(at: place + 1, in: bytes) else { break }
            (count, place) = (count + 1, next)
        }
        list.makeRoom(for: count)
        for _ in 0..<count {
            list.append(Int64(bitPattern: takeCheckedVarint(in: bytes)))
        }
    }

    /// The number behind the key that comes next, whose end `endOfVarint` found.
    private mutating func takeCheckedVarint(in bytes: Span<UInt8>) -> UInt64 {
        offset += 1
        if let word = bytes.doubleWord(at: offset, before: end) {
            let last = (~word & 0x8080_8080_8080_8080).trailingZeroBitCount
            if last < 64 {
                offset += 1 + last >> 3
                return word.sevenBitGroups(upTo: last)
            }
        }
        var (bits, shift) = (UInt64(0), UInt64(0))
        while bytes[offset] >= 0x80 {
            bits |= UInt64(bytes[offset] & 0x7F) << shift
            shift += 7
            offset += 1
        }
        bits |= UInt64(bytes[offset]) << shift
        offset += 1
        return bits
    }

    /// Ranges of fewer than 128 bytes.
    mutating func takeShortRanges(
        key: UInt8,
        into list: inout [Range<Int>],
        in bytes: Span<UInt8>
    ) {
        var (count, place) = (0, offset)
        while let range = shortRange(at: place, key: key, in: bytes) {
            (count, place) = (count + 1, range.upperBound)
        }
        list.makeRoom(for: count)
        while let range = shortRange(at: offset, key: key, in: bytes) {
            list.append(range)
            offset = range.upperBound
        }
    }

    private func shortRange(at place: Int, key: UInt8, in bytes: Span<UInt8>) -> Range<Int>? {
        guard 2 <= end - place, bytes[place] == key, bytes[place + 1] < 0x80 else { return nil }
        let (start, count) = (place + 2, Int(bytes[place + 1]))
        return count <= end - start ? start..<(start + count) : nil
    }

    /// Where a number of one to nine bytes ends; nil for any other, valid or not.
    ///
    /// Eight bytes are looked at together: how long numbers are is no more to be foreseen than the
    /// numbers, and a branch for each byte would be guessed wrong at every second one.
    private func endOfVarint(at start: Int, in bytes: Span<UInt8>) -> Int? {
        if let word = bytes.doubleWord(at: start, before: end) {
            let last = (~word & 0x8080_8080_8080_8080).trailingZeroBitCount
            if last < 64 { return start + 1 + last >> 3 }
        }
        var place = start
        while place < end, place < start + 9 {
            place += 1
            if bytes[place - 1] < 0x80 { return place }
        }
        return nil
    }
}

extension UInt64 {
    /// The lower seven bits of each byte, side by side, up to the byte whose highest bit is bit `last`.
    fileprivate func sevenBitGroups(upTo last: Int) -> UInt64 {
        var bits = self & (.max &>> UInt64(truncatingIfNeeded: 63 - last)) & 0x7F7F_7F7F_7F7F_7F7F
        bits = bits & 0x007F_007F_007F_007F | (bits & 0x7F00_7F00_7F00_7F00) >> 1
        bits = bits & 0x0000_3FFF_0000_3FFF | (bits & 0x3FFF_0000_3FFF_0000) >> 2
        return bits & 0x0FFF_FFFF | (bits & 0x0FFF_FFFF_0000_0000) >> 4
    }
}

extension Span<UInt8> {
    /// Four bytes, lowest first.
    func word(at place: Int) -> UInt32 {
        precondition(place >= 0 && place <= count - 4, "four bytes that are not there")
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self)
        return UInt32(littleEndian: word)
    }

    /// Eight bytes, lowest first; nil where they do not end before `end`.
    fileprivate func doubleWord(at place: Int, before end: Int) -> UInt64? {
        guard place >= 0, 8 <= end - place, end <= count else { return nil }
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self)
        return UInt64(littleEndian: word)
    }
}

extension Array {
    /// Room for `count` more, unless appending will see to it: many small reservations would each copy
    /// the list.
    mutating func makeRoom(for count: Int) {
        guard count > self.count else { return }
        reserveCapacity(self.count + count)
    }
}
