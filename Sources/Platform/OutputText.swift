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
        append(bytesOf: hexadecimalDigits(UInt32(truncatingIfNeeded: value >> 32)))
        append(bytesOf: hexadecimalDigits(UInt32(truncatingIfNeeded: value)))
    }
}

extension String {
    /// A text that `write` puts together, of at most `capacity` bytes of UTF-8.
    package init(capacity: Int, _ write: (inout OutputSpan<UInt8>) -> Void) {
        let bytes = [UInt8](capacity: capacity, initializingWith: write)
        self.init(decoding: bytes, as: UTF8.self)
    }
}

/// Eight hexadecimal digits in lower case, the first in the lowest byte.
@inlinable @inline(__always)
package func hexadecimalDigits(_ value: UInt32) -> UInt64 {
    // Each digit into a byte of its own, the first lowest.
    var digits = UInt64(value.byteSwapped)
    digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
    digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
    digits = (digits >> 4 | digits << 8) & 0x0F0F_0F0F_0F0F_0F0F
    // Those above nine get the 39 by which "a" lies behind "9" and one more.
    let letters = ((digits + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    return digits + 0x3030_3030_3030_3030 + letters * 39
}
