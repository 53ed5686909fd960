// SPDX-License-Identifier: Apache-2.0

/// Writing text piece by piece into memory that was reserved for all of it: an array asks before each
/// piece whether it is shared and whether there is room.
///
/// A piece that does not fit in what is free is a mistake of ours and stops the program.
extension OutputSpan<UInt8> {
    /// Appends a copy of the bytes.
    @inlinable @inline(__always)
    package mutating func append(_ bytes: Span<UInt8>) {
        let length = bytes.count
        precondition(length <= freeCapacity, "a text is longer than was reserved for it")
        // Safety: there is room for as many bytes behind those that are initialised.
        unsafe withUnsafeMutableBufferPointer { memory, count in
            let free = memory.extracting(count..<count + length)
            unsafe bytes.withUnsafeBufferPointer { source in
                _ = unsafe free.initialize(fromContentsOf: source)
            }
            count += length
        }
    }

    /// Appends a text that is part of the program.
    @inlinable @inline(__always)
    package mutating func append(_ text: StaticString) { text.withBytes { append($0) } }

    /// Appends a word's bytes, the lowest first.
    @inlinable @inline(__always)
    package mutating func append<Word: FixedWidthInteger & BitwiseCopyable>(bytesOf word: Word) {
        let length = Word.bitWidth / 8
        precondition(length <= freeCapacity, "a text is longer than was reserved for it")
        // Safety: as above; a byte may be any.
        unsafe withUnsafeMutableBufferPointer { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(memory)
            unsafe bytes.storeBytes(of: word.littleEndian, toByteOffset: count, as: Word.self)
            count += length
        }
    }

    /// Appends all 16 hexadecimal digits of a number, in lower case.
    @inlinable @inline(__always)
    package mutating func append(hexadecimal value: UInt64) {
        let digits = hexadecimalDigits(value)
        append(bytesOf: digits.first)
        append(bytesOf: digits.last)
    }
}

extension String {
    /// A text that `write` puts together, of at most `capacity` bytes of UTF-8.
    package init(capacity: Int, _ write: (inout OutputSpan<UInt8>) -> Void) {
        let bytes = [UInt8](capacity: capacity, initializingWith: write)
        self.init(decoding: bytes, as: UTF8.self)
    }
}

/// The sixteen hexadecimal digits of a number in lower case: two words of eight, the first digit of
/// each in its lowest byte.
@inlinable @inline(__always)
package func hexadecimalDigits(_ value: UInt64) -> (first: UInt64, last: UInt64) {
    // All at once in a vector: halves of bytes, those above nine moved from behind "9" to "a".
    let bytes = unsafe unsafeBitCast(value.bigEndian, to: SIMD8<UInt8>.self)
    var digits = SIMD16<UInt8>()
    digits.evenHalf = bytes &>> 4
    digits.oddHalf = bytes & 0x0F
    // All ones where a digit is above nine.
    let isLetter = 0 &- ((digits &+ 6) &>> 4)
    let words = unsafe unsafeBitCast(digits &+ 0x30 &+ (isLetter & 39), to: SIMD2<UInt64>.self)
    return (UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]))
}
