// SPDX-License-Identifier: Apache-2.0

/// A short ASCII text put together on the stack: each request has some identifiers, and arrays on the
/// way would cost more than their digits.
struct AsciiText {
    private var bytes = InlineArray<72, UInt8>(repeating: 0)
    private var count = 0

    /// Appends one ASCII character.
    mutating func put(_ character: Unicode.Scalar) {
        bytes[count] = UInt8(ascii: character)
        count += 1
    }

    /// Appends the lowest `digits` hexadecimal digits of `value`, in lower case.
    mutating func put(_ value: UInt64, digits: Int) {
        var rest = digits
        while rest > 0 {
            let now = (rest - 1) % 8 + 1
            rest -= now
            let characters = hexadecimal(UInt32(truncatingIfNeeded: value >> UInt64(4 * rest)))
            // Eight are stored; those behind the wanted ones are overwritten by what follows.
            let wanted = (characters >> UInt64(8 * (8 - now))).littleEndian
            var span = bytes.mutableSpan
            // Safety: bytes may be any, and the offset is checked.
            var raw = unsafe span.mutableBytes
            raw.storeBytes(of: wanted, toByteOffset: count, as: UInt64.self)
            count += now
        }
    }

    /// Lends what was put so far.
    func withUTF8<Output>(_ body: (Span<UInt8>) -> Output) -> Output {
        body(bytes.span.extracting(0..<count))
    }

    var text: String { withUTF8 { String(asciiCopying: $0) } }
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
