// SPDX-License-Identifier: Apache-2.0

/// Runs of fields with one key, as which ONNX's writers leave the long lists of an attribute: trees have
/// a dozen of them with millions of numbers each.
///
///     key number  key number  key number …
///
/// Each method takes whole, valid fields for as long as they follow one another. Whatever else comes is
/// left for `next`, which reads it or says what is wrong with it, so that no error gets lost here.
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
            var (bits, shift) = (UInt64(bytes[offset + 1] & 0x7F), UInt64(7))
            offset += 2
            while bytes[offset - 1] >= 0x80 {
                bits |= UInt64(bytes[offset] & 0x7F) << shift
                shift += 7
                offset += 1
            }
            list.append(Int64(bitPattern: bits))
        }
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
    private func endOfVarint(at start: Int, in bytes: Span<UInt8>) -> Int? {
        var place = start
        while place < end, place < start + 9 {
            place += 1
            if bytes[place - 1] < 0x80 { return place }
        }
        return nil
    }
}

extension Span<UInt8> {
    /// Four bytes, lowest first.
    func word(at place: Int) -> UInt32 {
        UInt32(self[place]) | UInt32(self[place + 1]) << 8 | UInt32(self[place + 2]) << 16
            | UInt32(self[place + 3]) << 24
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
