// SPDX-License-Identifier: Apache-2.0

/// A short ASCII text put together on the stack: each request has some identifiers, and arrays on the
/// way would cost more than their digits.
package struct AsciiText: Sendable {
    /// What fits.
    static let capacity = 128

    private var bytes = InlineArray<128, UInt8>(repeating: 0)
    private var count = 0
    /// Whether all of it is letters, digits and dashes, which no format has to escape.
    package private(set) var isPlain = true

    init() {}

    /// Appends one ASCII character.
    mutating func put(_ character: Unicode.Scalar) {
        bytes[count] = UInt8(ascii: character)
        count += 1
    }

    /// Appends visible ASCII characters, at most as many as there is room for.
    mutating func put(_ text: Span<UInt8>) {
        isPlain = false
        for index in 0..<min(text.count, Self.capacity - count) {
            bytes[count + index] = text[index]
        }
        count = min(count + text.count, Self.capacity)
    }

    /// Appends all 16 hexadecimal digits of `value`, in lower case.
    mutating func put(_ value: UInt64) {
        put(UInt32(truncatingIfNeeded: value >> 32), digits: 8)
        put(UInt32(truncatingIfNeeded: value), digits: 8)
    }

    /// Appends the first `digits` of the eight hexadecimal digits of `value`, in lower case.
    @inline(__always)
    mutating func put(_ value: UInt32, digits: Int) {
        // Eight are stored; those behind the wanted ones are overwritten by what follows.
        var span = bytes.mutableSpan
        // Safety: bytes may be any, and the offset is checked.
        var raw = unsafe span.mutableBytes
        raw.storeBytes(of: hexadecimal(value).littleEndian, toByteOffset: count, as: UInt64.self)
        count += digits
    }

    /// Lends what was put so far.
    package func withUTF8<Output>(_ body: (Span<UInt8>) -> Output) -> Output {
        body(bytes.span.extracting(0..<count))
    }

    package var text: String { withUTF8 { String(asciiCopying: $0) } }
}

extension String {
    /// A copy of bytes that are ASCII.
    init(asciiCopying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}

/// Eight hexadecimal digits in lower case, the first in the lowest byte.
private func hexadecimal(_ value: UInt32) -> UInt64 {
    // Each digit into a byte of its own, the first lowest.
    var digits = UInt64(value.byteSwapped)
    digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
    digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
    digits = (digits >> 4 | digits << 8) & 0x0F0F_0F0F_0F0F_0F0F
    // Those above nine get the 39 by which "a" lies behind "9" and one more.
    let letters = ((digits + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    return digits + 0x3030_3030_3030_3030 + letters * 39
}
